"""Why an answer is what it is: rivals, units, pixels, and what a search would still need."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ..bnb.search import Settings
from ..bnb.settings import Unfinished
from ..bnb.tree_size import from_open
from ..clock import Deadline
from ..compiler.base.arrays import Indices, Vector
from ..compiler.base.evidence import REASON
from ..compiler.base.norms import NormName
from ..compiler.problem import Problem
from ..compiler.question.claim import Claim, Target, check_eps
from ..networks.given import Given, network_of
from ..results import Verdict
from .engine import ending
from .explanation import Explanation, LayerUnits, Remainder, Rival
from .leads import Leads, leads
from .verify import Answer, Question, lost_already

SEARCH = 0.75
"""Of the time: for the answer itself; the rest is for what a search without one would need."""
WALKS, DEEP = 100, 200
"""Walks down the tree at most, and their levels."""


@np.errstate(all="ignore")  # huge weights overflow, which no bound overlooks
def explain(
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
) -> Explanation:
    """Whether an image keeps its label within eps, and why, or why that is not known.

    Arguments as in `verify`, whose answer it gives; a quarter of the time is kept for an estimate
    of what an unfinished search would need. Bounds are rigorous; which rival is binding is by these
    bounds, and the size of the tree is an estimate. Raises InputError for arguments that make no
    sense.
    """
    deadline = Deadline(timeout)
    network, eps = network_of(network, np.shape(image)), check_eps(eps)
    claim = Claim.make(network, image, label, target, margin, domain, norm, eps)
    spent, watch = Settings.of(settings, threads, memory), _Watch(deadline)
    question = Question(
        claim, Deadline(deadline.share(SEARCH)), spent, seed, watch.heard, None, None,
        watch.split, watch.ended,
    )  # fmt: skip
    first = _asked(question)
    remainder = None
    if question.answer.verdict is Verdict.UNKNOWN:
        remainder = Remainder(watch.open_nodes, question.answer.bound)
        remainder = _walked(question, watch, remainder, deadline)
    answer = question.answer
    rivals, hardest = _rivals(claim, question.logits, first)
    layers: tuple[LayerUnits, ...] = ()
    pixels = np.zeros(network.input_size)
    if first is not None:
        problem = question.compiled[0].problem
        pixels = np.abs(first.coefficients[hardest]) * (problem.upper - problem.lower)
        layers = _layers(problem, first, watch)
    return Explanation(
        answer.verdict, answer.reason, answer.witness, claim.label,
        int(np.argmax(question.logits)), eps, str(claim.region.norm), rivals,
        layers, sum(watch.times[-1].values()), pixels, answer.nodes, answer.lps, answer.bound,
        remainder, deadline.spent(),
    )  # fmt: skip


def _asked(question: Question) -> Leads | None:
    """Asks the question; what was known before its search, None where the time was up before."""
    claim, stop = question.claim, question.deadline.stop
    first: Leads | None = None
    # an image that lost its label needs no bounds for its answer
    lost = lost_already(claim, question.logits) is not None
    with ending(stop, claim.described) as end:
        if lost:
            question.decide()
        else:
            first = leads(question.compiled[0].problem, stop)
            if first is not None:
                question.known = first.root, first.magnitudes
            question.decide()
    if end.reason:
        question.answer = Answer(Verdict.UNKNOWN, end.reason)
    if lost and not end.reason:
        with ending(stop, claim.described):
            first = leads(question.compiled[0].problem, stop)
    return first


def _walked(
    question: Question, watch: _Watch, known: Remainder, deadline: Deadline
) -> Remainder | None:
    """What is left, with an estimate of it; None where a walk came upon a witness, which is the
    answer then.
    """
    if watch.left is None or question.answer.reason == REASON:
        return known  # of a search that contradicts itself nothing counts
    watch.walking, rest = True, known
    # the search goes on for a moment, with all the time that is left
    question.deadline.limit = question.deadline.spent() + deadline.remaining()
    with ending(deadline.stop, question.claim.described) as end:
        rest = _estimated(watch, watch.left, known, deadline, question.seed)
    if end.reason == REASON:
        question.answer = Answer(Verdict.UNKNOWN, REASON)
        return known
    found = None if question.found is None else question.found.witness
    if found is None:
        return rest
    question.answer = replace(
        question.answer, verdict=Verdict.NOT_ROBUST, reason="", witness=found, bound=-np.inf
    )
    return None


class _Watch:
    """Listens to a search: what it splits, what is open, and how fast it goes."""

    def __init__(self, deadline: Deadline) -> None:
        self.deadline = deadline
        self.times: dict[int, Counter[int]] = {-1: Counter()}
        self.open_nodes, self.walking = 0, False
        self.left: Unfinished | None = None
        self.began: tuple[int, float] | None = None
        self.rate = math.nan

    def ended(self, left: Unfinished) -> None:
        self.left, self.open_nodes = left, len(left.rows)

    def split(self, stages: Indices, units: Indices) -> None:
        if self.walking:
            return
        for stage, unit in zip(stages.tolist(), units.tolist(), strict=True):
            self.times.setdefault(stage, Counter())[unit] += 1

    def heard(self, nodes: int, still_open: int, least: float) -> None:
        now = self.deadline.spent()
        self.open_nodes = still_open
        if self.began is None:
            self.began = nodes, now
        elif now > self.began[1]:
            self.rate = (nodes - self.began[0]) / (now - self.began[1])


def _rivals(claim: Claim, logits: Vector, first: Leads | None) -> tuple[tuple[Rival, ...], int]:
    """All targets, hardest first, and the number of the first among the targets."""
    at_image = [float(logits[claim.label] - logits[t]) + claim.margin for t in claim.targets]
    proven = [-math.inf] * len(claim.targets) if first is None else first.bound.tolist()
    order = sorted(range(len(proven)), key=lambda k: (proven[k], at_image[k]))
    return tuple(Rival(claim.targets[k], at_image[k], proven[k]) for k in order), order[0]


def _layers(problem: Problem, first: Leads, watch: _Watch) -> tuple[LayerUnits, ...]:
    found = []
    for number, (stage, bounds) in enumerate(zip(problem.stages, first.root.bounds, strict=True)):
        if not stage.relu:
            continue
        active = int((bounds.lower[0] >= 0.0).sum())
        inactive = int(((bounds.upper[0] <= 0.0) & (bounds.lower[0] < 0.0)).sum())
        times = watch.times.get(number, Counter())
        found.append(
            LayerUnits(
                stage.name,
                stage.size,
                active,
                inactive,
                stage.size - active - inactive,
                len(times),
                sum(times.values()),
            )  # fmt: skip
        )
    return tuple(found)


def _estimated(
    watch: _Watch, left: Unfinished, known: Remainder, deadline: Deadline, seed: int
) -> Remainder:
    """What is known of the rest, with the nodes below those that are open, as the time goes."""
    size = from_open(left, deadline.stop, lambda: 0.0, WALKS, DEEP, seed)
    if not size.walks or size.settled:
        return known
    seconds = size.nodes / watch.rate if watch.rate > 0.0 else math.nan
    return replace(
        known, more=size.nodes, seconds=seconds, walks=len(size.walks), at_least=not size.whole
    )
