"""Metrics of Bastani et al. 2016, section 3: how often and how near images lose their labels.

All are statistics of rho over images, of which only intervals may be known. With estimates
(rho-hat >= rho) the frequency is an estimate from below; with intervals of `rho` it has two sides.
Results are any of what `Results` names: arrays, lists of results or of records of a test set, or
JSON-lines files. An image that is misclassified has rho = 0 and counts; `correct_only` leaves such
images out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..compiler.base.arrays import Vector
from ..compiler.question.claim import check_eps
from ..compiler.shown.numbers import at_least, at_most, digits
from ..compiler.shown.record import Result
from ..compiler.shown.told import Told, count
from .averages import chosen, mean, quantile
from .comparison import McNemar, mcnemar
from .fits import Fit, fit
from .intervals import Results
from .sampling import CONFIDENCE, Ends, between, clopper_pearson, uniform_width
from .shares import Accuracy, Share, accuracy, by_class, radii
from .wording import between_percents

__all__ = [
    "Accuracy", "Curve", "Ends", "Fit", "Frequency", "McNemar", "Results", "Severity", "Share",
    "accuracy", "by_class", "clopper_pearson", "curve", "fit", "frequency", "mcnemar", "mean",
    "quantile", "radii", "severity",
]  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class Frequency(Result):
    """The adversarial frequency phi(eps) = share of images with rho <= eps: lower <= phi <= upper.

    lower counts the images with an example within eps. From estimates it is the paper's phi-hat:
    rho-hat is never below rho (but for an LP's tolerance), so phi-hat is never above phi. upper
    counts those not proven to hold none; it is 1 where nothing is proven.
    """

    eps: float
    lower: float
    upper: float
    images: int

    def _told(self) -> Told:
        share = between_percents(self.lower, self.upper)
        return Told(f"Frequency {share} at {self.eps:g}", (("", count(self.images, "image")),))

    def sampling(self, confidence: float = CONFIDENCE) -> Ends:
        """Where phi of all images of the kind lies, with this confidence (Clopper, Pearson)."""
        least, most = round(self.lower * self.images), round(self.upper * self.images)
        return between(least, most, self.images, confidence)


@dataclass(frozen=True, slots=True, repr=False)
class Severity(Result):
    """The adversarial severity mu(eps), the mean of rho over the images with rho <= eps.

    estimate: the mean distance of the examples within eps, the paper's mu-hat; None where there is
    none, and `reason` says so. Its bias has no sign: each distance is at least the image's rho, but
    images with rho <= eps < rho-hat are left out.
    lower, upper: mu lies between, if any image has rho <= eps; None where none can.
    found, possible: images with an example within eps, and those not proven to hold none.
    """

    eps: float
    estimate: float | None
    lower: float | None
    upper: float | None
    reason: str
    found: int
    possible: int

    def _told(self) -> Told:
        facts = [("", f"examples of {count(self.found, 'image')}")]
        if self.lower is not None and self.upper is not None:
            facts.append(("", f"between {at_least(self.lower)} and {at_most(self.upper)}"))
        if self.reason:
            facts.append(("", self.reason))
        estimate = "none" if self.estimate is None else digits(self.estimate)
        return Told(f"Severity {estimate} (estimate) at {self.eps:g}", tuple(facts))


@dataclass(frozen=True, eq=False, repr=False)
class Curve(Result):
    """The share of images with rho <= eps, as a function of eps: steps at `eps`, (M,), increasing.

    Between eps[k] and eps[k + 1] the share lies in [lower[k], upper[k]]; lower is the paper's curve
    of rho-hat, never above the true one.
    """

    eps: Vector
    lower: Vector
    upper: Vector
    images: int

    def _told(self) -> Told:
        facts = [("", count(self.images, "image")), ("", count(len(self.eps), "step"))]
        if len(self.eps):
            facts.append(("from", f"{digits(self.eps[0])} to {digits(self.eps[-1])}"))
        return Told("Curve", tuple(facts))

    def __call__(self, eps: float) -> Frequency:
        """The adversarial frequency at a radius."""
        place = int(np.searchsorted(self.eps, check_eps(eps), side="right")) - 1
        ends = (self.lower[place], self.upper[place]) if place >= 0 else (0.0, 0.0)
        return Frequency(float(eps), float(ends[0]), float(ends[1]), self.images)

    def sampling(self, confidence: float = CONFIDENCE) -> Curve:
        """A band that holds the curve of all images of the kind, at every radius at once.

        Wider by the inequality of Dvoretzky, Kiefer and Wolfowitz, which speaks of the whole curve;
        `Frequency.sampling` is narrower and speaks of one radius.
        """
        width = uniform_width(self.images, confidence)
        start = self.eps[:1] > 0.0 if len(self.eps) else np.ones(1, dtype=bool)
        zero = np.zeros(int(start.sum()))  # below the first step there is a band, too
        eps, lower, upper = (np.concatenate([zero, x]) for x in (self.eps, self.lower, self.upper))
        return Curve(
            eps, np.maximum(lower - width, 0.0), np.minimum(upper + width, 1.0), self.images
        )


def frequency(results: Results, eps: float, correct_only: bool = False) -> Frequency:
    """The adversarial frequency at a radius, as `Frequency` says."""
    known, radius = chosen(results, correct_only), check_eps(eps)
    lower, upper = np.mean(known.upper <= radius), np.mean(known.begins <= radius)
    return Frequency(radius, float(lower), float(max(lower, upper)), len(known))


def severity(results: Results, eps: float, correct_only: bool = False) -> Severity:
    """The adversarial severity at a radius, as `Severity` says.

    The two sides are the least and the largest mean over all rho inside their intervals: an image
    that may or may not lie within eps is taken in where that helps the side.
    """
    known, radius = chosen(results, correct_only), check_eps(eps)
    within = known.upper <= radius
    maybe = (known.begins <= radius) & ~within
    found, possible = int(within.sum()), int(within.sum() + maybe.sum())
    if not possible:
        reason = "every image is proven to hold no example within eps"
        return Severity(radius, None, None, None, reason, found, possible)
    nearest = np.minimum(known.lower, known.upper)
    lower = _least_mean(nearest[within], np.sort(nearest[maybe]))
    upper = (float(known.upper[within].sum()) + radius * int(maybe.sum())) / possible
    if not found:
        reason = "no example within eps was found"
        return Severity(radius, None, lower, upper, reason, found, possible)
    mean = float(known.upper[within].mean())
    return Severity(radius, mean, min(lower, mean), max(upper, mean), "", found, possible)


def curve(results: Results, correct_only: bool = False) -> Curve:
    """The share of images with rho <= eps for every eps, as `Curve` says."""
    known = chosen(results, correct_only)
    ends = np.concatenate([known.begins, known.upper])
    eps = np.unique(ends[np.isfinite(ends)])
    lower = np.searchsorted(np.sort(known.upper), eps, side="right") / len(known)
    upper = np.searchsorted(np.sort(known.begins), eps, side="right") / len(known)
    return Curve(eps, lower, np.maximum(lower, upper), len(known))


def _least_mean(sure: Vector, optional: Vector) -> float:
    """The least mean of all of `sure` and some of `optional` (sorted), of one number at least."""
    total, count = float(sure.sum()), len(sure)
    for value in optional.tolist():
        if count and value * count >= total:
            break
        total, count = total + value, count + 1
    return total / count
