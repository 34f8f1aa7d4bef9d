"""One array of numpy: images or labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..arrangement import Array
from .stored import Stored, reading, suffix


def array(path: Path) -> Array:
    """The array in a file, which stays there until it is used."""
    with reading(path, ".npy"):
        return np.lib.format.open_memmap(path, mode="r")


FORMAT = suffix(".npy", lambda path: Stored(array(path)))
