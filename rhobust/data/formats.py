"""The formats that are read: to add one, its file in this folder and its line in the table."""

from __future__ import annotations

from pathlib import Path

from ..compiler.base.errors import InputError
from . import csv, npy, npz
from .stored import Format

FORMATS: tuple[Format, ...] = (npz.FORMAT, npy.FORMAT, csv.FORMAT)
"""Tried in this order."""


def format_of(path: Path) -> Format:
    """The format that a file's name tells of."""
    for known in FORMATS:
        if known.recognises(path):
            return known
    names = ", ".join(known.name for known in FORMATS)
    raise InputError(f"{path}: unknown suffix {path.suffix!r}; --data reads {names}")
