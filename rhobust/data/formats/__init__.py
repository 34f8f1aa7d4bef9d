"""The formats that are read: to add one, its file in this folder and its line in the table."""

from __future__ import annotations

from pathlib import Path

from ...compiler.base.errors import InputError
from . import cifar, csv, idx, mnist, npy, npz, pictures
from .stored import Format

FORMATS: tuple[Format, ...] = (
    npz.FORMAT,
    npy.FORMAT,
    csv.FORMAT,
    idx.FORMAT,
    cifar.FORMAT,
    mnist.FORMAT,
    cifar.FOLDER,
    pictures.FORMAT,
)
"""Tried in this order: a folder is one of images where it is none of the known sets."""


def format_of(path: Path) -> Format:
    """The format that a file's or a folder's name tells of."""
    for known in FORMATS:
        if known.recognises(path):
            return known
    if not path.suffix and not path.exists():
        raise InputError(f"{path}: no such file or folder")
    names = ", ".join(known.name for known in FORMATS)
    raise InputError(f"{path}: unknown suffix {path.suffix!r}; --data reads {names}")
