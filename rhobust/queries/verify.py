"""Deciding one claim at one radius."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..attacks.budget import restarts
from ..attacks.near_miss import near_miss
from ..attacks.pgd import pgd
from ..bnb.bounds.crown import Nodes
from ..bnb.bounds.magnitudes import Magnitudes
from ..bnb.search import Settings
from ..bnb.settings import Unfinished
from ..clock import Deadline
from ..compiler.base.arrays import Indices, Vector
from ..compiler.base.errors import Contradiction
from ..compiler.base.evidence import REASON
from ..compiler.base.norms import NormName
from ..compiler.network.float32 import float32_error
from ..compiler.question.claim import Claim, Target, check_eps
from ..compiler.steps.compile import Compiled
from ..files.certificate import Certificate
from ..files.checkpoint import Checkpoint, resumable
from ..networks.given import Given, network_of
from ..results import Verdict, VerifyResult
from ..witness.label import LEAD, Validator, Witness
from .asked import about_claim
from .certify import NOT_IN_TIME, written
from .engine import FirstFound, Floats, Progress, Splits, ask, ending, quiet

MOST_STARTS = 30
"""Starts of an attack for each target at most."""


@np.errstate(all="ignore")  # huge weights overflow, which no bound overlooks
def verify(
    network: Given,
    image: npt.ArrayLike,
    eps: float | str | Fraction,
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
    checkpoint: str | Path | None = None,
    float32: bool = False,
) -> VerifyResult:
    """Whether every input within eps of the image, and in the domain, keeps its label.

    network: one that is loaded, or what `load` takes: a name, a file, a model in hand.
    image: the network's input, flat or in its shape; uint8 is divided by 255 unless the domain
    holds 0 to 255.  eps: a number, or a text such as "8/255".
    label: the claimed one, by default the predicted one.
    margin: a violation needs logit_target >= logit_label + margin.  timeout: seconds, None for
    no limit.  norm: linf, l1 or l2; inf, 1 and 2 mean the same.  threads (1) and memory (400 MB for
    open nodes, beyond which the search goes depth first): instead of those of `settings`.
    certificate: a file to write the proof of a ROBUST into.  check: whether the checker
    has to accept the certificate before it is written, within the time.  checkpoint: a file in
    which an undecided search is kept, and from which it goes on; see `Checkpoint`.  float32: try to
    show a ROBUST for every float32 evaluation, too, which may take a second search; see
    `VerifyResult`.
    overwrite: whether a certificate may replace a file that is none.
    Raises InputError for arguments that make no sense.  See `VerifyResult` for what is promised.
    """
    deadline = Deadline(timeout)
    network, eps = network_of(network, np.shape(image)), check_eps(eps)
    proof = None
    if certificate is not None:
        proof = Certificate(certificate, network, check, (checkpoint,), overwrite)
    spent = Settings.of(settings, threads, memory)
    claim = Claim.make(network, image, label, target, margin, domain, norm, eps)
    saver = None
    if checkpoint is not None:
        asked = about_claim(claim, spent)
        saver = resumable(
            checkpoint, certificate, asked, spent.memory, (network.path, *network.beside)
        )
    question = Question(claim, deadline, spent, seed, progress, proof, saver)
    with ending(deadline.stop, claim.described) as end:
        question.decide()
    if end.reason:
        question.answer = Answer(Verdict.UNKNOWN, end.reason)
    missing, level = "", ""
    if proof is not None and question.answer.verdict is Verdict.ROBUST:
        missing = NOT_IN_TIME
        with ending(deadline.stop, claim.described) as end:
            missing = _written(proof, question)
        if end.reason == REASON:
            question.answer, missing = Answer(Verdict.UNKNOWN, REASON), REASON
    answer = question.answer
    if answer.verdict is Verdict.ROBUST:
        level = "float32" if float32 and question.holds_rounded() else "real"
    return VerifyResult(
        answer.verdict, answer.reason, answer.witness, answer.bound, claim.label,
        int(np.argmax(question.logits)), eps, deadline.spent(), answer.nodes, answer.lps,
        missing, level,
    )  # fmt: skip


def _written(proof: Certificate, question: Question) -> str:
    """What prevents the certificate of a claim that was proven, or ""."""

    def again(settings: Settings) -> bool:
        unasked = Answer(Verdict.UNKNOWN, "timeout")
        other = replace(question, settings=settings, saver=None, answer=unasked)
        other.decide()
        if other.answer.verdict is Verdict.NOT_ROBUST:
            raise Contradiction("two searches differ", question.claim.described())
        return other.answer.verdict is Verdict.ROBUST

    stop = question.deadline.stop
    return written(proof, lambda: proof.robust(question.claim, stop), again, question.settings)


def lost_already(claim: Claim, logits: Vector) -> Witness | None:
    """The image, where it lost its label already: a witness as it stands, at distance 0.

    logits (K,): the network's at the image.
    """
    lead = logits[claim.label] + claim.margin - logits[list(claim.targets)].max()
    if lead > LEAD * (1.0 + np.abs(logits).max()):
        return None
    return Validator(claim.within(0.0)).check(claim.image)


@dataclass(frozen=True, slots=True)
class Answer:
    """bound: what is proven of the label's lead over all targets."""

    verdict: Verdict
    reason: str = ""
    witness: Witness | None = None
    bound: float = -np.inf
    nodes: int = 0
    lps: int = 0


