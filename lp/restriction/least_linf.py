"""The point of a linear region with the least l-infinity distance where a row is <= 0.

The radius eps enters through the columns' bounds, and LPs at growing radii find the least one.
"""

from __future__ import annotations

import numpy as np

from ...compiler.base.arrays import Matrix, Vector
from ...compiler.base.later import sparse
from ..oracle.guard import Guarded
from ..oracle.highs import Program, Solver
from .distance import least_radius_row
from .first_order import Duals, heavy
from .lazy_rows import Nowhere, SignRows
from .task import Restricted, Task

CLOSE = 1e-10
"""Relative step of a radius below which it counts as settled."""

ROUNDED = 1e-11
"""What rounding may do to a row of coefficients of size 1, taken off before a row excludes any."""

GAINED, PATIENCE = 1.003, 8
"""First-order steps end after PATIENCE rounds that raised the radius by less than that."""

HUGE = 1e100
"""Duals beyond it are nonsense."""


def least_linf(task: Task, eps: float, vertex: Vector) -> Restricted:
    """The nearest point in l-infinity; eps is a lower bound, met at `vertex` if no condition fails.

    Duals of any LP, whatever its rows and radius, give the next radius, see `excluded`. It is the
    Newton step on the convex function eps -> least margin, and longer where coordinates meet the
    domain's edge on the way. Where the center is outside the region all rows are elastic, and the
    least violation takes the margin's place.
    """
    inside = task.inside
    size, extra = len(task.row), 0 if inside else 1
    signs = task.signs(extra)
    rows: Matrix | sparse.csr_array = np.zeros((0, size))
    ends = np.empty(0)
    if inside and task.work.lazy and eps > 0.0:
        signs.add_violated(Nowhere(), vertex)
        eps = approach(task, eps, signs)
        if eps == np.inf:
            return task.result("none", task.limit, None, signs)
        rows, ends = signs.all()
    lower, upper = task.ball.within(eps).near_box()
    if inside:
        program = Program(task.row, lower, upper, rows, ends, np.full(len(ends), np.inf))
    else:
        program = Program(
            np.append(np.zeros(size), 1.0), np.append(lower, 0.0), np.append(upper, np.inf),
            np.append(-task.row, 1.0)[None], np.array([task.level]), np.full(1, np.inf),
        )  # fmt: skip
    solver = Guarded(task.work.oracle, program)
    elastic = solver if inside else _Elastic(solver)
    if not signs.count:
        signs.add_violated(elastic, vertex, everything=not task.work.lazy)
    while True:
        answer = task.solve(solver)
        if not answer.optimal:
            return task.stopped(answer, eps, signs)
        duals = np.maximum(answer.row_duals, 0.0)
        weight = 1.0
        if not inside:
            weight, duals = float(duals[0]), duals[1:]
        following = excluded(task, signs, duals, weight)
        if following is None:
            return task.result("failed", eps, None, signs)
        if following == np.inf:
            return task.result("none", task.limit, None, signs)
        point = answer.point[:size]
        added = signs.add_violated(elastic, point)
        if following > eps * (1.0 + CLOSE) + 1e-14:
            eps = following
            lower, upper = task.ball.within(eps).near_box()
            if not inside:
                lower, upper = np.append(lower, 0.0), np.append(upper, np.inf)
            solver.set_columns(lower, upper)
        elif not added:
            return task.result("found", eps, point, signs)


def excluded(task: Task, signs: SignRows, duals: Vector, weight: float = 1.0) -> float | None:
    """The radius below which these duals rule out any example, inf for all; None of nonsense.

    Any duals d >= 0 of the conditions a_i @ x >= b_i, and any weight w >= 0 of the margin's row,
    give one row that is at most 0 at every example of the region,

        w (row @ x + level) - sum d_i (a_i @ x - b_i) <= 0

    and the closed form of that row (`distance`) is a lower bound on the radius (weak duality).
    """
    with np.errstate(over="ignore", invalid="ignore"):
        taken, constant = signs.combined(duals)
        row, level = weight * task.row - taken, weight * task.level - constant
        # rows may meet in one point, or touch the domain only: rounding must not part them
        level -= ROUNDED * (weight + float(duals.sum()))
    if not (np.abs(row).sum() < HUGE and abs(level) < HUGE):  # nan too
        return None
    return least_radius_row(row, level, task.ball, task.limit)


def approach(task: Task, eps: float, signs: SignRows) -> float:
    """A larger radius that first-order steps rule out, inf for all; `signs` ends with the rows
    that matter there.
    """
    steps, stale = Duals(task.row, task.ball), 0
    duals = np.zeros(signs.count)
    while stale < PATIENCE and task.work.remaining() > 0.0:
        task.rounds += 1
        rows, lower = signs.all()
        point, duals = steps.improve(rows, lower, eps)
        radii = [excluded(task, signs, some) for some in (duals, steps.duals)]
        best = max((radius for radius in radii if radius is not None), default=eps)
        if best == np.inf:
            return best
        stale = 0 if best > eps * GAINED else stale + 1
        eps = max(eps, best)
        signs.add_violated(Nowhere(), point)
    signs.keep(np.append(heavy(duals), np.ones(signs.count - len(duals), dtype=bool)))
    return eps


class _Elastic:
    """Rows that a last column, the violation, relaxes."""

    def __init__(self, solver: Solver) -> None:
        self.solver = solver

    def add_rows(self, rows: sparse.csr_array, lower: Vector, upper: Vector) -> None:
        ones = sparse.csr_array(np.ones((rows.shape[0], 1)))
        self.solver.add_rows(sparse.csr_array(sparse.hstack([rows[:, :-1], ones])), lower, upper)
