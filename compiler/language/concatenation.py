"""Expressions and constants put after each other, as one expression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..base.arrays import Indices
from ..operators import Select
from .expressions import Affine, Expression, Operand, Term, Variable, as_affine, numbers_of
from .formulas import Formula


def expression_of(value: Operand | Sequence[Operand]) -> Affine:
    """An expression, a constant in any shape, or a list of both put after each other."""
    if isinstance(value, Expression):
        return value.affine
    return concatenated(value if isinstance(value, list | tuple) else [value])  # type: ignore[list-item]


def concatenated(parts: Sequence[Operand]) -> Affine:
    """Expressions and constants after each other, as one expression."""
    rows = [
        part.affine if isinstance(part, Expression) else as_affine(part, numbers_of(part).size)
        for part in parts
    ]
    total = Affine(sum(row.size for row in rows))
    for variable, index in _chosen(rows, total.size):
        total = total + Affine(total.size, (Term(1.0, Select(index, variable.size), variable),))
    start, needed = 0, dict[int, Formula]()
    for row in rows:
        needed.update((id(formula), formula) for formula in row.requires)
        if not _selection(row):
            index = np.full(total.size, -1, dtype=np.int64)
            index[start : start + row.size] = np.arange(row.size)
            bare = Affine(row.size, row.terms, row.offsets)
            total = total + bare.through(Select(index, row.size))
        start += row.size
    return Affine(total.size, total.terms, total.offsets, tuple(needed.values()))


def _selection(row: Affine) -> bool:
    """Whether an expression is elements of one variable."""
    single = len(row.terms) == 1 and not row.offsets
    return single and row.terms[0].factor == 1.0 and isinstance(row.terms[0].operator, Select)


def _chosen(rows: Sequence[Affine], size: int) -> list[tuple[Variable, Indices]]:
    """The selections among the rows, all those of a variable as one."""
    found: dict[Variable, Indices] = {}
    start = 0
    for row in rows:
        if _selection(row):
            (term,) = row.terms
            assert isinstance(term.operator, Select)
            if term.variable not in found:
                found[term.variable] = np.full(size, -1, dtype=np.int64)
            found[term.variable][start : start + row.size] = term.operator.index
        start += row.size
    return list(found.items())
