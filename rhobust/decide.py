"""Deciding one claim at one radius."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .attacks.pgd import pgd
from .bnb.search import Hooks, Settings, search
from .clock import Deadline
from .compiler.arrays import Bounds, Indices, Matrix, Vector
from .compiler.claim import Claim, Target, check_eps
from .compiler.graph import Network
from .compiler.problem import Problem
from .compiler.verdict import Verdict, VerifyResult
from .compiler.witness import Validator, Witness

Progress = Callable[[int, int, float], None]


def quiet(closed: int, still_open: int, least: float) -> None:
    """Progress for those who do not look."""


def attack_budget(network: Network, cases: int) -> int:
    """Restarts a case so that an attack of 30 steps costs about a second."""
    work = max(1, network.work) * 4 * 30 * max(1, cases)
    return int(min(30, max(2, 3e9 / work)))


class Finder:
    """Turns candidate points into a validated witness within eps, and remembers it."""

    def __init__(self, claim: Claim, eps: float, problem: Problem) -> None:
        self.validator = Validator(claim, eps)
        self.problem = problem
        self.rows = np.concatenate([case.rows for case in problem.cases])
        self.offset = np.concatenate([case.offset for case in problem.cases])
        self.witness: Witness | None = None

    def accept(self, points: Matrix) -> bool:
        """Whether one of the points (B, D) is a witness; only the most promising are looked at."""
        output = self.problem.values(points)[-1]
        margin = (output @ self.rows.T + self.offset).min(axis=1)
        order = np.argsort(margin)[:3]
        for index in order[margin[order] <= 1e-7].tolist():
            self.witness = self.validator.check(points[index])
            if self.witness is not None:
                return True
        return False


def verify(
    network: Network,
    image: Vector,
    eps: float,
    label: int | None = None,
    target: Target = "any",
    margin: float = 0.0,
    domain: tuple[object, object] = (0.0, 1.0),
    timeout: float = 60.0,
    settings: Settings | None = None,
    seed: int = 0,
    progress: Progress = quiet,
) -> VerifyResult:
    """Whether every input within eps (l-infinity) of the image, and in the domain, keeps its label.

    image: the network's input in any shape; label: the claimed one, by default the predicted one.
    margin: a violation needs logit_target >= logit_label + margin.  timeout: seconds.
    Raises InputError for arguments that make no sense.  See `VerifyResult` for what is promised.
    """
    deadline = Deadline(timeout)
    check_eps(eps)
    claim = Claim.make(network, image, label, target, margin, domain)
    predicted = int(np.argmax(network.forward(claim.image[None])[0]))

    def result(
        verdict: Verdict, reason: str, witness: Witness | None, bound: float, *counts: int
    ) -> VerifyResult:
        nodes, lps = counts or (0, 0)
        return VerifyResult(
            verdict, reason, witness, bound, claim.label, predicted, eps, deadline.spent(),
            nodes, lps,
        )  # fmt: skip

    problem, _ = claim.compile(eps)
    finder = Finder(claim, eps, problem)
    if finder.accept(claim.image[None]):
        return result(Verdict.NOT_ROBUST, "", finder.witness, -np.inf)
    box = Bounds(problem.lower[None], problem.upper[None])
    rng = np.random.default_rng(seed)

    def attack(cases: Indices) -> bool:
        found, _ = pgd(
            problem, box, finder.rows[cases], finder.offset[cases], finder.accept, deadline.stop,
            rng, restarts=attack_budget(network, len(cases)), start=claim.image,
        )  # fmt: skip
        return found

    hooks = Hooks(deadline.remaining, finder.accept, lambda: box, attack, None, progress)
    outcome = search(problem, hooks, settings or Settings())
    counts = (outcome.statistics.nodes, outcome.statistics.lps)
    if outcome.status == "accepted":
        return result(Verdict.NOT_ROBUST, "", finder.witness, -np.inf, *counts)
    if outcome.status == "closed":
        return result(Verdict.ROBUST, "", None, outcome.bound, *counts)
    return result(Verdict.UNKNOWN, outcome.reason, None, outcome.bound, *counts)
