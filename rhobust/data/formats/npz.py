"""Archives of numpy with the arrays `images`, and most often `labels` and `names`; and Keras's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ...compiler.base.errors import InputError
from ...compiler.importers.unpacking import check_npz
from ..arrangement import Array
from .stored import Stored, reading, suffix

KEYS = ("images", "labels", "names")
KERAS = {False: ("x_test", "y_test"), True: ("x_train", "y_train")}
"""The arrays of Keras's archives, as `mnist.npz`: the test set's and the training set's."""


def read(path: Path) -> Stored:
    """The images of an archive, its labels and its names; of one of Keras the test set."""
    held, found = _arrays(path, (*KEYS, *KERAS[False]))
    if "images" not in found:
        if set(KERAS[False]) <= set(held):
            return part(path, False)
        raise InputError(f"{path}: has no array 'images'; it holds {', '.join(held) or 'nothing'}")
    names = _names(path, found["names"]) if "names" in found else ()
    return Stored(found["images"], found.get("labels"), names)


def part(path: Path, train: bool) -> Stored:
    """The training set, or the test set, of an archive of Keras."""
    held, found = _arrays(path, KERAS[train])
    if len(found) < 2:
        missing = " and ".join(KERAS[train])
        raise InputError(f"{path}: has no {missing}; it holds {', '.join(held) or 'nothing'}")
    values, labels = (found[key] for key in KERAS[train])
    return Stored(values, labels, notes=(" and ".join(KERAS[train]),))


def _arrays(path: Path, keys: tuple[str, ...]) -> tuple[list[str], Mapping[str, Array]]:
    """The names of all arrays, and those arrays that have one of some names."""
    with reading(path, ".npz"):
        check_npz(path)
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise ValueError("holds one array and no archive")
            first = [key for key in keys if key in archive.files]
            if "images" in first:  # the rest is of no use
                first = [key for key in first if key in KEYS]
            return list(archive.files), {key: archive[key] for key in first}


def _names(path: Path, given: Array) -> tuple[str, ...]:
    if given.dtype.kind != "U" or given.ndim != 1:
        raise InputError(f"{path}: 'names' should be one text for each image")
    return tuple(given.tolist())


FORMAT = suffix(".npz", read)
