"""Tracked solutions: points that a search must never lose, checked at each of its steps.

A debugging aid in the manner of SCIP's debug solution: whoever knows solutions of a problem hands
them in, and the step after which no node holds one any more is named. Values are exact where the
problem is small, and rigorous enclosures elsewhere; only a certain loss counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..compiler.base.arrays import Bounds, Indices, Mask, Numbers, Vector, exact
from ..compiler.base.errors import Contradiction
from ..compiler.base.rounding import ceil_float, floor_float
from ..compiler.problem import Branch, Problem
from .bounds.crown import Nodes
from .bounds.interval import propagate, stage_interval
from .nodes.batch import Block
from .presolve.substitute_stable import unstable_units

SAMPLES: ContextVar[int] = ContextVar("samples", default=0)
"""Points of its own region that every search tracks whose settings name none; for tests."""

EXACT_WORK = 200_000
"""Rational products of one point up to which its values are exact: about half a second."""


class LostSolution(Contradiction):
    """A step of a search excluded a point that solves the problem."""


@dataclass(slots=True)
class Values:
    """Enclosures of P points: inputs (P, D), pre-activations (P, N) of each stage, atoms (P, A)."""

    input: Bounds
    stages: list[Bounds]
    atoms: Bounds


class Tracker:
    """The points of one search, in the units and atoms of its problem as it is reduced.

    Points outside the region are left out; those that satisfy the root branch are its solutions.
    With an objective, a solution no better than the cutoff may be lost.
    """

    def __init__(
        self, problem: Problem, points: Sequence[Numbers], most_work: float = EXACT_WORK
    ) -> None:
        self.points = [point for point in points if _inside(problem, point)]
        self.values = _values(problem, self.points, most_work)
        holds = _holds(problem, self.points, self.values.atoms)
        self.holds = holds
        self.options = _options(problem, holds)
        self.solves = np.array(
            [_satisfied(problem.root, holds[p], self.options[p]) for p in range(len(self.points))],
            dtype=bool,
        )
        self.objective = problem.objective
        if self.objective is not None:
            self.best = self.values.atoms.upper[:, self.objective].copy()
            self.holds[:, self.objective] = True

    # what is followed

    def reduced(self, problem: Problem, root: Nodes, atoms: Indices) -> None:
        """To be told before each reduction: which units and atoms are left."""
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

    def relevant(self, cutoff: float, box: Bounds) -> Mask:
        """Which points (P,) still have to be held: better ones excuse the loss of others."""
        inside = (self.values.input.lower >= box.lower) & (self.values.input.upper <= box.upper)
        found: Mask = self.solves & inside.all(axis=1)
        return found if self.objective is None else found & (self.best <= cutoff)

    def held(self, block: Block) -> Mask:
        """Which nodes hold which points, (B, P): where nothing certain speaks against it."""
        found = np.zeros((len(block), len(self.points)), dtype=bool)
        several = self.values.stages[:-1]
        count = len(self.points)
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
        for number, bounds in enumerate(root.bounds):
            known = self.values.stages[number]
            wrong = (known.upper < bounds.lower) | (known.lower > bounds.upper)
            for p, unit in np.argwhere(wrong).tolist():
                self._lost(step, p, f"unit {unit} of stage {number + 1} has bounds "
                           f"[{bounds.lower[0, unit]!r}, {bounds.upper[0, unit]!r}]")  # fmt: skip

    def atoms(self, step: str, value: Vector) -> None:
        """Lower bounds (A,) of the atoms over the whole region."""
        for p, atom in np.argwhere(self.values.atoms.upper < value).tolist():
            self._lost(step, p, f"row {atom} of the output is said to be at least {value[atom]!r}")

    def substituted(self, step: str, problem: Problem) -> None:
        """A reduced problem gives units and atoms the values they have, within its own radius."""
        known = [self.values.input]
        for number, (stage, value) in enumerate(
            zip(problem.stages, self.values.stages, strict=True)
        ):
            row = stage_interval(stage, known)
            wrong = (row.upper < value.lower) | (row.lower > value.upper)
            for p, unit in np.argwhere(wrong).tolist():
                self._lost(step, p, f"row {unit} of stage {number + 1} has another value")
            known.append(value.rectified() if stage.relu else value)

    def kept(self, step: str, before: Mask, block: Block, relevant: Mask) -> None:
        """Nodes hold what they held before a step that changed them in place, (B, P)."""
        lost = before & ~self.held(block) & relevant
        for row, p in np.argwhere(lost).tolist():
            self._lost(step, p, f"at a node of depth {int(block.depth[row])}")

    def empty(self, step: str, held: Mask, relevant: Mask) -> None:
        """Nodes that a step closed held (B, P) none of the points."""
        for _, p in np.argwhere(held & relevant).tolist():
            self._lost(step, p, "the node was closed")

    def covered(self, step: str, before: Mask, block: Block, relevant: Mask) -> None:
        """Some node holds each point (P,) that one held before."""
        lost = before & ~self.held(block).any(axis=0) & relevant
        for p in np.flatnonzero(lost).tolist():
            self._lost(step, p, "no child holds it")

    def valued(self, step: str, block: Block, relevant: Mask) -> None:
        """Proven lower bounds of nodes are no larger than the objective at what they hold."""
        least = np.zeros(len(self.points)) if self.objective is None else self.best
        wrong = self.held(block) & relevant & (block.value[:, None] > least)
        for row, p in np.argwhere(wrong).tolist():
            self._lost(step, p, f"the node is said to be at least {block.value[row]!r}")

    def closed(self, step: str, relevant: Mask) -> None:
        """A search that says that nothing is left."""
        for p in np.flatnonzero(relevant).tolist():
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


def tracker(problem: Problem, points: Sequence[Numbers]) -> Tracker | None:
    """The tracker of a search whose settings name some points; None where nobody asks for one."""
    if len(points):
        return Tracker(problem, points)
    count = SAMPLES.get()
    return Tracker(problem, drawn(problem, count), 0.0) if count else None


def _inside(problem: Problem, point: Numbers) -> bool:
    """Whether a point lies in the region, exactly."""
    if len(point) != problem.input_size:
        return False
    if not bool(((problem.lower <= point) & (point <= problem.upper)).all()):
        return False
    ends = problem.unrounded()
    if not all(low <= Fraction(point[j]) for j, low in ends.lower.items()):
        return False
    if not all(Fraction(point[j]) <= high for j, high in ends.upper.items()):
        return False
    ball = problem.ball
    if ball is None:
        return True
    own = zip(point[ball.index].tolist(), ball.center.tolist(), strict=True)
    step = [Fraction(x) - Fraction(c) for x, c in own]
    radius = Fraction(ball.radius)
    if ball.norm == "l1":
        return sum((abs(s) for s in step), Fraction(0)) <= radius
    return sum((s * s for s in step), Fraction(0)) <= radius * radius


def _values(problem: Problem, points: Sequence[Numbers], most_work: float) -> Values:
    inputs = _rounded(points, problem.input_size)
    operators = [operator for stage in problem.stages for operator, _ in stage.terms]
    work = sum(max(1, operator.terms) * operator.out_size for operator in operators)
    rows, offset = problem.rows, problem.offset
    if work > most_work or not points:
        count = len(points)
        # a stage that reads nothing has one row for all
        stages = [
            Bounds(*(np.broadcast_to(b, (count, b.shape[1])) for b in (own.lower, own.upper)))
            for own in propagate(problem, inputs)
        ]
        output = stages[-1].rectified() if problem.stages[-1].relu else stages[-1]
        middle = 0.5 * (output.lower + output.upper)
        radius = np.maximum(output.upper - middle, middle - output.lower)
        size = (np.abs(middle) + radius) @ np.abs(rows).T + np.abs(offset)
        doubt = radius @ np.abs(rows).T + (rows.shape[1] + 8) * 2.0**-50 * size + 1e-290
        center = middle @ rows.T + offset
        return Values(inputs, stages, Bounds(center - doubt, center + doubt))
    known: list[Numbers] = [np.stack([exact(point) for point in points])]
    pres: list[Numbers] = []
    for stage in problem.stages:
        pre = stage.pre(known)
        pres.append(pre)
        known.append(np.where(pre > 0, pre, pre * 0) if stage.relu else pre)
    atoms = exact(np.zeros((len(points), len(offset))))
    weights, level = exact(rows), exact(offset)
    for k in range(len(offset)):
        place = np.flatnonzero(rows[k])
        atoms[:, k] = (known[-1][:, place] * weights[k, place]).sum(axis=1) + level[k]
    return Values(inputs, [_outward(pre) for pre in pres], _outward(atoms))


def _rounded(points: Sequence[Numbers], size: int) -> Bounds:
    if not points:
        return Bounds(np.zeros((0, size)), np.zeros((0, size)))
    if all(point.dtype == np.float64 for point in points):
        return Bounds(np.stack(points), np.stack(points))
    return _outward(np.stack([exact(point) for point in points]))


def _outward(numbers: Numbers) -> Bounds:
    """Floats around exact numbers."""
    low, high = np.empty(numbers.shape), np.empty(numbers.shape)
    for place, number in np.ndenumerate(numbers):
        try:
            low[place], high[place] = floor_float(number), ceil_float(number)
        except OverflowError:
            low[place], high[place] = -np.inf, np.inf
    return Bounds(low, high)


def _holds(problem: Problem, points: Sequence[Numbers], atoms: Bounds) -> Mask:
    """Which atoms hold at which points for certain, (P, A)."""
    strict = problem.strict
    holds: Mask = np.where(strict, atoms.upper < 0.0, atoms.upper <= 0.0)
    exactly = problem.unrounded().offset
    if exactly:
        # the offset of an atom is rounded down: it may hold in floats and not exactly
        for k, number in exactly.items():
            more = number - Fraction(float(problem.offset[k]))
            total = [ceil_float(Fraction(value) + more) for value in atoms.upper[:, k].tolist()]
            holds[:, k] = np.array(total) < 0.0 if strict[k] else np.array(total) <= 0.0
    return holds


def _options(problem: Problem, holds: Mask) -> list[list[bool]]:
    """Whether some branch of each choice holds at each point, (P, C)."""
    found: list[list[bool]] = []
    for p in range(len(holds)):
        known: dict[int, bool] = {}

        def choice(number: int, p: int = p, known: dict[int, bool] = known) -> bool:
            if number not in known:
                known[number] = any(
                    holds[p, list(branch.atoms)].all() and all(choice(c) for c in branch.choices)
                    for branch in problem.choices[number]
                )
            return known[number]

        found.append([choice(number) for number in range(len(problem.choices))])
    return found


def _satisfied(branch: Branch, holds: Mask, options: Sequence[bool]) -> bool:
    return bool(holds[list(branch.atoms)].all()) and all(options[c] for c in branch.choices)
