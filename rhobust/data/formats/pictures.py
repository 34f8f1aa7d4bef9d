"""A folder of PNG or JPEG files: labels by sub-folder, or by a table of files and labels.

Pixels are taken as they are stored: grey ones as (H, W), RGB ones as (H, W, 3). Nothing is resized
or converted, and files of any other kind are refused.
"""

from __future__ import annotations

import csv
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...compiler.base.errors import InputError
from ...compiler.importers.unpacking import believable
from .stored import MOST, Format, Stored, reading

SUFFIXES = (".png", ".jpg", ".jpeg")
MODES = {"L": "grey", "RGB": "RGB"}
"""Of Pillow: one byte a pixel, or three."""

Pixels = npt.NDArray[np.uint8]


def read(folder: Path) -> Stored:
    """The images of a folder's sub-folders, which are the labels: see `_labels`."""
    with reading(folder, "a folder of images"):
        inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    classes = [path for path in inside if path.is_dir()]
    if not classes:
        kind = "images but" if any(map(_is_picture, inside)) else "no images and"
        raise InputError(
            f"{folder}: has {kind} no sub-folders of them, one a label; or give --labels FILE.csv "
            "with lines file,label (labels=)"
        )
    files: list[Path] = []
    labels: list[int] = []
    left = 0
    numbers, told = _labels([path.name for path in classes])
    for sub, number in zip(classes, numbers, strict=True):
        entries = [path for path in sorted(sub.rglob("*")) if path.is_file()]
        own = [path for path in entries if _is_picture(path)]
        left += len(entries) - len(own)
        files += own
        labels += [number] * len(own)
    notes = [told]
    if left:
        notes.append(f"{left} files that are no {', '.join(SUFFIXES)} are left out")
    return _stored(folder, files, labels, notes)


def listed(folder: Path, table: Path) -> Stored:
    """The images of a folder that a table names, lines file,label, in its order."""
    files: list[Path] = []
    labels: list[int] = []
    for number, row in _rows(table):
        if len(row) != 2:
            raise InputError(f"{table}:{number}: should be file,label; not {','.join(row)!r}")
        name, label = row[0].strip(), row[1].strip()
        if not _whole(label):
            if number == 1:  # a heading
                continue
            raise InputError(
                f"{table}:{number}: the label {label!r} is no whole number; count the labels from 0"
            )
        if not (folder / name).is_file():
            raise InputError(f"{table}:{number}: there is no file {folder / name}")
        files.append(folder / name)
        labels.append(int(label))
    return _stored(folder, files, labels, [], str(table))


def names_files(table: Path) -> bool:
    """Whether a table's lines are file,label rather than numbers."""
    with reading(table, ".csv"), table.open(encoding="utf-8-sig", newline="") as file:
        first = [line.strip().rsplit(",", 1) for line in (file.readline(), file.readline())]
    return any(
        len(row) == 2 and Path(row[0].strip(' "')).suffix.lower() in SUFFIXES for row in first
    )


def _rows(table: Path) -> list[tuple[int, list[str]]]:
    with reading(table, ".csv"), table.open(encoding="utf-8-sig", newline="") as file:
        try:
            return [(number, row) for number, row in enumerate(csv.reader(file), 1) if row]
        except csv.Error as error:
            raise ValueError(str(error)) from error


def _labels(names: Sequence[str]) -> tuple[list[int], str]:
    """The label of each sub-folder: the number that it is called, or else its place in order."""
    if all(map(_whole, names)):
        return [int(name) for name in names], "labels are the numbers of the sub-folders"
    told = ", ".join(f"{place} {name}" for place, name in enumerate(names))
    return list(range(len(names))), f"labels by sub-folder: {told}"


def _whole(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def _stored(
    folder: Path,
    files: Sequence[Path],
    labels: Sequence[int],
    notes: Sequence[str],
    labelled: str = "",
) -> Stored:
    if not files:
        raise InputError(f"{labelled or folder}: names no {', '.join(SUFFIXES)} file")
    first = _open(files[0])
    kind = MODES["RGB" if first.ndim == 3 else "L"]
    if first.nbytes * len(files) > MOST:
        raise InputError(f"{folder}: {len(files)} images of shape {first.shape} are too large")
    values: Pixels = np.empty((len(files), *first.shape), np.uint8)
    values[0] = first
    for place, path in enumerate(files[1:], 1):
        pixels = _open(path)
        if pixels.shape != first.shape:
            raise InputError(
                f"{path}: has the shape {pixels.shape}, and {files[0]} has {first.shape}; all "
                "images should be of one size, and all grey or all RGB"
            )
        values[place] = pixels
    sides = f"{first.shape[0]} x {first.shape[1]}"
    names = tuple(path.relative_to(folder).as_posix() for path in files)
    told = (f"{len(files)} {kind} images of {sides}", *notes)
    layout = "nhwc" if first.ndim == 3 else ""
    return Stored(values, np.array(labels), names, layout=layout, notes=told, labelled=labelled)


def _open(path: Path) -> Pixels:
    """The pixels of one file, (H, W) or (H, W, 3)."""
    from PIL import Image

    with reading(path, "an image"):
        limit = believable(path.stat().st_size)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(path, formats=("PNG", "JPEG")) as image:
                    (width, height), mode = image.size, image.mode
                    if width * height * 4 > limit:
                        raise ValueError(f"{width} x {height} pixels, out of proportion to it")
                    pixels: Any = np.asarray(image) if mode in MODES else None
        except (OSError, ValueError, MemoryError):
            raise
        except Exception as error:  # of Pillow, on broken files: SyntaxError, struct.error, ...
            raise ValueError(f"{type(error).__name__}: {error}") from error
    if pixels is None:
        raise InputError(
            f"{path}: its pixels are of Pillow's mode {mode}, neither grey (L) nor RGB; convert "
            "it, for instance Image.open(file).convert('L'), and keep what comes out"
        )
    return np.asarray(pixels, np.uint8)


FORMAT = Format("a folder of PNG or JPEG files", Path.is_dir, read, listed)
