"""The Square attack (Andriushchenko et al. 2020): random search with the outputs alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt
from typing import ClassVar

import numpy as np

from ...compiler.base.arrays import Indices, Matrix, Tensor
from ...compiler.base.norms import L2, LINF, NormKind
from ..balls import SMALLEST
from ..batch import Batch, Found
from .method import at_least

FALLS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
"""Shares of the steps after which the windows' area is halved: 10, 50, 200, ... of 10,000 in the
paper's Appendix B."""


@dataclass(frozen=True)
class Square:
    """Windows of an image are set to new values, and kept set where the lead falls.

    steps: outputs asked for an image.  share: of an image's pixels in the first windows.  Inputs
    without a shape that are a square number of values are taken for a square image; of any other
    number for one row.
    """

    steps: int = 1000
    share: float = 0.3

    name: ClassVar[str] = "square"
    norms: ClassVar[tuple[NormKind, ...]] = (LINF, L2)
    minimal: ClassVar[bool] = False
    needs: ClassVar[str] = "logits"

    def __post_init__(self) -> None:
        at_least(self.steps, 1, "steps")

    def run(self, batch: Batch) -> Found:
        first, changed = SEARCHES[batch.norm]
        found = Found.nothing(batch)
        todo = np.arange(len(batch))
        shape = channels_first(batch.shape, batch.images.shape[1])
        points = batch.inside(batch.images + first(batch, shape))
        share = self.share
        for step in range(self.steps):
            part = batch.rows(todo)
            logits = batch.model.logits(points)
            found.take(todo, points, part.criterion.lead(logits))
            # the best points' own lead may be far below 0 already
            done = found.lead[todo] <= -1e-5 * (1.0 + np.abs(logits).max(axis=1))
            todo = todo[~done]
            if not len(todo) or batch.stop():
                break
            share = self.share * 0.5 ** sum(step >= fall * self.steps for fall in FALLS)
            part = batch.rows(todo)
            steps = found.points[todo] - part.images
            if not np.isfinite(found.lead[todo]).all():
                steps = np.nan_to_num(steps)
            side = max(1, round((share * shape[1] * shape[2]) ** 0.5))
            points = part.inside(part.images + changed(part, steps, shape, side))
        return found


def channels_first(shape: tuple[int, ...], size: int) -> tuple[int, int, int]:
    """(C, H, W) of an input; flat ones are square where their size is."""
    sides = tuple(side for side in shape if side != 1)
    if len(sides) == 3:
        return sides
    if len(sides) == 2:
        return 1, *sides
    side = isqrt(size)
    return (1, side, side) if side * side == size else (1, 1, size)


def _windows(batch: Batch, shape: tuple[int, int, int], side: int) -> tuple[Indices, Indices]:
    """Row and column indices of a random window of each image: (N, h, 1), (N, 1, w)."""
    height, width = min(side, shape[1]), min(side, shape[2])
    if shape[1] == 1:
        width = min(side * side, shape[2])
    top = batch.rng.integers(0, shape[1] - height + 1, len(batch))
    left = batch.rng.integers(0, shape[2] - width + 1, len(batch))
    rows = top[:, None, None] + np.arange(height)[None, :, None]
    columns = left[:, None, None] + np.arange(width)[None, None, :]
    return rows, columns


def _signs(batch: Batch, shape: tuple[int, ...]) -> Tensor:
    found: Tensor = batch.rng.choice([-1.0, 1.0], shape)
    return found


def _stripes(batch: Batch, shape: tuple[int, int, int]) -> Matrix:
    """Vertical stripes as high as the radius, for l-infinity."""
    steps = np.broadcast_to(
        _signs(batch, (len(batch), shape[0], 1, shape[2])), (len(batch), *shape)
    )
    return batch.radius[:, None] * steps.reshape(len(batch), -1)


def _filled(batch: Batch, steps: Matrix, shape: tuple[int, int, int], side: int) -> Matrix:
    """One window of each image set to the radius, up or down by channel (Algorithm 2)."""
    planes = steps.reshape(len(batch), *shape).copy()
    rows, columns = _windows(batch, shape, side)
    value = batch.radius[:, None] * _signs(batch, (len(batch), shape[0]))
    number = np.arange(len(batch))[:, None, None]
    for channel in range(shape[0]):
        planes[number, channel, rows, columns] = value[:, channel, None, None]
    return planes.reshape(len(batch), -1)


