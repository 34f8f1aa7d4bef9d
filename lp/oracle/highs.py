"""The LP oracle: HiGHS behind one small protocol, with two back ends.

Answers are untrusted, and taken through `guard` alone. A point is a candidate, duals are
multipliers, and nothing here is a proof; any status but `optimal` says only that there is no point
or no duals to use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np

from ...compiler.base.arrays import Indices, Matrix, Vector
from ...compiler.base.later import sparse


@dataclass(frozen=True, slots=True)
class Program:
    """minimise cost @ x, lower <= x <= upper, row_lower <= rows @ x <= row_upper.  rows (M, n)."""

    cost: Vector
    lower: Vector
    upper: Vector
    rows: Matrix | sparse.csr_matrix | sparse.csr_array
    row_lower: Vector
    row_upper: Vector


@dataclass(frozen=True, slots=True)
class Answer:
    """status: optimal, infeasible, unbounded, stopped or failed.

    point (n,); row_duals (M,) and column_duals (n,) are derivatives of the optimum by the row's and
    the column's active bound. Empty arrays where the solver gave none.
    """

    status: str
    value: float
    point: Vector
    row_duals: Vector
    column_duals: Vector

    @property
    def optimal(self) -> bool:
        return self.status == "optimal"


class Solver(Protocol):
    """A program that changes a little between solves."""

    def add_rows(self, rows: Matrix | sparse.csr_array, lower: Vector, upper: Vector) -> None: ...
    def set_columns(self, lower: Vector, upper: Vector) -> None: ...
    def set_cost(self, cost: Vector) -> None: ...
    def solve(self, seconds: float) -> Answer: ...


Oracle = Callable[[Program], Solver]
"""Builds a solver for a program; `highs` by default, `reference` in tests."""

NOTHING = np.empty(0)


def no_answer(status: str) -> Answer:
    return Answer(status, np.nan, NOTHING, NOTHING, NOTHING)


class Reference:
    """scipy's `linprog`: stateless, a fresh solve each time."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def add_rows(self, rows: Matrix | sparse.csr_array, lower: Vector, upper: Vector) -> None:
        old = self.program
        self.program = Program(
            old.cost,
            old.lower,
            old.upper,
            sparse.csr_matrix(sparse.vstack([sparse.csr_matrix(old.rows), rows])),
            np.concatenate([old.row_lower, lower]),
            np.concatenate([old.row_upper, upper]),
        )

    def set_columns(self, lower: Vector, upper: Vector) -> None:
        old = self.program
        self.program = Program(old.cost, lower, upper, old.rows, old.row_lower, old.row_upper)

    def set_cost(self, cost: Vector) -> None:
        old = self.program
        self.program = Program(cost, old.lower, old.upper, old.rows, old.row_lower, old.row_upper)

    def solve(self, seconds: float) -> Answer:
        from scipy.optimize import linprog

        program = self.program
        rows = sparse.csr_matrix(program.rows)
        below, above = np.isfinite(program.row_upper), np.isfinite(program.row_lower)
        result = linprog(
            program.cost,
            A_ub=sparse.vstack([rows[below], -rows[above]]) if below.any() or above.any() else None,
            b_ub=np.concatenate([program.row_upper[below], -program.row_lower[above]])
            if below.any() or above.any()
            else None,
            bounds=np.column_stack([program.lower, program.upper]),
            method="highs",
            options={"time_limit": max(seconds, 0.01)},
        )
        if result.status != 0:
            return no_answer(
                {1: "stopped", 2: "infeasible", 3: "unbounded"}.get(result.status, "failed")
            )
        duals = np.zeros(rows.shape[0])
        if below.any() or above.any():
            marginals = np.asarray(result.ineqlin.marginals)
            duals[below] += marginals[: int(below.sum())]
            duals[above] -= marginals[int(below.sum()) :]
        columns = np.asarray(result.lower.marginals) + np.asarray(result.upper.marginals)
        return Answer("optimal", float(result.fun), np.asarray(result.x), duals, columns)


def _row_form(
    rows: Matrix | sparse.csr_matrix | sparse.csr_array,
) -> tuple[Indices, Indices, Vector]:
    form = sparse.csr_matrix(rows)
    form.eliminate_zeros()
    return form.indptr.astype(np.int32), form.indices.astype(np.int32), form.data.astype(np.float64)


@cache
def _silent() -> Callable[[], Any]:
    """highspy's model, of a kind that prints nothing: some versions do so when they are made."""
    import highspy

    class Silent(highspy.Highs):
        def enableCallbacks(self) -> None:
            self.setOptionValue("output_flag", False)
            super().enableCallbacks()  # type: ignore[no-untyped-call]

    return Silent


class Highs:
    """highspy: rows are added, bounds changed, and the last basis starts the next solve."""

    def __init__(self, program: Program, scale: bool = True) -> None:
        import highspy

        self._module: Any = highspy
        model: Any = _silent()()
        for name, option in (
            ("output_flag", False),
            ("threads", 1),
            ("presolve", "off"),
            ("solver", "simplex"),
            ("primal_feasibility_tolerance", 1e-9),
            ("dual_feasibility_tolerance", 1e-9),
        ):
            model.setOptionValue(name, option)
        if not scale:
            model.setOptionValue("simplex_scale_strategy", 0)
        count = len(program.cost)
        model.addVars(count, program.lower, program.upper)
        self._model: Any = model
        self._columns = np.arange(count, dtype=np.int32)
        self.set_cost(program.cost)
        if program.rows.shape[0]:
            self.add_rows(program.rows, program.row_lower, program.row_upper)

    def add_rows(self, rows: Matrix | sparse.csr_array, lower: Vector, upper: Vector) -> None:
        starts, indices, data = _row_form(rows)
        count = len(starts) - 1
        self._model.addRows(count, lower, upper, len(data), starts[:-1], indices, data)

    def set_columns(self, lower: Vector, upper: Vector) -> None:
        self._model.changeColsBounds(len(self._columns), self._columns, lower, upper)

    def set_cost(self, cost: Vector) -> None:
        self._model.changeColsCost(len(self._columns), self._columns, cost)

    def solve(self, seconds: float) -> Answer:
        if not seconds > 0.0:
            return no_answer("stopped")
        model, status = self._model, self._module.HighsModelStatus
        # HiGHS counts its limit over all solves of a model
        model.setOptionValue("time_limit", float(model.getRunTime() + min(seconds, 1e6)))
        if model.run() == self._module.HighsStatus.kError:
            # threads of HiGHS are the process's, and a model of another program began them
            model.setOptionValue("threads", 0)
            model.run()
        found = model.getModelStatus()
        if found != status.kOptimal:
            names = {
                status.kInfeasible: "infeasible",
                status.kUnbounded: "unbounded",
                status.kTimeLimit: "stopped",
            }
            return no_answer(names.get(found, "failed"))
        solution = model.getSolution()
        return Answer(
            "optimal",
            float(model.getObjectiveValue()),
            np.array(solution.col_value),
            np.array(solution.row_dual),
            np.array(solution.col_dual),
        )


def highs(program: Program) -> Solver:
    """The incremental back end, used in all hot paths."""
    return Highs(program)


def highs_unscaled(program: Program) -> Solver:
    """The same without scaling, faster where all rows are of one size on their own."""
    return Highs(program, scale=False)


def reference(program: Program) -> Solver:
    """The stateless back end, used to check the other."""
    return Reference(program)
