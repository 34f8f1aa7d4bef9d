"""Outward rounding for the few places where a bound is formed rather than computed."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from .arrays import Vector

UNIT = 2.0**-53
LARGEST = float(np.finfo(np.float64).max)
TINY = 1e-290  # stands above every error that underflow can make in a network of this size


def gamma(terms: float) -> float:
    """n u / (1 - n u): relative error of a sum of n products in any order (Higham 2002, 3.1)."""
    product = terms * UNIT
    return product / (1.0 - product)


def two_sum(a: Vector, b: Vector) -> tuple[Vector, Vector]:
    """The rounded sum and its error, exactly, of numbers far from overflow (Knuth's two-sum)."""
    total = a + b
    virtual = total - a
    return total, (a - (total - virtual)) + (b - virtual)


def add_down(a: Vector, b: Vector) -> Vector:
    """A float no larger than a + b, equal to it where the sum is exact."""
    total, error = two_sum(a, b)
    inexact = np.isfinite(total) & ~(error >= 0.0)
    out: Vector = np.where(inexact, np.nextafter(total, -np.inf), total)
    return out


def add_up(a: Vector, b: Vector) -> Vector:
    """A float no smaller than a + b."""
    return -add_down(-a, -b)


def float32_box(lower: Vector, upper: Vector) -> tuple[Vector, Vector]:
    """The float32 numbers inside a box, of any shape, as float64: (least, greatest), crossed where
    there are none.
    """
    low, high = lower.astype(np.float32), upper.astype(np.float32)
    low = np.where(low.astype(np.float64) < lower, np.nextafter(low, np.float32(np.inf)), low)
    high = np.where(high.astype(np.float64) > upper, np.nextafter(high, np.float32(-np.inf)), high)
    return low.astype(np.float64), high.astype(np.float64)


def floor_float(value: Fraction) -> float:
    """The largest float that is at most `value`, -inf where none is."""
    try:
        near = float(value)
    except OverflowError:
        return LARGEST if value > 0 else -np.inf
    return near if Fraction(near) <= value else float(np.nextafter(near, -np.inf))


def ceil_float(value: Fraction) -> float:
    """The smallest float that is at least `value`, inf where none is."""
    return -floor_float(-value)
