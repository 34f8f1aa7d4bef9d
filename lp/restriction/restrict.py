"""Convex restriction: the robustness of a network on one linear region, by LPs in the input alone.

Bastani et al. 2016, section 4: fix every disjunction to the disjunct that holds at a point, and
minimise the radius. Here the full program is never built: rows appear when they are violated.
Results are estimates: nothing here is a proof.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...compiler.base.arrays import Matrix, Vector
from ...compiler.base.later import sparse
from ...compiler.base.norms import LINF
from ...compiler.base.tolerances import Tolerances
from ...compiler.base.untrusted import attempt
from ...compiler.problem import Problem
from ...compiler.question.region import InputRegion
from ..oracle.guard import Guarded
from ..oracle.highs import Answer, Oracle, Program, Solver
from .distance import least_radius_row, nearest_on_row
from .first_order import Duals, heavy
from .lazy_rows import Conditions, Nowhere, SignRows
from .region import Region

CLOSE = 1e-10
"""Relative step of a radius below which it counts as settled."""

ROUNDED = 1e-11
"""What rounding may do to a row of coefficients of size 1, taken off before a row excludes any."""

GAINED, PATIENCE = 1.003, 8
"""First-order steps end after PATIENCE rounds that raised the radius by less than that."""

HUGE = 1e100
"""Duals beyond it are nonsense."""


@dataclass(frozen=True, slots=True)
class Restricted:
    """status: found, none (the region holds no example within `rho`), stopped or failed.

    rho: the least radius (found), or the radius below which the rows rule out any example.
    """

    status: str
    rho: float
    point: Vector | None
    rows: int
    rounds: int


FAILED = Restricted("failed", 0.0, None, 0, 0)


@dataclass(frozen=True, slots=True)
class Work:
    """How a restriction is solved.  limit: a radius beyond which the answer does not matter."""

    oracle: Oracle
    remaining: Callable[[], float]
    tolerances: Tolerances
    limit: float = np.inf
    lazy: bool = True


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
    task = Task(region, row, level, ball, work, limit)
    if ball.norm is LINF:
        return task.newton(eps, vertex, inside)
    from .least_norm import NEAREST

    return NEAREST[ball.norm](task, eps, vertex)


class Task:
    """One region, one margin row (absolute coefficients that sum up to 1) and one ball."""

    def __init__(
        self,
        region: Conditions,
        row: Vector,
        level: float,
        ball: InputRegion,
        work: Work,
        limit: float,
    ) -> None:
        self.region, self.row, self.level, self.ball = region, row, level, ball
        self.work, self.limit = work, limit
        self.rounds = 0

    def signs(self, extra: int = 0) -> SignRows:
        near = self.limit < 0.5 * self.ball.largest
        return SignRows(self.region, extra, self.work.tolerances.feasibility, near=near)

    def solve(self, solver: Solver) -> Answer:
        self.rounds += 1
        return solver.solve(self.work.remaining())

    def stopped(self, answer: Answer, eps: float, signs: SignRows) -> Restricted:
        status = "stopped" if answer.status == "stopped" else "failed"
        return self.result(status, eps, None, signs)

    def result(self, status: str, eps: float, point: Vector | None, signs: SignRows) -> Restricted:
        return Restricted(status, eps, point, signs.count, self.rounds)

    def newton(self, eps: float, vertex: Vector, inside: bool) -> Restricted:
        """The radius enters through column bounds; duals give the next one.

        Duals of any LP, whatever its rows and radius, combine the margin and the sign rows to one
        row that is <= 0 at every example of the region: the closed form of that row is a lower
        bound on the radius. It is the Newton step on the convex function eps -> least margin, and
        longer where coordinates meet the domain's edge on the way. Where the center is outside the
        region all rows are elastic, and the least violation takes the margin's place.
        """
        size, extra = len(self.row), 0 if inside else 1
        signs = self.signs(extra)
        rows: Matrix | sparse.csr_array = np.zeros((0, size))
        ends = np.empty(0)
        if inside and self.work.lazy and eps > 0.0:
            signs.add_violated(Nowhere(), vertex)
            eps = self.approach(eps, signs)
            if eps == np.inf:
                return self.result("none", self.limit, None, signs)
            rows, ends = signs.all()
        lower, upper = self.ball.within(eps).near_box()
        if inside:
            program = Program(self.row, lower, upper, rows, ends, np.full(len(ends), np.inf))
        else:
            program = Program(
                np.append(np.zeros(size), 1.0), np.append(lower, 0.0), np.append(upper, np.inf),
                np.append(-self.row, 1.0)[None], np.array([self.level]), np.full(1, np.inf),
            )  # fmt: skip
        solver = Guarded(self.work.oracle, program)
        elastic = solver if inside else _Elastic(solver)
        if not signs.count:
            signs.add_violated(elastic, vertex, everything=not self.work.lazy)
        while True:
            answer = self.solve(solver)
            if not answer.optimal:
                return self.stopped(answer, eps, signs)
            duals = np.maximum(answer.row_duals, 0.0)
            weight = 1.0
            if not inside:
                weight, duals = float(duals[0]), duals[1:]
            following = self.excluded(signs, duals, weight)
            if following is None:
                return self.result("failed", eps, None, signs)
            if following == np.inf:
                return self.result("none", self.limit, None, signs)
            point = answer.point[:size]
            added = signs.add_violated(elastic, point)
            if following > eps * (1.0 + CLOSE) + 1e-14:
                eps = following
                lower, upper = self.ball.within(eps).near_box()
                if not inside:
                    lower, upper = np.append(lower, 0.0), np.append(upper, np.inf)
                solver.set_columns(lower, upper)
            elif not added:
                return self.result("found", eps, point, signs)

    def excluded(self, signs: SignRows, duals: Vector, weight: float = 1.0) -> float | None:
        """The radius below which these duals rule out any example, inf for all; None of nonsense.

        weight: of the margin's row.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            taken, constant = signs.combined(duals)
            row, level = weight * self.row - taken, weight * self.level - constant
            # rows may meet in one point, or touch the domain only: rounding must not part them
            level -= ROUNDED * (weight + float(duals.sum()))
        if not (np.abs(row).sum() < HUGE and abs(level) < HUGE):  # nan too
            return None
        return least_radius_row(row, level, self.ball, self.limit)

    def approach(self, eps: float, signs: SignRows) -> float:
        """A larger radius that first-order steps rule out, inf for all; `signs` ends with the rows
        that matter there.
        """
        steps, stale = Duals(self.row, self.ball), 0
        duals = np.zeros(signs.count)
        while stale < PATIENCE and self.work.remaining() > 0.0:
            self.rounds += 1
            rows, lower = signs.all()
            point, duals = steps.improve(rows, lower, eps)
            radii = [self.excluded(signs, some) for some in (duals, steps.duals)]
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
