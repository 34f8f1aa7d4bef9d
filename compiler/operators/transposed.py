"""The adjoint of an operator as an operator."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..base.arrays import Indices, Numbers
from ..base.later import sparse
from .linear_operator import LinearOperator


@dataclass(frozen=True, eq=False)
class Transposed:
    """The adjoint of an operator: a transposed convolution is one of a convolution."""

    operator: LinearOperator

    @property
    def in_size(self) -> int:
        return self.operator.out_size

    @property
    def out_size(self) -> int:
        return self.operator.in_size

    @property
    def terms(self) -> int:
        return self.operator.adjoint_terms

    @property
    def adjoint_terms(self) -> int:
        return self.operator.terms

    def apply(self, values: Numbers) -> Numbers:
        return self.operator.adjoint(values)

    def adjoint(self, values: Numbers) -> Numbers:
        return self.operator.apply(values)

    @cached_property
    def _matrix(self) -> sparse.csr_array:
        every = self.operator.rows(np.arange(self.operator.out_size))
        return sparse.csr_array(every.T)

    def rows(self, units: Indices) -> sparse.csr_array:
        return sparse.csr_array(self._matrix[units])

    @cached_property
    def _absolute(self) -> Transposed:
        return Transposed(self.operator.absolute())

    def absolute(self) -> Transposed:
        return self._absolute
