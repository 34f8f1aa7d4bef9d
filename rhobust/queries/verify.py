"""Deciding one claim at one radius."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..attacks.budget import restarts
from ..attacks.pgd import pgd
from ..bnb.search import Hooks, Settings, search
from ..clock import Deadline
from ..compiler.base.arrays import Bounds, Indices, Matrix
from ..compiler.base.errors import Contradiction
from ..compiler.base.evidence import withdrawn
from ..compiler.base.late import Late, until
from ..compiler.base.tolerances import MARGIN, Tolerances
from ..compiler.network.float32 import float32_error
from ..compiler.problem import Problem
from ..compiler.question.claim import Claim, Target, check_eps
from ..files.certificate import Certificate
from ..files.checkpoint import resumable
from ..lp.oracle.highs import Oracle
from ..lp.restriction.distance import Ball
from ..lp.restriction.restrict import polish
from ..networks.given import Given, network_of
from ..results import Verdict, VerifyResult
from ..witness.label import Validator, Witness
from .asked import about_claim

Progress = Callable[[int, int, float], None]

Answer = tuple[Verdict, str, Witness | None, float, int, int]
"""What an answer says: verdict, reason, witness, bound, nodes, LPs."""


def quiet(closed: int, still_open: int, least: float) -> None:
    """Progress for those who do not look."""


MOST_STARTS = 30
"""Starts of an attack for each target at most."""

LEAD = 1e-6
"""Lead at the image, relative to its logits, beyond which no rounding makes it a lost label."""

NEAR = 0.2
"""Share of the clean margin below which an attack's best point counts as a near miss."""


class Finder:
    """Turns candidate points into a validated witness within eps, and remembers it."""

    def __init__(self, claim: Claim, eps: float, problem: Problem) -> None:
        self.eps = eps
        self.validator = Validator(claim, eps)
        self.problem = problem
        self.rows = problem.rows
        self.offset = problem.offset
        self.witness: Witness | None = None

    def accept(self, points: Matrix) -> bool:
        """Whether one of the points (B, D) is a witness; only the most promising are looked at."""
        output = self.problem.values(points)[-1]
        margin = (output @ self.rows.T + self.offset).min(axis=1)
        order = np.argsort(margin)[:3]
        for index in order[margin[order] <= MARGIN].tolist():
            found = self.validator.check(points[index])
            if found is not None:
                self.witness = found
                return True
        return False

    def polished(
        self, cases: Indices, points: Matrix, oracle: Oracle, remaining: Callable[[], float]
    ) -> bool:
        """Whether the linear region of a near miss holds a witness; points (C, D), one a case.

        Only the case that an attack brought nearest to 0 is looked at, and only within `NEAR`.
        """
        claim = self.validator.claim
        both = np.concatenate([points, claim.image[None]])
        lead = self.problem.values(both)[-1] @ self.rows[cases].T + self.offset[cases]
        case = int(np.argmin(np.diag(lead[:-1])))
        if not lead[case, case] <= NEAR * lead[-1, case]:
            return False
        row, offset = self.rows[cases[case]], float(self.offset[cases[case]])
        ball = Ball(claim.image, claim.lower, claim.upper, claim.norm)
        found = polish(
            self.problem, points[case], row, offset, ball, oracle, remaining, Tolerances()
        )
        if found.point is None or not 0.0 < found.rho <= self.eps:
            return False
        # the optimum has margin 0; beyond it, still inside the region, it is below
        step = found.point - claim.image
        stretch = np.array([1.0, 1.0 + 1e-6, 1.0 + 1e-4, self.eps / found.rho])
        moved = claim.image + np.minimum(stretch, self.eps / found.rho)[:, None] * step
        return self.accept(np.clip(moved, claim.lower, claim.upper))


