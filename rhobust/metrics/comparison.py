"""Two networks, or two runs, on the same images: is the difference more than chance?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..compiler.base.arrays import Mask
from ..compiler.base.errors import InputError


@dataclass(frozen=True, slots=True)
class McNemar:
    """McNemar's exact test of two shares over the same images.

    first, second: images that only the first, only the second has proven, the other being lost.
    p: the two-sided probability of a difference as large by chance, over images decided in both.
    p_worst: the largest p that the open images could still lead to; the difference holds whatever
    they are where it is small.
    open: images that are open in one of the two at least.
    """

    first: int
    second: int
    p: float
    p_worst: float
    open: int


def mcnemar(proven: tuple[Mask, Mask], lost: tuple[Mask, Mask]) -> McNemar:
    """The test of images proven and lost, (N,) each, in the first and in the second.

    An image that is neither is open. The exact binomial form (McNemar 1947): of the images that
    differ, half are expected on each side.
    """
    if len({len(mask) for mask in (*proven, *lost)}) != 1:
        raise InputError("the two do not have the same images")
    if any((yes & no).any() for yes, no in zip(proven, lost, strict=True)):
        raise InputError("an image is proven and lost at once")
    (kept, other_kept), (gone, other_gone) = proven, lost
    unknown, other_unknown = ~kept & ~gone, ~other_kept & ~other_gone
    first, second = int((kept & other_gone).sum()), int((gone & other_kept).sum())
    only_first = int(((kept & other_unknown) | (unknown & other_gone)).sum())
    only_second = int(((gone & other_unknown) | (unknown & other_kept)).sum())
    either = int((unknown & other_unknown).sum())
    # p grows with the smaller of the two counts and falls with the larger: level them
    few, many, more = (
        (first, second, only_first) if first <= second else (second, first, only_second)
    )
    levelled = min(many, few + more + either)
    return McNemar(
        first, second, two_sided(first, second), two_sided(levelled, many),
        int(np.count_nonzero(unknown | other_unknown)),
    )  # fmt: skip


def two_sided(one: int, other: int) -> float:
    """The chance that a fair coin falls so unevenly, to either side, in one + other throws."""
    from scipy.special import bdtr

    if one == other:
        return 1.0
    return min(1.0, 2.0 * float(bdtr(min(one, other), one + other, 0.5)))
