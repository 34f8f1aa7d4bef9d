"""Tracked solutions: points that a search must never lose, checked at each of its steps.

A debugging aid in the manner of SCIP's debug solution: whoever knows solutions of a problem hands
them in, and the step after which no node holds one any more is named. Values are exact where the
problem is small, and rigorous enclosures elsewhere; only a certain loss counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar

import numpy as np

from ...compiler.base.arrays import Bounds, Indices, Mask, Numbers, Vector
from ...compiler.base.errors import Contradiction
from ...compiler.problem import Problem
from ..bounds.crown import Nodes
from ..bounds.interval import stage_interval
from ..nodes.batch import Block
from ..presolve.substitute_stable import unstable_units
from .values import (
    Values,
    is_satisfied,
    lies_inside,
    values_at,
    which_hold,
    which_options,
)

SAMPLES: ContextVar[int] = ContextVar("samples", default=0)
"""Points of its own region that every search tracks whose settings name none; for tests."""

EXACT_PRODUCTS = 200_000
"""Rational products of one point up to which its values are exact: about half a second."""


class LostSolution(Contradiction):
    """A step of a search excluded a point that solves the problem."""


class Tracker:
    """The points of one search, in the units and atoms of its problem as it is reduced.

    Points outside the region are left out; those that satisfy the root branch are its solutions.
    With an objective, a solution no better than the cutoff may be lost. Without points nothing is
    looked at.
    """

    def __init__(
        self,
        problem: Problem,
        points: Sequence[Numbers],
        cutoff: Callable[[], float],
        box: Callable[[], Bounds],
        most_products: float = EXACT_PRODUCTS,
    ) -> None:
        self.cutoff, self.box = cutoff, box
        self.points = [point for point in points if lies_inside(problem, point)]
        self.objective = problem.objective
        if not self.points:
            return
        self.values: Values = values_at(problem, self.points, most_products)
        holds = which_hold(problem, self.points, self.values.atoms)
        self.holds = holds
        self.options = which_options(problem, holds)
        self.solves: Mask = np.array(
            [
                is_satisfied(problem.root, holds[p], self.options[p])
                for p in range(len(self.points))
            ],
            dtype=bool,
        )
        if self.objective is not None:
            self.best = self.values.atoms.upper[:, self.objective].copy()
            self.holds[:, self.objective] = True

    # what is followed

    def reduced(self, problem: Problem, root: Nodes, atoms: Indices) -> None:
        """To be told before each reduction: which units and atoms are left."""
        if not self.points:
            return
        unstable = unstable_units(problem, root)
        kept = [
            Bounds(bounds.lower[:, units], bounds.upper[:, units])
            for bounds, units in zip(self.values.stages, unstable, strict=True)
            if len(units)
        ]
        old = self.values.atoms
        left = Bounds(old.lower[:, atoms], old.upper[:, atoms])
        self.values = Values(self.values.input, [*kept, left], left)
        self.holds = self.holds[:, atoms]
        if self.objective is not None:
            self.objective = int(np.flatnonzero(atoms == self.objective)[0])

    def relevant(self) -> Mask:
        """Which points (P,) still have to be held: better ones excuse the loss of others."""
        box = self.box()
        inside = (self.values.input.lower >= box.lower) & (self.values.input.upper <= box.upper)
        found: Mask = self.solves & inside.all(axis=1)
        return found if self.objective is None else found & (self.best <= self.cutoff())

    def held(self, block: Block) -> Mask:
        """Which nodes hold which points, (B, P): where nothing certain speaks against it."""
        count = len(self.points)
        found = np.zeros((len(block), count), dtype=bool)
        if not count:
            return found
        several = self.values.stages[:-1]
        low = np.concatenate([np.zeros((count, 0)), *(s.lower for s in several)], axis=1)
        high = np.concatenate([np.zeros((count, 0)), *(s.upper for s in several)], axis=1)
        for p in np.flatnonzero(self.solves).tolist():
            against = ((block.phase > 0) & (high[p] < 0.0)) | ((block.phase < 0) & (low[p] > 0.0))
            against |= (block.lower > high[p]) | (block.upper < low[p])
            out = against.any(axis=1) | (block.atoms & ~self.holds[p]).any(axis=1)
            if block.low.shape[1]:
                x = self.values.input
                out |= ((block.low > x.upper[p]) | (block.high < x.lower[p])).any(axis=1)
            for number in np.flatnonzero(block.pending.any(axis=0)).tolist():
                if not self.options[p][number]:
                    out |= block.pending[:, number]
            found[:, p] = ~out
        return found

    # what is checked

    def region(self, step: str, root: Nodes) -> None:
        """Bounds of the only node of `root` hold every point of the region."""
        for number, bounds in enumerate(root.bounds if self.points else ()):
            known = self.values.stages[number]
            wrong = (known.upper < bounds.lower) | (known.lower > bounds.upper)
            for p, unit in np.argwhere(wrong).tolist():
                self._lost(step, p, f"unit {unit} of stage {number + 1} has bounds "
                           f"[{bounds.lower[0, unit]!r}, {bounds.upper[0, unit]!r}]")  # fmt: skip

    def atoms(self, step: str, value: Vector) -> None:
        """Lower bounds (A,) of the atoms over the whole region."""
        if not self.points:
            return
        for p, atom in np.argwhere(self.values.atoms.upper < value).tolist():
            self._lost(step, p, f"row {atom} of the output is said to be at least {value[atom]!r}")

    def substituted(self, step: str, problem: Problem) -> None:
        """A reduced problem gives units and atoms the values they have, within its own radius."""
        if not self.points:
            return
        known = [self.values.input]
        for number, (stage, value) in enumerate(
            zip(problem.stages, self.values.stages, strict=True)
        ):
            row = stage_interval(stage, known)
            wrong = (row.upper < value.lower) | (row.lower > value.upper)
            for p, unit in np.argwhere(wrong).tolist():
                self._lost(step, p, f"row {unit} of stage {number + 1} has another value")
            known.append(value.rectified() if stage.relu else value)

    def kept(self, step: str, before: Mask, block: Block) -> None:
        """Nodes hold what they held before a step that changed them in place, (B, P)."""
        if not self.points:
            return
        lost = before & ~self.held(block) & self.relevant()
        for row, p in np.argwhere(lost).tolist():
            self._lost(step, p, f"at a node of depth {int(block.depth[row])}")

    def empty(self, step: str, block: Block, rows: Indices) -> None:
        """The nodes in some rows of a block, which a step closed, hold none of the points."""
        if not self.points or not len(rows):
            return
        for _, p in np.argwhere(self.held(block.take(rows)) & self.relevant()).tolist():
            self._lost(step, p, "the node was closed")

    def started(self, step: str, block: Block) -> None:
        """Some root node holds each solution."""
        if self.points:
            self.covered(step, self.solves[None], block)

    def covered(self, step: str, before: Mask, block: Block) -> None:
        """Some node holds each point that one of their parents held before, (B, P)."""
        if not self.points:
            return
        lost = before.any(axis=0) & ~self.held(block).any(axis=0) & self.relevant()
        for p in np.flatnonzero(lost).tolist():
            self._lost(step, p, "no child holds it")

    def valued(self, step: str, block: Block) -> None:
        """Proven lower bounds of nodes are no larger than the objective at what they hold."""
        if not self.points:
            return
        least = np.zeros(len(self.points)) if self.objective is None else self.best
        wrong = self.held(block) & self.relevant() & (block.value[:, None] > least)
        for row, p in np.argwhere(wrong).tolist():
            self._lost(step, p, f"the node is said to be at least {block.value[row]!r}")

    def closed(self, step: str) -> None:
        """A search that says that nothing is left."""
        for p in np.flatnonzero(self.relevant()).tolist() if self.points else ():
            self._lost(step, p, "the search says that there is no such point")

    def _lost(self, step: str, p: int, how: str) -> None:
        value = "" if self.objective is None else f", objective {float(self.best[p])!r}"
        numbers = [str(number) for number in self.points[p].tolist()]
        raise LostSolution(f"{step} lost a tracked solution{value}: {how}", {"point": numbers})


def drawn(problem: Problem, count: int) -> list[Numbers]:
    """Points of a problem's box, the same each time: its middle, corners, and others."""
    rng = np.random.default_rng(0)
    low, high = problem.lower, problem.upper
    points = [np.clip(0.5 * (low + high), low, high)]
    while len(points) < count:
        share = rng.integers(0, 2, len(low)) if len(points) % 2 else rng.random(len(low))
        points.append(np.clip(low + share * (high - low), low, high))
    return list(points)


def tracker(
    problem: Problem,
    points: Sequence[Numbers],
    cutoff: Callable[[], float],
    box: Callable[[], Bounds],
) -> Tracker:
    """The tracker of a search whose settings name some points."""
    count = 0 if len(points) else SAMPLES.get()
    if not count:
        return Tracker(problem, points, cutoff, box)
    return Tracker(problem, drawn(problem, count), cutoff, box, most_products=0.0)
