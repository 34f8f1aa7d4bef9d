"""The binary format of CIFAR-10: records of a label and 3 x 32 x 32 bytes, channels first.

Source: A. Krizhevsky, the page of the CIFAR-10 data set, "binary version".
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ...compiler.base.errors import InputError
from ...compiler.importers.unpacking import read as unpacked
from ..arrangement import Array
from .stored import MOST, Format, Stored, reading

SHAPE, CLASSES = (3, 32, 32), 10
RECORD = 1 + 3 * 32 * 32
NAME = re.compile(r"(data_batch_[0-9]+|test_batch)\.bin(\.gz)?$", re.IGNORECASE)
TEST, TRAIN = ("test_batch",), tuple(f"data_batch_{number}" for number in range(1, 6))
FOLDERS = ("", "cifar-10-batches-bin")
PICKLES = ("", "cifar-10-batches-py")
"""Where in a folder the files may lie, and where those of pickles do."""


def read(path: Path) -> Stored:
    """The images of one file."""
    values, labels = _records(path)
    return Stored(values, labels, layout="nchw")


def part(folder: Path, train: bool) -> Stored:
    """The training set, or the test set, in a folder."""
    names = TRAIN if train else TEST
    files = [_file(folder, name) for name in names]
    missing = [name for name, path in zip(names, files, strict=True) if path is None]
    if missing:
        if any((folder / inside / names[0]).is_file() for inside in PICKLES):
            raise InputError(
                f"{folder}: holds the Python version, pickles that can run any program and are not "
                "read; rhobust data fetch cifar10 --out DIR fetches the binary version"
            )
        raise InputError(
            f"{folder}: has no file {missing[0]}.bin; rhobust data fetch cifar10 --out DIR "
            "fetches it"
        )
    parts = [_records(path) for path in files if path is not None]
    values = np.concatenate([part[0] for part in parts])
    kind = "training" if train else "test"
    told = f"the {kind} set, {', '.join(path.name for path in files if path is not None)}"
    return Stored(values, np.concatenate([part[1] for part in parts]), layout="nchw", notes=(told,))


def _records(path: Path) -> tuple[Array, Array]:
    with reading(path, "CIFAR-10"):
        data = unpacked(path, MOST)
        if not data or len(data) % RECORD:
            raise ValueError(
                f"{len(data)} bytes are no whole number of records of {RECORD}; fetch it again"
            )
        records = np.frombuffer(data, np.uint8).reshape(-1, RECORD)
    wrong = np.flatnonzero(records[:, 0] >= CLASSES)
    if len(wrong):
        place = int(wrong[0])
        raise InputError(
            f"{path}: image {place} has the label {records[place, 0]}, and CIFAR-10 has 0 to 9; it "
            "is cut short, or of another set"
        )
    return records[:, 1:].reshape(-1, *SHAPE), records[:, 0]


def _file(folder: Path, name: str) -> Path | None:
    for inside in FOLDERS:
        for end in (".bin", ".bin.gz"):
            if (folder / inside / f"{name}{end}").is_file():
                return folder / inside / f"{name}{end}"
    return None


def _there(folder: Path) -> bool:
    names = (TEST[0], TRAIN[0])
    pickles = any((folder / inside / name).is_file() for inside in PICKLES for name in names)
    return folder.is_dir() and (pickles or any(_file(folder, name) for name in names))


FORMAT = Format("CIFAR-10's .bin", lambda path: NAME.search(path.name) is not None, read)
FOLDER = Format("a folder of CIFAR-10", _there, lambda path: part(path, False))
