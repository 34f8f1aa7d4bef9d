"""Writing files of arrays, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .compiler.errors import InputError


def writable(path: Path) -> None:
    """InputError where a file cannot be made."""
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent} to write to")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file")


def save(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """All arrays as one `.npz`, whatever the file's name is."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        beside.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error}") from error
    finally:
        beside.unlink(missing_ok=True)
