"""Selections of elements, the identity among them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from ..base.arrays import Indices, Numbers, exact
from ..base.later import sparse
from .linear_operator import LinearOperator, is_exact


@dataclass(frozen=True, eq=False)
class Select:
    """y_k = x_{index_k}; an index of -1 gives 0.  Permutations, slices, padding and repeats."""

    index: Indices
    in_size: int

    @property
    def out_size(self) -> int:
        return len(self.index)

    @property
    def terms(self) -> int:
        return 0

    @cached_property
    def adjoint_terms(self) -> int:
        used = self.index[self.index >= 0]
        return int(np.bincount(used).max() - 1) if used.size else 0

    def apply(self, values: Numbers) -> Numbers:
        out = values[:, self.index]
        if (self.index < 0).any():
            out[:, self.index < 0] = Fraction(0) if is_exact(values) else 0.0
        return out

    def adjoint(self, values: Numbers) -> Numbers:
        used = self.index >= 0
        shape = (values.shape[0], self.in_size)
        out: Numbers = exact(np.zeros(shape)) if is_exact(values) else np.zeros(shape)
        if self.adjoint_terms == 0:
            out[:, self.index[used]] = values[:, used]
        else:
            np.add.at(out.T, self.index[used], values[:, used].T)
        return out

    def rows(self, units: Indices) -> sparse.csr_array:
        index = self.index[units]
        used = index >= 0
        starts = np.concatenate([[0], np.cumsum(used)])
        shape = (len(units), self.in_size)
        return sparse.csr_array((np.ones(int(used.sum())), index[used], starts), shape=shape)

    def absolute(self) -> Select:
        return self


def identity(size: int) -> Select:
    """The identity on vectors of `size`."""
    return Select(np.arange(size), size)


def is_identity(operator: LinearOperator) -> bool:
    """Whether the operator is structurally the identity."""
    return (
        isinstance(operator, Select)
        and operator.in_size == operator.out_size
        and bool(np.array_equal(operator.index, np.arange(operator.in_size)))
    )
