"""Solutions of formulas: exact on the inputs, enclosed or exact on everything else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..bnb.bounds.interval import propagate
from ..compiler.base.arrays import Bounds, Numbers, Vector, exact
from ..compiler.base.rounding import ceil_float, float32_box
from ..compiler.language.evaluator import holds, value, within
from ..compiler.language.expressions import Affine, Variable
from ..compiler.language.formulas import And, Ball, Formula, Or, Relation, requirements
from ..compiler.language.walk import flat, variables
from ..compiler.problem import Branch
from ..compiler.steps.compile import Compiled
from .equalities import Equalities, equalities
from .input_equalities import Repair
from .label import EXACT_WORK

PULL = (0.0, 1e-12, 1e-9, 1e-6, 1e-4)
"""Shares of the way to the region's center, or to a point known to hold, at which a point is tried:
LPs end on the boundary.
"""


@dataclass(frozen=True, slots=True)
class FormulaWitness:
    """point (D,): a solution; Fractions where no floats near it are one. value: no smaller than the
    objective there (which is minimised). replayed: by how much equalities on networks' outputs,
    which hold over the reals, are missed by the outputs of their runtimes.
    """

    point: Numbers
    value: float
    replayed: float = 0.0


class FormulaValidator:
    """Decides whether points satisfy all formulas of a problem, over the reals and as computed."""

    def __init__(
        self, formulas: Sequence[Formula], minimised: Affine | None, compiled: Compiled
    ) -> None:
        self.minimised, self.compiled, self.problem = minimised, compiled, compiled.problem
        inputs = set(compiled.inputs)
        parts = flat(formulas)
        needed = [found for formula in parts for found in requirements(formula)]
        if minimised is not None:
            needed.extend(minimised.requires)
        self.needed = flat(list({id(f): f for f in needed}.values()))
        self.plain = [f for f in (*parts, *self.needed) if set(variables(f)) <= inputs]
        self.deep = [f for f in parts if not set(variables(f)) <= inputs]
        self.repair = Repair(self.plain, compiled.inputs)
        outputs = set(compiled.outputs)
        self.equalities: Equalities | None = None
        if any(outputs & set(variables(found)) for found, _ in equalities(self.deep)):
            self.equalities = Equalities(parts, compiled)
        self.low, self.high = float32_box(self.problem.lower, self.problem.upper)
        self.anchor = 0.5 * (self.problem.lower + self.problem.upper)
        ball = self.problem.ball
        if ball is not None:
            self.anchor[ball.index] = ball.center
        self.known: list[Vector] = []

    def check(self, point: Vector) -> FormulaWitness | None:
        """The solution at a point or very near it, or None when any doubt is left."""
        if not np.isfinite(point).all():
            return None
        met = self.met(point)
        if met is not None:
            return met
        for share in PULL:
            for anchor in (self.anchor, *self.known) if share else (point,):
                for candidate in self._roundings(point + share * (anchor - point)):
                    found = self._certain(candidate)
                    if found is not None:
                        return found
        return None

    def met(self, point: Vector) -> FormulaWitness | None:
        """The solution near a point (D,) where equalities tie outputs of networks, if any."""
        if self.equalities is None or not self.equalities.rows or not self._affordable():
            return None
        near = self.equalities.near(point)
        return None if near is None else self.check_exact(near)

    def check_exact(self, point: Numbers) -> FormulaWitness | None:
        """The solution at a point of Fractions (D,), or None when it is none in some way."""
        if not self._affordable():
            return None
        given = self._split(point)
        assignment = self.compiled.assignment(point)
        if not all(within(name, numbers) for name, numbers in assignment.items()):
            return None
        if not all(holds(f, assignment) for f in (*self.plain, *self.deep, *self.needed)):
            return None
        replayed = self._as_computed(given)
        if replayed is None:
            return None
        return FormulaWitness(point, self._objective(assignment), replayed)

    def _objective(self, assignment: Mapping[Variable, Numbers]) -> float:
        """The objective's exact value, rounded up."""
        if self.minimised is None:
            return 0.0
        return ceil_float(value(self.minimised, assignment)[0])

    def _roundings(self, point: Vector) -> Iterator[Vector]:
        near = point.astype(np.float32).astype(np.float64)
        low = np.where(self.low <= self.high, self.low, self.problem.lower)
        high = np.where(self.low <= self.high, self.high, self.problem.upper)
        yield np.clip(near, low, high)
        yield np.clip(point, self.problem.lower, self.problem.upper)
        if self.repair.rows:
            repaired = self.repair(point, self.problem.lower, self.problem.upper)
            if repaired is not None:
                yield repaired

    def _certain(self, point: Vector) -> FormulaWitness | None:
        near = self._split(point)
        # numbers and bounds are floats, so that this comparison is exact
        if not all(bool(((n.lower <= v) & (v <= n.upper)).all()) for n, v in near.items()):
            return None
        if not all(_nearly(formula, near) for formula in self.plain):
            return None
        x = exact(point)
        given = self._split(x)
        if not all(holds(formula, given) for formula in self.plain):
            return None
        bounds = propagate(self.problem, Bounds(point[None], point[None]))
        lower, upper = self._atoms(bounds[-1])
        if not self._satisfied(self.problem.root, upper):
            if not self._satisfied(self.problem.root, lower) or not self._affordable():
                return None
            # what defines the variables is part of it: not all of it became a definition
            assignment = self.compiled.assignment(x)
            if not all(holds(formula, assignment) for formula in (*self.deep, *self.needed)):
                return None
            if not all(within(name, numbers) for name, numbers in assignment.items()):
                return None
        replayed = self._as_computed(given)
        if replayed is None:
            return None
        objective = self.problem.objective
        best = 0.0 if objective is None else float(upper[objective])
        return FormulaWitness(point, best, replayed)

    def _split(self, point: Numbers) -> dict[Variable, Numbers]:
        """The values of the input variables."""
        ends = np.cumsum([name.size for name in self.compiled.inputs])
        return dict(zip(self.compiled.inputs, np.split(point, ends[:-1]), strict=False))

    def _atoms(self, output: Bounds) -> tuple[Vector, Vector]:
        """Every atom's enclosure, widened by what its stored constant may be rounded down."""
        rows, offset = self.problem.rows, self.problem.offset
        middle = 0.5 * (output.lower[0] + output.upper[0])
        radius = np.maximum(output.upper[0] - middle, middle - output.lower[0])
        size = np.abs(rows) @ (np.abs(middle) + radius) + np.abs(offset)
        doubt = np.abs(rows) @ radius + (rows.shape[1] + 8) * 2.0**-52 * size + 1e-290
        center = rows @ middle + offset
        return center - doubt, center + doubt

    def _satisfied(self, branch: Branch, value: Vector) -> bool:
        """Whether a branch holds when atoms have these values."""
        if not (value[list(branch.atoms)] < 0.0).all():
            return False
        return all(
            any(self._satisfied(option, value) for option in self.problem.choices[number])
            for number in branch.choices
        )

    def _affordable(self) -> bool:
        operators = [o for stage in self.problem.stages for o, _ in stage.terms]
        return sum(max(1, o.terms) * o.out_size for o in operators) <= EXACT_WORK

    def _as_computed(self, given: Mapping[Variable, Numbers]) -> float | None:
        """Whether formulas over inputs and networks' outputs also hold for the runtimes' outputs.

        None where they do not. An equality that speaks of outputs has to hold over the reals: the
        number is by how much the runtimes miss it. An output behind other functions is left to the
        exact evaluation.
        """
        known = dict(given)
        computed: set[Variable] = set()
        for name in self.compiled.outputs:
            assert name.source is not None
            argument = name.source.argument
            if name.source.runtime is None or any(t.variable not in given for t in argument.terms):
                continue
            numbers = value(argument, given).astype(np.float64)
            inside = numbers.astype(np.float32).astype(np.float64)
            outputs = name.source.runtime(inside[None])[0]
            if not np.isfinite(outputs).all():
                return None
            known[name] = exact(outputs)
            computed.add(name)
        told = [f for f in self.deep if set(variables(f)) <= known.keys()]
        replay = _Replay(known, computed, {})
        if any(computed & set(variables(found)) for found, _ in equalities(told)):
            replay.real = self.compiled.assignment(np.concatenate(list(given.values())))
        return replay.missed if all(replay.holds(formula) for formula in told) else None


