"""Dense matrices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np

from ..base.arrays import Indices, Matrix, Numbers, exact
from ..base.later import sparse
from .linear_operator import is_exact, portions


@dataclass(frozen=True, eq=False)
class Dense:
    """y = W x.  weight (out_size, in_size), float64."""

    weight: Matrix

    @property
    def in_size(self) -> int:
        return int(self.weight.shape[1])

    @property
    def out_size(self) -> int:
        return int(self.weight.shape[0])

    @property
    def terms(self) -> int:
        return self.in_size

    @property
    def adjoint_terms(self) -> int:
        return self.out_size

    @cached_property
    def _exact(self) -> Numbers:
        return np.concatenate([exact(self.weight[p]) for p in portions(*self.weight.shape)])

    @cached_property
    def _transposed(self) -> Matrix:
        return np.ascontiguousarray(self.weight.T)

    def apply(self, values: Numbers) -> Numbers:
        if is_exact(values):
            weight = self._exact
            parts = [values @ weight[some].T for some in portions(*weight.shape)]
            return np.concatenate(parts, axis=1)
        if len(values) == 1:
            # a product that is made once is not worth a copy of a large matrix
            return cast(Numbers, (self.weight @ values[0])[None])
        return values @ self._transposed

    def adjoint(self, values: Numbers) -> Numbers:
        return cast(Numbers, values @ (self._exact if is_exact(values) else self.weight))

    def rows(self, units: Indices) -> sparse.csr_array:
        return sparse.csr_array(self.weight[units])

    @cached_property
    def _absolute(self) -> Dense:
        return Dense(np.abs(self.weight))

    def absolute(self) -> Dense:
        return self._absolute
