"""The normal distribution on whole numbers, as it is sampled and as it is proven to be.

Voracek & Hein 2023 ("Sound randomized smoothing in floating-point arithmetic", ICLR): where images
are whole multiples of a step, let the noise be rounded to whole steps. A whole v plus a rounded z
is v + z rounded, so this is ordinary smoothing of "round, then classify", to which the theorem
applies, and no sum is rounded that the theorem takes for exact.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..compiler.base.errors import InputError
from .normal import cdf

MOST = 32767
"""Marks a cell of which 16 bits do not tell the entry."""

WORD = 1 << 64

BITS8 = 255
"""The grid of images whose numbers are bytes, divided by 255."""

FINEST = 1 << 20
"""Of grids, and the largest number on one in steps: float32 holds all that are made of it."""


@dataclass(frozen=True, eq=False)
class Table:
    """P(k <= j) = limits[j + reach] / 2^64 for j = -reach ... reach - 1, k from -reach to reach.

    cells (65536,): k by the first 16 bits of 64, or `MOST`. sigma is in whole steps. difference: an
    upper bound on the total variation distance of one entry from round(N(0, sigma^2)).
    """

    grid: int
    sigma: Fraction
    limits: npt.NDArray[np.uint64]
    cells: npt.NDArray[np.int16]
    difference: Fraction

    @property
    def reach(self) -> int:
        return len(self.limits) // 2

    def entry(
        self, first: npt.NDArray[np.uint16], more: npt.NDArray[np.uint64]
    ) -> npt.NDArray[np.int16]:
        """k by all 64 bits: the first 16, and 48 more."""
        word = (first.astype(np.uint64) << np.uint64(48)) | more
        return (np.searchsorted(self.limits, word, side="right") - self.reach).astype(np.int16)


def scale_fits(sigma: float, grid: int) -> bool:
    """Whether there is a table for sigma on multiples of 1 / grid."""
    return Fraction(1, 8) <= Fraction(sigma) * grid <= 3000


def common(sigma: float, images: Iterable[npt.NDArray[np.float64]]) -> int | None:
    """The grid on which all these images lie, that of 8-bit ones or whole numbers; None if none."""
    left = [grid for grid in (BITS8, 1) if scale_fits(sigma, grid)]
    for image in images:
        left = [grid for grid in left if lies_on(image, grid)]
        if not left:
            return None
    return left[0] if left else None


def lies_on(image: npt.NDArray[np.float64], grid: int) -> bool:
    """Whether an image's numbers are multiples of 1 / grid."""
    try:
        pixels(image, grid)
    except InputError:
        return False
    return True


@lru_cache(maxsize=16)
def table(sigma: float, grid: int) -> Table:
    """The table for noise of standard deviation sigma on multiples of 1 / grid.

    InputError where its entries would not fit 16 bits, or where all noise would be rounded to 0.
    """
    scale = Fraction(sigma) * grid
    if grid > FINEST:
        raise InputError(f"a grid of 1/{grid} is finer than 1/{FINEST}, the finest there is")
    if not scale_fits(sigma, grid):
        raise InputError(
            f"sigma is {float(scale):.3g} steps of 1/{grid}; it must be from 1/8 to 3000 of them"
        )
    upper: list[int] = []
    wrong = Fraction(0)
    beyond = Fraction(1)
    while beyond * (1 << 62) > 1:  # limits of k <= 0, 1, ...
        low, high = cdf((len(upper) + Fraction(1, 2)) / scale)
        beyond = 1 - low
        limit = round((low + high) / 2 * WORD)
        if limit >= WORD:
            break
        share = Fraction(limit, WORD)
        wrong += max(high - share, share - low)
        upper.append(limit)
    # P(k <= -1 - j) = 1 - P(k <= j), of the same error
    limits = [WORD - limit for limit in reversed(upper)] + upper
    # |p_k - p'_k| is at most the errors of its two limits, and the distance half of all of them;
    # what lies beyond the table is moved to its ends
    difference = 2 * wrong + 2 * beyond
    ends = np.array(limits, dtype=np.uint64)
    starts = np.arange(1 << 16, dtype=np.uint64) << np.uint64(48)
    first = np.searchsorted(ends, starts, side="right")
    last = np.searchsorted(ends, starts | np.uint64((1 << 48) - 1), side="right")
    cells = np.where(first == last, first - len(upper), MOST).astype(np.int16)
    return Table(grid, scale, ends, cells, difference)


def pixels(image: npt.NDArray[np.float64], grid: int) -> npt.NDArray[np.int32]:
    """The image in whole steps of 1 / grid, (D,); InputError where a number is none.

    A number may be off by 1e-4 of a step, as k / 255 is in float32 or float64.
    """
    steps = image * grid
    whole = np.rint(steps)
    if not (np.abs(steps - whole) <= 1e-4).all() or not (np.abs(whole) <= FINEST).all():
        worst = float(image[int(np.argmax(np.abs(steps - whole)))])
        raise InputError(
            f"an image holds {worst:.9g}, which is no multiple of 1/{grid}; noise on a grid is for "
            "images whose numbers are (leave out the grid for others)"
        )
    return whole.astype(np.int32)
