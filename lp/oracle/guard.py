"""What stands between the callers and a solver: whatever it does, they get an `Answer` in form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...compiler.base.arrays import Matrix, Vector
from ...compiler.base.later import sparse
from ...compiler.base.untrusted import attempt
from .highs import Answer, Oracle, Program, Solver, no_answer

STATUSES = ("optimal", "infeasible", "unbounded", "stopped", "failed")


class Guarded:
    """A solver that may be wrong, but never raises, nor answers late or out of form.

    A program of which any change failed is not the one meant: it has no answer any more.
    """

    def __init__(self, oracle: Oracle, program: Program) -> None:
        self.columns, self.rows = len(program.cost), program.rows.shape[0]
        self._solver: Solver | None = attempt(lambda: oracle(program), None)

    def _change(self, change: Callable[[Solver], None]) -> None:
        solver = self._solver
        if solver is None:
            return

        def changed() -> Solver:
            change(solver)
            return solver

        self._solver = attempt(changed, None)

    def add_rows(self, rows: Matrix | sparse.csr_array, lower: Vector, upper: Vector) -> None:
        self.rows += rows.shape[0]
        self._change(lambda solver: solver.add_rows(rows, lower, upper))

    def set_columns(self, lower: Vector, upper: Vector) -> None:
        self._change(lambda solver: solver.set_columns(lower, upper))

    def set_cost(self, cost: Vector) -> None:
        self._change(lambda solver: solver.set_cost(cost))

    def solve(self, seconds: float) -> Answer:
        """An answer in form; `stopped` without a solve where no time is left."""
        solver = self._solver
        if not seconds > 0.0:
            return no_answer("stopped")
        if solver is None:
            return no_answer("failed")
        failed = no_answer("failed")
        return attempt(lambda: checked(solver.solve(seconds), self.columns, self.rows), failed)


def checked(answer: Answer, columns: int, rows: int) -> Answer:
    """The answer if its status is known and its arrays are what they should be, else a failed
    one.
    """
    if answer.status not in STATUSES:
        return no_answer("failed")
    if not answer.optimal:
        return no_answer(answer.status)
    shapes = (answer.point.shape, answer.row_duals.shape, answer.column_duals.shape)
    if shapes != ((columns,), (rows,), (columns,)):
        return no_answer("failed")
    numbers = (answer.point, answer.row_duals, answer.column_duals, np.array([answer.value]))
    return answer if all(np.isfinite(n).all() for n in numbers) else no_answer("failed")
