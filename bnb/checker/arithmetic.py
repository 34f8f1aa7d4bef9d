"""Float64 numbers that are rounded the safe way.

Products are left to any BLAS: a sum of n products of floats, in any order, fused or not, differs
from the exact sum by at most gamma_n * sum of |product|, gamma_n = n u / (1 - n u), u = 2**-53
(Higham, Accuracy and Stability of Numerical Algorithms, section 3.1). What is below the normal
range loses at most 2**-1074 in absolute terms, which TINY covers, since no value exceeds LIMIT.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
T = TypeVar("T")
UNIT = 2.0**-53  # what one rounding is off by, relatively
UP = 1.0 + 2.0**-50  # undoes up to seven roundings of a positive number, downwards ones
DOWN = 1.0 - 2.0**-50
TINY = 1e-150  # above all that underflow loses, see the module
LIMIT = 1e100  # far from overflow, also of a product of two


class Refused(Exception):
    """The certificate proves nothing, with the reason."""


OUT_OF_TIME = "the time is up"
NOT_CLOSED = "is not closed"  # in a refusal that exact arithmetic may undo


def in_time(stop: Callable[[], bool] | None) -> None:
    """Refuses once the time is up; None: there is no limit."""
    require(stop is None or not stop(), OUT_OF_TIME)


def require(fact: object, reason: str) -> None:
    """Refuses unless `fact` is true; facts are written so that NaN makes them false."""
    if not fact:
        raise Refused(reason)


def needed(item: T | None, reason: str) -> T:
    """The item; refuses where there is none."""
    if item is None:
        raise Refused(reason)
    return item


def growth(terms: int) -> float:
    """More than gamma_terms, for errors of sums of `terms` products; relatively by a hundredth."""
    require(terms < 2**40, "sums of too many terms")
    return 1.01 * (terms + 8) * UNIT


def midpoint(low: Array, high: Array) -> tuple[Array, Array]:
    """Centre c and radius r with [low, high] inside of [c - r, c + r]; any shape."""
    centre = 0.5 * low + 0.5 * high
    return centre, np.maximum(high - centre, centre - low) * UP


def compared_sum(a: Array, b: Array, c: Array) -> Array:
    """The sign of a + b - c in every element, exactly; no overflow may occur.

    TwoSum: s + e = a + b exactly, and s is the float nearest to it, so that another float
    lies on the same side of the sum as of s.
    """
    s = a + b
    part = s - a
    e = (a - (s - part)) + (b - part)
    return np.asarray(np.where(s != c, np.sign(s - c), np.sign(e)))


def at_most_sum(a: Array, b: Array, bound: Array) -> bool:
    """Whether bound <= a + b in every element, exactly; no overflow may occur."""
    return bool(np.all(compared_sum(a, b, bound) >= 0))
