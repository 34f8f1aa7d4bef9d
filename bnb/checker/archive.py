"""Certificate files: a zip of .npy arrays, read without trust in any of their numbers."""

from __future__ import annotations

import io
import json
import math
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from .arithmetic import LIMIT, Array, require

MOST_BYTES = 2**30  # unpacked: what a reader has to hold
MOST_HEADER = 2**24  # as JSON it takes about twenty times as much
MOST_FILES = 100_000  # arrays, of all parts together
KINDS = ("u1", "i1", "i2", "i4", "i8", "u2", "u4", "f4", "f8")


class Archive:
    """The arrays of a certificate; each is asked for with its type and shape, and checked."""

    def __init__(self, path: Path | IO[bytes]) -> None:
        self.arrays: dict[str, Array] = {}
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            require(len(entries) <= MOST_FILES, "too many arrays")
            require(sum(entry.file_size for entry in entries) <= MOST_BYTES, "too large")
            most = {entry.filename: entry.file_size for entry in entries}
            require(most.get("header.npy", 0) <= MOST_HEADER, "the header is too large")
            for entry in entries:
                name = entry.filename.removesuffix(".npy")
                require(name != entry.filename and name not in self.arrays, f"file {name!r}")
                require(not entry.flag_bits & 1, f"{entry.filename} is encrypted")
                self.arrays[name] = _array(archive.read(entry), name)
        self.header: dict[str, Any] = json.loads(
            self.take("header", "u1", (None,)).tobytes().decode(), parse_constant=_no_constant
        )
        require(isinstance(self.header, dict), "the header is not an object")

    def take(self, name: str, kinds: str, shape: tuple[int | None, ...]) -> Array:
        """An array as int64, float64 or uint8; `kinds`: "u1", "i" or "f"; None: any length."""
        require(name in self.arrays, f"no array {name}")
        array = self.arrays[name]
        kind = array.dtype.str[1:]
        require(kind.startswith(kinds) or (kinds == "i" and kind[0] == "u"), f"type of {name}")
        fits = len(shape) == array.ndim
        for size, wanted in zip(array.shape, shape, strict=False):
            fits = fits and (wanted is None or size == wanted)
        require(fits, f"{name} has shape {array.shape}, not {shape}")
        if kinds == "u1":
            return array
        if kinds == "f":
            # in float32 the limit itself would be infinite, and infinities no larger than it
            finite = np.isfinite(array) if kind == "f4" else np.abs(array) <= LIMIT
            require(np.all(finite), f"{name} holds numbers that are not finite")
            return array if kind == "f4" else array.astype(np.float64, copy=False)
        return array.astype(np.int64, copy=False)

    def indices(self, name: str, shape: tuple[int | None, ...], low: int, end: int) -> Array:
        """Whole numbers of low ... end - 1."""
        array = self.take(name, "i", shape)
        require(np.all((array >= low) & (array < end)), f"{name} is out of range")
        return array

    def starts(self, name: str, count: int | None, entries: int) -> Array:
        """Where lists start: from 0, never falling, to `entries`."""
        array = self.take(name, "i", (None if count is None else count + 1,))
        good = len(array) > 0 and array[0] == 0 and array[-1] == entries
        require(good and np.all(np.diff(array) >= 0), f"{name} is no list of starts")
        return array

    def floats(self, name: str, size: int | None) -> Array:
        """Float64 numbers (size,)."""
        return self.take(name, "f", (size,)).astype(np.float64, copy=False)

    def weights(self, name: str, shape: tuple[int | None, ...], most: float = LIMIT) -> Array:
        """Numbers of 0 ... most."""
        array = self.take(name, "f", shape)
        require(np.all((array >= 0.0) & (array <= most)), f"{name} is out of range")
        return array


def _no_constant(name: str) -> float:
    require(False, f"the header holds {name}")
    return 0.0


def _array(data: bytes, name: str) -> Array:
    """np.load for what certificates hold: a known type, row-major, exactly as long as it says."""
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    require(version == (1, 0), f"version of {name}")
    shape, fortran, kind = np.lib.format.read_array_header_1_0(stream)
    require(kind.byteorder in "<=|" and kind.str[1:] in KINDS, f"type of {name}")
    require(not fortran or len(shape) <= 1, f"order of {name}")
    count, start = math.prod(shape), stream.tell()
    require(min(shape, default=0) >= 0, f"shape of {name}")
    require(len(data) - start == count * kind.itemsize, f"length of {name}")
    return np.frombuffer(data, kind, count, start).reshape(shape)
