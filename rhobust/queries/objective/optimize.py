"""Solving a problem of formulas: incumbents from attacks and LPs, bounds from the search."""

from __future__ import annotations

import numpy as np

from ...attacks.budget import cost_of, restarts
from ...attacks.conjunctions import conjunctions
from ...attacks.pgd import pgd
from ...bnb.nodes.disjunctions import Tree
from ...bnb.search import Outcome, Settings
from ...clock import Deadline
from ...compiler.base.arrays import Indices, Matrix, Numbers, Vector
from ...compiler.base.errors import Contradiction
from ...compiler.base.late import until
from ...compiler.base.tolerances import Tolerances
from ...estimates.region_optimum import region_optimum
from ...witness.formula import FormulaValidator, FormulaWitness
from ..engine import Progress, ask, promising
from ..trace import tell
from .formulation import Formulation, give_values
from .goal import Goal
from .solution import Solution, Statistics

MOST_MET = 3
"""Points of an attack that are moved onto the equalities between outputs."""
LARGEST = float(np.finfo(np.float64).max)


class Optimum:
    """One solve; everything is minimised, a maximum by its sign.

    best: solutions that are no better are of no interest.  Afterwards no value lies below `proven`,
    and if `closed`, none below the cutoff.
    """

    def __init__(
        self,
        source: Formulation,
        deadline: Deadline,
        stops: tuple[float | None, float | None],
        gap: float,
        settings: Settings,
        seed: int,
        progress: Progress,
        best: float = np.inf,
    ) -> None:
        self.source, self.deadline = source, deadline
        self.settings, self.progress = settings, progress
        self.rng = np.random.default_rng(seed)
        self.tolerances = Tolerances()
        with until(deadline.stop):
            self.compiled = source.compile()
        self.problem = self.compiled.problem
        self.goal = Goal.of(0.0 if source.objective is None else source.objective.sign, stops, gap)
        self.validator = FormulaValidator(source.formulas, source.minimised, self.compiled)
        self.point: Numbers | None = None
        self.replayed = 0.0
        self.best = best
        self.floor = -np.inf  # no value below it, by the search so far
        self.proven, self.closed = -np.inf, False
        self.tree = Tree.of(self.problem)
        self.cases = self.tree.start()[0]

    @property
    def optimises(self) -> bool:
        return self.problem.objective is not None

    def cutoff(self) -> float:
        """Values above it are of no interest."""
        return self.goal.cutoff(self.best)

    def run(self) -> Solution:
        # nodes proven empty have an infinite bound, which has to lie above any cutoff
        with until(self.deadline.stop):
            outcome = ask(
                self.problem, self, self.deadline.remaining, self.settings, attack=self._attack,
                cutoff=lambda: min(self.cutoff(), LARGEST), progress=self._proceeds,
            )  # fmt: skip
        give_values(self.compiled, self.compiled.named, self.point)
        return self._solution(outcome)

    def _solution(self, outcome: Outcome) -> Solution:
        problem = self.problem
        statistics = Statistics(
            problem.input_size, len(problem.offset), len(problem.choices),
            {stage.name: stage.size for stage in problem.stages if stage.relu},
            outcome.statistics.nodes, outcome.statistics.lps,
        )  # fmt: skip
        self.closed, self.proven = outcome.status == "closed", self.cutoff()
        if not self.closed:
            self.proven = min(self.proven, outcome.bound)
        status, reason, value, bound = self.goal.answer(
            self.point is not None, self.best, self.proven, self.closed, outcome.reason
        )
        return Solution(
            status, reason, float(value), float(bound), self.deadline.spent(), statistics,
            replayed=self.replayed,
        )  # fmt: skip

    def _proceeds(self, closed: int, still_open: int, least: float) -> None:
        self.floor = max(self.floor, min(least, self.cutoff()))
        self.progress(closed, still_open, least)
        if self.optimises:
            ends = sorted(self.goal.sign * end for end in (self.floor, self.best))
            tell(self.progress, *ends)

    def accept(self, points: Matrix) -> bool:
        """Takes better solutions among candidates; True when nothing more is asked."""
        for point in promising(self.problem, self.tree, points, self.best):
            self._offer(point)
            if self._done():
                return True
        return self._done()

    def accept_exact(self, point: Numbers) -> bool:
        """Takes a solution that need not be a float; one of floats is preferred."""
        before = self.best
        if not self.accept(point.astype(np.float64)[None]) and not self.best < before:
            self._keep(self.validator.check_exact(point))
        return self._done()

    def _done(self) -> bool:
        if self.point is None:
            return False
        return self.goal.reached(self.best)

    def _offer(self, point: Vector) -> None:
        taken = self._take(point)
        if taken and self.optimises and not self._done():
            asked = self._asked(point)
            better = region_optimum(
                self.problem, point, asked, self.settings.oracle, self.deadline.remaining,
                self.tolerances,
            )  # fmt: skip
            if better is not None:
                self._take(better)

    def _asked(self, point: Vector) -> Indices:
        """The atoms of the conjunction that holds best at a point."""
        value = self.problem.values(point[None])[-1][0] @ self.problem.rows.T + self.problem.offset
        worst = np.where(self.cases, value, -np.inf).max(axis=1, initial=-np.inf)
        return np.flatnonzero(self.cases[int(np.argmin(worst))])

    def _take(self, point: Vector) -> bool:
        found = self.validator.check(point)
        if found is None or not self._keep(found):
            return False
        self.validator.known = [*self.validator.known[:1], found.point.astype(np.float64)]
        return True

    def _keep(self, found: FormulaWitness | None) -> bool:
        if found is None or not found.value < self.best:
            return False
        if self.optimises and found.value < self.floor:
            raise Contradiction(
                f"a solution of value {found.value!r} was found below the proven bound "
                f"{self.floor!r}",
                {"point": [str(number) for number in found.point.tolist()]},
            )
        self.best, self.point, self.replayed = found.value, found.point, found.replayed
        return True

    def _attack(self, atoms: Indices) -> bool:
        """Gradient steps towards satisfying the formulas, and from there to better values."""
        cases = conjunctions(self.tree, atoms)
        if not len(cases) or self.deadline.stop():
            return False
        many = restarts(cost_of(self.problem), 30, len(cases), 50)
        box = self.problem.box
        _, best = pgd(
            self.problem, box, cases, self.accept, self.deadline.stop, self.rng, restarts=many
        )
        if self.accept(best):
            return True
        for point in best[:MOST_MET]:
            self._keep(self.validator.met(point))
        return self._done()
