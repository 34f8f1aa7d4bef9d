"""Solving a problem of formulas: incumbents from attacks and LPs, bounds from the search."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .attacks.pgd import pgd
from .bnb.choices import Tree
from .bnb.search import Hooks, Outcome, Settings, search
from .clock import Deadline
from .compiler.arrays import Bounds, Indices, Matrix, Numbers, Vector
from .compiler.tolerances import Tolerances
from .decide import Progress
from .formula_witness import FormulaValidator, FormulaWitness
from .formulation import Problem, Solution, Statistics, give_values
from .region_optimum import region_optimum
from .settle import promising, work

SMALL = 1e-6
"""Values below it are treated like it by a relative gap, which nothing meets at 0."""
LARGEST = float(np.finfo(np.float64).max)


class Optimum:
    """One solve; everything is minimised, a maximum by its sign."""

    def __init__(
        self,
        source: Problem,
        deadline: Deadline,
        stops: tuple[float | None, float | None],
        gap: float,
        settings: Settings,
        seed: int,
        progress: Progress,
    ) -> None:
        self.source, self.deadline, self.gap = source, deadline, gap
        self.settings, self.progress = settings, progress
        self.rng = np.random.default_rng(seed)
        self.tolerances = Tolerances()
        self.compiled = source.compile()
        self.problem = self.compiled.problem
        self.sign = 1.0 if source.objective is None else source.objective.sign
        above, below = stops
        # for a maximum the roles change: a good value is one above the threshold
        good, bad = (below, above) if self.sign > 0 else (above, below)
        self.good = -np.inf if good is None else self.sign * good
        self.bad = np.inf if bad is None else self.sign * bad
        self.validator = FormulaValidator(source, self.compiled)
        self.point: Numbers | None = None
        self.best = np.inf
        self.tree = Tree(self.problem.root, self.problem.choices, len(self.problem.offset))
        self.cases = self.tree.start()[0]

    @property
    def optimises(self) -> bool:
        return self.problem.objective is not None

    def cutoff(self) -> float:
        """Values above it are of no interest: no better than the incumbent, or on the bad side."""
        if not self.optimises:
            return 0.0
        below = self.best - self._slack()
        if below == self.best < np.inf:
            below = float(np.nextafter(self.best, -np.inf))
        return min(below, self.bad)

    def _slack(self) -> float:
        """The distance of value and bound that counts as none; not 0 where the value is."""
        return self.gap * max(abs(self.best), SMALL) if np.isfinite(self.best) else 0.0

    def run(self) -> Solution:
        problem = self.problem
        box = Bounds(problem.lower[None], problem.upper[None])
        # nodes proven empty have an infinite bound, which has to lie above any cutoff
        hooks = Hooks(
            self.deadline.remaining, self._accept, lambda: box, self._attack,
            lambda: min(self.cutoff(), LARGEST), progress=self.progress,
            accept_exact=self._accept_exact,
        )  # fmt: skip
        outcome = search(problem, hooks, self.settings)
        give_values(self.compiled, self.compiled.named, self.point)
        return self._solution(outcome)

    def _solution(self, outcome: Outcome) -> Solution:
        problem = self.problem
        statistics = Statistics(
            problem.input_size, len(problem.offset), len(problem.choices),
            {stage.name: stage.size for stage in problem.stages if stage.relu},
            outcome.statistics.nodes, outcome.statistics.lps,
        )  # fmt: skip
        value = bound = np.nan
        found = self.point is not None
        reason = outcome.reason
        if self.optimises:
            proven = self.cutoff()
            if outcome.status != "closed":
                proven = min(proven, outcome.bound)
            value = self.sign * self.best if found else np.nan
            bound = self.sign * proven
            if outcome.status == "closed":
                # all that is left is worse than the incumbent, or on the bad side
                optimal = found and self.best <= self.bad
                status = "optimal" if optimal else "sat" if found else "unsat"
                if not found and np.isfinite(self.bad):
                    status, reason = "unknown", "stopped: no value reaches the threshold"
            elif found and self.best < self.good:
                status = "sat"
            elif found and proven >= self.best - self._slack():
                status, reason = "optimal", ""
            else:
                status = "timeout" if reason == "timeout" else "unknown"
        elif found or outcome.status == "closed":
            status = "sat" if found else "unsat"
        else:
            status = "timeout" if reason == "timeout" else "unknown"
        if status == "unknown":
            reason = reason or "numerical"
        return Solution(
            status, reason, float(value), float(bound), self.deadline.spent(), statistics
        )

    def _accept(self, points: Matrix) -> bool:
        """Takes better solutions among candidates; True when nothing more is asked."""
        for point in promising(self.problem, self.cases, points, self.best):
            self._offer(point)
            if self._done():
                return True
        return self._done()

    def _accept_exact(self, point: Numbers) -> bool:
        """Takes a solution that need not be a float; one of floats is preferred."""
        before = self.best
        if not self._accept(point.astype(np.float64)[None]) and not self.best < before:
            self._keep(self.validator.check_exact(point))
        return self._done()

    def _done(self) -> bool:
        if self.point is None:
            return False
        return not self.optimises or self.best < self.good

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
        self.validator.known = [*self.validator.known[:1], found.point]
        return True

    def _keep(self, found: FormulaWitness | None) -> bool:
        if found is None or not found.value < self.best:
            return False
        self.best, self.point = found.value, found.point
        return True

    def _attack(self, atoms: Indices) -> bool:
        """Gradient steps towards satisfying the formulas, and from there to better values."""
        dead = np.ones(len(self.problem.offset), dtype=bool)
        dead[atoms] = False
        tree = replace(self.tree).without(dead)
        if tree is None or not len(atoms) or self.deadline.stop():
            return False
        cases = tree.start()[0][:64]
        restarts = int(min(50, max(2, 3e9 / (work(self.problem) * 30 * max(1, len(cases))))))
        box = Bounds(self.problem.lower[None], self.problem.upper[None])
        _, best = pgd(
            self.problem, box, cases, self._accept, self.deadline.stop, self.rng, restarts=restarts
        )
        return self._accept(best)
