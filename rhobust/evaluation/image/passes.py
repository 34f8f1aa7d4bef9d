"""The two passes over images: what is cheap for all of them, then what it takes for the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ...bnb.presolve.plain_proof import plain_bounds
from ...clock import Deadline
from ...compiler.base.arrays import Vector
from ...compiler.base.errors import Contradiction
from ...compiler.base.evidence import REASON
from ...compiler.base.late import Late
from ...compiler.base.untrusted import attempt, tell
from ...compiler.question.claim import Claim
from ...queries.engine import ending
from ...queries.estimate import rho_estimate
from ...queries.regions import around
from ...queries.rho import rho
from ...queries.verify import lost_already, verify
from ...results import Verdict, VerifyResult
from ...smoothing.smoothed import TIMEOUT
from ..asked import Asked
from .attacks import attacked
from .known import Known
from .session import Session

FAILED = "failed"
"""The reason of an image whose work ended in an error."""


@dataclass(frozen=True, eq=False, slots=True)
class Job:
    """One image (D,), what is known of it, and what is still asked.

    certificate: the file of its proof, "" where none is asked for.
    """

    known: Known
    image: Vector
    asked: Asked
    certificate: str = ""
    check: bool = True
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """What is known after a pass. cut: whether the time of the whole evaluation ended it."""

    known: Known
    cut: bool = False


def first_pass(session: Session, jobs: Sequence[Job], end: float) -> list[Ended]:
    """Plain bounds on all images, and attacks on those that they leave open.

    Where that decides an image, its certificate is written at once: a later evaluation goes on
    with it.  end: when the whole evaluation has to end, in seconds since 1970.
    """

    def work(job: Job, deadline: Deadline) -> None:
        _look(session, job, deadline)
        if job.known.done(job.asked) and not deadline.stop():
            _certify(session, job)

    return [_within(job, end, partial(work, job)) for job in jobs]


def second_pass(session: Session, job: Job, end: float) -> Ended:
    """Searches at the radii that are open, then for rho; each may use a share of what is left."""
    return _within(job, end, partial(_settle, session, job))


def _within(job: Job, end: float, work: Callable[[Deadline], None]) -> Ended:
    """Work on one image within its time; whatever ends it early leaves radii open."""
    known, limit = job.known, job.asked.timeout
    left = np.inf if limit is None else limit - known.seconds
    whole = end - time.time()
    deadline = Deadline(max(min(left, whole), 1e-6))
    before, reason = known.seconds, ""
    with ending(deadline.stop, lambda: {"image": known.name}) as ended, np.errstate(all="ignore"):
        try:
            work(deadline)
        except (Late, MemoryError, Contradiction):
            raise  # each has a reason of its own
        except Exception as error:
            tell(error)
            reason = FAILED
    known.seconds = before + deadline.spent()
    if ended.reason == REASON:
        known.withdraw()
    reason = reason or ended.reason
    if reason and reason != "timeout":
        for eps in known.open(job.asked):
            known.effort(eps).reason = reason
    return Ended(known, not known.done(job.asked) and whole < left and deadline.stop())


def _claim(session: Session, job: Job) -> Claim:
    return job.asked.claim(session.network, job.image, job.known.label)


def _look(session: Session, job: Job, deadline: Deadline) -> None:
    known, asked, claim = job.known, job.asked, _claim(session, job)
    logits = np.asarray(session.network.forward(job.image[None])[0])
    known.shown(lost_already(claim, logits))
    if known.witness is not None and known.upper == 0.0:
        known.attack = known.estimate = 0.0
        return
    problem = session.problem(claim)
    lead = logits[claim.label] - np.delete(logits, claim.label).max()
    tried: set[float] = set()
    while left := [eps for eps in known.open(asked) if eps not in tried]:
        eps = left[len(left) // 2]
        near, box = around(problem, claim.region.within(eps))
        values = attempt(partial(plain_bounds, near, box, deadline.stop), None)
        bound = -np.inf if values is None else max(-np.inf, float(values.min()))  # NaN too
        if not tried:
            known.hardness = bound / max(float(lead), 1e-12)
        tried.add(eps)
        if bound > 0.0:  # NaN fails
            known.proven(eps, bound)
        else:
            tried |= {other for other in left if other > eps}
    for eps in reversed(known.open(asked)):
        if known.verdict(eps) is not Verdict.UNKNOWN:
            continue  # what was found at a larger radius lies within this one, too
        if not _attacked(session, job, claim.within(eps), deadline):
            break  # a smaller radius holds less
    if asked.estimate and not deadline.stop():
        _estimate(session, job, deadline)


def _estimate(session: Session, job: Job, deadline: Deadline) -> None:
    """rho-hat by convex restriction, inf where the image's linear region holds no example."""
    known, asked = job.known, job.asked
    found = rho_estimate(
        session.network, job.image, label=known.label, norm=asked.norm, domain=asked.domain,
        target=asked.target_of(known.label), margin=asked.margin, timeout=deadline.share(),
        seed=asked.seed,
    )  # fmt: skip
    if found.status in ("found", "none_in_region"):
        known.estimate = found.rho
    known.shown(found.witness)


