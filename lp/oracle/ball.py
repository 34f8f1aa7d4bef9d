"""Programs whose first columns are inputs that must lie in a ball.

An l1 ball is linear once each input is center + a - b with a, b >= 0. An l2 ball is approached from
outside by tangent planes at the points that leave it, a cutting plane method (Kelley 1960).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...compiler.base.arrays import Matrix, Vector
from ...compiler.base.later import sparse
from ...compiler.base.norms import L1, L2, NormKind
from ...compiler.problem import Ball
from .guard import Guarded
from .highs import Answer, Oracle, Program

ROUNDS = 60
"""Tangent planes of one solve; the point is then near the ball, if not in it."""


def solve_within(oracle: Oracle, program: Program, ball: Ball | None, seconds: float) -> Answer:
    """The program with its inputs in the ball; the answer is in its own columns and rows."""
    if ball is None:
        return Guarded(oracle, program).solve(seconds)
    return SOLVES[ball.norm](oracle, program, ball, seconds)


def _solve_l1(oracle: Oracle, program: Program, ball: Ball, seconds: float) -> Answer:
    rows = sparse.csr_array(program.rows)
    own, center = rows[:, ball.index], ball.center
    low, high = program.lower[ball.index], program.upper[ball.index]
    lower, upper = program.lower.copy(), program.upper.copy()
    # column j is now how far input j stands above the center, the new ones how far below
    lower[ball.index] = np.maximum(low - center, 0.0)
    upper[ball.index] = np.maximum(high - center, 0.0)
    count, shift = len(center), np.asarray(own @ center)
    budget = np.zeros((1, len(program.cost) + count))
    budget[0, ball.index] = budget[0, len(program.cost) :] = 1.0
    changed = Program(
        np.concatenate([program.cost, -program.cost[ball.index]]),
        np.concatenate([lower, np.maximum(center - high, 0.0)]),
        np.concatenate([upper, np.maximum(center - low, 0.0)]),
        sparse.csr_matrix(sparse.vstack([sparse.hstack([rows, -own]), sparse.csr_array(budget)])),
        np.append(program.row_lower - shift, -np.inf),
        np.append(program.row_upper - shift, ball.radius),
    )
    answer = Guarded(oracle, changed).solve(seconds)
    if not answer.optimal:
        return answer
    point = answer.point[: len(program.cost)].copy()
    point[ball.index] += center - answer.point[len(program.cost) :]
    value = answer.value + float(program.cost[ball.index] @ center)
    return _own(answer, program, value, point)


def _solve_l2(oracle: Oracle, program: Program, ball: Ball, seconds: float) -> Answer:
    solver = Guarded(oracle, program)
    answer = solver.solve(seconds)
    for _ in range(ROUNDS):
        if not answer.optimal:
            break
        step = answer.point[ball.index] - ball.center
        length = float(np.sqrt(step @ step))
        if not length > ball.radius * (1.0 + 1e-9):
            break
        row: Matrix = np.zeros((1, len(program.cost)))
        row[0, ball.index] = step / length
        level: Vector = np.array([ball.radius + float(row[0, ball.index] @ ball.center)])
        solver.add_rows(row, np.full(1, -np.inf), level)
        answer = solver.solve(seconds)
    return _own(answer, program, answer.value, answer.point) if answer.optimal else answer


def _own(answer: Answer, program: Program, value: float, point: Vector) -> Answer:
    return replace(
        answer,
        value=value,
        point=point[: len(program.cost)],
        row_duals=answer.row_duals[: len(program.row_upper)],
        column_duals=answer.column_duals[: len(program.cost)],
    )


SOLVES: dict[NormKind, Callable[[Oracle, Program, Ball, float], Answer]] = {
    L1: _solve_l1, L2: _solve_l2,
}  # fmt: skip
