"""Convex restriction: the robustness of a network on one linear region, by LPs in the input alone.

Bastani et al. 2016, section 4: fix every disjunction to the disjunct that holds at a point, and
minimise the radius. Here the full program is never built; rows appear when they are violated, and
the radius enters through column bounds, its least value found by Newton steps on the convex
piecewise-linear function eps -> least margin. Results are estimates: nothing here is a proof.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..compiler.arrays import Matrix, Vector
from ..compiler.problem import Problem
from ..compiler.tolerances import Tolerances
from .lazy import SignRows
from .oracle import Oracle, Program
from .region import Region


@dataclass(frozen=True, slots=True)
class Ball:
    """The inputs within eps of a center and inside the domain, for every eps.  All (D,)."""

    center: Vector
    low: Vector
    high: Vector

    def box(self, eps: float) -> tuple[Vector, Vector]:
        return np.maximum(self.low, self.center - eps), np.minimum(self.high, self.center + eps)

    @property
    def largest(self) -> float:
        """The radius beyond which the ball is the whole domain."""
        return float(np.maximum(self.center - self.low, self.high - self.center).max())


@dataclass(frozen=True, slots=True)
class Restricted:
    """status: found, none (the region holds no example within `rho`), stopped or failed.

    rho: the least radius (found), or the proven radius looked at by the LPs (otherwise).
    """

    status: str
    rho: float
    point: Vector | None
    rows: int
    rounds: int


def least_radius_row(row: Vector, offset: float, ball: Ball, limit: float) -> float:
    """Least eps at which row @ x + offset can be <= 0, inf beyond `limit`: the closed form.

    Breakpoints are where a coordinate reaches the domain's edge; between them the fall is linear.
    """
    start = float(row @ ball.center) + offset
    if start <= 0.0:
        return 0.0
    room = np.where(row > 0, ball.center - ball.low, ball.high - ball.center)
    size = np.abs(row)
    order = np.argsort(room)
    caps, weights = room[order], size[order]
    slopes = weights.sum() - np.concatenate([[0.0], np.cumsum(weights)[:-1]])
    steps = np.diff(np.concatenate([[0.0], caps]))
    falls = np.cumsum(slopes * steps)
    place = int(np.searchsorted(falls, start))
    if place == len(falls):
        return np.inf
    before = float(falls[place - 1]) if place else 0.0
    left = float(caps[place - 1]) if place else 0.0
    eps = left + (start - before) / float(slopes[place])
    return eps if eps <= limit else np.inf


def restrict(
    problem: Problem,
    point: Vector,
    row: Vector,
    offset: float,
    ball: Ball,
    oracle: Oracle,
    remaining: Callable[[], float],
    tolerances: Tolerances,
    limit: float = np.inf,
    lazy: bool = True,
) -> Restricted:
    """Least radius of a violation of row @ output + offset > 0 in the linear region of `point`.

    `point` must lie in its own ball's center's region for the Newton form, so it is the center
    itself. limit: a radius beyond which the answer does not matter.
    """
    region = Region.of(problem, point)
    rows, constant = region.rows(len(problem.stages) - 1, row[None])
    margin, level = rows[0], float(constant[0]) + offset
    limit = min(limit, ball.largest)
    eps = least_radius_row(margin, level, ball, limit)
    if eps == np.inf:
        return Restricted("none", limit, None, 0, 0)
    lower, upper = ball.box(eps)
    vertex = np.where(margin > 0, lower, upper)
    if lazy and not _outside(region, vertex, tolerances.feasibility):
        return Restricted("found", eps, vertex, 0, 0)
    solver = oracle(
        Program(margin, lower, upper, np.zeros((0, len(margin))), np.empty(0), np.empty(0))
    )
    signs = SignRows(region, 0, tolerances.feasibility)
    signs.add_violated(solver, vertex, everything=not lazy)
    rounds = 0
    scale = float(np.abs(margin).sum()) + 1e-300
    while True:
        rounds += 1
        answer = solver.solve(remaining())
        if not answer.optimal:
            status = "stopped" if answer.status == "stopped" else "failed"
            return Restricted(status, eps, None, signs.count, rounds)
        left = answer.value + level
        if left > tolerances.feasibility * 1e-2 * scale:
            slope = _fall(answer.column_duals, ball, eps)
            following = eps + left / slope if slope > 1e-12 * scale else np.inf
            if not following <= limit * (1.0 + 1e-12):
                return Restricted("none", limit, None, signs.count, rounds)
            eps = max(following, np.nextafter(eps, np.inf))
            solver.set_columns(*ball.box(eps))
            continue
        if not signs.add_violated(solver, answer.point):
            return Restricted("found", eps, answer.point, signs.count, rounds)


def _outside(region: Region, point: Vector, tolerance: float) -> bool:
    return any(bool((part > tolerance).any()) for part in region.shortfall(point))


def _fall(reduced: Vector, ball: Ball, eps: float) -> float:
    """How fast the least margin falls with eps: the duals of the bounds that still move."""
    moves_down = ball.center - eps > ball.low
    moves_up = ball.center + eps < ball.high
    return float(
        reduced[(reduced > 0) & moves_down].sum() - reduced[(reduced < 0) & moves_up].sum()
    )


def polish(
    problem: Problem,
    point: Vector,
    row: Vector,
    offset: float,
    ball: Ball,
    oracle: Oracle,
    remaining: Callable[[], float],
    tolerances: Tolerances,
) -> Restricted:
    """Least radius of a violation in the linear region of `point`, wherever the point lies.

    The center need not be in the region, so the radius is a column of the LP: minimise eps subject
    to |x - center| <= eps, row @ output + offset <= 0 and the sign rows, made on demand.
    """
    region = Region.of(problem, point)
    rows, constant = region.rows(len(problem.stages) - 1, row[None])
    size = problem.input_size
    level = float(constant[0]) + offset
    scale = max(float(np.abs(rows[0]).max(initial=0.0)), 1e-12)
    program = _radius_program(rows[0] / scale, level / scale, ball, size)
    solver = oracle(program)
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


def _radius_program(row: Vector, level: float, ball: Ball, size: int) -> Program:
    from scipy import sparse

    unit = sparse.identity(size, format="csr")
    ones = sparse.csr_matrix(np.ones((size, 1)))
    both = sparse.vstack(
        [
            sparse.hstack([unit, -ones]),
            sparse.hstack([-unit, -ones]),
            sparse.csr_matrix(np.append(row, 0.0)[None]),
        ]
    )
    upper: Matrix = np.concatenate([ball.center, -ball.center, [-level]])
    return Program(
        np.append(np.zeros(size), 1.0),
        np.append(ball.low, 0.0),
        np.append(ball.high, max(ball.largest, 0.0)),
        sparse.csr_matrix(both),
        np.full(len(upper), -np.inf),
        upper,
    )
