"""Questions put together by the user: formulas over variables, and something to optimise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..bnb.search import Settings
from ..clock import Deadline
from ..compiler.base.arrays import Numbers, Vector, exact
from ..compiler.base.errors import Contradiction, InputError, LanguageError
from ..compiler.base.evidence import withdrawn
from ..compiler.base.late import Late
from ..compiler.base.norms import L1, L2, LINF, NormKind
from ..compiler.language.activations import absolute, max_pool
from ..compiler.language.expressions import Affine, Expression, Variable
from ..compiler.language.formulas import Formula, Or, Relation, all_of, requirements
from ..compiler.language.norms import Norm
from ..compiler.language.restricting import restricted
from ..compiler.language.walk import variables
from ..compiler.language.written import NORMS, called, stated, written
from ..compiler.question.ordered import check_values
from ..compiler.shown.record import Result
from ..compiler.shown.told import Detail, Told, count, some
from ..compiler.shown.value import Shown
from ..compiler.steps.compile import Compiled, compile_formulas
from ..files.outputs import may_write
from .engine import Progress, quiet

MOST = 4
"""Formulas of a problem, and values of a variable, that are told."""


@dataclass(frozen=True, eq=False, repr=False)
class Objective(Shown):
    """sign * expression is to be as small as possible."""

    expression: Affine
    sign: float

    def _told(self) -> Told:
        return Told("Objective", (_told_objective(self, None),))


@dataclass(frozen=True, eq=False, repr=False)
class Distance(Shown):
    """A norm of variables that nothing defines is to be as small as possible."""

    norm: Norm

    def _told(self) -> Told:
        return Told("Objective", (_told_objective(None, self.norm),))


def minimize(expression: Expression | Norm) -> Objective | Distance:
    """The expression, one number or a norm, is to be as small as possible."""
    if isinstance(expression, Norm):
        bounded = bool(np.isfinite(largest(expression.affine)).all())
        if expression.kind is L2 or (bounded and not expression.affine.requires):
            return Distance(expression)
        return Objective(_norm(expression), 1.0)
    return Objective(_single(expression), 1.0)


def maximize(expression: Expression | Norm) -> Objective:
    """The expression, one number or a norm, is to be as large as possible."""
    if isinstance(expression, Norm):
        if expression.kind is L2:
            raise LanguageError(
                "the largest norm2 is not piecewise linear; maximize norm1 or norm_inf, or ask for "
                "solutions with one of them above a number"
            )
        return Objective(_norm(expression), -1.0)
    return Objective(_single(expression), -1.0)


def _told_objective(objective: Objective | None, distance: Norm | None) -> tuple[str, str]:
    if distance is not None:
        return "minimize", _written(distance)
    if objective is None:
        return "", "any solution"
    return "minimize" if objective.sign > 0.0 else "maximize", written(objective.expression)


def _begins(values: Vector) -> str:
    more = ", ..." if len(values) > MOST else ""
    return ", ".join(f"{number:.4g}" for number in values[:MOST].tolist()) + more


def _written(norm: Norm) -> str:
    return f"{NORMS[norm.kind]}({written(norm.affine)})"


def largest(affine: Affine) -> Vector:
    """No less than the absolute value of each element, (size,), by the variables' own bounds."""
    total = np.zeros(affine.size)
    for term in affine.terms:
        size = np.maximum(np.abs(term.variable.lower), np.abs(term.variable.upper))
        if not np.isfinite(size).all():
            return np.full(affine.size, np.inf)
        total += abs(term.factor) * term.operator.absolute().apply(size[None])[0]
    for offset in affine.offsets:
        part = offset.operator.absolute().apply(np.abs(offset.vector)[None])[0]
        total += abs(offset.factor) * part
    return np.asarray(total * (1.0 + 1e-9) + 1e-300, dtype=np.float64)


def _norm(norm: Norm) -> Affine:
    """The sum, or the largest, of the absolute values."""
    return OF_SIZES[norm.kind](absolute(norm.affine))


