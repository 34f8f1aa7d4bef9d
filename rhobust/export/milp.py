"""A compiled problem as a mixed-integer linear program, for solvers that know no activations.

Big-M rows from proven bounds (Tjeng, Xiao, Tedrake 2019): every unstable unit has a binary for its
phase, every disjunct one for being chosen. Stable units need none. The numbers are float64, and a
solver has its tolerances: its answer is a check, not a proof. A strict atom becomes one that is not
strict, so where the boundary alone satisfies the problem the program does too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..bnb.bounds.crown import Nodes, crown, heuristic_slopes
from ..bnb.bounds.magnitudes import Magnitudes
from ..bnb.bounds.region_bounds import LARGEST_BATCH, root_bounds
from ..compiler.base.arrays import Bounds, Indices, Vector
from ..compiler.base.errors import LanguageError
from ..compiler.base.later import sparse
from ..compiler.base.norms import L1
from ..compiler.problem import Ball, Branch, Problem, Stage
from ..compiler.steps.compile import Compiled
from .mps import MixedProgram
from .names import Names

SMALLEST = 1e-6
"""Least M of a big-M row: a larger M is as true, and solvers drop coefficients that are tiny."""

NONE = np.empty(0, dtype=np.int64)


def milp(compiled: Compiled) -> MixedProgram:
    """The program whose points are the inputs of the problem with all that follows from them.

    Columns: the inputs under their variables' names, then pre- and post-activations under their
    stages' names, and binaries. Its optimum is the objective's least value; without an objective
    any feasible point answers. Raises LanguageError for an l2 ball.
    """
    problem = compiled.problem
    box = problem.box
    with np.errstate(all="ignore"):  # what overflows is told by its bounds
        found = root_bounds(problem, box, lambda: False)
        assert found is not None, "nothing stops it"
        return _Model(problem, *found, compiled).program()


class _Model:
    """Columns and rows, block by block.  places: each source's columns, -1 for what is 0."""

    def __init__(
        self, problem: Problem, nodes: Nodes, magnitudes: Magnitudes, compiled: Compiled
    ) -> None:
        self.problem, self.nodes, self.magnitudes = problem, nodes, magnitudes
        self.column_base, self.columns = Names(), list[str]()
        self.row_base, self.row_names = Names(["objective"]), list[str]()
        self.bounds: list[tuple[Vector, Vector, bool]] = []
        self.blocks: list[tuple[Vector, Indices, Indices]] = []
        self.row_bounds: list[tuple[Vector, Vector]] = []
        start, inputs = 0, []
        for variable in compiled.inputs:
            end = start + variable.size
            low, high = problem.lower[start:end], problem.upper[start:end]
            inputs.append(self.add(variable.name or "x", low, high))
            start = end
        if not inputs:
            self.add("nothing", np.zeros(1), np.zeros(1))  # a program without columns is none
        self.places = [np.concatenate([NONE, *inputs])]
        if problem.ball is not None:
            self._ball(problem.ball)
        for stage, bounds in zip(problem.stages, nodes.bounds, strict=True):
            self._stage(stage, bounds)
        self._branches()

    def program(self) -> MixedProgram:
        cost, constant = np.zeros(len(self.columns)), 0.0
        if self.problem.objective is not None:
            row = self.problem.rows[self.problem.objective]
            np.add.at(cost, self.places[-1], row)
            constant = float(self.problem.offset[self.problem.objective])
        data, rows, columns = (np.concatenate(parts) for parts in zip(*self.blocks, strict=True))
        shape = (len(self.row_names), len(self.columns))
        matrix = sparse.csr_array((data, (rows, columns)), shape=shape)
        matrix.eliminate_zeros()
        lower, upper = (np.concatenate(s) for s in zip(*self.row_bounds, strict=True))
        return MixedProgram(
            cost, constant,
            np.concatenate([low for low, _, _ in self.bounds]),
            np.concatenate([high for _, high, _ in self.bounds]),
            np.concatenate([np.full(len(low), whole) for low, _, whole in self.bounds]),
            matrix, lower, upper, tuple(self.columns), tuple(self.row_names),
        )  # fmt: skip

    def add(self, name: str, lower: Vector, upper: Vector, whole: bool = False) -> Indices:
        """Columns, one for each pair of bounds; their numbers."""
        if not (np.isfinite(lower).all() and np.isfinite(upper).all()):
            raise LanguageError(f"the bounds of {name!r} are too large for float64; scale it")
        first = len(self.columns)
        self.columns += self.column_base.elements(name, len(lower))
        # of an empty region bounds may cross; its own rows say that it is empty
        self.bounds.append((np.minimum(lower, upper), np.maximum(lower, upper), whole))
        return np.arange(first, len(self.columns))

    def demand(
        self,
        name: str,
        parts: Sequence[tuple[sparse.csr_array, Indices]],
        lower: Vector | float,
        upper: Vector | float,
        count: int,
    ) -> None:
        """`count` rows.  parts: matrices, each with the columns it is over, -1 for what is 0."""
        first = len(self.row_names)
        self.row_names += self.row_base.elements(name, count)
        for matrix, columns in parts:
            entries = sparse.coo_array(matrix)
            rows, place = entries.coords[0].astype(np.int64), columns[entries.coords[1]]
            used = place >= 0
            self.blocks.append((entries.data[used], first + rows[used], place[used]))
        self.row_bounds.append((np.zeros(count) + lower, np.zeros(count) + upper))

    def _ball(self, ball: Ball) -> None:
        if ball.norm is not L1:
            raise LanguageError(
                f"a ball of the {ball.norm} norm is not linear; a MILP takes norm1 and norm_inf"
            )
        x, size = self.places[0][ball.index], len(ball.index)
        away, one = (
            self.add("away", np.zeros(size), np.full(size, ball.radius)),
            _each(np.ones(size)),
        )
        self.demand("above", [(one, away), (-one, x)], -ball.center, np.inf, size)
        self.demand("below", [(one, away), (one, x)], ball.center, np.inf, size)
        self.demand("ball", [(_total(size), away)], -np.inf, ball.radius, 1)

    def _stage(self, stage: Stage, bounds: Bounds) -> None:
        """pre = terms + bias, and for an unstable unit post = max(pre, 0) by its binary."""
        low, high = bounds.lower[0], bounds.upper[0]
        # an inactive unit is 0 and has no column
        units = np.flatnonzero(high > 0.0) if stage.relu else np.arange(stage.size)
        low, high, count = low[units], high[units], len(units)
        pre = self.add(stage.name, low, high)
        parts = [(operator.rows(units), self.places[source]) for operator, source in stage.terms]
        level = -stage.bias[units]
        own = _each(np.ones(count))
        self.demand(stage.name, [*parts, (-own, pre)], level, level, count)
        post = pre.copy()
        if stage.relu:
            split = np.flatnonzero(low < 0.0)
            pre, low, high, count = pre[split], low[split], high[split], len(split)
            post[split] = over = self.add(f"{stage.name}_post", np.zeros(count), high)
            phase = self.add(f"{stage.name}_phase", np.zeros(count), np.ones(count), True)
            own = _each(np.ones(count))
            above = (own, over), (-own, pre)
            low, high = np.minimum(low, -SMALLEST), np.maximum(high, SMALLEST)
            self.demand("over", above, 0.0, np.inf, count)
            self.demand("active", [*above, (_each(-low), phase)], -np.inf, -low, count)
            self.demand("inactive", [(own, over), (_each(-high), phase)], -np.inf, 0.0, count)
        place = np.full(stage.size, -1, dtype=np.int64)
        place[units] = post
        self.places.append(place)

    def _branches(self) -> None:
        """The atoms of the root, and a binary for each branch of each choice."""
        problem = self.problem
        chosen: dict[int, Indices] = {}
        open_: list[tuple[Branch, Indices]] = [(problem.root, NONE)]
        conditional: list[tuple[int, int]] = []
        while open_:
            branch, owner = open_.pop()
            conditional += [(atom, int(column)) for atom in branch.atoms for column in owner]
            for number in branch.choices:
                if number not in chosen:
                    size = len(problem.choices[number])
                    chosen[number] = self.add("choice", np.zeros(size), np.ones(size), True)
                    options = zip(problem.choices[number], chosen[number], strict=True)
                    open_ += [(option, np.array([column])) for option, column in options]
                # at least one, or as many as the branch that asks for it: it has none or one owner
                some = (_total(len(chosen[number])), chosen[number])
                least = 0.0 if len(owner) else 1.0
                self.demand("some", [some, (-_total(len(owner)), owner)], least, np.inf, 1)
        always = np.array(problem.root.atoms, dtype=np.int64)
        rows = sparse.csr_array(problem.rows[always])
        output = self.places[-1]
        self.demand("atom", [(rows, output)], -np.inf, -problem.offset[always], len(always))
        atoms, columns = np.array(conditional, dtype=np.int64).reshape(-1, 2).T
        # an atom that holds everywhere needs no row
        most = self._largest(atoms)
        atoms, columns, most = atoms[most > 0.0], columns[most > 0.0], most[most > 0.0]
        most = np.maximum(most, SMALLEST)
        self.demand(
            "disjunct", [(sparse.csr_array(problem.rows[atoms]), output), (_each(most), columns)],
            -np.inf, most - problem.offset[atoms], len(atoms),
        )  # fmt: skip

    def _largest(self, atoms: Indices) -> Vector:
        """Proven upper bounds of the atoms' values on the whole region."""
        problem, last = self.problem, len(self.problem.stages) - 1
        every, which = np.unique(atoms, return_inverse=True)
        widest = max([1, problem.input_size, *(stage.size for stage in problem.stages)])
        chunk = max(1, LARGEST_BATCH // widest)
        most = np.empty(len(every))
        for start in range(0, len(every), chunk):
            part = every[start : start + chunk]
            owner = np.zeros(len(part), dtype=np.int64)
            slopes = heuristic_slopes(problem, self.nodes, owner, last)
            found = crown(
                problem, self.magnitudes, self.nodes, owner, last, -problem.rows[part],
                -problem.offset[part], slopes,
            )  # fmt: skip
            most[start : start + chunk] = -found.value
        if not np.isfinite(most).all():
            raise LanguageError("the property's relations are too large for float64; scale them")
        out: Vector = most[which]
        return out


def _each(values: Vector) -> sparse.csr_array:
    """A factor for the one column that each row has."""
    count = len(values)
    return sparse.csr_array((values, np.arange(count), np.arange(count + 1)), shape=(count, count))


def _total(count: int) -> sparse.csr_array:
    """One row that adds columns up."""
    return sparse.csr_array(np.ones((1, count)))
