"""Accuracy at a radius: on the images themselves, under attacks, and proven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..compiler.base.arrays import Mask
from ..compiler.question.claim import check_eps
from ..compiler.shown.record import Result
from ..compiler.shown.told import Told, count
from .intervals import Distances, distances
from .records import Recorded, Records, listed
from .sampling import CONFIDENCE, Ends, between
from .wording import between_percents


@dataclass(frozen=True, slots=True, repr=False)
class Share(Result):
    """Of `images` images at least `least` and at most `most` have a property: proven.

    sampling: what that says of all images of the kind, with the confidence asked for.
    """

    least: int
    most: int
    images: int
    sampling: Ends

    def _told(self) -> Told:
        share = between_percents(self.lower, self.upper)
        return Told(f"Share {share}", (("", count(self.images, "image")),))

    @property
    def lower(self) -> float:
        """The least share of these images."""
        return self.least / self.images

    @property
    def upper(self) -> float:
        """The largest share of these images."""
        return self.most / self.images


@dataclass(frozen=True, slots=True, repr=False)
class Accuracy(Result):
    """Accuracy at a radius, over `images` images, misclassified ones among them.

    clean: images that get their label. robust: those that keep it in the whole ball; least are
    proven to, most are not known to lose it. error: the adversarial error, 1 - robust. attacked:
    what attacks alone would say, images on which none of them found an example, an estimate from
    above; None where no attack ran. unknown: images that are open. confidence: of all `sampling`.
    """

    eps: float
    images: int
    clean: Share
    robust: Share
    error: Share
    attacked: Share | None
    unknown: int
    confidence: float

    def _told(self) -> Told:
        shares = [("clean", self.clean), ("robust", self.robust)]
        if self.attacked is not None:
            shares.append(("attacked", self.attacked))
        facts = [(name, between_percents(one.lower, one.upper)) for name, one in shares]
        facts.append(("", f"{self.unknown:,} of {count(self.images, 'image')} undecided"))
        return Told(f"Accuracy at {self.eps:g}", tuple(facts))


def accuracy(records: Records, eps: float, confidence: float = CONFIDENCE) -> Accuracy:
    """Accuracy at one radius, as `Accuracy` says.

    An image counts as proven where some ball of at least eps, or the interval of rho, shows that no
    example lies within eps; as lost where it is misclassified or a validated example lies there.
    InputError without records, or where two of them contradict each other.
    """
    kept = listed(records)
    radius, known = check_eps(eps), distances(kept)
    lost, open_or_lost = known.upper <= radius, known.begins <= radius
    images = len(kept)

    def share(least: Mask, most: Mask) -> Share:
        low, high = int(least.sum()), int(max(least.sum(), most.sum()))
        return Share(low, high, images, between(low, high, images, confidence))

    survived = _survived(kept, known, radius)
    return Accuracy(
        eps=radius,
        images=images,
        clean=share(known.correct, known.correct),
        robust=share(~open_or_lost & ~lost, ~lost),
        error=share(lost, lost | open_or_lost),
        attacked=None if survived is None else share(survived, survived),
        unknown=int((open_or_lost & ~lost).sum()),
        confidence=confidence,
    )


def _survived(records: Sequence[Recorded], known: Distances, eps: float) -> Mask | None:
    """Which images have their label and no example that an attack found within eps, (N,)."""
    found = [
        any(one.attacked and one.eps <= eps for one in record.decisions)
        or (record.attack_distance is not None and record.attack_distance <= eps)
        for record in records
    ]
    if not any(found) and all(
        one.attack_distance is None for one in records if one.label == one.predicted
    ):
        return None
    survived: Mask = known.correct & ~np.array(found, dtype=bool)
    return survived


def radii(records: Records) -> tuple[float, ...]:
    """The radii at which some image was decided, in increasing order."""
    return tuple(sorted({one.eps for record in listed(records) for one in record.decisions}))


def by_class(
    records: Records, eps: float, confidence: float = CONFIDENCE
) -> Mapping[int, Accuracy]:
    """Accuracy at one radius over the images of each label, labels in increasing order."""
    groups: dict[int, list[Recorded]] = {}
    for record in listed(records):
        groups.setdefault(record.label, []).append(record)
    return {label: accuracy(groups[label], eps, confidence) for label in sorted(groups)}
