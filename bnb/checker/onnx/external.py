"""Numbers of a model that lie in other files of its folder."""

from __future__ import annotations

import hashlib
import math
import os
import stat
from pathlib import Path

import numpy as np
import onnx

from ..arithmetic import require
from ..model import limit
from .fields import STORED, present

MOST_BYTES = 2**31  # as of a model in one file
KEYS = {"location", "offset", "length", "checksum"}


def gathered(proto: onnx.ModelProto, data: bytes, folder: Path) -> str:
    """Fills in the initializers whose numbers lie elsewhere; the digest of all bytes read.

    The digest is that of the model's bytes `data` and then of each file's digest, by their names.
    """
    found: dict[str, bytes] = {}
    for item in proto.graph.initializer:
        if item.data_location == onnx.TensorProto.EXTERNAL:
            told = f"external data of {item.name!r}"
            pairs = [(entry.key, entry.value) for entry in item.external_data]
            given = dict(pairs)
            known = len(given) == len(pairs) and given.keys() <= KEYS
            require(known and "location" in given, f"{told}: its entries {[k for k, _ in pairs]}")
            fields = {"name", "doc_string", "dims", "data_type", "data_location", "external_data"}
            require(present(item) <= fields, f"{told}: its fields {sorted(present(item))}")
            require(item.data_type in STORED, f"{told}: its type")
            require(min(item.dims, default=1) >= 0, f"{told}: its shape")
            limit(tuple(item.dims))
            size = math.prod(item.dims) * np.dtype(STORED[item.data_type][0]).itemsize
            place = given["location"]
            if place not in found:
                found[place] = _file(folder, place, told)
                total = len(data) + sum(len(content) for content in found.values())
                require(total <= MOST_BYTES, "the model's files are too large")
            start = _number(given.get("offset", "0"), told)
            require(_number(given.get("length", str(size)), told) == size, f"{told}: its length")
            require(start + size <= len(found[place]), f"{told}: beyond the end of its file")
            if "checksum" in given:
                real = hashlib.sha1(found[place]).hexdigest()
                require(real == given["checksum"].lower(), f"{told}: its checksum")
            item.raw_data = found[place][start : start + size]
            item.ClearField("data_location")
            item.ClearField("external_data")
    whole = hashlib.sha256(data)
    for place in sorted(found):
        whole.update(hashlib.sha256(found[place]).digest())
    return whole.hexdigest()


def _number(text: str, told: str) -> int:
    require(text.isascii() and text.isdigit() and len(text) < 20, f"{told}: the number {text!r}")
    return int(text)


def _file(folder: Path, place: str, told: str) -> bytes:
    """A regular file inside of the folder, reached without links."""
    steps = place.split("/")
    good = all(step not in ("", ".", "..") and not {*step} & {*"\\:\0"} for step in steps)
    require(good, f"{told}: a place outside of the model's folder")
    path = folder
    for step in steps:
        path = path / step
        require(not os.path.islink(path), f"{told}: a link")
    require(os.path.isfile(path), f"{told}: no file {place!r}")
    flags = os.O_RDONLY
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
        flags |= getattr(os, name, 0)
    with os.fdopen(os.open(path, flags), "rb") as stream:
        require(stat.S_ISREG(os.fstat(stream.fileno()).st_mode), f"{told}: no regular file")
        return stream.read(MOST_BYTES + 1)
