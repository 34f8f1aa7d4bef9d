"""The inputs near a center: a ball of some norm inside a domain, as a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeAlias

import numpy as np

from ..base.arrays import Vector, exact
from ..base.norms import L1, L2, LINF, NormKind
from ..base.rounding import add_down, add_up
from ..language.expressions import Variable
from ..language.formulas import Formula
from ..language.norms import norm1, norm2, norm_inf

Ends: TypeAlias = tuple[Vector, Vector]
"""Lower and upper ends of a box, (D,) each."""
Rounded: TypeAlias = Callable[[Vector, Vector], Vector]
"""A sum, rounded in one direction."""

FORMULAS = {LINF: norm_inf, L1: norm1, L2: norm2}


@dataclass(frozen=True, eq=False)
class InputRegion:
    """The inputs within eps of a center, in a norm, and inside the domain [lower, upper].

    center, lower and upper: (D,).  eps: infinite for the whole domain.
    """

    center: Vector
    lower: Vector
    upper: Vector
    norm: NormKind = LINF
    eps: float = np.inf

    def within(self, eps: float) -> InputRegion:
        """The same with another radius."""
        return replace(self, eps=eps)

    def box(self) -> Ends:
        """The least box of floats around it, rounded outwards: what is proven there holds here."""
        return self._ends(add_down, add_up)

    def inner_box(self) -> Ends:
        """The same rounded inwards: inside of it no coordinate is too far, exactly."""
        return self._ends(add_up, add_down)

    def _ends(self, low: Rounded, high: Rounded) -> Ends:
        if self.eps == np.inf:
            return self.lower, self.upper
        radius = np.full(len(self.center), self.eps)
        return (
            np.maximum(self.lower, low(self.center, -radius)),
            np.minimum(self.upper, high(self.center, radius)),
        )

    def near_box(self) -> Ends:
        """The same rounded as it comes, for linear programs, whose points are checked later."""
        low, high = self.center - self.eps, self.center + self.eps
        return np.maximum(self.lower, low), np.minimum(self.upper, high)

    def ball_holds(self, point: Vector) -> bool:
        """Whether a point (D,) of floats is within eps, exactly; the domain is not looked at."""
        if self.eps == np.inf or (point == self.center).all():
            return True
        return self.norm.within(exact(point) - exact(self.center), Fraction(self.eps))

    def distance(self, point: Vector) -> float:
        """From the center, rounded up."""
        moved = point != self.center
        if not moved.any():
            return 0.0
        gaps = np.maximum(add_up(point, -self.center), add_up(self.center, -point))
        return self.norm.length_up(np.where(moved, gaps, 0.0))

    def near_distance(self, point: Vector) -> float:
        """From the center, rounded as it comes."""
        return self.norm.length(point - self.center)

    @property
    def largest(self) -> float:
        """The radius beyond which it is the whole domain, rounded as it comes."""
        return self.norm.length(np.maximum(self.center - self.lower, self.upper - self.center))

    def formula(self, x: Variable) -> Formula:
        """That an input is in the ball; its domain are the variable's own bounds."""
        return FORMULAS[self.norm](x.affine - self.center) <= self.eps
