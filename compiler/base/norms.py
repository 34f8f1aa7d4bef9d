"""The norms in which distances of inputs are measured, in floats, rounded outwards, and exactly."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from fractions import Fraction
from math import isqrt
from typing import TypeAlias

import numpy as np

from .arrays import Vector
from .errors import InputError
from .rounding import ceil_float

NormName: TypeAlias = str | float
"""What a user may call a norm: linf, inf or infinity (the number too), l1 or 1, l2 or 2; of texts
capitals do not matter."""

_SPELLED = re.compile(r"(?:l[ _-]?)?(1|2|inf|infinity|\N{INFINITY})", re.IGNORECASE)


class NormKind(StrEnum):
    """One of the norms; what depends on it elsewhere is a table over these three.

    Boxes around balls and centers that no floats are rely on largest |x_j| <= norm <= sum |x_j|.
    """

    LINF = "linf"
    L1 = "l1"
    L2 = "l2"

    @classmethod
    def of(cls, name: NormName) -> NormKind:
        """The one of a name that a user gave, see `NormName`, or a clear error."""
        number = isinstance(name, int | float | np.number) and not isinstance(name, bool)
        text = f"{name:g}" if number else name if isinstance(name, str) else ""
        found = _SPELLED.fullmatch(text.strip())
        if found is None:
            raise InputError(
                f"norm {name!r} is not supported; supported: {', '.join(cls)} (or inf, 1, 2)"
            )
        which = found[1]
        return cls(f"l{which}" if which in "12" else "linf")

    def length(self, step: Vector) -> float:
        """The norm of a vector, rounded as it comes."""
        return LENGTHS[self](step)

    def length_up(self, gaps: Vector) -> float:
        """No less than the norm of a vector without a negative element."""
        share, lost = ROUNDED[self]
        return self.length(gaps) * (1.0 + share * (len(gaps) + 4)) + lost

    def exactly_up(self, step: Sequence[Fraction]) -> float:
        """A float no smaller than the norm of an exact vector, and the next one at most."""
        power, measure = POWERS[self]
        return ROOTS[power](measure(step))

    def within(self, step: Iterable[Fraction], radius: Fraction) -> bool:
        """Whether the norm of an exact vector is at most a radius."""
        power, measure = POWERS[self]
        return measure(step) <= radius**power


LINF, L1, L2 = NormKind


def _largest(step: Vector) -> float:
    return float(np.abs(step).max(initial=0.0))


def _total(step: Vector) -> float:
    return float(np.abs(step).sum())


def _euclidean(step: Vector) -> float:
    return float(np.sqrt(step @ step))


def _root_up(square: Fraction) -> float:
    # sqrt(p / q) = sqrt(p q 4^k) / (q 2^k), in integers of 128 bits at least
    whole = square.numerator * square.denominator
    shift = max(0, 128 - whole.bit_length() // 2)
    root = isqrt(whole << 2 * shift)
    root += root * root < whole << 2 * shift
    return ceil_float(Fraction(root, square.denominator << shift))


LENGTHS: dict[NormKind, Callable[[Vector], float]] = {
    LINF: _largest, L1: _total, L2: _euclidean,
}  # fmt: skip
ROUNDED = {LINF: (0.0, 0.0), L1: (2e-16, 1e-300), L2: (2e-16, 1e-150)}
"""Shares lost an element, each product, sum and root being rounded once, and what else is lost:
squares below the smallest number, together less than the root of their count times 2e-308."""
POWERS: dict[NormKind, tuple[int, Callable[[Iterable[Fraction]], Fraction]]] = {
    LINF: (1, lambda step: max(map(abs, step), default=Fraction(0))),
    L1: (1, lambda step: sum(map(abs, step), Fraction(0))),
    L2: (2, lambda step: sum((part * part for part in step), Fraction(0))),
}
"""The power of each norm that is rational, and that power of a vector's norm."""
ROOTS: dict[int, Callable[[Fraction], float]] = {1: ceil_float, 2: _root_up}
"""The roots of these powers, rounded up."""
