"""What a reader finds in a file, and the errors of reading."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ...compiler.base.errors import InputError
from ..arrangement import Array

UNREADABLE = (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What numpy raises for files that are missing, cut short or of another kind."""

MOST = 2**34
"""Bytes of a file that is read into memory as a whole."""


@dataclass(frozen=True, eq=False)
class Stored:
    """values (N, ...) and labels (N,) as stored, None where there are none; names (N) or none.

    text: whether the numbers stood in a text, which has no types: bytes are whole numbers there.
    layout: nhwc or nchw where the format says so. notes: what a user should be told of them.
    labelled: what the labels are from, where that is not what the images are from.
    """

    values: Array
    labels: Array | None = None
    names: tuple[str, ...] = ()
    text: bool = False
    layout: str = ""
    notes: tuple[str, ...] = ()
    labelled: str = ""


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file or folder: how it is told from others by its name, and its reader.

    `read` raises InputError, which names the file, for all that it cannot take over.
    listed: the reader where a file of labels names the images, None for formats without names.
    """

    name: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path], Stored]
    listed: Callable[[Path, Path], Stored] | None = None


def suffix(name: str, read: Callable[[Path], Stored]) -> Format:
    """A format that is told by the end of a file's name."""
    return Format(name, lambda path: path.suffix.lower() == name, read)


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """Turns what readers of a file raise into an InputError that names it."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UNREADABLE as error:
        text = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: cannot be read as {kind}: {text}") from error