@dataclass
class Question:
    """Whether a claim holds: the image itself, an attack, a search."""

    claim: Claim
    deadline: Deadline
    settings: Settings
    seed: int
    progress: Progress
    proof: Certificate | None
    saver: Checkpoint | None
    splits: Splits | None = None
    unfinished: Callable[[Unfinished], None] | None = None
    known: tuple[Nodes, Magnitudes] | None = None
    found: FirstFound[Witness] | None = None
    answer: Answer = Answer(Verdict.UNKNOWN, "timeout")

    @cached_property
    def logits(self) -> Vector:
        return np.asarray(self.claim.network.forward(self.claim.image[None])[0])

    @cached_property
    def compiled(self) -> tuple[Compiled, int | None]:
        return self.claim.compiled()

    def decide(self) -> None:
        """Sets the answer."""
        claim = self.claim
        compiled, output = self.compiled
        problem = compiled.problem
        self.found = found = FirstFound(problem, Validator(claim))
        found.witness = lost_already(claim, self.logits)
        if found.accept(claim.image[None]):
            self.answer = Answer(Verdict.NOT_ROBUST, witness=found.witness)
            return
        attack = partial(self._attack, found, np.random.default_rng(self.seed))
        recorder = None if self.proof is None else self.proof.part(problem, output)
        outcome = ask(
            problem, found, self.deadline.remaining, self.settings, attack=attack,
            progress=self.progress, recorder=recorder, saver=self.saver,
            splits=self.splits, unfinished=self.unfinished, known=self.known,
        )  # fmt: skip
        if self.saver is not None and outcome.status != "open":
            self.saver.done()
        verdict, reason, bound = Verdict.UNKNOWN, outcome.reason or "numerical", outcome.bound
        witness = found.settled(outcome)
        if witness is not None:
            verdict, reason, bound = Verdict.NOT_ROBUST, "", -np.inf
        elif outcome.status == "closed":
            verdict, reason = Verdict.ROBUST, ""
        counts = outcome.statistics
        self.answer = Answer(verdict, reason, witness, bound, counts.nodes, counts.lps)

    def _attack(self, found: FirstFound[Witness], rng: np.random.Generator, cases: Indices) -> bool:
        """Whether gradient steps from the image found a witness, or its near miss led to one."""
        problem = found.problem
        box = problem.box
        many = restarts(4.0 * self.claim.network.work, 30, len(cases), MOST_STARTS)
        _, best = pgd(
            problem, box, np.eye(len(problem.offset), dtype=bool)[cases], found.accept,
            self.deadline.stop, rng, restarts=many, start=self.claim.image,
        )  # fmt: skip
        if found.witness is None:
            near = near_miss(
                self.claim, problem, cases, best, self.settings.oracle,
                self.deadline.remaining,
            )  # fmt: skip
            if near is not None:
                found.accept(near)
        return found.witness is not None

    def holds_rounded(self) -> bool:
        """Whether the claim, proven over the reals, holds for every float32 evaluation.

        Where the proven margin does not exceed the errors of both logits, a search with a margin
        that does tries to.
        """
        holds = False
        with ending(self.deadline.stop, self.claim.described) as end:
            holds = self._rounded()
        return holds and not end.reason

    def _rounded(self) -> bool:
        claim = self.claim
        problem, _ = claim.compile()
        error = float32_error(claim.network, problem.lower, problem.upper)
        needed = float((error[list(claim.targets)] + error[claim.label]).max()) * (1.0 + 1e-9)
        if self.answer.bound > needed:
            return True
        if not np.isfinite(needed) or self.deadline.stop():
            return False
        harder, _ = replace(claim, margin=claim.margin - needed).compile()
        none = Floats(lambda points: False)  # solutions of it are of no use
        return ask(harder, none, self.deadline.remaining, self.settings).status == "closed"
