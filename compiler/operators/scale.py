"""Factors and divisors of single elements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..base.arrays import Indices, Numbers, Vector, exact
from ..base.later import sparse
from .linear_operator import is_exact


@dataclass(frozen=True, eq=False)
class Scale:
    """y = x * multiplier / divisor, elementwise, meant over the reals.  Both (size,)."""

    multiplier: Vector
    divisor: Vector

    @property
    def in_size(self) -> int:
        return len(self.multiplier)

    @property
    def out_size(self) -> int:
        return len(self.multiplier)

    @property
    def terms(self) -> int:
        return 2

    @property
    def adjoint_terms(self) -> int:
        return 2

    def apply(self, values: Numbers) -> Numbers:
        if is_exact(values):
            return values * (exact(self.multiplier) / exact(self.divisor))
        return values * self.multiplier / self.divisor

    def adjoint(self, values: Numbers) -> Numbers:
        return self.apply(values)

    def rows(self, units: Indices) -> sparse.csr_array:
        values = self.multiplier[units] / self.divisor[units]
        starts = np.arange(len(units) + 1)
        return sparse.csr_array((values, units, starts), shape=(len(units), self.in_size))

    def absolute(self) -> Scale:
        return Scale(np.abs(self.multiplier), np.abs(self.divisor))
