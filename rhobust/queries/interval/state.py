"""What is known of rho: a proven lower end, a validated witness as the upper one, and the time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import numpy as np

from ...bnb.search import Outcome, Settings, Statistics
from ...clock import Deadline
from ...compiler.base.arrays import Bounds, Matrix, Vector
from ...compiler.base.errors import Contradiction
from ...compiler.base.evidence import REASON
from ...compiler.base.late import Late, until
from ...compiler.base.norms import LINF
from ...compiler.base.tolerances import Tolerances
from ...compiler.problem import Problem
from ...compiler.question.claim import Claim
from ...results import RhoResult
from ...witness.nearest import Incumbent
from ..engine import Floats, Progress, ask, quiet
from ..regions import around, whole_domain
from ..trace import tell

RESTART = 0.97
"""A search starts again once its radius fell below this share: tighter root bounds pay for it."""


class Interval:
    """The interval, which only narrows; raises Late where there is no time to begin.

    lower: proven; incumbent: the nearest witness; estimate: the convex restriction's; reason: what
    keeps the ends apart.
    """

    def __init__(
        self,
        claim: Claim,
        predicted: int,
        deadline: Deadline,
        settings: Settings,
        seed: int,
        progress: Progress,
    ) -> None:
        self.claim, self.predicted, self.deadline = claim, predicted, deadline
        self.settings, self.progress = settings, progress
        self.rng = np.random.default_rng(seed)
        self.tolerances = Tolerances()
        self.statistics = Statistics()
        self.until = np.inf  # seconds spent at which the step that is being done has to end
        self.widest, self.problem = whole_domain(claim)
        self.incumbent = Incumbent(claim, self.problem, settings.oracle, self.left, self.tolerances)
        self.lower, self.estimate, self.reason = 0.0, np.inf, ""

    def tell(self) -> None:
        """Tells a trace the ends."""
        tell(self.progress, min(self.lower, self.incumbent.radius), self.incumbent.radius)

    def heard(self, closed: int, still_open: int, least: float) -> None:
        """The progress of the search that closes the interval."""
        self.progress(closed, still_open, least)
        self.tell()

    def result(self) -> RhoResult:
        best = self.incumbent
        found = RhoResult(
            min(self.lower, best.radius), best.radius, best.witness, self.reason, self.estimate,
            best.attack, self.claim.label, self.predicted, self.deadline.spent(),
            self.statistics.nodes, self.statistics.lps, self.tolerances,
        )  # fmt: skip
        return replace(found, reason="") if found.exact else found

    def check(self) -> None:
        """Contradiction where the ends cross."""
        if self.lower > self.incumbent.radius:
            raise Contradiction(
                f"a witness at {self.incumbent.radius!r} is nearer than the proven radius "
                f"{self.lower!r}"
            )

    def left(self) -> float:
        """Seconds left for the step that is being done."""
        return min(self.deadline.remaining(), self.until - self.deadline.spent())

    def late(self) -> bool:
        return not self.left() > 0.0

    def within(self, share: float, step: Callable[[Interval], None]) -> None:
        """A step, with a share of the time that remains, if any does."""
        if self.deadline.stop():
            return
        self.until = self.deadline.spent() + share * self.deadline.remaining()
        with suppress(Late), until(self.late):
            step(self)
        self.until = np.inf
        self.tell()

    def around(self, eps: float) -> tuple[Problem, Bounds]:
        """The problem within eps of the image, and its box (1, D), without compiling again."""
        return around(self.problem, self.claim.region.within(eps))

    def decide(
        self,
        eps: float,
        settings: Settings,
        seconds: float = np.inf,
        accept: Callable[[Matrix], bool] | None = None,
        box: Callable[[], Bounds] | None = None,
        progress: Progress = quiet,
    ) -> Outcome:
        """One search at a radius; raises `lower` to all that it proves.

        accept: whether points (B, D) end it; by default where a fresh start pays.  box: for one
        whose radius is the incumbent's at all times.
        """
        end = self.deadline.spent() + seconds
        problem, _ = self.claim.within(eps).compile()
        outcome = ask(
            problem, Floats(accept or self.nearer),
            lambda: min(self.left(), end - self.deadline.spent()), settings,
            box=box, radius=self._center(), progress=progress,
        )  # fmt: skip
        if outcome.reason == REASON:
            raise Contradiction(f"a search at the radius {eps!r} contradicted itself")
        self.statistics.nodes += outcome.statistics.nodes
        self.statistics.lps += outcome.statistics.lps
        proven = eps if box is None else self.incumbent.target
        self.lower = max(self.lower, min(outcome.proven_distance, proven))
        self.tell()
        return outcome

    def nearer(self, points: Matrix) -> bool:
        """Whether the incumbent fell so far that a fresh start pays."""
        before = self.incumbent.radius
        self.incumbent.consider(points)
        return self.incumbent.radius < RESTART * before

    def _center(self) -> tuple[Vector, Vector, Vector] | None:
        """For least distances in the tree, which are told of boxes only."""
        region = self.claim.region
        return (region.center, region.lower, region.upper) if region.norm is LINF else None
