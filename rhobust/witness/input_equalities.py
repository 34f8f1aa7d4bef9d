"""Equalities between inputs, met exactly: an LP's point satisfies them only up to its tolerance."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ..compiler.base.arrays import Vector
from ..compiler.language.exact_rows import Form, entries, values
from ..compiler.language.expressions import Variable
from ..compiler.language.formulas import Formula, Relation
from ..compiler.operators import LinearOperator

GRID = 2.0**-30
"""Numbers are rounded to multiples of it, so that short sums of them are floats again."""


class Repair:
    """Rows sum of coefficient * input + constant = 0, each with inputs that can make up for it.

    An input may do so when its coefficient is 1 or -1 and no other equality speaks of it.
    """

    def __init__(self, formulas: Sequence[Formula], inputs: Sequence[Variable]) -> None:
        ends = np.cumsum([0, *(name.size for name in inputs)]).tolist()
        first = dict(zip(inputs, ends, strict=False))

        def columns(operator: LinearOperator, name: Variable) -> list[Form[int]]:
            return [{first[name] + k: v for k, v in row.items()} for row in entries(operator)]

        self.rows: list[tuple[Form[int], Fraction]] = []
        for formula in formulas:
            if isinstance(formula, Relation) and formula.kind == "=":
                self.rows.extend(values(formula.affine, columns))
        spoken = [j for row, _ in self.rows for j in row]
        alone = {j for j in spoken if spoken.count(j) == 1}
        self.free = [
            [j for j, value in row.items() if abs(value) == 1 and j in alone]
            for row, _ in self.rows
        ]

    def __call__(self, point: Vector, lower: Vector, upper: Vector) -> Vector | None:
        """A point near `point` and within bounds (D,) that meets all of them; None without one."""
        near = np.clip(np.round(point / GRID) * GRID, lower, upper)
        for (row, constant), free in zip(self.rows, self.free, strict=True):
            total = constant + sum(k * Fraction(float(near[j])) for j, k in row.items())
            if total == 0:
                continue
            for j in free:
                moved = Fraction(float(near[j])) - total / row[j]
                value = float(moved)
                if lower[j] <= value <= upper[j] and Fraction(value) == moved:
                    near[j] = value
                    break
            else:
                return None
        return near
