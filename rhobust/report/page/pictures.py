"""Images, their nearest examples and the signed differences as PNG files inside the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...compiler.base.arrays import Vector
from ...compiler.shown.pixels import address, channels_last, grey, image_shape, signed, strongest
from ...store.record import Record
from ..findings.gathered import Findings

ROOM = 8_000_000
"""Bytes of all pictures; those that a page shows at once stand in it twice."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """PNG files as data addresses, by image: the image, its example, their difference.

    The last two are "" where no example is kept. largest: what the ends of the colours of the
    differences mean, in the network's input, the same for all; 0 where there are none.
    """

    images: Mapping[int, tuple[str, str, str]]
    largest: float
    height: int
    width: int


def drawn(findings: Findings, indices: Sequence[int]) -> Pictures:
    """The pictures of some images, as far as they are kept and have the shape of an image."""
    shape = pixels_shape(findings.run.data.get("shape"))
    records = findings.pictured(indices) if shape is not None else {}
    size = 0 if shape is None else int(np.prod(shape))
    kept = {
        k: one for k, one in records.items() if one.image is not None and one.image.size == size
    }
    if shape is None or not kept:
        return Pictures({}, 0.0, 0, 0)
    low, high = domain(findings)
    changes = {k: _change(one) for k, one in kept.items()}
    largest = max((float(np.abs(c).max()) for c in changes.values() if c is not None), default=0.0)
    found: dict[int, tuple[str, str, str]] = {}
    room = ROOM
    for k in indices:
        if k not in kept or room < 0:
            continue
        one = kept[k]
        assert one.image is not None
        change, example, painted = changes[k], "", ""
        if change is not None and one.witness is not None:
            example = address(grey(one.witness, shape, low, high))
            painted = address(signed(strongest(change, shape), largest))
        found[k] = (address(grey(one.image, shape, low, high)), example, painted)
        room -= sum(map(len, found[k]))
    height, width = channels_last(np.zeros(shape)).shape[:2]
    return Pictures(found, largest, height, width)


def pixels_shape(shape: object) -> tuple[int, ...] | None:
    """The shape of an image, as a run tells it; None for what is none."""
    if not isinstance(shape, list | tuple) or not all(isinstance(n, int) and n > 0 for n in shape):
        return None
    return image_shape(shape)


def domain(findings: Findings) -> tuple[float, float]:
    """What black and white are."""
    ends = findings.run.question.get("domain")
    if isinstance(ends, list | tuple) and len(ends) == 2:
        low, high = float(str(ends[0])), float(str(ends[1]))
        if high > low and np.isfinite([low, high]).all():
            return low, high
    return 0.0, 1.0


def _change(record: Record) -> Vector | None:
    if record.witness is None or record.image is None:
        return None
    if record.witness.size != record.image.size:
        return None
    change: Vector = np.nan_to_num(np.asarray(record.witness - record.image, dtype=np.float64))
    return change
