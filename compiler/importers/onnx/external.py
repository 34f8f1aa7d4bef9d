"""Weights of an ONNX file that lie in files beside it, as exporters write large ones."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Never

import numpy as np
import onnx

from ...base.errors import ModelError
from .model import LARGEST, TYPES

REMEDY = "save the model as one file (onnx.save_model with save_as_external_data=False)"
KEYS = {"location", "offset", "length", "checksum"}


def inlined(source: str, proto: onnx.ModelProto, data: bytes) -> tuple[bytes, str, tuple[str, ...]]:
    """Puts the weights of other files into `proto`: the bytes of it as one file, a digest, and
    the paths of those files.

    The digest is the SHA-256 of the model file's bytes `data`, followed by the SHA-256 of each
    other file, in the order of their names.  Only files in the model's own folder are opened, or in
    folders inside of it; no link is followed.
    """
    files: dict[str, bytes] = {}
    for tensor in proto.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            _inline(source, tensor, files, len(data))
    parts = [hashlib.sha256(files[name]).digest() for name in sorted(files)]
    digest = hashlib.sha256(b"".join([data, *parts])).hexdigest()
    beside = tuple(os.path.abspath(Path(source).parent / name) for name in sorted(files))
    return bytes(proto.SerializeToString()) if files else data, digest, beside


def _inline(source: str, tensor: onnx.TensorProto, files: dict[str, bytes], used: int) -> None:
    def fail(message: str) -> Never:
        raise ModelError(source, f"initializer {tensor.name!r}: {message}; {REMEDY}")

    stated = {entry.key: entry.value for entry in tensor.external_data}
    if len(stated) < len(tensor.external_data) or set(stated) - KEYS or "location" not in stated:
        fail(f"its external data has the entries {[e.key for e in tensor.external_data]}")
    if tensor.HasField("raw_data"):
        fail("it has numbers of its own, too")
    if tensor.data_type not in TYPES or min(tensor.dims, default=1) < 0:
        fail(f"its type {tensor.data_type} or shape {tuple(tensor.dims)} is not read")
    size = np.dtype(TYPES[tensor.data_type]).itemsize
    for count in tensor.dims:
        size *= count
    name = stated["location"]
    if name not in files:
        room = LARGEST - 2**20 - used - sum(map(len, files.values()))
        try:
            files[name] = _beside(Path(source).parent, name, room)
        except (OSError, ValueError) as error:
            fail(f"its file {name!r} cannot be read: {error}")
    content = files[name]
    bounds = [stated.get("offset", "0"), stated.get("length", str(size))]
    if not all(text.isascii() and text.isdigit() and len(text) < 20 for text in bounds):
        fail(f"its offset and length are {bounds}")
    start, length = map(int, bounds)
    if length != size or start + size > len(content):
        fail(f"needs {size} bytes, not {length} from {start} of the {len(content)} of {name!r}")
    if "checksum" in stated and hashlib.sha1(content).hexdigest() != stated["checksum"].lower():
        fail(f"{name!r} is not the file of its checksum")
    tensor.raw_data = content[start : start + size]
    tensor.ClearField("external_data")
    tensor.ClearField("data_location")


def _beside(folder: Path, name: str, room: int) -> bytes:
    """The bytes of a regular file inside of a folder, named by a relative path."""
    parts = name.split("/")
    if any(part in ("", ".", "..") or set(part) & set("\\:\0") for part in parts):
        raise ValueError("its name leads out of the model's folder")
    place = folder
    for part in parts:
        place = place / part
        if stat.S_ISLNK(place.lstat().st_mode):
            raise ValueError(f"{place} is a link")
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    flags |= getattr(os, "O_BINARY", 0)
    with open(os.open(place, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError(f"{place} is not a regular file")
        content = file.read(room + 1)
    if len(content) > room:
        raise ValueError(f"it and the rest have more than {LARGEST} bytes")
    return content
