"""Labels from a file of their own."""

from __future__ import annotations

from pathlib import Path

from ..compiler.base.errors import InputError
from .arrangement import Array
from .formats import csv, idx, npy


def label_file(path: Path) -> Array:
    """The labels in a file of nothing else."""
    if path.suffix == ".npy":
        return npy.array(path)
    if path.suffix in (".csv", ".txt"):
        return csv.table(path)
    if idx.named_so(path):
        return idx.array(path)
    raise InputError(
        f"{path}: unknown suffix {path.suffix!r}; --labels reads .npy, .csv, .txt, IDX"
    )
