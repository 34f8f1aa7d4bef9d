"""Which files a command may write: none that it reads, and none that it would not know again.

A file is replaced by one of its own kind, as an earlier run wrote it; for any other the user has to
say so.  To add a kind: its line in `KINDS`.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

from ..compiler.base.errors import InputError
from .atomic import special, writable

MARK = "rhobust"
"""The program's name in the metadata of its pictures."""

WRITTEN = f"written by {MARK}"
"""Stands in the first lines of its exports."""

HEAD, PICTURE = 2**16, 2**25
"""Bytes of a file that are looked at."""

NORMALIZED = "rhobust.normalization"
"""Stands in the metadata of models that it wrote."""

ANSWERS = (b"sat", b"unsat", b"timeout", b"unknown")
"""First lines of files of a witness."""


def may_write(
    path: Path,
    kind: str,
    inputs: Iterable[str | Path | None] = (),
    overwrite: bool = False,
) -> None:
    """InputError unless an output may be written: its kind is a name in `KINDS`.

    inputs: what the same command reads, or writes besides; it is never replaced, whatever its
    spelling.  overwrite: whether any other file may be.
    """
    apart(path, inputs)
    writable(path)
    if overwrite or special(path) or not path.exists() or not path.stat().st_size:
        return
    try:
        known = KINDS[kind](path)
    except (OSError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error):
        known = False
    if not known:
        raise InputError(
            f"{path}: is there already, and is no {kind} that rhobust wrote; name another file, or "
            "allow it by --overwrite (overwrite=True)"
        )


def apart(path: Path, others: Iterable[str | Path | None]) -> None:
    """InputError where an output is one of some other files; "" and None are none."""
    for other in others:
        if other and same(path, Path(other)):
            raise InputError(f"{path}: is named twice; {other} would be overwritten")


def same(path: Path, other: Path) -> bool:
    """Whether two names are of one file, through links or other spellings."""
    try:
        if os.path.samefile(path, other):
            return True
    except OSError:
        pass
    return path.resolve() == other.resolve()


def _certificate(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive, archive.open("header.npy") as header:
        return b"rhobust-certificate" in header.read(HEAD)


def _manifest(path: Path) -> bool:
    return b'"rhobust-manifest"' in _head(path)


def _results(path: Path) -> bool:
    with path.open("rb") as file:
        row = json.loads(file.readline(HEAD))
    return isinstance(row, dict) and "index" in row


def _checked(path: Path) -> bool:
    return "accepted" in json.loads(_head(path))


def _table(path: Path) -> bool:
    """Told by its first columns, which all tables of images have."""
    return bool(re.match(rb"index,(label|onnx),", _head(path)))


def _witness(path: Path) -> bool:
    head = _head(path).split(b"\n", 1)
    rest = head[1].strip() if len(head) > 1 else b""
    return head[0].strip() in ANSWERS and (not rest or rest.startswith(b"(("))


def _picture(path: Path) -> bool:
    """Told by the program that its metadata names."""
    data, mark = _head(path, PICTURE), MARK.encode()
    return (
        (data.startswith(b"\x89PNG") and b"Software\0" + mark in data)
        or (data.startswith(b"%PDF") and b"/Creator (" + mark + b")" in data)
        or (data.startswith(b"<?xml") and b"<dc:title>" + mark + b"</dc:title>" in data)
    )


def _export(path: Path) -> bool:
    return WRITTEN.encode() in _head(path).split(b"\n")[0]


def _report(path: Path) -> bool:
    """Told by the comment of its first lines, its first columns, or as a picture."""
    head = _head(path)
    first = head.split(b"\n", 2)
    return (
        WRITTEN.encode() in b"\n".join(first[:2])
        or first[0].startswith(b"image,name,label,predicted,")
        or _picture(path)
    )


def _head(path: Path, size: int = HEAD) -> bytes:
    with path.open("rb") as file:
        return file.read(size)


def _model(path: Path) -> bool:
    """Told by its producer, or by the entry of its metadata."""
    data, mark = _head(path, PICTURE), MARK.encode()
    return NORMALIZED.encode() in data or bytes([18, len(mark), *mark]) in data[:64]


def _history(path: Path) -> bool:
    """Of training: one JSON object with its epochs."""
    return bool({"method", "seed", "epochs", "best"} <= json.loads(_head(path, PICTURE)).keys())


KINDS: dict[str, Callable[[Path], bool]] = {
    "certificate": _certificate,
    "manifest": _manifest,
    "file of results": _results,
    "table of results": _table,
    "report of a check": _checked,
    "witness": _witness,
    "picture": _picture,
    "export": _export,
    "model": _model,
    "history": _history,
    "report": _report,
}
