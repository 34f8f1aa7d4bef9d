"""Problems of formulas: solved by branch and bound, or restricted to one linear piece."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..bnb.search import Settings
from ..clock import Deadline
from ..compiler.base.arrays import exact
from ..compiler.base.errors import Contradiction, InputError, LanguageError
from ..compiler.base.evidence import withdrawn
from ..compiler.language.expressions import Affine, Variable
from ..compiler.language.formulas import Formula
from ..compiler.language.restricting import restricted
from ..files.outputs import may_write
from .engine import Progress, quiet
from .objective.formulation import Formulation, Objective
from .objective.solution import Solution, Statistics


class Problem(Formulation):
    """Find values of variables such that all formulas hold, and the objective is best.

    Raises LanguageError for what is no formula, and for values of a network of which only the order
    of outputs is known (`Network.ordered`).
    """

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
        solution = replace(solution, values=self.values())
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
        from .objective.answer import answered
        from .objective.least_norm import least_distance

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
        return answered(self, deadline, stops, gap, spent, seed, progress)

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
