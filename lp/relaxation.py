"""The LP relaxation of one node: triangles over its unstable units, everything else substituted
away.

Columns are the input and the post-activations of unstable units; a stable unit is an affine
function of those. With nothing unstable left the LP is exact. Its duals are multipliers of the
backward bound (Salman et al. 2019), which is where a proof comes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..compiler.arrays import Indices, Mask, Matrix, Phases, Vector
from ..compiler.problem import Problem
from .oracle import Answer, Oracle, Program, Solver


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node: input box (D,), and per stage pre-activation bounds and splits, (N,) each."""

    lower: Vector
    upper: Vector
    stage_lower: Sequence[Vector]
    stage_upper: Sequence[Vector]
    splits: Sequence[Phases]

    def unstable(self, number: int) -> Indices:
        """Units of a stage that are neither stable nor split."""
        free = self.splits[number] == 0
        return np.flatnonzero(
            free & (self.stage_lower[number] < 0) & (self.stage_upper[number] > 0)
        )

    def active(self, number: int) -> Mask:
        """Whether each unit passes its pre-activation on."""
        split = self.splits[number]
        passes: Mask = (split > 0) | ((split == 0) & (self.stage_lower[number] >= 0))
        return passes


@dataclass(frozen=True, slots=True)
class Expansion:
    """rows @ pre = input @ x + sum of units[i] @ post_i(unstable) + constant, on the node."""

    input: Matrix
    units: list[Matrix]
    constant: Vector


def expand(problem: Problem, node: NodeView, start: int, rows: Matrix) -> Expansion:
    """Rows on stage `start` in the columns of the LP.  rows (Q, N_start)."""
    count = len(rows)
    pending: list[Matrix | None] = [None] * (start + 1)
    units: list[Matrix] = [np.zeros((count, 0))] * start
    constant = np.zeros(count)
    for number in range(start, -1, -1):
        stage = problem.stages[number]
        if number == start:
            mu = rows
        else:
            lam = pending[number + 1]
            if lam is None:
                units[number] = np.zeros((count, len(node.unstable(number)) if stage.relu else 0))
                continue
            mu = lam
            if stage.relu:
                units[number] = lam[:, node.unstable(number)]
                mu = lam * node.active(number)
        constant = constant + mu @ stage.bias
        for operator, source in stage.terms:
            part = operator.adjoint(mu)
            before = pending[source]
            pending[source] = part if before is None else before + part
    top = pending[0]
    return Expansion(
        top if top is not None else np.zeros((count, problem.input_size)), units, constant
    )


@dataclass(frozen=True, slots=True)
class Duals:
    """Multipliers of an LP answer, per stage (N,): r >= z, r <= s (z - l), splits."""

    below: list[Vector]
    above: list[Vector]
    split: list[Vector]


