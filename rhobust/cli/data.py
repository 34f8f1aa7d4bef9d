"""Images and labels from the files of --data and --labels."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..compiler.base.arrays import Vector
from ..compiler.base.errors import InputError
from ..compiler.importers.unpacking import check_npz
from ..embedded import embedded_images

Array: TypeAlias = npt.NDArray[Any]

UNREADABLE = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error)
"""What numpy raises for files that are missing, cut short or of another kind."""


@dataclass(frozen=True, eq=False)
class Images:
    """values (N, ...) as stored, labels (N,); the network sees values divided by `divisor`.

    told: what was done to them, for the user; "" where nothing was.
    """

    source: str
    values: Array
    labels: npt.NDArray[np.int64]
    divisor: float
    told: str = ""

    def __len__(self) -> int:
        return len(self.values)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image."""
        return self.values.shape[1:]

    def vector(self, index: int) -> Vector:
        """One image as the network sees it, flat."""
        flat: Vector = self.values[index].reshape(-1).astype(np.float64) / self.divisor
        return flat


def embedded() -> Images:
    """The images that ship with the package."""
    values, labels = embedded_images()
    return Images("the embedded images", values, labels, 255.0)


def read(path: Path, labels: Path | None, domain: tuple[float, float] = (0.0, 1.0)) -> Images:
    """The images in a file; the format follows from its suffix.

    uint8, and whole numbers up to 255 in a text, are divided by 255 for the domain 0..1; a domain
    that holds them as they are leaves them so.
    """
    if path.suffix not in READERS:
        raise InputError(
            f"{path}: unknown suffix {path.suffix!r}; --data reads {', '.join(READERS)}"
        )
    values, given = READERS[path.suffix](path)
    if labels is not None:
        given = _label_file(labels)
    if given is None:
        raise InputError(f"{path}: holds no labels; give them with --labels FILE")
    if values.ndim < 2 or not values.size:
        raise InputError(f"{path}: images of shape {values.shape} should be (count, ...)")
    if values.dtype.kind not in "fiub":
        raise InputError(f"{path}: images of type {values.dtype} are not numbers")
    if given.size != len(values):
        where = path if labels is None else labels
        raise InputError(f"{where}: {given.size} labels for {len(values)} images")
    whole = given.reshape(-1).astype(np.int64) if given.dtype.kind in "fiu" else None
    if whole is None or not (whole == given.reshape(-1)).all():
        raise InputError(f"{path if labels is None else labels}: labels are not whole numbers")
    if not _divided(path, values, domain):
        return Images(str(path), values, whole, 1.0)
    kind = "uint8" if values.dtype == np.uint8 else "whole numbers in 0..255"
    told = f"{path}: {kind}, divided by 255; a --domain that holds them as they are leaves them so"
    return Images(str(path), values, whole, 255.0, told)


def _divided(path: Path, values: Array, domain: tuple[float, float]) -> bool:
    """Whether numbers of a file are divided by 255."""
    if values.dtype == np.uint8:
        return not (domain[0] <= 0.0 and domain[1] >= 255.0)
    if path.suffix != ".csv" or not _bytes(values):
        return False
    return domain == (0.0, 1.0)


def _bytes(values: Array) -> bool:
    """Whether the numbers are the whole ones of 0..255, and not all of 0..1."""
    inside = (values >= 0).all() and (values <= 255).all() and (values > 1).any()
    return bool(inside and (values == np.floor(values)).all())


def _npz(path: Path) -> tuple[Array, Array | None]:
    try:
        check_npz(path)
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise ValueError("holds one array and no archive")
            names = archive.files
            images = archive["images"] if "images" in names else None
            labels = archive["labels"] if "labels" in names else None
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UNREADABLE as error:
        raise InputError(f"{path}: cannot be read as .npz: {_line(error)}") from error
    if images is None:
        held = ", ".join(names) or "nothing"
        raise InputError(f"{path}: has no array 'images'; it holds {held}")
    return images, labels


def _npy(path: Path) -> tuple[Array, Array | None]:
    try:
        return np.lib.format.open_memmap(path, mode="r"), None
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UNREADABLE as error:
        raise InputError(f"{path}: cannot be read as .npy: {_line(error)}") from error


def _csv(path: Path) -> tuple[Array, Array | None]:
    table = _table(path)
    if table.shape[1] < 2:
        raise InputError(f"{path}: lines should be a label and then the pixels, with commas")
    return table[:, 1:], table[:, 0]


def _table(path: Path) -> Array:
    """The numbers of a .csv file, without a first line that begins with the word label."""
    try:
        with path.open(encoding="utf-8") as lines:
            first = lines.readline()
        header = first.split(",")[0].strip().strip('"').lower() == "label"
        if not first or (header and path.stat().st_size <= len(first)):
            raise InputError(f"{path}: is empty")
        return np.loadtxt(path, delimiter=",", ndmin=2, skiprows=int(header), encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UNREADABLE as error:
        raise InputError(f"{path}: cannot be read as .csv: {_line(error)}") from error


def _label_file(path: Path) -> Array:
    if path.suffix == ".npy":
        return _npy(path)[0]
    if path.suffix in (".csv", ".txt"):
        return _table(path)
    raise InputError(f"{path}: unknown suffix {path.suffix!r}; --labels reads .npy, .csv, .txt")


def _line(error: BaseException) -> str:
    """The error's text on one line."""
    return " ".join(str(error).split()) or type(error).__name__


READERS: dict[str, Callable[[Path], tuple[Array, Array | None]]] = {
    ".npz": _npz,
    ".npy": _npy,
    ".csv": _csv,
}


def folder(path: Path | None) -> None:
    """Makes a folder for results, or says why that cannot be."""
    if path is None:
        return
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be made: {error}") from error
