"""A problem part after part: of a disjunction over boxes of inputs each part has its own box."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

import numpy as np

from ...bnb.search import Settings
from ...clock import Deadline
from ...compiler.base.arrays import Vector
from ...compiler.base.errors import Contradiction
from ...compiler.base.evidence import REASON
from ...compiler.base.late import Late
from ...compiler.language.expressions import Variable
from ...compiler.language.formulas import Formula, Or, Relation
from ...compiler.language.walk import flat, variables
from ...compiler.operators import Select
from ..engine import Progress
from .formulation import Formulation, Objective
from .goal import Goal
from .optimize import Optimum
from .solution import Solution, Statistics

MOST_PARTS = 256
"""Parts that several disjunctions may make together; the largest alone may make more."""


def boxed_parts(
    formulas: Sequence[Formula], room: float = float("inf")
) -> list[tuple[Formula, ...]]:
    """The formulas with disjunctions over boxes of inputs multiplied out, if there are any.

    A box of their own lets most units be stable in each part: the search starts from less.
    """
    flattened = flat(formulas)
    best, most = -1, 1
    for position, formula in enumerate(flattened):
        if isinstance(formula, Or) and not formula.elementwise and len(formula.parts) <= room:
            count = sum(any(map(_bounds_inputs, flat((part,)))) for part in formula.parts)
            if count > most:
                best, most = position, count
    if best < 0:
        return [tuple(flattened)]
    chosen = flattened[best]
    assert isinstance(chosen, Or)
    named = {name: None for formula in flattened for name in variables(formula)}
    # every part speaks of all variables, so that a solution of it has a value for each
    bounds = [name <= name.upper for name in named if np.isfinite(name.upper).all()]
    rest = [*bounds, *flattened[:best], *flattened[best + 1 :]]
    room = min(room, MOST_PARTS) / len(chosen.parts)
    return [more for part in chosen.parts for more in boxed_parts((*rest, part), room)]


def _bounds_inputs(formula: Formula) -> bool:
    """Whether a formula bounds single elements of a variable that nothing defines."""
    if not isinstance(formula, Relation) or formula.affine.requires:
        return False
    terms = formula.affine.terms
    return len(terms) == 1 and isinstance(terms[0].operator, Select)


class Parts:
    """Parts of one problem, of which each has to better what the others found.

    A first round gives each a share of the time, a second one what is left to those still open.
    """

    def __init__(
        self,
        objective: Objective | None,
        parts: Sequence[tuple[Formula, ...]],
        deadline: Deadline,
        stops: tuple[float | None, float | None],
        gap: float,
        settings: Settings,
        seed: int,
        progress: Progress,
    ) -> None:
        self.objective = objective
        self.problems = [Formulation(objective, part) for part in parts]
        self.deadline, self.stops, self.gap = deadline, stops, gap
        self.settings, self.seed, self.progress = settings, seed, progress
        self.goal = Goal.of(0.0 if objective is None else objective.sign, stops, gap)
        self.best, self.found, self.replayed = np.inf, False, 0.0
        self.values: dict[Variable, tuple[Vector | None, tuple[Fraction, ...] | None]] = {}
        self.proven = [-np.inf] * len(parts)
        self.open = {number: "timeout" for number in range(len(parts))}
        self.nodes = self.lps = 0

    def run(self) -> Solution:
        counts = self._rounds()
        for name, known in self.values.items():
            name.value, name.exact = known
        status, reason, value, bound = self.goal.answer(
            self.found, self.best, min(self.proven), not self.open,
            next(iter(self.open.values()), ""),
        )  # fmt: skip
        counts = replace(counts, nodes=self.nodes, lps=self.lps)
        return Solution(
            status, reason, value, bound, self.deadline.spent(), counts, replayed=self.replayed
        )

    def _rounds(self) -> Statistics:
        counts = Statistics(0, 0, 0)
        for again in (False, True):
            waiting = list(self.open)
            for place, number in enumerate(waiting):
                if self.deadline.stop():
                    return counts
                share = 1 if again else len(waiting) - place
                with suppress(Late):
                    counts = self._part(number, self.deadline.share(1.0 / share))
                if self.found and self.goal.reached(self.best):
                    return counts
        return counts

    def _check(self, number: int, value: float) -> None:
        """A part holds no value below what was proven of it before."""
        if value < self.proven[number]:
            raise Contradiction(
                f"part {number} has a solution of value {value!r} below its proven bound "
                f"{self.proven[number]!r}"
            )

    def _part(self, number: int, seconds: float) -> Statistics:
        work = Optimum(
            self.problems[number], Deadline(seconds), self.stops, self.gap, self.settings,
            self.seed, self.progress, self.best,
        )  # fmt: skip
        solution = work.run()
        names = work.compiled.named
        if work.point is not None and self.objective is not None:
            self._check(number, work.best)
        if work.point is not None:
            self.best, self.found, self.replayed = work.best, True, work.replayed
            self.values = {name: (name.value, name.exact) for name in names}
        elif not self.found:
            self.values = dict.fromkeys(names, (None, None))
        self.proven[number] = max(self.proven[number], work.proven)
        if solution.reason == REASON:
            raise Contradiction(f"the search of part {number} contradicted itself")
        self.open[number] = solution.reason
        if work.closed:
            del self.open[number]
        self.nodes += solution.statistics.nodes
        self.lps += solution.statistics.lps
        return solution.statistics