class Relaxation:
    """The LP of one node for several objectives."""

    def __init__(self, problem: Problem, node: NodeView, oracle: Oracle) -> None:
        self.problem, self.node = problem, node
        last = len(problem.stages) - 1
        self.unstable = [
            node.unstable(i) if problem.stages[i].relu else np.empty(0, dtype=np.int64)
            for i in range(last)
        ]
        self.first_column = np.cumsum(
            [problem.input_size, *(len(units) for units in self.unstable)]
        )
        self.columns = int(self.first_column[-1])
        rows: list[Matrix] = []
        upper: list[Vector] = []
        self.places: list[tuple[int, str, Indices]] = []
        for number in range(last):
            if problem.stages[number].relu:
                self._stage_rows(number, rows, upper)
        low = np.concatenate([node.lower, np.zeros(self.columns - problem.input_size)])
        high = [node.upper] + [
            np.maximum(node.stage_upper[i][units], 0.0) for i, units in enumerate(self.unstable)
        ]
        matrix = np.concatenate(rows) if rows else np.zeros((0, self.columns))
        bound = np.concatenate(upper) if upper else np.zeros(0)
        self.program = Program(
            np.zeros(self.columns),
            low,
            np.concatenate(high),
            matrix,
            np.full(len(bound), -np.inf),
            bound,
        )
        self.oracle = oracle
        self.solver: Solver | None = None

    def _spread(self, found: Expansion) -> Matrix:
        matrix = np.zeros((len(found.constant), self.columns))
        matrix[:, : self.problem.input_size] = found.input
        for i, part in enumerate(found.units):
            matrix[:, self.first_column[i] : self.first_column[i + 1]] = part
        return matrix

    def _stage_rows(self, number: int, rows: list[Matrix], upper: list[Vector]) -> None:
        node, units = self.node, self.unstable[number]
        split = np.flatnonzero(node.splits[number])
        both = np.concatenate([units, split])
        if not len(both):
            return
        start = np.zeros((len(both), self.problem.stages[number].size))
        start[np.arange(len(both)), both] = 1.0
        found = expand(self.problem, node, number, start)
        matrix = self._spread(found)
        free, fixed = matrix[: len(units)], matrix[len(units) :]
        own = np.zeros_like(free)
        own[np.arange(len(units)), self.first_column[number] + np.arange(len(units))] = 1.0
        low, high = node.stage_lower[number][units], node.stage_upper[number][units]
        slope = high / np.maximum(high - low, 1e-300)
        level = found.constant[: len(units)]
        # z - r <= 0;   r - s z <= -s l
        rows += [free - own, own - slope[:, None] * free]
        upper += [-level, slope * (level - low)]
        sign = node.splits[number][split].astype(np.float64)
        rows.append(-sign[:, None] * fixed)
        upper.append(sign * found.constant[len(units) :])
        self.places.append((number, "below", units))
        self.places.append((number, "above", units))
        self.places.append((number, "split", split))

    def minimise(self, row: Vector, offset: float, seconds: float) -> tuple[Answer, Duals]:
        """Least row @ output + offset over the relaxation; row (K,)."""
        start = len(self.problem.stages) - 1
        found = expand(self.problem, self.node, start, row[None])
        if self.solver is None:
            self.solver = self.oracle(self.program)
        self.solver.set_cost(self._spread(found)[0])
        answer = self.solver.solve(seconds)
        if answer.optimal:
            answer = Answer(
                answer.status,
                answer.value + float(found.constant[0]) + offset,
                answer.point,
                answer.row_duals,
                answer.column_duals,
            )
        return answer, self._duals(answer)

    def emptiness(self, seconds: float) -> tuple[Answer, Duals]:
        """Least total violation of the splits; positive when the node holds no input.

        The elastic program is always feasible, so its duals exist: they prove that the node is
        empty.
        """
        program = self.program
        total = len(program.row_upper)
        splits = np.zeros(total, dtype=bool)
        place = 0
        for _, kind, units in self.places:
            splits[place : place + len(units)] = kind == "split"
            place += len(units)
        elastic = -np.eye(total)[:, splits]
        count = elastic.shape[1]
        answer = self.oracle(
            Program(
                np.concatenate([np.zeros(self.columns), np.ones(count)]),
                np.concatenate([program.lower, np.zeros(count)]),
                np.concatenate([program.upper, np.full(count, np.inf)]),
                np.concatenate([np.asarray(program.rows), elastic], axis=1),
                program.row_lower,
                program.row_upper,
            )
        ).solve(seconds)
        return answer, self._duals(answer)

    def _duals(self, answer: Answer) -> Duals:
        sizes = [stage.size for stage in self.problem.stages[:-1]]
        duals = Duals(*([np.zeros(size) for size in sizes] for _ in range(3)))
        if answer.optimal:
            place = 0
            for number, kind, units in self.places:
                part = answer.row_duals[place : place + len(units)]
                # rows are upper bounds, so their duals are at most 0
                getattr(duals, kind)[number][units] = np.maximum(-part, 0.0)
                place += len(units)
        return duals
