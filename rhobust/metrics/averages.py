"""The mean and the quantiles of rho over images, of which intervals are known."""

from __future__ import annotations

import math

import numpy as np

from ..compiler.base.errors import InputError
from .intervals import Distances, Results, distances


def quantile(
    results: Results, share: float = 0.5, correct_only: bool = False
) -> tuple[float, float]:
    """The least radius within which this share of the images has an example: at least, at most.

    0.5 is the median of rho. inf where so many have none, or where none was found of so many.
    """
    if not 0.0 < share <= 1.0:  # NaN too
        raise InputError(f"share is {share!r}, and should lie between 0 and 1")
    known = chosen(results, correct_only)
    place = max(math.ceil(share * len(known) - 1e-9), 1) - 1
    lower, upper = np.sort(known.lower)[place], np.sort(known.upper)[place]
    return float(min(lower, upper)), float(upper)


def mean(results: Results, correct_only: bool = False) -> tuple[float, float]:
    """The mean of rho over the images: at least, at most; inf where some image has no example."""
    known = chosen(results, correct_only)
    lower, upper = float(known.lower.mean()), float(known.upper.mean())
    return min(lower, upper), upper


def chosen(results: Results, correct_only: bool) -> Distances:
    """The images that a statistic is over: all, or those that are classified correctly."""
    known = distances(results)
    if not correct_only:
        return known
    if not known.correct.any():
        raise InputError("no image is classified correctly")
    return known.kept(known.correct)
