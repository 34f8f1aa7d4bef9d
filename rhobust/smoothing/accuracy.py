"""Certified accuracy of a test set: by radius, the share of images certified for their label."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ..compiler.base.arrays import Vector
from ..compiler.base.errors import InputError
from ..compiler.shown.record import Result
from ..compiler.shown.told import Told, count
from .certificate import Certificate
from .normal import down, up


@dataclass(frozen=True, eq=False, repr=False)
class Accuracy(Result):
    """radii (M,), increasing: of the images that are certified for their own label.

    images: how many there are. wrong: an upper bound on the probability that any of the
    certificates, those of other labels included, is false: the sum of their alphas (union bound),
    whatever their noise has in common.
    """

    radii: Vector
    images: int
    wrong: float

    def __call__(self, radius: float) -> float:
        """The share of the images that are certified for their own label at a radius.

        At 0 these are all that did not abstain and have their label.
        """
        if not radius >= 0.0:  # NaN too
            raise InputError(f"a radius is a number of at least 0, not {radius}")
        return float(len(self.radii) - np.searchsorted(self.radii, radius)) / self.images

    def _told(self) -> Told:
        facts = (
            ("", f"{len(self.radii):,} of {count(self.images, 'image')} certified for their label"),
            ("mean radius", f"{self.mean:.4g} in l2"),
            ("", f"any false with probability <= {self.wrong:.3g}"),
        )
        return Told("Accuracy of a smoothed classifier", facts)

    @property
    def mean(self) -> float:
        """The mean radius, 0 for images that are not certified for their label."""
        return float(self.radii.sum()) / self.images


def accuracy(certificates: Iterable[Certificate], labels: npt.ArrayLike) -> Accuracy:
    """The certified accuracy of some images with these labels, (N,)."""
    found, own = list(certificates), np.asarray(labels)
    if own.shape != (len(found),) or not found:
        raise InputError(f"{len(found)} certificates need as many labels, not {own.shape}")
    radii = [
        one.radius for one, label in zip(found, own.tolist(), strict=True) if one.label == label
    ]
    return of_radii(radii, len(found), [one.alpha for one in found])


def of_radii(radii: Sequence[float], images: int, alphas: Iterable[float]) -> Accuracy:
    """The same of the radii of images that are certified for their label, among so many."""
    wrong = min(Fraction(1), sum(map(Fraction, alphas), start=Fraction(0)))
    return Accuracy(np.sort(np.asarray(radii, dtype=np.float64)), images, up(wrong))


def each_alpha(total: float, images: int) -> float:
    """The alpha of each of some certificates with which any of them is false with at most `total`.

    Rounded down; Bonferroni's.
    """
    if not (0.0 < total < 1.0 and images >= 1 and math.isfinite(images)):
        raise InputError(f"{total} is no probability to divide by {images} images")
    return down(Fraction(total) / images)