def bump(height: int, width: int) -> Matrix:
    """Rectangles around each other, the inner ones higher, of length 1 (Algorithm 3's eta)."""
    made = np.zeros((height, width))
    top, left = height // 2, width // 2
    for ring in range(max(top, left) + 1):
        made[max(top - ring, 0) : top + ring + 1, max(left - ring, 0) : left + ring + 1] += (
            1.0 / (ring + 1) ** 2
        )
    found: Matrix = made / np.sqrt((made * made).sum())
    return found


def pair(height: int, width: int, across: bool) -> Matrix:
    """Two bumps of opposite signs beside each other, of length 1."""
    made = np.zeros((height, width))
    if across and width > 1:
        half = width // 2
        made[:, :half], made[:, half:] = bump(height, half), -bump(height, width - half)
    elif height > 1:
        half = height // 2
        made[:half], made[half:] = bump(half, width), -bump(height - half, width)
    else:
        made[:] = bump(height, width)
    found: Matrix = made / np.sqrt((made * made).sum())
    return found


def _tiles(batch: Batch, shape: tuple[int, int, int]) -> Matrix:
    """Pairs of bumps side by side over the whole image, for l2."""
    count, channels, height, width = len(batch), *shape
    side = max(2, max(height, width) // 5)
    steps = np.zeros((count, *shape))
    for top in range(0, height, side):
        for left in range(0, width, side):
            room = steps[:, :, top : top + side, left : left + side]
            tile = pair(room.shape[2], room.shape[3], bool(batch.rng.integers(2)))
            room += _signs(batch, (count, channels, 1, 1)) * tile
    flat = steps.reshape(count, -1)
    size = np.sqrt((flat * flat).sum(axis=1))
    found: Matrix = (batch.radius / np.maximum(size, SMALLEST))[:, None] * flat
    return found


def _moved(batch: Batch, steps: Matrix, shape: tuple[int, int, int], side: int) -> Matrix:
    """One window's length given to another, which gets a new pair of bumps (Algorithm 3)."""
    count, channels = len(batch), shape[0]
    planes = steps.reshape(count, *shape).copy()
    rows, columns = _windows(batch, shape, max(side, 2))
    other_rows, other_columns = _windows(batch, shape, max(side, 2))
    spent = (planes * planes).sum(axis=(1, 2, 3))
    number, channel = (
        np.arange(count)[:, None, None, None],
        np.arange(channels)[None, :, None, None],
    )
    here = number, channel, rows[:, None], columns[:, None]
    there = number, channel, other_rows[:, None], other_columns[:, None]
    marked = np.zeros(planes.shape, dtype=bool)
    marked[here] = marked[there] = True
    freed = (planes * planes * marked).sum(axis=(2, 3))
    own = planes[here]
    size = np.sqrt((own * own).sum(axis=(2, 3), keepdims=True))
    tile = pair(own.shape[2], own.shape[3], bool(batch.rng.integers(2)))
    new = _signs(batch, (count, channels, 1, 1)) * tile + own / np.maximum(size, SMALLEST)
    new /= np.maximum(np.sqrt((new * new).sum(axis=(2, 3), keepdims=True)), SMALLEST)
    left = np.maximum(batch.radius**2 - spent, 0.0)[:, None] / channels
    planes[there] = 0.0
    planes[here] = np.sqrt(left + freed)[:, :, None, None] * new
    flat = planes.reshape(count, -1)
    length = np.sqrt((flat * flat).sum(axis=1))
    found: Matrix = (batch.radius / np.maximum(length, SMALLEST))[:, None] * flat
    return found


First = Callable[[Batch, tuple[int, int, int]], Matrix]
Changed = Callable[[Batch, Matrix, tuple[int, int, int], int], Matrix]
SEARCHES: dict[NormKind, tuple[First, Changed]] = {LINF: (_stripes, _filled), L2: (_tiles, _moved)}
"""First steps away from the images, and how they are changed."""
