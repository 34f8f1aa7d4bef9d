"""Writing files: whole or not at all, and only in the place of what may be lost."""

from __future__ import annotations

import os
import re
import socket
import stat
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from ..bnb.nodes.saved import Pieces
from ..compiler.base.errors import InputError

BESIDE = re.compile(r"\.rhobust-([0-9a-f]{8})-([0-9]+)-[0-9]+")
"""Names of files that are not whole yet: where the process runs, its number, a serial number."""

LARGE = 2**30
"""Bytes from which on an entry of an archive has room for a size of 64 bits."""

_serial = count()


def writable(path: Path) -> None:
    """InputError where a file cannot be made, or only through a link; leaves nothing new."""
    if not path.parent.is_dir():
        raise InputError(f"{path}: cannot be written: there is no folder {path.parent}")
    if path.is_dir():
        raise InputError(f"{path}: cannot be written: it is a folder; name a file")
    if special(path):
        return
    if path.is_symlink():
        raise InputError(f"{path}: is a link, which is not followed; name the file itself")
    if path.exists() and not os.access(path, os.W_OK):
        raise InputError(f"{path}: cannot be written: {os.strerror(13)}")
    _sweep(path.parent)
    beside = _beside(path)
    try:
        os.close(_made(beside))
        beside.unlink()
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error


def special(path: Path) -> bool:
    """Whether a path names a device or a pipe, which take what is written as it comes."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of `path` once it is whole and on the disk.

    A link is not followed.  Raises InputError where that cannot be.
    """
    if special(path):
        with _told(path), path.open("wb") as device:
            yield device
        return
    beside = _beside(path)
    with _told(path):
        writable(path)
        try:
            with os.fdopen(_made(beside), "wb") as file:
                yield file
                settle(file, beside, path)
        finally:
            beside.unlink(missing_ok=True)


def settle(file: IO[Any], beside: Path, path: Path) -> None:
    """Gives a file written beside `path` that name, once it is on the disk."""
    file.flush()
    with suppress(OSError):  # a new file has the rights that the user's mask leaves
        os.fchmod(file.fileno(), stat.S_IMODE(path.lstat().st_mode))
    os.fsync(file.fileno())
    beside.replace(path)
    with suppress(OSError):  # not every system has folders that can be opened
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_text(path: Path, text: str) -> None:
    """A file of some text."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes) -> None:
    with replacing(path) as file:
        file.write(data)


def save(
    path: Path, arrays: Mapping[str, npt.NDArray[Any] | Pieces], *, packed: bool = True
) -> None:
    """All arrays as one `.npz`, whatever the file's name is."""
    with replacing(path) as file:
        pack(file, arrays, packed=packed)


def pack(
    file: IO[bytes], arrays: Mapping[str, npt.NDArray[Any] | Pieces], *, packed: bool = True
) -> None:
    """The same into an open file."""
    method = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, array in arrays.items():
            large = isinstance(array, Pieces) or array.nbytes >= LARGE
            with archive.open(f"{name}.npy", "w", force_zip64=large) as entry:
                _write(entry, array)


def _write(entry: IO[bytes], array: npt.NDArray[Any] | Pieces) -> None:
    if not isinstance(array, Pieces):
        np.lib.format.write_array(entry, np.asanyarray(array), allow_pickle=False)
        return
    header = {
        "descr": np.lib.format.dtype_to_descr(array.dtype),
        "fortran_order": False,
        "shape": array.shape,
    }
    np.lib.format.write_array_header_1_0(entry, header)
    for piece in array:
        entry.write(np.ascontiguousarray(piece).data.cast("B") if piece.size else b"")


class Lines:
    """A file of lines, each on the disk's way as soon as it is told.

    It takes its name with the first line: where there is none, what was there stays.
    """

    def __init__(self, path: Path) -> None:
        writable(path)
        self.path = path
        self._file: IO[str] | None = None

    def write(self, line: str) -> None:
        if self._file is not None:
            self._file.write(line + "\n")
            self._file.flush()
            return
        with _told(self.path):
            if special(self.path):
                self._file = self.path.open("w", encoding="utf-8")
                self.write(line)
                return
            beside = _beside(self.path)
            try:
                self._file = os.fdopen(_made(beside), "w", encoding="utf-8")
                self.write(line)
                settle(self._file, beside, self.path)
            finally:
                beside.unlink(missing_ok=True)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What the system refuses, with the name that the user gave."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error


def _beside(path: Path) -> Path:
    return path.with_name(f".rhobust-{_here()}-{os.getpid()}-{next(_serial)}")


def _made(beside: Path) -> int:
    return os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)


def _here() -> str:
    """Where numbers of processes mean the same: this machine, this container."""
    space = ""
    with suppress(OSError):
        space = os.readlink("/proc/self/ns/pid")
    return sha256(f"{socket.gethostname()}\n{space}".encode()).hexdigest()[:8]


def _sweep(folder: Path) -> None:
    """Removes what killed runs of this machine left unfinished."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            named = BESIDE.fullmatch(entry.name)
            if named and named[1] == _here() and not _alive(int(named[2])):
                with suppress(OSError):
                    os.unlink(entry.path)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True
