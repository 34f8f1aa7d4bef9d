"""Labels: from a file of their own, and as whole numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..compiler.base.arrays import Indices
from ..compiler.base.errors import InputError
from . import csv, npy
from .images import Array


def label_file(path: Path) -> Array:
    """The labels in a file of nothing else."""
    if path.suffix == ".npy":
        return npy.array(path)
    if path.suffix in (".csv", ".txt"):
        return csv.table(path)
    raise InputError(f"{path}: unknown suffix {path.suffix!r}; --labels reads .npy, .csv, .txt")


def whole(given: Array, count: int, source: str) -> Indices:
    """Labels (N,) as whole numbers, one for each of `count` images."""
    if given.size != count:
        raise InputError(f"{source}: {given.size} labels for {count} images")
    flat = given.reshape(-1)
    if flat.dtype.kind in "fiu":
        found: Indices = np.where(np.isfinite(flat), flat, 0.5).astype(np.int64)
        if (found == flat).all():
            return found
    raise InputError(f"{source}: labels are not whole numbers")
