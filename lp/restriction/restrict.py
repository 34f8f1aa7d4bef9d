"""Convex restriction: the robustness of a network on one linear region, by LPs in the input alone.

Bastani et al. 2016, section 4: fix every disjunction to the disjunct that holds at a point, and
minimise the radius. Here the full program is never built: rows appear when they are violated.
Results are estimates: nothing here is a proof.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...compiler.base.arrays import Vector
from ...compiler.base.later import sparse
from ...compiler.base.norms import L1, L2, LINF, NormKind
from ...compiler.base.tolerances import Tolerances
from ...compiler.base.untrusted import attempt
from ...compiler.problem import Problem
from ...compiler.question.region import InputRegion
from ..oracle.guard import Guarded
from ..oracle.highs import Oracle, Program
from .distance import least_radius_row, nearest_on_row
from .lazy_rows import Conditions, SignRows
from .least_linf import least_linf
from .least_norm import least_l1, least_l2
from .region import Region
from .task import FAILED, Restricted, Task, Work


def restrict(
    region: Conditions,
    row: Vector,
    level: float,
    ball: InputRegion,
    work: Work,
    inside: bool = True,
) -> Restricted:
    """Least radius of a point of the region where row @ x + level <= 0.

    inside: whether the ball's center satisfies the region's conditions.  Raises nothing: what a
    library or numbers too large break has failed.
    """
    return attempt(lambda: _restrict(region, row, level, ball, work, inside), FAILED)


def _restrict(
    region: Conditions, row: Vector, level: float, ball: InputRegion, work: Work, inside: bool
) -> Restricted:
    limit = min(work.limit, ball.largest)
    eps = least_radius_row(row, level, ball, limit)
    if eps == np.inf and not inside:
        # a tie at a center on the region's edge is met but for the rounding of a few sums
        rounding = 2.0**-51 * (float(np.abs(row) @ np.abs(ball.center)) + abs(level))
        eps = least_radius_row(row, level - rounding, ball, limit)
    if eps == np.inf:
        return Restricted("none", limit, None, 0, 0)
    vertex = nearest_on_row(row, ball, eps)
    feasibility = work.tolerances.feasibility
    if work.lazy and all((part <= feasibility).all() for part in region.shortfall(vertex)):
        return Restricted("found", eps, vertex, 0, 0)
    scale = float(np.abs(row).sum())
    if scale > 0.0:
        row, level = row / scale, level / scale
    return NEAREST[ball.norm](Task(region, row, level, ball, work, limit, inside), eps, vertex)


NEAREST: dict[NormKind, Callable[[Task, float, Vector], Restricted]] = {
    LINF: least_linf, L1: least_l1, L2: least_l2,
}  # fmt: skip


def deepest(
    region: Conditions, row: Vector, level: float, ball: InputRegion, work: Work, eps: float
) -> Vector | None:
    """The point of the region where the row is least, at most eps (l-infinity) from the center.

    None where the LPs find no point with row @ x + level <= 0, or no answer.
    """
    return attempt(lambda: _deepest(region, row, level, ball, work, eps), None)


def _deepest(
    region: Conditions, row: Vector, level: float, ball: InputRegion, work: Work, eps: float
) -> Vector | None:
    lower, upper = ball.within(eps).near_box()
    scale = max(float(np.abs(row).sum()), 1e-300)
    program = Program(row / scale, lower, upper, np.zeros((0, len(row))), np.empty(0), np.empty(0))
    solver = Guarded(work.oracle, program)
    signs = SignRows(region, 0, work.tolerances.feasibility)
    signs.add_violated(solver, np.where(row > 0, lower, upper))
    while True:
        answer = solver.solve(work.remaining())
        if not answer.optimal or answer.value > -level / scale:
            return None
        if not signs.add_violated(solver, answer.point):
            return np.clip(answer.point, lower, upper)


def polish(
    problem: Problem,
    point: Vector,
    row: Vector,
    offset: float,
    ball: InputRegion,
    oracle: Oracle,
    remaining: Callable[[], float],
    tolerances: Tolerances,
) -> Restricted:
    """Least radius of a violation in the linear region of `point`, wherever the point lies.

    The center need not be in the region, so the radius is a column of the LP: minimise eps subject
    to |x - center| <= eps, row @ output + offset <= 0 and the sign rows, made on demand.  Raises
    nothing, as `restrict`.
    """
    return attempt(
        lambda: _polish(problem, point, row, offset, ball, oracle, remaining, tolerances), FAILED
    )


def _polish(
    problem: Problem,
    point: Vector,
    row: Vector,
    offset: float,
    ball: InputRegion,
    oracle: Oracle,
    remaining: Callable[[], float],
    tolerances: Tolerances,
) -> Restricted:
    region = Region.of(problem, point)
    rows, constant = region.rows(len(problem.stages) - 1, row[None])
    size = problem.input_size
    level = float(constant[0]) + offset
    if ball.norm is not LINF:
        work = Work(oracle, remaining, tolerances)
        return restrict(region, rows[0], level, ball, work, inside=False)
    scale = max(float(np.abs(rows[0]).max(initial=0.0)), 1e-12)
    program = _radius_program(rows[0] / scale, level / scale, ball, size)
    solver = Guarded(oracle, program)
    signs = SignRows(region, 1, tolerances.feasibility, first=64)
    signs.add_violated(solver, point)
    rounds = 0
    while True:
        rounds += 1
        answer = solver.solve(remaining())
        if not answer.optimal:
            status = {"stopped": "stopped", "infeasible": "none"}.get(answer.status, "failed")
            return Restricted(status, 0.0, None, signs.count, rounds)
        found = answer.point[:size]
        if not signs.add_violated(solver, found):
            return Restricted("found", float(answer.point[size]), found, signs.count, rounds)


def _radius_program(row: Vector, level: float, ball: InputRegion, size: int) -> Program:
    unit = sparse.identity(size, format="csr")
    ones = sparse.csr_matrix(np.ones((size, 1)))
    both = sparse.vstack(
        [
            sparse.hstack([unit, -ones]),
            sparse.hstack([-unit, -ones]),
            sparse.csr_matrix(np.append(row, 0.0)[None]),
        ]
    )
    upper: Vector = np.concatenate([ball.center, -ball.center, [-level]])
    return Program(
        np.append(np.zeros(size), 1.0),
        np.append(ball.lower, 0.0),
        np.append(ball.upper, max(ball.largest, 0.0)),
        sparse.csr_matrix(both),
        np.full(len(upper), -np.inf),
        upper,
    )
