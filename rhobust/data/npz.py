"""Archives of numpy with the arrays `images`, and most often `labels` and `names`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..compiler.base.errors import InputError
from ..compiler.importers.unpacking import check_npz
from .images import Array
from .stored import Stored, reading, suffix


def read(path: Path) -> Stored:
    """The images of an archive, its labels and its names."""
    with reading(path, ".npz"):
        check_npz(path)
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise ValueError("holds one array and no archive")
            found = {key: archive[key] for key in KEYS if key in archive.files}
            held = ", ".join(archive.files) or "nothing"
    if "images" not in found:
        raise InputError(f"{path}: has no array 'images'; it holds {held}")
    names = _names(path, found["names"]) if "names" in found else ()
    return Stored(found["images"], found.get("labels"), names)


def _names(path: Path, given: Array) -> tuple[str, ...]:
    if given.dtype.kind != "U" or given.ndim != 1:
        raise InputError(f"{path}: 'names' should be one text for each image")
    return tuple(given.tolist())


KEYS = ("images", "labels", "names")
FORMAT = suffix(".npz", read)
