"""Images, their nearest examples and the signed differences as PNG files inside the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...compiler.base.arrays import Vector
from ...store.record import Record
from ..findings.gathered import Findings

Pixels = npt.NDArray[np.uint8]

LOSS, NONE, GAIN = (33, 82, 156), (250, 249, 246), (178, 60, 42)
"""Colours of the largest change downwards, of none, and of the largest one upwards."""
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
            painted = address(signed(_strongest(change, shape), largest))
        found[k] = (address(grey(one.image, shape, low, high)), example, painted)
        room -= sum(map(len, found[k]))
    height, width = channels_last(np.zeros(shape)).shape[:2]
    return Pictures(found, largest, height, width)


def pixels_shape(shape: object) -> tuple[int, ...] | None:
    """The shape of an image: (H, W), (C, H, W) or (H, W, C) with 1 or 3 channels; else None."""
    if not isinstance(shape, list | tuple) or not all(isinstance(n, int) and n > 0 for n in shape):
        return None
    kept = tuple(shape)
    if len(kept) == 3 and 1 in (kept[0], kept[2]):
        kept = kept[1:] if kept[0] == 1 else kept[:2]
    if len(kept) == 2 and min(kept) > 1 and max(kept) <= 1024:
        return kept
    return kept if len(kept) == 3 and 3 in (kept[0], kept[2]) and max(kept) <= 1024 else None


def domain(findings: Findings) -> tuple[float, float]:
    """What black and white are."""
    ends = findings.run.question.get("domain")
    if isinstance(ends, list | tuple) and len(ends) == 2:
        low, high = float(str(ends[0])), float(str(ends[1]))
        if high > low and np.isfinite([low, high]).all():
            return low, high
    return 0.0, 1.0


def channels_last(values: Vector) -> Vector:
    """(H, W) as it is, (C, H, W) as (H, W, C)."""
    if values.ndim == 2 or values.shape[2] == 3:
        return values
    return np.moveaxis(values, 0, 2)


def grey(values: Vector, shape: tuple[int, ...], low: float, high: float) -> Pixels:
    """Values of the domain as levels of 0..255."""
    level = (channels_last(np.asarray(values).reshape(shape)) - low) / (high - low)
    levels: Pixels = (np.clip(np.nan_to_num(level), 0.0, 1.0) * 255.0).round().astype(np.uint8)
    return levels


def signed(change: Vector, largest: float) -> Pixels:
    """Differences (H, W) as colours (H, W, 3).

    A colour's strength is the root of the share of the largest difference: what is small stays
    visible beside it.
    """
    share = np.sqrt(np.clip(np.abs(change) / largest if largest > 0.0 else 0.0 * change, 0.0, 1.0))
    end = np.where((change > 0.0)[..., None], np.array(GAIN), np.array(LOSS))
    colour = (1.0 - share)[..., None] * np.array(NONE) + share[..., None] * end
    found: Pixels = colour.round().astype(np.uint8)
    return found


def address(pixels: Pixels) -> str:
    """The PNG file as a data address."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _change(record: Record) -> Vector | None:
    if record.witness is None or record.image is None:
        return None
    if record.witness.size != record.image.size:
        return None
    change: Vector = np.nan_to_num(np.asarray(record.witness - record.image, dtype=np.float64))
    return change


def _strongest(change: Vector, shape: tuple[int, ...]) -> Vector:
    """The change of the channel that changed most, with its sign: (H, W)."""
    last = channels_last(change.reshape(shape))
    if last.ndim == 2:
        return last
    pick = np.argmax(np.abs(last), axis=2)[..., None]
    most: Vector = np.take_along_axis(last, pick, axis=2)[..., 0]
    return most