@np.errstate(all="ignore")  # huge weights overflow, which no bound overlooks
def verify(
    network: Given,
    image: npt.ArrayLike,
    eps: float | str | Fraction,
    *,
    label: int | None = None,
    norm: str = "linf",
    domain: tuple[object, object] = (0.0, 1.0),
    target: Target = "any",
    margin: float = 0.0,
    timeout: float | None = 60.0,
    settings: Settings | None = None,
    seed: int = 0,
    progress: Progress = quiet,
    certificate: str | Path | None = None,
    check: bool = True,
    overwrite: bool = False,
    checkpoint: str | Path | None = None,
    float32: bool = False,
) -> VerifyResult:
    """Whether every input within eps of the image, and in the domain, keeps its label.

    network: one that is loaded, or a name or file for `load`.  image: the network's input, flat or
    in its shape; uint8 is divided by 255 unless the domain holds 0 to 255.  eps: a number, or a
    text such as "8/255".  label: the claimed one, by default the predicted one.
    margin: a violation needs logit_target >= logit_label + margin.  timeout: seconds, None for
    no limit.  norm: linf, l1 or l2.
    certificate: a file to write the proof of a ROBUST into.  check: whether the checker
    has to accept the certificate before it is written, within the time.  checkpoint: a file in
    which an undecided search is kept, and from which it goes on; see `Checkpoint`.  float32: try to
    show a ROBUST for every float32 evaluation, too, which may take a second search; see
    `VerifyResult`.
    overwrite: whether a certificate may replace a file that is none.
    Raises InputError for arguments that make no sense.  See `VerifyResult` for what is promised.
    """
    deadline = Deadline(timeout)
    network, eps = network_of(network), check_eps(eps)
    proof = None
    if certificate is not None:
        proof = Certificate(certificate, network, check, (checkpoint,), overwrite)
    spent = settings or Settings()
    claim = Claim.make(network, image, label, target, margin, domain, norm)
    saver = None
    if checkpoint is not None:
        asked = about_claim(claim, eps, spent)
        saver = resumable(
            checkpoint, certificate, asked, spent.memory, (network.path, *network.beside)
        )
    logits = network.forward(claim.image[None])[0]
    predicted = int(np.argmax(logits))

    def result(
        verdict: Verdict, reason: str, witness: Witness | None, bound: float, nodes: int, lps: int
    ) -> VerifyResult:
        missing = level = ""
        if verdict is Verdict.ROBUST:
            missing = "" if proof is None else proof.robust(claim, eps, deadline.stop)
            level = "real"
            if float32:
                with suppress(Late), until(deadline.stop):
                    level = "float32" if _rounded(claim, eps, bound, deadline, spent) else "real"
        return VerifyResult(
            verdict, reason, witness, bound, claim.label, predicted, eps, deadline.spent(),
            nodes, lps, missing, level,
        )  # fmt: skip

    def decided() -> Answer:
        compiled, output = claim.compiled(eps)
        problem = compiled.problem
        finder = Finder(claim, eps, problem)
        # an image that lost its label already is a witness as it stands, at distance 0
        lead = logits[claim.label] + claim.margin - logits[list(claim.targets)].max()
        if not lead > LEAD * (1.0 + np.abs(logits).max()):
            finder.witness = Validator(claim, 0.0).check(claim.image)
        if finder.witness is not None or finder.accept(claim.image[None]):
            return Verdict.NOT_ROBUST, "", finder.witness, -np.inf, 0, 0
        box = Bounds(problem.lower[None], problem.upper[None])
        rng = np.random.default_rng(seed)

        def attack(cases: Indices) -> bool:
            many = restarts(4.0 * network.work, 30, len(cases), MOST_STARTS)
            found, best = pgd(
                problem, box, np.eye(len(finder.offset), dtype=bool)[cases], finder.accept,
                deadline.stop, rng, restarts=many, start=claim.image,
            )  # fmt: skip
            if not found:
                finder.polished(cases, best, spent.oracle, deadline.remaining)
            return finder.witness is not None

        hooks = Hooks(deadline.remaining, finder.accept, lambda: box, attack, progress=progress)
        if proof is not None:
            hooks.recorder = proof.part(problem, output)
        hooks.saver = saver
        outcome = search(problem, hooks, spent)
        if saver is not None and outcome.status != "open":
            saver.done()
        counts = (outcome.statistics.nodes, outcome.statistics.lps)
        if outcome.status != "closed" and finder.witness is not None:
            return Verdict.NOT_ROBUST, "", finder.witness, -np.inf, *counts
        if outcome.status == "closed":
            if finder.witness is not None:
                raise Contradiction(
                    "a region was closed that holds a witness",
                    {"point": finder.witness.point.tolist(), "eps": eps},
                )
            return Verdict.ROBUST, "", None, outcome.bound, *counts
        return Verdict.UNKNOWN, outcome.reason or "numerical", None, outcome.bound, *counts

    try:
        with until(deadline.stop):
            answer = decided()
    except Late:
        answer = Verdict.UNKNOWN, "timeout", None, -np.inf, 0, 0
    except MemoryError:
        answer = Verdict.UNKNOWN, "memory", None, -np.inf, 0, 0
    except Contradiction as found:
        answer = Verdict.UNKNOWN, withdrawn(found, **claim.described(eps)), None, -np.inf, 0, 0
    return result(*answer)


def _rounded(claim: Claim, eps: float, bound: float, deadline: Deadline, spent: Settings) -> bool:
    """Whether a claim that holds in real arithmetic holds for every float32 evaluation.

    Where the proven margin does not exceed the errors of both logits, a search with a margin that
    does tries to.
    """
    problem = claim.compile(eps)[0]
    error = float32_error(claim.network, problem.lower, problem.upper)
    needed = float((error[list(claim.targets)] + error[claim.label]).max()) * (1.0 + 1e-9)
    if bound > needed:
        return True
    if not np.isfinite(needed) or deadline.stop():
        return False
    harder, _ = replace(claim, margin=claim.margin - needed).compile(eps)
    box = Bounds(harder.lower[None], harder.upper[None])
    hooks = Hooks(deadline.remaining, lambda points: False, lambda: box)
    return search(harder, hooks, spent).status == "closed"
