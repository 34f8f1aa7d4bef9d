"""The networks and the images that ship with the package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .compiler.base.errors import InputError
from .compiler.importers import load
from .compiler.network.graph import Network

NAMES = ("digits", "digits_conv")
"""Trained on the images' siblings: dense layers only, and two convolutions before them."""


def embedded_network(name: str) -> Network:
    """The embedded network of this name, one of `NAMES`."""
    if name not in NAMES:
        raise InputError(f"no embedded network is called {name!r}; there are {', '.join(NAMES)}")
    with resources.as_file(resources.files(__package__) / "data" / f"{name}.onnx") as path:
        return load(path)


def embedded_file(name: str) -> Path:
    """Where the file of an embedded network lies, in a package that is installed as files."""
    return Path(str(resources.files(__package__) / "data" / f"{name}.onnx"))


def embedded_images() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Test images (200, 8, 8) of handwritten digits, 0..255, and their labels (200,)."""
    with resources.as_file(resources.files(__package__) / "data" / "digits.npz") as path:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays["images"], arrays["labels"].astype(np.int64)
