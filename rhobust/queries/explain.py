"""Why an answer is what it is: rivals, units, pixels, and what a search would still need."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ..bnb.search import Settings
from ..bnb.settings import Unfinished
from ..bnb.tree_size import from_open
from ..clock import Deadline
from ..compiler.base.arrays import Indices, Vector
from ..compiler.problem import Problem
from ..compiler.question.claim import Claim, Target, check_eps
from ..networks.given import Given, network_of
from ..results import Verdict
from ..witness.label import Witness
from .engine import ending
from .leads import Leads, leads
from .verify import Answer, Question

SEARCH = 0.75
"""Of the time: for the answer itself; the rest is for what a search without one would need."""
WALKS, DEEP = 100, 200
"""Walks down the tree at most, and their levels."""


@dataclass(frozen=True, slots=True)
class Rival:
    """Another label. at_image: by how much the claimed label's logit exceeds the rival's, plus the
    margin; negative where the rival wins. proven: what the first bounds prove of that over the
    whole region, -inf where nothing; where it is positive, the rival wins nowhere.
    """

    label: int
    at_image: float
    proven: float


@dataclass(frozen=True, slots=True)
class LayerUnits:
    """Units of a layer with rectifiers. active and inactive: proven to be so on the whole region;
    unstable: all others. split: how many different units the search split, times: how often.
    """

    name: str
    units: int
    active: int
    inactive: int
    unstable: int
    split: int = 0
    times: int = 0


@dataclass(frozen=True, slots=True)
class Remainder:
    """What is left of a search that did not end. open_nodes: parts of the region without an answer;
    loosest: the least that is proven of a lead over them, -inf where nothing is. more: an estimate
    of the nodes that are still to be bounded, by `walks` random walks from open ones (Knuth 1975),
    and seconds: how long that takes at the pace of the search; NaN where there is none. at_least:
    whether walks were cut off, so that both are rather larger.
    """

    open_nodes: int
    loosest: float
    more: float = math.nan
    seconds: float = math.nan
    walks: int = 0
    at_least: bool = True


@dataclass(frozen=True, eq=False)
class Explanation:
    """The answer of `verify`, and what it rests on.

    rivals: the targets, hardest to exclude first. layers: those with rectifiers, in order; () where
    the time was up. halved: inputs that the search halved, times. pixels (D,): for the binding
    rival, |coefficient of the pixel| times its width in the region: how far it can move the linear
    bound that the proof begins with; zeros without one. remainder: of an UNKNOWN, else None.
    """

    verdict: Verdict
    reason: str
    witness: Witness | None
    label: int
    predicted: int
    eps: float
    norm: str
    rivals: tuple[Rival, ...]
    layers: tuple[LayerUnits, ...]
    halved: int
    pixels: Vector
    nodes: int
    lps: int
    margin_bound: float
    remainder: Remainder | None
    seconds: float

    @property
    def binding(self) -> Rival:
        """The rival that is hardest to exclude at eps."""
        return self.rivals[0]

    @property
    def nearest(self) -> Rival:
        """The rival that comes nearest at the image itself."""
        return min(self.rivals, key=lambda rival: rival.at_image)


@np.errstate(all="ignore")  # huge weights overflow, which no bound overlooks
def explain(
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
) -> Explanation:
    """Whether an image keeps its label within eps, and why, or why that is not known.

    Arguments as in `verify`, whose answer it gives; a quarter of the time is kept for an estimate
    of what an unfinished search would need. Bounds are rigorous; which rival is binding is by these
    bounds, and the size of the tree is an estimate. Raises InputError for arguments that make no
    sense.
    """
    deadline = Deadline(timeout)
    network, eps = network_of(network), check_eps(eps)
    claim = Claim.make(network, image, label, target, margin, domain, norm, eps)
    spent, watch = settings or Settings(), _Watch(deadline)
    question = Question(
        claim, Deadline(deadline.share(SEARCH)), spent, seed, watch.heard, None, None,
        watch.split, watch.ended,
    )  # fmt: skip
    first: Leads | None = None
    problem: Problem | None = None
    with ending(question.deadline.stop, claim.described) as end:
        problem = claim.compiled()[0].problem
        first = leads(problem, question.deadline.stop)
        question.decide()
    if end.reason:
        question.answer = Answer(Verdict.UNKNOWN, end.reason)
    remainder = None
    if question.answer.verdict is Verdict.UNKNOWN:
        remainder = Remainder(watch.open_nodes, question.answer.bound)
        watch.walking = True
        # the search goes on for a moment, with all the time that is left
        question.deadline.limit = question.deadline.spent() + deadline.remaining()
        with ending(deadline.stop, claim.described):
            remainder = _estimated(watch, remainder, deadline, seed)
        found = None if question.found is None else question.found.witness
        if found is not None:  # on a walk
            question.answer = replace(
                question.answer, verdict=Verdict.NOT_ROBUST, reason="", witness=found, bound=-np.inf
            )
            remainder = None
    answer = question.answer
    rivals, hardest = _rivals(claim, question.logits, first)
    pixels = np.zeros(network.input_size)
    if first is not None and problem is not None:
        pixels = np.abs(first.coefficients[hardest]) * (problem.upper - problem.lower)
    return Explanation(
        answer.verdict, answer.reason, answer.witness, claim.label,
        int(np.argmax(question.logits)), eps, str(claim.region.norm), rivals,
        () if first is None or problem is None else _layers(problem, first, watch),
        sum(watch.times[-1].values()), pixels, answer.nodes, answer.lps, answer.bound, remainder,
        deadline.spent(),
    )  # fmt: skip


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


def _estimated(watch: _Watch, known: Remainder, deadline: Deadline, seed: int) -> Remainder:
    """What is known of the rest, with the nodes below those that are open, as the time goes."""
    if watch.left is None:
        return known
    size = from_open(watch.left, deadline.stop, lambda: 0.0, WALKS, DEEP, seed)
    if not size.walks or size.settled:
        return known
    seconds = size.nodes / watch.rate if watch.rate > 0.0 else math.nan
    return replace(
        known, more=size.nodes, seconds=seconds, walks=len(size.walks), at_least=not size.whole
    )
