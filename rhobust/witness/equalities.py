"""Equalities that no float meets: points near them are moved onto them in rational arithmetic.

Inside of a linear region an equality is one linear equation in the inputs, so as many inputs as
there are equations are solved for, and all others stay. What comes out is a candidate like others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np

from ..compiler.base.arrays import Indices, Matrix, Numbers, Vector, exact
from ..compiler.base.later import linalg
from ..compiler.language.exact_rows import Form, entries, values
from ..compiler.language.expressions import Variable
from ..compiler.language.formulas import And, Formula, Or, Relation
from ..compiler.operators import LinearOperator
from ..compiler.steps.compile import Compiled
from .label import EXACT_WORK

MOST = 16
"""Equations at once."""
COLUMNS = (2 * MOST, 512)
"""Inputs that may be moved to meet them, fewest and most; in between as many as `WORK` allows."""
WORK = 3e7
"""Multiplications of one step."""
MOST_FAILED = 20
"""Points in vain after which no other is looked at: each of them costs exact evaluations."""
STEPS, EXACT_STEPS = 12, 3
NEAR = 1e-6
"""How far off, relative to its terms, an equality in a disjunction is taken to be meant."""
GRID = 2.0**-30
"""Inputs are rounded to it first, so that their products stay short."""


class Equalities:
    """The equalities of a problem; those in disjunctions count where they nearly hold.

    formulas: all but those that define variables.
    """

    def __init__(self, formulas: Sequence[Formula], compiled: Compiled) -> None:
        self.compiled, self.problem = compiled, compiled.problem
        self.names: dict[int, Variable] = {}
        self.rows: list[tuple[Form[tuple[int, int]], Fraction, bool]] = []
        for relation, always in equalities(formulas):
            self.rows += [(*row, always) for row in values(relation.affine, self._columns)]
        operators = [o for stage in self.problem.stages for o, _ in stage.terms]
        self.work = sum(max(1, o.terms) * o.out_size for o in operators) + 1
        self.failed = 0
        known = compiled.places
        if any(name not in known for name in self.names.values()):
            self.rows = []
        self.rows = [row for row in self.rows if not self._fixed(row[0])]

    def _columns(self, operator: LinearOperator, name: Variable) -> list[Form[tuple[int, int]]]:
        self.names[name.serial] = name
        return [{(name.serial, k): v for k, v in row.items()} for row in entries(operator)]

    def _fixed(self, row: Form[tuple[int, int]]) -> bool:
        """Whether an equation speaks of inputs alone that their box leaves no choice."""
        places = [(self.compiled.places[self.names[serial]], k) for serial, k in row]
        fixed = self.problem.lower == self.problem.upper
        return all(source == 0 and fixed[first + k] for (source, first), k in places)

    def near(self, point: Vector) -> Numbers | None:
        """A point of Fractions (D,) near a point (D,), inside the box, that meets them."""
        if self.failed >= MOST_FAILED:
            return None
        found = self._found(point)
        self.failed += found is None
        return found

    def _found(self, point: Vector) -> Numbers | None:
        chosen = self._meant(point)
        if not chosen or len(chosen) > MOST or self.work * (len(chosen) + 1) > EXACT_WORK:
            return None
        x = np.clip(point, self.problem.lower, self.problem.upper)
        for _ in range(STEPS):
            off, slopes, columns = self._linear(x, chosen)
            if not np.isfinite(slopes).all():
                return None
            # equations of what defines a variable hold everywhere
            live = [k for k in range(len(chosen)) if off[k] or slopes[k].any()]
            chosen, off, slopes = [chosen[k] for k in live], off[live], slopes[live]
            if not chosen:
                return None
            if np.abs(off).max() <= 1e-12 * (1.0 + np.abs(x).max()):
                break
            step = np.linalg.lstsq(slopes, -off, rcond=None)[0]
            moved = x.copy()
            moved[columns] += step
            x = np.clip(moved, self.problem.lower, self.problem.upper)
        return self._exactly(x, chosen, slopes, columns)

    def _meant(self, point: Vector) -> list[int]:
        off, size = self._residuals(point[None], range(len(self.rows)))
        near = np.abs(off[0]) <= NEAR * (1.0 + size[0])
        return [k for k, row in enumerate(self.rows) if row[2] or near[k]]

    def _residuals(self, points: Matrix, chosen: Sequence[int]) -> tuple[Matrix, Matrix]:
        """How far off the equations are at points (B, D), and the sizes of their terms, (B, M)."""
        sources = self.problem.values(points)
        off, size = np.zeros((2, len(points), len(chosen)))
        for place, number in enumerate(chosen):
            row, constant, _ = self.rows[number]
            off[:, place] = float(constant)
            for (serial, element), coefficient in row.items():
                source, first = self.compiled.places[self.names[serial]]
                part = sources[source][:, first + element] * float(coefficient)
                off[:, place] += part
                size[:, place] += np.abs(part)
        return off, size

    def _linear(self, x: Vector, chosen: Sequence[int]) -> tuple[Vector, Matrix, Indices]:
        """Residuals (M,) at x, and their slopes (M, C) in inputs that have room (C,)."""
        room = np.minimum(self.problem.upper - x, x - self.problem.lower)
        wide = self.problem.upper - self.problem.lower
        columns = np.argsort(-(room + 1e-3 * wide), kind="stable")[
            : int(np.clip(WORK / self.work, *COLUMNS))
        ]
        columns = columns[wide[columns] > 0.0]
        inward = np.where(x - self.problem.lower <= self.problem.upper - x, 1.0, -1.0)
        size = (inward * np.minimum(1e-6, 0.25 * wide))[columns]
        points = np.repeat(x[None], len(columns) + 1, axis=0)
        points[np.arange(len(columns)) + 1, columns] += size
        off, _ = self._residuals(points, chosen)
        moved = points[np.arange(len(columns)) + 1, columns] - x[columns]
        return off[0], ((off[1:] - off[0]) / moved[:, None]).T, columns

    def _exactly(
        self, x: Vector, chosen: Sequence[int], slopes: Matrix, columns: Indices
    ) -> Numbers | None:
        """The exact point, by Newton steps in as many inputs as there are equations."""
        if len(columns) < len(chosen):
            return None
        lower, upper = self.problem.lower, self.problem.upper
        near = np.clip(np.round(x / GRID) * GRID, lower, upper)
        room = np.minimum(upper - near, near - lower)[columns]
        order = linalg.qr(slopes * (room + 1e-9), mode="r", pivoting=True)[1]
        free = columns[order[: len(chosen)]]
        point = exact(near)
        sides = np.where(near - lower <= upper - near, 1, -1)
        for _ in range(EXACT_STEPS):
            off = self._exact_residuals(point, chosen)
            if not any(off):
                return point
            table = []
            for j in free.tolist():
                step = Fraction(int(sides[j])) * Fraction(1, 2**24)
                other = point.copy()
                other[j] += step
                moved = self._exact_residuals(other, chosen)
                table.append([(a - b) / step for a, b in zip(moved, off, strict=True)])
            change = solved([list(row) for row in zip(*table, strict=True)], [-v for v in off])
            if change is None:
                return None
            for j, amount in zip(free.tolist(), change, strict=True):
                point[j] += amount
                if not Fraction(float(lower[j])) <= point[j] <= Fraction(float(upper[j])):
                    return None
        return None if any(self._exact_residuals(point, chosen)) else point

    def _exact_residuals(self, point: Numbers, chosen: Sequence[int]) -> list[Fraction]:
        known = self.compiled.assignment(point)
        found = []
        for number in chosen:
            row, constant, _ = self.rows[number]
            parts = (v * known[self.names[serial]][k] for (serial, k), v in row.items())
            found.append(sum(parts, constant))
        return found


def equalities(formulas: Sequence[Formula], always: bool = True) -> Iterator[tuple[Relation, bool]]:
    """The equalities in formulas, each with whether all solutions have to meet it."""
    for formula in formulas:
        match formula:
            case Relation(_, "="):
                yield formula, always
            case And(parts):
                yield from equalities(parts, always)
            case Or(parts, False):
                yield from equalities(parts, False)


def solved(matrix: list[list[Fraction]], right: list[Fraction]) -> list[Fraction] | None:
    """The solution of a square system in rationals; None where it is singular."""
    size = len(right)
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for k in range(size):
        pivot = next((i for i in range(k, size) if rows[i][k]), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [value / rows[k][k] for value in rows[k]]
        for i in range(size):
            if i != k and rows[i][k]:
                factor = rows[i][k]
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [row[-1] for row in rows]
