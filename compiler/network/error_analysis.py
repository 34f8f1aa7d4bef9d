"""What is known of numbers whose rounding errors are followed, in float64 and in float32.

A running error analysis (Higham 2002, section 3.3): every number has a bound on its error, and what
a layer makes of the numbers and of their errors stands beside it in `layers/`. A sum of n products
has an error of at most gamma(n) times the sum of their sizes in every order of summation, with or
without fused multiplications (ibid., section 3.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..base.arrays import Matrix, Vector
from ..base.rounding import TINY, gamma
from ..language.expressions import Affine
from ..operators import is_identity

FLOAT32_UNIT = 2.0**-24
FLOAT32_SMALLEST = 2.0**-126
"""The smallest normal number; results below it may be flushed to zero."""
FLOAT32_READ = 2.0 * FLOAT32_SMALLEST
"""What a number, or a limit that it was clipped to, loses where whoever reads it takes numbers
below the smallest normal one for zero.  Every number's error holds it already."""
EXTRA = 8
"""Roundings of a coefficient, a bias and a result beside those of a sum, counted generously.

Coefficients may be rounded once or twice more, as by a runtime that folds a scale into a
convolution.
"""


@dataclass(frozen=True, slots=True)
class Enclosed:
    """Numbers and how far from them the true values can be; both (B, size)."""

    middle: Matrix
    radius: Matrix

    @classmethod
    def point(cls, values: Vector, radius: Vector | None = None) -> Enclosed:
        """One input, known exactly or up to a radius."""
        known = np.zeros(len(values)) if radius is None else radius
        return cls(values[None], known[None])


def within_bounds(x: Affine) -> Enclosed:
    """An expression over variables anywhere within their bounds; NaN or inf without bounds."""
    middle = radius = np.zeros((1, x.size))
    for term in x.terms:
        variable = term.variable
        center = variable.lower / 2 + variable.upper / 2
        center = np.where(variable.lower == variable.upper, variable.lower, center)
        apart = outward(np.maximum(variable.upper - center, center - variable.lower))
        apart = np.where(variable.lower == variable.upper, 0.0, apart)
        if len(x.terms) == 1 and not x.offsets and is_identity(term.operator):
            if term.factor == 1.0:
                return Enclosed.point(center, apart)
        size = term.operator.absolute()
        part = term.operator.apply(center[None]) * term.factor
        spread = size.apply(apart[None]) * abs(term.factor)
        magnitude = size.apply(np.abs(center)[None]) * abs(term.factor) + spread
        radius = radius + outward(spread + gamma(term.operator.terms + EXTRA) * magnitude)
        radius = radius + 2.0**-50 * np.abs(middle) + 2.0**-50 * np.abs(part)
        middle = middle + part
    for offset in x.offsets:
        part = offset.operator.apply(offset.vector[None]) * offset.factor
        size = offset.operator.absolute()
        magnitude = size.apply(np.abs(offset.vector)[None]) * abs(offset.factor)
        radius = radius + gamma(offset.operator.terms + EXTRA) * magnitude
        radius = radius + 2.0**-50 * np.abs(middle) + 2.0**-50 * np.abs(part)
        middle = middle + part
    return Enclosed(middle, outward(radius))


@dataclass(frozen=True, slots=True)
class Rounded:
    """What a value is exactly, over the box, and how far a float32 evaluation can be from it."""

    exact: Enclosed
    error: Vector

    @property
    def size(self) -> Vector:
        """The largest number that either of them can be, (N,)."""
        found: Vector = np.abs(self.exact.middle[0]) + self.exact.radius[0] + self.error
        return found


def outward(radius: Matrix) -> Matrix:
    """A radius that was computed in float64, and some more than its last operations can have lost.

    Their relative errors are 2^-53 each; a sum of n terms in it needs a factor of gamma(n + EXTRA),
    of which the excess over gamma(n) covers the rounding of the sum itself.
    """
    return radius * (1.0 + 1e-11) + TINY


def float32_gamma(terms: int) -> float:
    """The relative error of a sum of `terms` products in float32, inf where it has no bound."""
    product = (terms + EXTRA) * FLOAT32_UNIT
    return product / (1.0 - product) if product < 0.5 else np.inf
