"""The robustness rho of an input: a proven lower bound, a validated upper one, until they meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..bnb.search import Settings
from ..clock import Deadline, Interrupted
from ..compiler.base.errors import Contradiction
from ..compiler.base.evidence import REASON
from ..compiler.base.norms import NormName
from ..compiler.base.tolerances import Tolerances
from ..compiler.question.claim import Claim, Target
from ..files.certificate import Certificate
from ..networks.given import Given, network_of
from ..results import RhoResult, Verdict
from ..witness.label import Validator
from .certify import NOT_IN_TIME, loosen
from .engine import Progress, ending, quiet
from .interval.cheap import attack, attack_quickly, prove_plainly, restrict
from .interval.search import bracket, close
from .interval.state import Interval
from .verify import verify

STAGES: tuple[tuple[float, Callable[[Interval], None]], ...] = (
    (0.2, prove_plainly), (0.2, attack_quickly), (0.3, restrict), (0.3, attack), (0.4, bracket),
)  # fmt: skip
"""What comes before the search, the cheapest first, each with a share of the time that is left."""

BELOW = (0.0, 1e-4, 1e-3, 1e-2, 0.1)
"""How far below the proven end of the interval a proof is looked for, as shares of it."""


@np.errstate(all="ignore")  # huge weights overflow, which no bound overlooks
def rho(
    network: Given,
    image: npt.ArrayLike,
    *,
    label: int | None = None,
    norm: NormName = "linf",
    domain: tuple[object, object] = (0.0, 1.0),
    target: Target = "any",
    margin: float = 0.0,
    timeout: float | None = 60.0,
    settings: Settings | None = None,
    seed: int = 0,
    threads: int | None = None,
    memory: float | None = None,
    progress: Progress = quiet,
    certificate: str | Path | None = None,
    check: bool = True,
    overwrite: bool = False,
) -> RhoResult:
    """The least distance at which the label can be lost, as an interval.

    rho(f, x) of Bastani et al. 2016, section 2, within the domain box.  The arguments are those of
    `verify`; the norm is linf, l1 or l2.  The end of the time (timeout in seconds) leaves a valid
    interval, and Ctrl-C raises `Interrupted` with one.  certificate: a file to write a proof of the
    lower end into, by a search of its own at that radius, which may take as long again.
    check: whether the checker has to accept it before it is written; overwrite: whether it may
    replace a file that is none.
    """
    deadline = Deadline(timeout)
    network = network_of(network, np.shape(image))
    spent = Settings.of(settings, threads, memory)
    proof = None
    if certificate is not None:
        proof = Certificate(certificate, network, overwrite=overwrite)
    claim = Claim.make(network, image, label, target, margin, domain, norm)
    predicted = int(np.argmax(network.forward(claim.image[None])[0]))
    with ending(deadline.stop) as end:
        interval = Interval(claim, predicted, deadline, spent, seed, progress)
    if end.reason:
        return RhoResult(
            0.0, np.inf, None, end.reason, np.inf, np.inf, claim.label, predicted,
            deadline.spent(), 0, 0, Tolerances(),
        )  # fmt: skip
    result = narrowed(interval)
    if proof is None or result.lower == 0.0:
        return result
    missing = proof.impossible(margin)
    if missing:
        return replace(result, uncertified=missing)
    return _certified(result, claim, proof.path, Deadline(timeout), spent, check, overwrite)


def narrowed(interval: Interval) -> RhoResult:
    """The interval after all that its time allows."""

    def facts() -> dict[str, object]:
        nearest = interval.claim.within(interval.incumbent.radius)
        return {**nearest.described(), "lower": interval.lower}

    # the ends are compared however the first step ended
    for step in (_narrow, Interval.check):
        with ending(interval.deadline.stop, facts) as end:
            step(interval)
        interval.reason = end.reason or interval.reason
        if end.reason == REASON:
            interval.lower = 0.0  # what is left is the validated witness alone
    return interval.result()


def _narrow(interval: Interval) -> None:
    best = interval.incumbent
    try:
        best.witness = Validator(interval.claim.within(0.0)).check(interval.claim.image)
        if best.witness is not None:
            interval.estimate = best.attack = 0.0
            return
        for share, step in STAGES:
            interval.within(share, step)
        close(interval)
    except KeyboardInterrupt:
        interval.reason = "interrupted"
        raise Interrupted(interval.result()) from None


def _certified(
    result: RhoResult,
    claim: Claim,
    path: Path,
    deadline: Deadline,
    settings: Settings,
    check: bool,
    overwrite: bool,
) -> RhoResult:
    """The result with what its certificate proves, by a search at that radius or just below it."""

    region = claim.region

    def prove(eps: float, seconds: float) -> str:
        found = verify(
            claim.network, claim.image, eps, label=claim.label, norm=region.norm,
            domain=(region.lower, region.upper), target=claim.targets, margin=claim.margin,
            timeout=seconds, settings=settings, certificate=path, check=check, overwrite=overwrite,
        )  # fmt: skip
        if found.verdict is Verdict.NOT_ROBUST or found.reason == REASON:
            raise Contradiction(f"two searches differ at the radius {eps!r}")
        return found.uncertified if found.verdict is Verdict.ROBUST else NOT_IN_TIME

    limits = [min(result.lower, region.largest) * (1.0 - share) for share in BELOW]
    facts = {**claim.within(limits[0]).described(), "lower": result.lower}
    proven = loosen(limits, deadline, prove, lambda: facts)
    eps, reason = proven
    if reason == REASON:
        return replace(result, lower=0.0, reason=reason, uncertified=reason)
    certified = result.certified if eps is None else eps
    return replace(result, certified=certified, uncertified=reason)