@dataclass(slots=True)
class _Replay:
    """Formulas at the outputs that runtimes gave: known are those and the inputs, computed the
    outputs among them, real the exact values instead.
    """

    known: Mapping[Variable, Numbers]
    computed: set[Variable]
    real: Mapping[Variable, Numbers]
    missed: float = 0.0

    def holds(self, formula: Formula) -> bool:
        match formula:
            case And(parts):
                return all(self.holds(part) for part in parts)
            case Or(parts, False):
                return any(self.holds(part) for part in parts)
            case Relation(affine, "=") if self.computed & set(variables(formula)):
                if not holds(formula, self.real):
                    return False
                off = max(abs(number) for number in value(affine, self.known))
                self.missed = max(self.missed, ceil_float(off))
                return True
            case _:
                return holds(formula, self.known)


def _nearly(formula: Formula, given: Mapping[Variable, Numbers]) -> bool:
    """False only where floats show that a formula fails, far beyond their rounding."""
    if not isinstance(formula, Relation | Ball):
        return True
    numbers = np.asarray(value(formula.affine, given), dtype=np.float64)
    size = sum(float(np.abs(v).sum()) for v in given.values()) + 1.0
    slack = 1e-13 * size
    if isinstance(formula, Ball):
        return bool(formula.norm.length(numbers) <= formula.radius + slack)
    worst = np.abs(numbers) if formula.kind == "=" else numbers
    return bool((worst <= slack).all())
