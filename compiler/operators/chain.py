"""Operators one after the other, and what is merged instead: nothing that would be rounded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..base.arrays import Indices, Numbers
from ..base.later import sparse
from .linear_operator import LinearOperator
from .scale import Scale
from .select import Select, is_identity


@dataclass(frozen=True, eq=False)
class Chain:
    """Operators applied one after the other, first to last."""

    parts: tuple[LinearOperator, ...]

    @property
    def in_size(self) -> int:
        return self.parts[0].in_size

    @property
    def out_size(self) -> int:
        return self.parts[-1].out_size

    @property
    def terms(self) -> int:
        return sum(part.terms for part in self.parts)

    @property
    def adjoint_terms(self) -> int:
        return sum(part.adjoint_terms for part in self.parts)

    def apply(self, values: Numbers) -> Numbers:
        for part in self.parts:
            values = part.apply(values)
        return values

    def adjoint(self, values: Numbers) -> Numbers:
        for part in reversed(self.parts):
            values = part.adjoint(values)
        return values

    def rows(self, units: Indices) -> sparse.csr_array:
        found = self.parts[-1].rows(units)
        for part in reversed(self.parts[:-1]):
            found = times(found, part)
        return found

    @cached_property
    def _absolute(self) -> Chain:
        # |A2| |A1| dominates |A2 A1|: what the error bounds need
        return Chain(tuple(part.absolute() for part in self.parts))

    def absolute(self) -> Chain:
        return self._absolute


def times(rows: sparse.csr_array, operator: LinearOperator) -> sparse.csr_array:
    """Sparse rows times the operator's matrix, of which only the rows that are met are formed."""
    columns = np.unique(rows.indices).astype(np.int64)
    return sparse.csr_array(rows[:, columns] @ operator.rows(columns))


def scaled(operator: LinearOperator, factor: float) -> LinearOperator:
    """factor * operator, exactly: a scale is put behind the operator rather than multiplied in."""
    if factor == 1.0:
        return operator
    size = operator.out_size
    return compose(operator, Scale(np.full(size, factor), np.ones(size)))


def compose(first: LinearOperator, second: LinearOperator) -> LinearOperator:
    """`second` after `first`.  Only what is exact is merged: selections and identities."""
    if is_identity(first):
        return second
    if is_identity(second):
        return first
    if isinstance(first, Select) and isinstance(second, Select):
        index = np.where(second.index >= 0, first.index[second.index], -1)
        return Select(index.astype(np.int64), first.in_size)
    parts: list[LinearOperator] = []
    for operator in (first, second):
        parts.extend(operator.parts if isinstance(operator, Chain) else (operator,))
    return Chain(tuple(parts))
