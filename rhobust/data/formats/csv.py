"""Tables of numbers with commas: in each line a label and then the pixels; or file,label."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...compiler.base.errors import InputError
from ..arrangement import Array
from . import pictures
from .stored import Stored, reading, suffix


def read(path: Path) -> Stored:
    """The images of a table, and their labels; or those of the files that it names."""
    if pictures.names_files(path):
        return pictures.listed(path.parent, path)
    numbers = table(path)
    if numbers.shape[1] < 2:
        raise InputError(f"{path}: lines should be a label and then the pixels, with commas")
    return Stored(numbers[:, 1:], numbers[:, 0], text=True)


def table(path: Path) -> Array:
    """The numbers of a .csv file, without a first line that begins with the word label."""
    with reading(path, ".csv"):
        with path.open(encoding="utf-8") as lines:
            first = lines.readline()
        header = first.split(",")[0].strip().strip('"').lower() == "label"
        if not first or (header and path.stat().st_size <= len(first)):
            raise InputError(f"{path}: is empty")
        return np.loadtxt(path, delimiter=",", ndmin=2, skiprows=int(header), encoding="utf-8")


FORMAT = suffix(".csv", read)
