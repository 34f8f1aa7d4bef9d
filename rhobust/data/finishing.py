"""From what a reader found to images: checked, scaled where they are bytes, and all of it told."""

from __future__ import annotations

import numpy as np

from ..compiler.base.arrays import Indices
from ..compiler.base.errors import InputError
from .arrangement import Array
from .formats.stored import Stored
from .images import Images


def finished(
    stored: Stored, source: object, domain: tuple[float, float], layout: str = ""
) -> Images:
    """Images of what was read: checked, divided where they are bytes, with all that is told of it.

    layout: as the user states it, "" for what the format says.
    """
    values = stored.values
    if stored.labels is None:
        raise InputError(f"{source}: holds no labels; give them with --labels FILE (labels=)")
    if values.ndim < 2 or not values.size:
        raise InputError(f"{source}: images of shape {values.shape} should be (count, ...)")
    if values.dtype.kind not in "fiub":
        raise InputError(f"{source}: images of type {values.dtype} are not numbers")
    labels = whole(stored.labels, len(values), stored.labelled or str(source))
    notes, divisor = list(stored.notes), 1.0
    if _divided(stored, domain):
        divisor = 255.0
        kind = "uint8" if values.dtype == np.uint8 else "whole numbers in 0..255"
        notes.append(
            f"{kind}, divided by 255; a --domain that holds them as they are leaves them so"
        )
    told = f"{source}: {'; '.join(notes)}" if notes else ""
    return Images(str(source), values, labels, divisor, told, stored.names, layout or stored.layout)


def _divided(stored: Stored, domain: tuple[float, float]) -> bool:
    """Whether numbers are divided by 255."""
    if stored.values.dtype == np.uint8:
        return not (domain[0] <= 0.0 and domain[1] >= 255.0)
    return stored.text and domain == (0.0, 1.0) and _bytes(stored.values)


def _bytes(values: Array) -> bool:
    """Whether the numbers are the whole ones of 0..255, and not all of 0..1."""
    inside = (values >= 0).all() and (values <= 255).all() and (values > 1).any()
    return bool(inside and (values == np.floor(values)).all())


def whole(given: Array, count: int, source: str) -> Indices:
    """Labels (N,) as whole numbers, one for each of `count` images."""
    if given.size != count:
        raise InputError(f"{source}: {given.size} labels for {count} images")
    flat = given.reshape(-1)
    if flat.dtype.kind in "fiu":
        found: Indices = np.where(np.isfinite(flat), flat, 0.5).astype(np.int64)
        if (found == flat).all():
            return found
    raise InputError(f"{source}: labels are not whole numbers")