OF_SIZES: dict[NormKind, Callable[[Affine], Affine]] = {
    LINF: lambda sizes: max_pool(sizes, np.arange(sizes.size)[None]),
    L1: lambda sizes: sizes.sum(),
}
"""Norms that are piecewise linear, of absolute values."""


def _single(expression: Expression) -> Affine:
    if not isinstance(expression, Expression):
        raise LanguageError(f"{expression!r} is no expression that can be optimised")
    if expression.size != 1:
        raise LanguageError(f"an objective is one number, not {expression.size}; sum() them?")
    return expression.affine


@dataclass(frozen=True, slots=True, repr=False)
class Solution(Result):
    """What is known about a problem.

    status: optimal (value and bound agree within the gap), sat (a solution is known: all that was
    asked), unsat, timeout or unknown, the last two with a reason.
    value: the objective at the solution, a bound on it that is proven for this very point; bound:
    what no solution can be better than. Both nan without an objective. certified: the bound that a
    certificate proves, nan where it proves an unsat; uncertified: why one that was asked for is
    not there.
    replayed: an equality that speaks of a network's outputs holds at the solution (`exact` of the
    variables) over the reals; by how much its sides differ, at most, for the outputs of the
    network's runtime, which rounds; 0 without such an equality.
    values: of the variables that nothing defines, and of what networks give, by name, as they were
    found; later answers change `value` of the variables, and not these.
    """

    status: str
    reason: str
    value: float
    bound: float
    seconds: float
    statistics: Statistics
    certified: float = float("nan")
    uncertified: str = ""
    replayed: float = 0.0
    values: Mapping[str, Vector] = field(default_factory=dict, compare=False)

    def record(self) -> dict[str, Any]:
        """Its fields; `reason` is None without one, and `values` are lists of numbers."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return found | {"reason": self.reason or None}

    def _told(self) -> Told:
        answer = f"{self.status} ({self.reason})" if self.reason else self.status
        numbers = [("value", self.value), ("bound", self.bound), ("certified", self.certified)]
        facts = [(name, repr(float(one))) for name, one in numbers if not np.isnan(one)]
        if self.uncertified:
            facts.append(("no certificate:", self.uncertified))
        if self.values:
            facts.append(("values of", some(list(self.values), 4)))
        work = f"{count(self.statistics.nodes, 'node')}, {count(self.statistics.lps, 'LP')}"
        return Told(f"Solution {answer}", (*facts, ("", f"{self.seconds:.2f} s"), ("", work)))

    def _detail(self) -> Detail:
        rows = tuple(
            (name, f"{len(one):,}", f"{one.min():.6g}", f"{one.max():.6g}", _begins(one))
            for name, one in self.values.items()
        )
        return Detail(("variable", "size", "least", "largest", "begins"), rows)


@dataclass(frozen=True, slots=True, repr=False)
class Statistics(Result):
    """Counts of a problem and of its search; `str` of it is a table."""

    variables: int
    relations: int
    disjunctions: int
    units: dict[str, int] = field(default_factory=dict)
    nodes: int = 0
    lps: int = 0

    def _told(self) -> Told:
        counts = [
            count(self.variables, "input variable"), count(self.relations, "relation"),
            count(self.disjunctions, "disjunction"), count(sum(self.units.values()), "unit"),
            count(self.nodes, "node"), count(self.lps, "LP"),
        ]  # fmt: skip
        return Told("Statistics", tuple(("", one) for one in counts))

    def __str__(self) -> str:
        named = [
            ("input variables", self.variables),
            ("relations", self.relations),
            ("disjunctions to branch on", self.disjunctions),
            *((f"units of {name}", size) for name, size in self.units.items()),
            ("nodes", self.nodes),
            ("linear programs", self.lps),
        ]
        width = max(len(name) for name, _ in named)
        return "\n".join(f"{name:{width}}  {number:>10,}" for name, number in named)


class Problem(Shown):
    """Find values of variables such that all formulas hold, and the objective is best.

    Raises LanguageError for what is no formula, and for values of a network of which only the order
    of outputs is known (`Network.ordered`).
    """

    def __init__(
        self,
        objective: Objective | Distance | Formula | Sequence[Formula] | None = None,
        formulas: Sequence[Formula] | Formula = (),
    ) -> None:
        self.distance = objective.norm if isinstance(objective, Distance) else None
        if isinstance(objective, Distance):
            objective = None
        # Problem([...]) is a question of feasibility
        if objective is not None and not isinstance(objective, Objective):
            objective, formulas = None, objective  # type: ignore[assignment]
        listed = all_of(formulas).parts
        self.objective = objective
        self.formulas: tuple[Formula, ...] = listed
        optimised = self.distance.affine if self.distance is not None else None
        if self.objective is not None:
            optimised = self.objective.expression
        check_values(self.formulas, optimised)

    def _told(self) -> Told:
        found = [_told_objective(self.objective, self.distance)]
        told = [stated(formula) for formula in self.formulas[:MOST]]
        found += [("subject to" if not place else "and", one) for place, one in enumerate(told)]
        if len(self.formulas) > MOST:
            found.append(("", f"and {count(len(self.formulas) - MOST, 'more formula')}"))
        inputs, _, units = self._spoken
        numbers = count(sum(name.size for name in inputs), "number")
        found.append(("", f"{numbers} in {some([called(name) for name in inputs], 4)}"))
        if units:
            found.append(("", f"{count(units, 'unit')} defined by disjunctions"))
        return Told("Problem", tuple(found))

    @cached_property
    def _spoken(self) -> tuple[dict[Variable, None], dict[Variable, None], int]:
        """Variables that nothing defines, outputs of networks, and units of disjunctions."""
        optimised = self.distance.affine if self.distance is not None else None
        if self.objective is not None:
            optimised = self.objective.expression
        formulas = [*self.formulas, *([] if optimised is None else [Relation(optimised, "=")])]
        needed = {id(one): one for formula in formulas for one in requirements(formula)}
        names = {name: None for one in (*needed.values(), *formulas) for name in variables(one)}
        # what defines a variable was made together with it, from older ones
        defined = {
            max(variables(one), key=lambda name: name.serial): one
            for one in needed.values() if variables(one)
        }  # fmt: skip
        units = sum(name.size for name, one in defined.items() if isinstance(one, Or))
        inputs = {name: None for name in names if name not in defined}
        outputs = {name: None for name in names if name.source is not None}
        return inputs, outputs, units

    def _values(self) -> dict[str, Vector]:
        """The values that variables have, by name."""
        inputs, outputs, _ = self._spoken
        found: dict[str, Vector] = {}
        for name in (*inputs, *outputs):
            if name.value is not None:
                own = called(name)
                key = own if own not in found else f"{own}#{name.serial}"
                found[key] = name.value
        return found

    def compile(self) -> Compiled:
        """The problem as the search sees it."""
        if self.distance is not None:
            raise LanguageError(
                "the least norm is several problems; ask for solutions with norm(...) <= radius"
            )
        return compile_formulas(self.formulas, self.minimised)

    @property
    def minimised(self) -> Affine | None:
        """What is to be as small as possible, None without an objective."""
        return None if self.objective is None else self.objective.expression * self.objective.sign

    @np.errstate(all="ignore")  # huge weights overflow, which no bound overlooks
    def solve(
        self,
        timeout: float | None = 60.0,
        stop_above: float | None = None,
        stop_below: float | None = None,
        gap: float = 1e-4,
        settings: Settings | None = None,
        seed: int = 0,
        progress: Progress = quiet,
        certificate: str | Path | None = None,
        check: bool = True,
        overwrite: bool = False,
        threads: int | None = None,
        memory: float | None = None,
    ) -> Solution:
        """Answers the problem; `value` of its variables is then the solution, or None.

        timeout: seconds, None for no limit.
        stop_above, stop_below: end as soon as the best value is known to lie
        above, or below, these numbers.  gap: relative distance of value and bound at which an
        objective counts as optimal.  certificate: a file to write a proof of an unsat, or of the
        bound, into, by a search of its own, which may take as long again (for the problems that
        have one see docs/design/certificate.md).  check: whether the checker has to accept it
        before it is written, within that time.  overwrite: whether it may replace a file that is
        none.  threads, memory (MB for open nodes): of the search, instead of those of `settings`.
        """
        spent = Settings.of(settings, threads, memory)
        if certificate is not None:
            may_write(Path(certificate), "certificate", overwrite=overwrite)
        try:
            solution = self._solved(timeout, (stop_above, stop_below), gap, spent, seed, progress)
        except Contradiction as found:
            nothing = Statistics(0, 0, 0)
            number = float("nan")
            return Solution("unknown", withdrawn(found), number, number, 0.0, nothing)
        solution = replace(solution, values=self._values())
        if certificate is None:
            return solution
        from .objective.bound_proofs import proven

        return proven(self, solution, Path(certificate), timeout, spent, seed, check, overwrite)

    def _solved(
        self,
        timeout: float | None,
        stops: tuple[float | None, float | None],
        gap: float,
        spent: Settings,
        seed: int,
        progress: Progress,
    ) -> Solution:
        from .objective.goal import Goal
        from .objective.least_norm import least_distance
        from .objective.optimize import Optimum
        from .objective.parts import Parts, boxed_parts

        for name, number in zip(("stop_above", "stop_below"), stops, strict=True):
            if number is not None and not np.isfinite(number):
                raise InputError(f"{name} must be a finite number, not {number}")
            if number is not None and self.objective is None and self.distance is None:
                raise InputError(f"{name} needs an objective")
        if not 0.0 <= gap < 1.0:
            raise InputError(f"gap must be a number in [0, 1), not {gap}")
        deadline = Deadline(timeout)
        if self.distance is not None:
            return least_distance(self, self.distance, deadline, stops, gap, spent, seed, progress)
        parts = boxed_parts(self.formulas)
        if len(parts) > 1:
            return Parts(self.objective, parts, deadline, stops, gap, spent, seed, progress).run()
        try:
            return Optimum(self, deadline, stops, gap, spent, seed, progress).run()
        except Late:
            sign = 0.0 if self.objective is None else self.objective.sign
            answer = Goal.of(sign, stops, gap).answer(False, np.inf, -np.inf, False, "timeout")
            return Solution(*answer, deadline.spent(), Statistics(0, 0, 0))

    def restriction(self, values: Mapping[Variable, npt.ArrayLike]) -> Problem:
        """The problem with that disjunct of each disjunction that holds first at a point.

        values: of the variables that no formula defines.  Its solutions are solutions of this
        problem, and it is linear: the convex restriction of Bastani et al. 2016, section 4.  Raises
        LanguageError where no disjunct holds.
        """
        compiled = self.compile()
        for name in compiled.inputs:
            if name not in values:
                raise LanguageError(f"{name!r} has no value, and nothing defines it")
        parts = [exact(np.asarray(values[name], dtype=np.float64)) for name in compiled.inputs]
        flattened = [part.reshape(-1) for part in parts]
        for name, part in zip(compiled.inputs, flattened, strict=True):
            if len(part) != name.size:
                raise LanguageError(f"{name!r} is given {len(part)} values")
        known = compiled.assignment(np.concatenate(flattened))
        objective = self.objective
        needed: tuple[Formula, ...] = ()
        if objective is not None:
            bare = Affine(1, objective.expression.terms, objective.expression.offsets)
            needed = objective.expression.requires
            objective = Objective(bare, objective.sign)
        linear = Problem(objective)
        linear.formulas = tuple(restricted((*needed, *self.formulas), known))  # checked before
        return linear


def give_values(compiled: Compiled, names: Sequence[Variable], point: Numbers | None) -> None:
    """Sets `value` and `exact` of variables to what a solution gives them, or to None."""
    for name in names:
        name.value = name.exact = None
    if point is None:
        return
    values = compiled.assignment(point)
    inputs = set(compiled.inputs)
    for name in names:
        if name in values:
            name.value = np.asarray(values[name], dtype=np.float64)
            if name in inputs:
                name.exact = tuple(exact(values[name]).tolist())
