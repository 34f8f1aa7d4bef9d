"""The norms in which distances of inputs are measured, in floats, rounded outwards, and exactly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from fractions import Fraction
from math import isqrt

import numpy as np

from .arrays import Vector
from .errors import InputError
from .rounding import ceil_float


class NormKind(StrEnum):
    """One of the norms; what depends on it elsewhere is a table over these three."""

    LINF = "linf"
    L1 = "l1"
    L2 = "l2"

    @classmethod
    def of(cls, name: str) -> NormKind:
        """The one of a name that a user gave, or a clear error."""
        try:
            return cls(name)
        except ValueError:
            raise InputError(
                f"norm {name!r} is not supported; supported: {', '.join(cls)}"
            ) from None

    def length(self, step: Vector) -> float:
        """The norm of a vector, rounded as it comes."""
        if self is LINF:
            return float(np.abs(step).max(initial=0.0))
        if self is L1:
            return float(np.abs(step).sum())
        return float(np.sqrt(step @ step))

    def length_up(self, gaps: Vector) -> float:
        """No less than the norm of a vector without a negative element."""
        if self is LINF:
            return float(gaps.max(initial=0.0))
        # each product, sum and root is rounded once; squares below the smallest number are lost,
        # together less than the root of their count times 2e-308
        lost = 1e-150 if self is L2 else 1e-300
        return self.length(gaps) * (1.0 + 2e-16 * (len(gaps) + 4)) + lost

    def exactly_up(self, step: Sequence[Fraction]) -> float:
        """A float no smaller than the norm of an exact vector, and the next one at most."""
        sizes = [abs(part) for part in step]
        if self is LINF:
            return ceil_float(max(sizes, default=Fraction(0)))
        if self is L1:
            return ceil_float(sum(sizes, Fraction(0)))
        total = sum((part * part for part in sizes), Fraction(0))
        # sqrt(p / q) = sqrt(p q 4^k) / (q 2^k), in integers of 128 bits at least
        square = total.numerator * total.denominator
        shift = max(0, 128 - square.bit_length() // 2)
        root = isqrt(square << 2 * shift)
        root += root * root < square << 2 * shift
        return ceil_float(Fraction(root, total.denominator << shift))

    def within(self, step: Iterable[Fraction], radius: Fraction) -> bool:
        """Whether the norm of an exact vector is at most a radius."""
        if self is LINF:
            return all(abs(part) <= radius for part in step)
        if self is L1:
            return sum((abs(part) for part in step), Fraction(0)) <= radius
        return sum((part * part for part in step), Fraction(0)) <= radius * radius


LINF, L1, L2 = NormKind
