"""The format of MNIST: big-endian arrays, `...-images-idx3-ubyte`, packed as `.gz` or not.

Source: Y. LeCun, C. Cortes, C. Burges, the page of the MNIST database. Labels are found beside
the images, under the same name with `labels` and `idx1`.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

import numpy as np

from ...compiler.base.errors import InputError
from ...compiler.importers.unpacking import read as unpacked
from ..arrangement import Array
from .stored import MOST, Format, Stored, reading

NAME = re.compile(r"([.-]idx[0-9]+-u?[a-z]+|\.idx[0-9]?)(\.gz)?$", re.IGNORECASE)
TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
"""The third byte of a file, and what it says of the numbers."""


def named_so(path: Path) -> bool:
    """Whether a file's name is one of the format."""
    return NAME.search(path.name) is not None


def array(path: Path) -> Array:
    """The array in a file; it must be as large as its head says, to the byte."""
    with reading(path, "IDX"):
        data = unpacked(path, MOST)
        if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in TYPES or not data[3]:
            raise ValueError(
                f"its first bytes are {data[:4].hex(' ') or 'missing'}; such a file begins with "
                "00 00, a type and the number of axes, as 00 00 08 03 for images"
            )
        head = 4 + 4 * data[3]
        if len(data) < head:
            raise ValueError("it ends within its head; fetch it again")
        shape = struct.unpack(f">{data[3]}I", data[4:head])
        dtype, size = np.dtype(TYPES[data[2]]), 1
        for side in (*shape, np.dtype(TYPES[data[2]]).itemsize):
            size *= side
        if len(data) - head != size:
            raise ValueError(
                f"says {size} bytes of numbers, shape {shape}, and has {len(data) - head}; fetch "
                "it again"
            )
        numbers = np.frombuffer(data, dtype, offset=head).reshape(shape)
        return numbers.astype(dtype.newbyteorder("="), copy=False)


def read(path: Path) -> Stored:
    """The images of a file, with the labels of the file beside it, where there is one."""
    values = array(path)
    if values.ndim < 2:
        raise InputError(f"{path}: has {values.ndim} axis, as labels do; name the file of images")
    beside = labels_beside(path)
    if beside is None:
        return Stored(values)
    return Stored(
        values, array(beside), notes=(f"labels from {beside.name}",), labelled=str(beside)
    )


def labels_beside(path: Path) -> Path | None:
    """The file of labels that belongs to one of images."""
    stem = path.name.removesuffix(".gz")
    if "images" not in stem:
        return None
    other = re.sub(r"idx[0-9]+", "idx1", stem.replace("images", "labels"))
    for name in (other, f"{other}.gz"):
        if path.with_name(name).is_file():
            return path.with_name(name)
    return None


FORMAT = Format("IDX (MNIST's, .gz too)", named_so, read)
