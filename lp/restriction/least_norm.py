"""The point of a linear region with the least l1 or l2 distance where a row is <= 0.

l1: an LP with two columns an input, whose objective is the distance. l2: the dual of the projection
on the rows made so far, by a projected Newton method of our own (Bertsekas 1982): the domain's box
is met in closed form, so there are as many unknowns as rows. The objective of either is a lower
bound on the distance, whatever rows are missing.
"""

from __future__ import annotations

import numpy as np

from ...compiler.base.arrays import Matrix, Vector
from ...compiler.base.later import sparse
from ...compiler.question.region import InputRegion
from ..oracle.guard import Guarded
from ..oracle.highs import Program, Solver
from .projection import project
from .task import Restricted, Task


def least_l1(task: Task, eps: float, vertex: Vector) -> Restricted:
    """The nearest point in l1; eps is a lower bound, met at `vertex` if no condition fails."""
    ball, size = task.ball, len(task.row)
    start = float(task.row @ ball.center) + task.level
    program = Program(
        np.ones(2 * size),
        np.zeros(2 * size),
        np.concatenate([ball.upper - ball.center, ball.center - ball.lower]),
        np.concatenate([task.row, -task.row])[None],
        np.full(1, -np.inf),
        np.array([-start]),
    )
    solver = Guarded(task.work.oracle, program)
    signs, split = task.signs(), _Split(solver, ball)
    signs.add_violated(split, vertex, everything=not task.work.lazy)
    while True:
        answer = task.solve(solver)
        if answer.status == "infeasible":
            return task.result("none", task.limit, None, signs)
        if not answer.optimal:
            return task.stopped(answer, eps, signs)
        eps = max(eps, answer.value)
        if eps > task.limit:
            return task.result("none", task.limit, None, signs)
        point = ball.center + answer.point[:size] - answer.point[size:]
        if not signs.add_violated(split, point):
            return task.result("found", eps, point, signs)


class _Split:
    """Rows over the input as rows over how far it is above and below the center."""

    def __init__(self, solver: Solver, ball: InputRegion) -> None:
        self.solver, self.center = solver, ball.center

    def add_rows(self, rows: sparse.csr_array, lower: Vector, upper: Vector) -> None:
        both = sparse.csr_array(sparse.hstack([rows, -rows]))
        self.solver.add_rows(both, lower - rows @ self.center, upper)


def least_l2(task: Task, eps: float, vertex: Vector) -> Restricted:
    """The nearest point in l2; eps is a lower bound, met at `vertex` if no condition fails."""
    ball = task.ball
    start = float(task.row @ ball.center) + task.level
    scale = max(float(np.abs(task.row).max()), 1e-300)
    rows = _Stacked(-task.row / scale, start / scale, ball.center)
    signs = task.signs()
    signs.add_violated(rows, vertex, everything=not task.work.lazy)
    low, high = ball.lower - ball.center, ball.upper - ball.center
    duals = np.zeros(1)
    while True:
        task.rounds += 1
        duals = np.concatenate([duals, np.zeros(len(rows.level) - len(duals))])
        stop = 0.5 * task.limit * task.limit * (1.0 + 1e-12)
        found = project(rows.matrix, rows.level, low, high, duals, stop, task.work.remaining)
        status, duals, step, value = found
        eps = max(eps, float(np.sqrt(2.0 * max(value, 0.0))))
        if eps > task.limit:
            return task.result("none", task.limit, None, signs)
        if status != "settled":
            return task.result(status, eps, None, signs)
        point = ball.center + step
        if not signs.add_violated(rows, point):
            return task.result("found", float(np.sqrt(step @ step)), point, signs)


class _Stacked:
    """Rows row @ step >= level over the step from the center."""

    def __init__(self, row: Vector, level: float, center: Vector) -> None:
        self.center = center
        self.matrix: Matrix = row[None].copy()
        self.level: Vector = np.array([level])

    def add_rows(self, rows: sparse.csr_array, lower: Vector, upper: Vector) -> None:
        self.matrix = np.concatenate([self.matrix, rows.toarray()])
        self.level = np.concatenate([self.level, lower - rows @ self.center])
