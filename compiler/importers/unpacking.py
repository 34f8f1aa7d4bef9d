"""Packed files, of which the size is known before they are unpacked.

What unpacks to far more than its size is no data but a trap, or nothing but zeros: it is refused.
"""

from __future__ import annotations

import gzip
import os
import struct
import zipfile
import zlib
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np

RATIO = 20
"""How many times its own size a file may unpack to."""

FREE = 2**26
"""Bytes that any file may unpack to."""

CHUNK = 2**20

ENCRYPTED = 1
"""The bit of an archive's entry that says so."""

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How entries may be packed: as numpy, PyTorch and Keras do."""

MATLAB_PACKED = 15
"""The type of an element of a `.mat` file that is packed by zlib."""


class NotUnpacked(ValueError):
    """What a file holds is too large, out of proportion to the file, or encrypted."""


def read(source: str | Path, most: int) -> bytes:
    """The bytes of a file, unpacked where its name ends with `.gz`; at most `most` of them.

    Raises OSError, EOFError, zlib.error, and NotUnpacked, before more than the limit is in memory.
    """
    packed = str(source).endswith(".gz")
    size = os.stat(source).st_size
    limit = min(most, believable(size)) if packed else most
    if not packed and size > limit:
        raise NotUnpacked(_too_large(size, limit, limit < most))
    with open(source, "rb") as raw:
        stream = gzip.open(raw) if packed else raw
        found = BytesIO()
        while chunk := stream.read(CHUNK):
            found.write(chunk)
            if found.tell() > limit:
                raise NotUnpacked(_too_large(found.tell(), limit, limit < most))
    return found.getvalue()


def believable(size: int) -> int:
    """What a file of so many bytes may unpack to."""
    return max(FREE, RATIO * size)


def check_zip(source: str | Path) -> None:
    """NotUnpacked where an archive's parts are encrypted or out of proportion to it.

    Any other file passes.
    """
    with suppress(OSError, zipfile.BadZipFile, NotImplementedError):
        with zipfile.ZipFile(source) as archive:
            entries = archive.infolist()
        for entry in entries:
            if entry.flag_bits & ENCRYPTED:
                raise NotUnpacked(f"{entry.filename} in it is encrypted; unpack it with its key")
            if entry.compress_type not in METHODS:
                raise NotUnpacked(
                    f"{entry.filename} in it is packed by method {entry.compress_type} of ZIP; "
                    "pack it by deflate, as numpy does, or not at all"
                )
        total = sum(entry.file_size for entry in entries)
        limit = believable(os.stat(source).st_size)
        if total > limit:
            raise NotUnpacked(_too_large(total, limit, True))


def check_npz(source: str | Path) -> None:
    """The same of an `.npz`, whose arrays must also be as large as they say."""
    check_zip(source)
    with suppress(OSError, zipfile.BadZipFile, NotImplementedError):
        with zipfile.ZipFile(source) as archive:
            for entry in archive.infolist():
                if entry.filename.endswith(".npy"):
                    with archive.open(entry) as stream:
                        _check_array(stream, entry)


def _check_array(stream: IO[bytes], entry: zipfile.ZipInfo) -> None:
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        return  # of names beyond ASCII, which no array of numbers has
    shape, _, dtype = (
        np.lib.format.read_array_header_1_0(stream)
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0(stream)
    )
    size = dtype.itemsize
    for side in shape:
        size *= side
    if not dtype.hasobject and not 0 <= size <= entry.file_size:
        raise NotUnpacked(f"{entry.filename} says that it has {size} bytes, but has fewer")


def check_mat(source: str | Path) -> None:
    """NotUnpacked where packed parts of a `.mat` file, version 5 to 7, are out of proportion."""
    size = os.stat(source).st_size
    limit, total = believable(size), 0
    with open(source, "rb") as file, suppress(zlib.error, struct.error):  # told by who reads it
        head = file.read(128)
        order = {b"IM": "<", b"MI": ">"}.get(head[126:128])
        while order is not None and len(tag := file.read(8)) == 8:
            kind, length = struct.unpack(f"{order}II", tag)
            if kind != MATLAB_PACKED:
                file.seek(length, os.SEEK_CUR)
                continue
            packed, left = zlib.decompressobj(), file.read(length)
            while left and not packed.eof:
                total += len(packed.decompress(left, CHUNK))
                left = packed.unconsumed_tail
                if total > limit:
                    raise NotUnpacked(_too_large(total, limit, True))


def _too_large(size: int, limit: int, relative: bool) -> str:
    """What is wrong with a size; relative: whether the limit is one of this file alone."""
    if not relative:
        return f"has more than {limit} bytes"
    return (
        f"unpacks to {size} bytes or more, of which {limit} are believed; if they are meant, "
        "unpack it and give what comes out"
    )
