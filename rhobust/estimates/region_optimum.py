"""The best point of one linear region: incumbents for optimisation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..compiler.base.arrays import Indices, Matrix, Vector
from ..compiler.base.later import sparse
from ..compiler.base.tolerances import Tolerances
from ..compiler.problem import Problem
from ..lp.oracle.ball import solve_within
from ..lp.oracle.highs import Oracle, Program
from ..lp.restriction.lazy_rows import SignRows
from ..lp.restriction.region import Region

MOST = 30
"""Rounds of sign rows; the last point is a candidate all the same."""


def region_optimum(
    problem: Problem,
    point: Vector,
    atoms: Indices,
    oracle: Oracle,
    remaining: Callable[[], float],
    tolerances: Tolerances,
) -> Vector | None:
    """The least objective on the linear region of a point, where the atoms numbered hold."""
    assert problem.objective is not None
    region = Region.of(problem, point)
    last = len(problem.stages) - 1
    rows, constant = region.rows(last, problem.rows)
    level = constant + problem.offset
    program = Program(
        rows[problem.objective],
        problem.lower,
        problem.upper,
        rows[atoms],
        np.full(len(atoms), -np.inf),
        -level[atoms],
    )
    signs = SignRows(region, 0, tolerances.feasibility, first=64)
    found: Vector | None = None
    collected = Growing(program)
    for _ in range(MOST):
        answer = solve_within(oracle, collected.program, problem.ball, remaining())
        if not answer.optimal:
            return found
        found = np.clip(answer.point, problem.lower, problem.upper)
        if not signs.add_violated(collected, found):
            return found
    return found


class Growing:
    """A program that collects the rows added to it."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def add_rows(self, rows: Matrix | sparse.csr_array, lower: Vector, upper: Vector) -> None:
        old = self.program
        parts = [sparse.csr_matrix(old.rows), sparse.csr_matrix(rows)]
        self.program = Program(
            old.cost, old.lower, old.upper,
            sparse.csr_matrix(sparse.vstack(parts)),
            np.concatenate([old.row_lower, lower]), np.concatenate([old.row_upper, upper]),
        )  # fmt: skip
