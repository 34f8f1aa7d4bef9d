"""The LP relaxation of one node: triangles over its unstable units, everything else substituted
away. For l < 0 < u and r = max(z, 0) a triangle says (Ehlers 2017)

    r >= 0        r >= z        r <= u (z - l) / (u - l)

Columns are the input and the post-activations of unstable units; a stable unit is an affine
function of those. With nothing unstable left the LP is exact. Its duals are multipliers of the
backward bound (Salman et al. 2019), which is where a proof comes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...compiler.base.arrays import Indices, Mask, Matrix, Phases, Vector
from ...compiler.problem import Problem
from ..oracle.ball import solve_within
from ..oracle.highs import Answer, Oracle, Program


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
    units: list[Matrix] = [np.zeros((count, 0))] * start
    constant = np.zeros(count)

    def meet(number: int, lam: Matrix | None) -> Matrix | None:
        nonlocal constant
        stage = problem.stages[number]
        if lam is None:
            units[number] = np.zeros((count, len(node.unstable(number)) if stage.relu else 0))
            return None
        mu = lam
        if number < start and stage.relu:
            units[number] = lam[:, node.unstable(number)]
            mu = lam * node.active(number)
        constant = constant + mu @ stage.bias
        return mu

    top = problem.pull_back(start, rows, meet)
    return Expansion(top, units, constant)


@dataclass(frozen=True, slots=True)
class Duals:
    """Multipliers of an LP answer, per stage (N,): r >= z, r <= s (z - l), splits; atoms (A,): the
    weights of the output's elements.
    """

    below: list[Vector]
    above: list[Vector]
    split: list[Vector]
    atoms: Vector


class Relaxation:
    """The LP of one node of a reduced problem, whose outputs are its atoms."""

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
        # no bound above: the triangle is one, and a dual of another would be no slope of its
        high = [node.upper] + [np.full(len(units), np.inf) for units in self.unstable]
        self.largest = np.concatenate(
            [np.maximum(np.abs(node.lower), np.abs(node.upper))]
            + [np.maximum(node.stage_upper[i][units], 0.0) for i, units in enumerate(self.unstable)]
        )
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

    def least(
        self, atoms: Indices, objective: int | None, seconds: float, inset: float = 0.0
    ) -> tuple[Answer, Duals]:
        """Least value of output `objective` where the outputs `atoms` are at most 0; without an
        objective the least that the largest of them can be.

        inset: by how much of their size the outputs stay below 0 beside an objective.

        The duals' atoms are the weights that prove it: they sum to 1 without an objective, and the
        objective has weight 1.
        """
        last = len(self.problem.stages) - 1
        size = self.problem.stages[last].size
        alone = objective is None and len(atoms) == 1
        sides = atoms[atoms != objective] if not alone else atoms[:0]
        target = int(atoms[0]) if alone else objective
        wanted = sides if target is None else np.append(sides, target)
        unit = np.zeros((len(wanted), size))
        unit[np.arange(len(wanted)), wanted] = 1.0
        found = expand(self.problem, self.node, last, unit)
        matrix, level = self._spread(found), found.constant
        program = self.program
        cost = np.zeros(self.columns) if target is None else matrix[-1]
        rows, upper = matrix[: len(sides)], -level[: len(sides)]
        if inset and target is not None:
            upper = upper - inset * (np.abs(rows) @ self.largest + np.abs(upper))
        every = np.concatenate([np.asarray(program.rows), rows])
        bounds = np.concatenate([program.row_upper, upper])
        low, high = program.lower, program.upper
        if target is None:
            # one more column: how far the worst atom is above 0
            worst = np.zeros((len(every), 1))
            worst[len(program.row_upper) :] = -1.0
            every = np.concatenate([every, worst], axis=1)
            cost = np.append(cost, 1.0)
            reach = np.abs(rows) @ self.largest + np.abs(upper)
            far = 1.0 + 2.0 * float(reach.max(initial=0.0))
            low, high = np.append(low, -far), np.append(high, far)
        whole = Program(cost, low, high, every, np.full(len(bounds), -np.inf), bounds)
        answer = solve_within(self.oracle, whole, self.problem.ball, seconds)
        duals = self._duals(answer)
        if target is not None:
            duals.atoms[target] = 1.0
        if answer.optimal:
            weights = np.maximum(-answer.row_duals[len(program.row_upper) :], 0.0)
            total = 1.0 if target is not None else float(weights.sum())
            # duals that prove nothing: any weights do
            proves = 0.0 < total < np.inf
            duals.atoms[sides] = weights / total if proves else 1.0 / max(1, len(sides))
            shift = 0.0 if target is None else float(level[-1])
            answer = replace(answer, value=answer.value + shift, point=answer.point[: self.columns])
        return answer, duals

    def emptiness(self, atoms: Indices, seconds: float) -> tuple[Answer, Duals]:
        """Least total violation of the splits and of the outputs `atoms` (at most 0); positive when
        no input of the node satisfies them.

        The elastic program is always feasible, so its duals exist: they prove that.
        """
        program = self.asked(atoms)
        total = len(program.row_upper)
        splits = np.zeros(total, dtype=bool)
        place = 0
        for _, kind, units in self.places:
            splits[place : place + len(units)] = kind == "split"
            place += len(units)
        splits[place:] = True
        elastic = -np.eye(total)[:, splits]
        count = elastic.shape[1]
        whole = Program(
            np.concatenate([np.zeros(self.columns), np.ones(count)]),
            np.concatenate([program.lower, np.zeros(count)]),
            np.concatenate([program.upper, np.full(count, np.inf)]),
            np.concatenate([np.asarray(program.rows), elastic], axis=1),
            program.row_lower,
            program.row_upper,
        )
        answer = solve_within(self.oracle, whole, self.problem.ball, seconds)
        return answer, self.duals(answer, atoms)

    def asked(self, atoms: Indices) -> Program:
        """The program whose last rows say that some outputs are at most 0."""
        last = len(self.problem.stages) - 1
        unit = np.zeros((len(atoms), self.problem.stages[last].size))
        unit[np.arange(len(atoms)), atoms] = 1.0
        found = expand(self.problem, self.node, last, unit)
        old = self.program
        return replace(
            old,
            rows=np.concatenate([np.asarray(old.rows), self._spread(found)]),
            row_lower=np.full(len(old.row_upper) + len(atoms), -np.inf),
            row_upper=np.concatenate([old.row_upper, -found.constant]),
        )

    def duals(self, answer: Answer, atoms: Indices) -> Duals:
        """The multipliers in an answer to a program with `asked` rows."""
        duals = self._duals(answer)
        if answer.optimal:
            duals.atoms[atoms] = np.maximum(-answer.row_duals[len(self.program.row_upper) :], 0.0)
        return duals

    def _duals(self, answer: Answer) -> Duals:
        sizes = [stage.size for stage in self.problem.stages[:-1]]
        below, above, split = ([np.zeros(size) for size in sizes] for _ in range(3))
        duals = Duals(below, above, split, np.zeros(self.problem.stages[-1].size))
        if answer.optimal:
            place = 0
            for number, kind, units in self.places:
                part = answer.row_duals[place : place + len(units)]
                # rows are upper bounds, so their duals are at most 0
                getattr(duals, kind)[number][units] = np.maximum(-part, 0.0)
                place += len(units)
        return duals
