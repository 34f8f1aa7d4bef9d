"""From what a user names to images: one door for all formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..compiler.base.errors import InputError
from .formats import format_of
from .images import Images
from .labels import label_file, whole
from .stored import Stored


def load(
    source: str | Path,
    labels: str | Path | None = None,
    *,
    domain: tuple[float, float] = (0.0, 1.0),
) -> Images:
    """The images in a file; the format follows from its name.

    labels: a file of labels, where the images' own has none. domain: the range of valid numbers;
    uint8, and whole numbers up to 255 in a text, are divided by 255 for the domain 0..1; one that
    holds them as they are leaves them so. `Images.told` says what was done.
    Raises InputError, which names the file, for what cannot be read or makes no images.
    """
    path = Path(source)
    stored = format_of(path).read(path)
    given, where = stored.labels, str(path)
    if labels is not None:
        given, where = label_file(Path(labels)), str(labels)
    if given is None:
        raise InputError(f"{path}: holds no labels; give them with --labels FILE (labels=)")
    values = stored.values
    if values.ndim < 2 or not values.size:
        raise InputError(f"{path}: images of shape {values.shape} should be (count, ...)")
    if values.dtype.kind not in "fiub":
        raise InputError(f"{path}: images of type {values.dtype} are not numbers")
    numbers = whole(given, len(values), where)
    if not _divided(stored, domain):
        return Images(str(path), values, numbers, names=stored.names)
    kind = "uint8" if values.dtype == np.uint8 else "whole numbers in 0..255"
    told = f"{path}: {kind}, divided by 255; a --domain that holds them as they are leaves them so"
    return Images(str(path), values, numbers, 255.0, told, stored.names)


def _divided(stored: Stored, domain: tuple[float, float]) -> bool:
    """Whether numbers of a file are divided by 255."""
    if stored.values.dtype == np.uint8:
        return not (domain[0] <= 0.0 and domain[1] >= 255.0)
    return stored.text and domain == (0.0, 1.0) and _bytes(stored)


def _bytes(stored: Stored) -> bool:
    """Whether the numbers are the whole ones of 0..255, and not all of 0..1."""
    values = stored.values
    inside = (values >= 0).all() and (values <= 255).all() and (values > 1).any()
    return bool(inside and (values == np.floor(values)).all())
