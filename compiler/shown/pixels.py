"""Images as pixels: their shape, levels, signed changes, and PNG files inside a page."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt, prod

import numpy as np
import numpy.typing as npt

from ..base.arrays import Vector
from .colours import GAIN, LOSS, NONE
from .told import Picture

Pixels = npt.NDArray[np.uint8]

LARGEST = 1024
"""Pixels of a side beyond which numbers are taken for no image."""
THUMBNAIL = 64
"""Pixels of the longer side of a picture that is shown small."""


def image_shape(shape: Sequence[int], *, square: bool = False) -> tuple[int, ...] | None:
    """How an image is drawn: (H, W), (C, H, W) or (H, W, C) with three channels; None for what is
    none.  square: whether flat numbers of a square number are taken for a square.
    """
    sides = tuple(side for side in shape if side != 1)
    colours = len(sides) == 3 and 3 in (sides[0], sides[2])
    if (len(sides) == 2 or colours) and max(sides) <= LARGEST:
        return sides
    side = isqrt(prod(shape))
    if square and 1 < side <= LARGEST and side * side == prod(shape):
        return side, side
    return None


def channels_last(values: Vector) -> Vector:
    """(H, W) as it is, (C, H, W) as (H, W, C)."""
    if values.ndim == 2 or values.shape[2] == 3:
        return values
    return np.moveaxis(values, 0, 2)


def levels(values: Vector, shape: tuple[int, ...], low: float, high: float) -> Vector:
    """Values of a domain as levels 0 to 1, channels last."""
    level = (channels_last(np.asarray(values).reshape(shape)) - low) / max(high - low, 1e-300)
    found: Vector = np.clip(np.nan_to_num(level), 0.0, 1.0)
    return found


def grey(values: Vector, shape: tuple[int, ...], low: float, high: float) -> Pixels:
    """The same as whole levels of 0 to 255."""
    found: Pixels = (levels(values, shape, low, high) * 255.0).round().astype(np.uint8)
    return found


def strongest(change: Vector, shape: tuple[int, ...]) -> Vector:
    """Of each pixel the change of the channel that changed most, with its sign: (H, W)."""
    last = channels_last(change.reshape(shape))
    if last.ndim == 2:
        return last
    pick = np.argmax(np.abs(last), axis=2)[..., None]
    most: Vector = np.take_along_axis(last, pick, axis=2)[..., 0]
    return most


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


def thumbnail(pixels: Pixels, caption: str) -> Picture:
    """A picture of at most THUMBNAIL pixels a side."""
    from PIL import Image

    height, width = pixels.shape[:2]
    factor = THUMBNAIL / max(height, width)
    if factor < 1.0:
        sides = max(1, round(factor * width)), max(1, round(factor * height))
        small = Image.fromarray(pixels).resize(sides, Image.Resampling.BOX)
        pixels = np.asarray(small, dtype=np.uint8)
    return Picture(caption, address(pixels), *pixels.shape[:2])


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """An image (D,) that something is near to, its shape, and the ends of its domain."""

    image: Vector
    shape: tuple[int, ...]
    low: float
    high: float

    def pictures(self, example: Vector, captions: tuple[str, str]) -> tuple[Picture, ...]:
        """The image, an example near it and their difference; () where it is no image.

        captions: of the image and the example.
        """
        shape = image_shape(self.shape, square=True)
        if shape is None or example.size != self.image.size or self.image.size != prod(shape):
            return ()
        change = np.nan_to_num(example - self.image)
        largest = float(np.abs(change).max(initial=0.0))
        both = (
            thumbnail(grey(values, shape, self.low, self.high), caption)
            for values, caption in zip((self.image, example), captions, strict=True)
        )
        painted = signed(strongest(change, shape), largest)
        told = f"difference, at most {largest:.3g}"
        return (*both, thumbnail(painted, told))
