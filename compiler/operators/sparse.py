"""Matrices of which few coefficients are not 0."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..base.arrays import Indices, Numbers
from ..base.later import sparse
from .dense import Dense
from .linear_operator import is_exact


@dataclass(frozen=True, eq=False)
class Sparse:
    """y = A x, where few coefficients are not 0.  matrix (out_size, in_size), float64."""

    matrix: sparse.csr_array

    @property
    def in_size(self) -> int:
        return int(self.matrix.shape[1])

    @property
    def out_size(self) -> int:
        return int(self.matrix.shape[0])

    @cached_property
    def terms(self) -> int:
        return int(np.diff(self.matrix.indptr).max(initial=0))

    @cached_property
    def adjoint_terms(self) -> int:
        return int(np.diff(self._transposed.indptr).max(initial=0))

    @cached_property
    def _transposed(self) -> sparse.csr_array:
        return sparse.csr_array(self.matrix.T)

    @cached_property
    def _dense(self) -> Dense:
        return Dense(self.matrix.toarray())

    def apply(self, values: Numbers) -> Numbers:
        if is_exact(values):
            return self._dense.apply(values)
        return np.ascontiguousarray((self.matrix @ values.T).T)

    def adjoint(self, values: Numbers) -> Numbers:
        if is_exact(values):
            return self._dense.adjoint(values)
        return np.ascontiguousarray((self._transposed @ values.T).T)

    def rows(self, units: Indices) -> sparse.csr_array:
        return sparse.csr_array(self.matrix[units])

    @cached_property
    def _absolute(self) -> Sparse:
        return Sparse(sparse.csr_array(abs(self.matrix)))

    def absolute(self) -> Sparse:
        return self._absolute
