"""A folder of MNIST's own files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ...compiler.base.errors import InputError
from . import idx
from .stored import Format, Stored

PARTS = {False: "t10k", True: "train"}
"""How the test set and the training set are called in the names of files."""
INSIDE = ("", "raw", "MNIST/raw")
"""Where in a folder they may lie: torchvision puts them deeper."""


def read(path: Path) -> Stored:
    """The test set in a folder."""
    return part(path, False)


def part(folder: Path, train: bool) -> Stored:
    """The training set, or the test set, in a folder."""
    found = _images(folder, train)
    if found is None:
        raise InputError(
            f"{folder}: has no file {PARTS[train]}-images-idx3-ubyte, packed or not; "
            "rhobust data fetch mnist --out DIR fetches it"
        )
    stored = idx.read(found)
    if stored.labels is None:
        raise InputError(f"{found}: the file of its labels is not beside it; fetch both")
    kind = "training" if train else "test"
    return replace(stored, notes=(f"the {kind} set, {found.name}", *stored.notes))


def _images(folder: Path, train: bool) -> Path | None:
    for inside in INSIDE:
        for mark in "-.":
            for end in ("", ".gz"):
                name = f"{PARTS[train]}-images{mark}idx3-ubyte{end}"
                if (folder / inside / name).is_file():
                    return folder / inside / name
    return None


def _there(folder: Path) -> bool:
    return folder.is_dir() and any(_images(folder, train) for train in (False, True))


FORMAT = Format("a folder of MNIST", _there, read)
