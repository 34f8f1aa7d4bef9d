"""What is certified of one image, and the numbers that it follows from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..compiler.shown.numbers import at_least
from ..compiler.shown.record import Result
from ..compiler.shown.told import Told
from .binomial import clopper_pearson
from .normal import cdf, down, quantile, up

ABSTAIN = -1
"""In the place of a label: nothing is said."""


@dataclass(frozen=True, slots=True, repr=False)
class Certificate(Result):
    """The smoothed classifier gives `label` to every image nearer than `radius`, in l2.

    It is false with a probability of at most alpha. Unpacks as `label, radius`; ABSTAIN and 0.0
    where nothing is certified, for the `reason`: "" else.
    guess: the label that was counted. count: how many of n noisy images had it. probability: the
    lower bound that follows, of which the radius is computed.
    """

    label: int
    radius: float
    guess: int
    count: int
    n: int
    alpha: float
    sigma: float
    probability: float = 0.0
    reason: str = ""

    def __iter__(self) -> Iterator[Any]:
        yield self.label
        yield self.radius

    def _told(self) -> Told:
        facts = [("", f"{self.count:,} of {self.n:,} noisy images had label {self.guess}")]
        facts += [("sigma", f"{self.sigma:g}"), ("", f"false with probability <= {self.alpha:g}")]
        if self.label == ABSTAIN:
            return Told(f"Certificate: abstains ({self.reason})", tuple(facts))
        radius = at_least(self.radius)
        return Told(f"Certificate label {self.label} within {radius} in l2", tuple(facts))


@dataclass(frozen=True, slots=True, repr=False)
class Answer(Result):
    """Whether the certified radius of `label` is at least the one asked for.

    certified: True, wrong with a probability of at most alpha: the smoothed classifier gives
    `label` to every image within the radius. False, as seldom wrong: the share of noisy images
    with the label is too small for that, so no number of samples would certify it. None: open
    after `samples`, for the `reason`.  count: how many of the samples had the label.
    """

    certified: bool | None
    label: int
    radius: float
    samples: int
    count: int
    alpha: float
    reason: str = ""

    def _told(self) -> Told:
        answers = {True: "certified", False: "not certifiable", None: f"open ({self.reason})"}
        facts = (
            ("label", str(self.label)), ("radius", f"{self.radius:.6g} in l2"),
            ("", f"{self.count:,} of {self.samples:,} noisy images"),
            ("", f"wrong with probability <= {self.alpha:g}"),
        )  # fmt: skip
        return Told(f"Answer {answers[self.certified]}", facts)


@dataclass(frozen=True, slots=True)
class Theorem:
    """Radii by probabilities and back (Cohen et al. 2019, Theorem 1 with p_B = 1 - p_A).

    difference: an upper bound on the total variation distance between the noise of a whole image
    and that of the theorem, at every image. With it, a label of probability p has at least p -
    difference under the theorem's noise, so at least Phi(Phi^-1(p - difference) - r / sigma) at the
    distance r, and its own noise gives it more than 1/2 there as long as that is above 1/2 +
    difference.
    """

    sigma: float
    difference: Fraction = Fraction(0)

    def radius(self, probability: float) -> float:
        """A radius that follows from a probability of more than it, rounded down; 0.0 for none."""
        ideal = Fraction(probability) - self.difference
        if not ideal > Fraction(1, 2) + self.difference:
            return 0.0
        lead = Fraction(quantile(ideal)) - self._lost()
        return max(0.0, down(lead * Fraction(self.sigma)))

    def probability(self, radius: float) -> Fraction:
        """A probability from which on a radius follows, rounded up: 1 where none is enough."""
        needed = Fraction(radius) / Fraction(self.sigma) + self._lost()
        return min(Fraction(up(cdf(needed)[1] + self.difference)), Fraction(1))

    def _lost(self) -> Fraction:
        """Phi^-1(1/2 + difference), rounded up: by symmetry minus that of 1/2 - difference."""
        if not self.difference:
            return Fraction(0)
        return -Fraction(quantile(Fraction(1, 2) - self.difference))


def counted(theorem: Theorem, guess: int, count: int, n: int, alpha: float) -> Certificate:
    """The certificate that follows from a count of fresh samples."""
    probability = clopper_pearson(count, n, alpha)
    radius = theorem.radius(probability)
    if radius > 0.0:
        return Certificate(guess, radius, guess, count, n, alpha, theorem.sigma, probability)
    return Certificate(
        ABSTAIN, 0.0, guess, count, n, alpha, theorem.sigma, probability, "no label is frequent"
    )