def _smooth(session: Session, job: Job, deadline: Deadline) -> None:
    """The certified radius, not known where the time was not enough."""
    known, asked = job.known, job.asked.smoothing
    assert asked is not None
    found = session.smoothed(job.asked).certify(
        job.image, asked.n0, asked.n, asked.alpha, index=known.index, timeout=deadline.share()
    )
    if found.reason != TIMEOUT:
        known.certified = found.radius if found.label == known.label else 0.0


def _attacked(session: Session, job: Job, claim: Claim, deadline: Deadline) -> bool:
    """Whether an attack found an example; `Known` then has it."""
    known = job.known
    for method in job.asked.attacks:
        known.attack = np.inf if known.attack is None else known.attack
        if deadline.stop():
            return False
        witness = attacked(method, session.model(claim), claim, deadline, job.asked.seed)
        known.shown(witness)
        if witness is not None:
            if witness.distance < known.attack:
                known.attack, known.method = witness.distance, method
            return True
    return False


def _settle(session: Session, job: Job, deadline: Deadline) -> None:
    known, asked = job.known, job.asked
    if asked.smoothing is not None and known.certified is None:
        _smooth(session, job, deadline)
    ask = _question(session, job)
    while not deadline.stop() and (eps := known.next(asked)) is not None:
        parts = len(known.open(asked)) + asked.rho
        known.verified(ask(eps, timeout=deadline.share(1 / parts)))
    if asked.rho and not known.narrow() and not deadline.stop():
        result = rho(
            session.network, job.image, label=known.label, norm=asked.norm, domain=asked.domain,
            target=asked.target_of(known.label), margin=asked.margin, settings=asked.settings,
            seed=asked.seed, timeout=deadline.share(), certificate=job.certificate or None,
            check=job.check, overwrite=job.overwrite,
        )  # fmt: skip
        known.measured(result)
        known.certificate = job.certificate if result.certified is not None else ""
        known.uncertified = result.uncertified
    _certify(session, job)


def _certify(session: Session, job: Job) -> None:
    """Writes the proof of the largest radius that is proven, where one is asked for."""
    known, asked = job.known, job.asked
    proven = [eps for eps in asked.eps if known.verdict(eps) is Verdict.ROBUST]
    if job.certificate and proven and not (known.certificate or known.uncertified):
        found = _question(session, job)(
            proven[-1], timeout=asked.timeout, certificate=job.certificate
        )
        known.shown(found.witness)
        missing = found.uncertified if found.verdict is Verdict.ROBUST else found.reason
        known.certificate, known.uncertified = "" if missing else job.certificate, missing


def _question(session: Session, job: Job) -> Callable[..., VerifyResult]:
    """`verify` of an image, at a radius that is given."""
    known, asked = job.known, job.asked
    return partial(
        verify, session.network, job.image, label=known.label, norm=asked.norm,
        domain=asked.domain, target=asked.target_of(known.label), margin=asked.margin,
        settings=asked.settings, seed=asked.seed, check=job.check, overwrite=job.overwrite,
    )  # fmt: skip
