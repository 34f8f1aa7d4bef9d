"""Fetching known data sets: from their own servers or a mirror, checked byte by byte.

A file takes its name once it is whole and its SHA-256 is the known one. What came before a
connection broke stays beside it, in `.part`, and is gone on from.
"""

from __future__ import annotations

import hashlib
import http.client
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from ..compiler.base.errors import InputError
from ..files.atomic import replacing

CHUNK = 2**18
WAIT = 30.0
"""Seconds in which a server has to answer."""

Progress = Callable[[str, int, int], None]
"""Hears a file's name, the bytes of it that are there, and those of the whole."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A file of a data set: its name behind the base address, its bytes and their SHA-256.

    members: what is taken out of an archive, name and bytes of each; () for a file that is none.
    """

    name: str
    size: int
    sha256: str
    members: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class DataSet:
    """Where a data set is, and its files."""

    url: str
    files: tuple[Remote, ...]


_BATCH = 30_730_000
SETS: dict[str, DataSet] = {
    "mnist": DataSet(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        (
            Remote(
                "t10k-images-idx3-ubyte.gz", 1_648_877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            Remote(
                "t10k-labels-idx1-ubyte.gz", 4_542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
            Remote(
                "train-images-idx3-ubyte.gz", 9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            Remote(
                "train-labels-idx1-ubyte.gz", 28_881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
        ),
    ),
    "cifar10": DataSet(
        "https://www.cs.toronto.edu/~kriz/",
        (
            Remote(
                "cifar-10-binary.tar.gz", 170_052_171,
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                tuple(
                    (f"cifar-10-batches-bin/{name}.bin", _BATCH)
                    for name in ("test_batch", *(f"data_batch_{n}" for n in range(1, 6)))
                ),
            ),
        ),
    ),
}  # fmt: skip
"""By the names of the command line."""


def fetch(
    known: DataSet,
    folder: Path,
    url: str | None = None,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """The files of a data set in a folder, which is made; those that are there are kept.

    url: the base address of a mirror. overwrite: whether other files of the same names may be
    replaced: Fashion-MNIST has those of MNIST. Raises InputError for such files without it, where a
    server cannot be reached, and where a file is not the known one: then nothing takes its name.
    """
    base = url or known.url
    base = base if base.endswith("/") else f"{base}/"
    if urlsplit(base).scheme not in ("http", "https"):
        raise InputError(f"--url {base} should begin with http:// or https://")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made: {error.strerror}") from error
    told = progress or _quiet
    found: list[Path] = []
    for remote in known.files:
        unpacked = [folder / name for name, _ in remote.members]
        sizes = [size for _, size in remote.members]
        if unpacked and all(map(_sized, unpacked, sizes)):
            found += unpacked
            continue
        for path in unpacked if not overwrite else ():
            _other(path)
        path = _fetched(remote, base, folder / remote.name, told, overwrite)
        found += _members(remote, path, folder) if unpacked else [path]
    return found


def _sized(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _other(path: Path) -> None:
    if path.exists():
        raise InputError(
            f"{path}: is there already, and is another file; name another folder by --out, or "
            "allow it by --overwrite (overwrite=True)"
        )


def _fetched(remote: Remote, base: str, path: Path, told: Progress, overwrite: bool) -> Path:
    if _sized(path, remote.size) and _sha256(path) == remote.sha256:
        told(remote.name, remote.size, remote.size)
        return path
    if not overwrite:
        _other(path)
    part = path.with_name(f"{path.name}.part")
    _download(f"{base}{remote.name}", remote, part, told)
    if _sha256(part) != remote.sha256:
        part.unlink()
        raise InputError(
            f"{base}{remote.name}: is not the file that is known: its SHA-256 should be "
            f"{remote.sha256}; take another server by --url"
        )
    part.replace(path)
    return path


def _download(address: str, remote: Remote, part: Path, told: Progress) -> None:
    """All of a file into `part`, of which the first bytes may be there."""
    start = part.stat().st_size if part.is_file() else 0
    if start > remote.size:
        start = 0
    if start == remote.size:
        return
    headers = {"User-Agent": "rhobust"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        with urlopen(Request(address, headers=headers), timeout=WAIT) as answer:
            if answer.status != 206:  # a server that begins again
                start = 0
            with part.open("ab" if start else "wb") as file:
                _copy(answer, file, start, remote, told)
    except HTTPError as error:
        error.close()
        raise InputError(
            f"{address}: the server answers {error.code} {error.reason}; take another by --url"
        ) from error
    except (URLError, http.client.HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise InputError(
            f"{address}: cannot be reached ({reason}); without a network, put the file into "
            f"{part.parent} yourself, or name a mirror by --url"
        ) from error
    size = part.stat().st_size
    if size < remote.size:
        raise InputError(
            f"{address}: the connection broke after {size} of {remote.size} bytes; ask again, and "
            "it goes on from there"
        )


def _copy(answer: IO[bytes], file: IO[bytes], start: int, remote: Remote, told: Progress) -> None:
    there = start
    told(remote.name, there, remote.size)
    while there <= remote.size and (chunk := answer.read(CHUNK)):
        file.write(chunk)  # one chunk beyond the size at most: then the checksum tells
        there += len(chunk)
        told(remote.name, there, remote.size)


def _members(remote: Remote, path: Path, folder: Path) -> list[Path]:
    """Takes the files out of an archive whose checksum is right, and drops it."""
    found = []
    try:
        with tarfile.open(path) as archive:
            for name, size in remote.members:
                entry = archive.getmember(name)
                source = archive.extractfile(entry) if entry.size == size else None
                if source is None:
                    raise tarfile.TarError(f"{name} is no file of {size} bytes")
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with source, replacing(target) as file:
                    while chunk := source.read(CHUNK):
                        file.write(chunk)
                found.append(target)
    except (tarfile.TarError, KeyError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be unpacked: {error}") from error
    path.unlink()
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _quiet(name: str, there: int, size: int) -> None:
    pass
