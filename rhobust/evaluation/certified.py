"""Radii certified by randomized smoothing, as a column of an evaluation: never called verified.

They are about the smoothed classifier, in l2, and each is false with a stated probability; what the
rest of an evaluation says is proven of the network itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR
from typing import TYPE_CHECKING

from ..compiler.base.errors import InputError
from ..compiler.network.graph import Network
from ..compiler.shown.numbers import digits
from ..data import Images
from ..metrics.wording import percent
from ..store.record import Record, Run

if TYPE_CHECKING:
    from ..smoothing import Accuracy, Smoothed


@dataclass(frozen=True, slots=True)
class Smoothing:
    """What is asked of each image: noise of standard deviation sigma, in the image's own unit.

    n0: noisy images that choose the label; n: fresh ones that are counted; alpha: the probability
    with which each radius may be false. grid: images and noise are multiples of 1/grid, None for
    noise in float32; see `rb.smoothing.Smoothed`.
    """

    sigma: float
    n0: int = 100
    n: int = 10_000
    alpha: float = 0.001
    grid: int | None = None

    def __post_init__(self) -> None:
        if not 0.0 < self.sigma < math.inf:  # NaN too
            raise InputError(f"smoothing: sigma must be a positive number, not {self.sigma!r}")
        if self.n0 < 1 or self.n < 1:
            raise InputError(f"n0 and n must be at least 1, not {self.n0} and {self.n}")
        if not 0.0 < self.alpha < 1.0:
            raise InputError(f"alpha must be above 0 and below 1, not {self.alpha!r}")

    def fitted(self, images: Images, indices: Iterable[int]) -> Smoothing:
        """On the grid that all these images lie on, if there is one."""
        from ..smoothing.grid import common

        return replace(self, grid=common(self.sigma, (images.vector(one) for one in indices)))

    def question(self) -> dict[str, object]:
        """All that may change a radius, but for the seed."""
        return {
            "sigma": float(self.sigma), "n0": self.n0, "n": self.n, "alpha": float(self.alpha),
            "grid": self.grid,
        }  # fmt: skip

    def smoothed(self, network: Network, seed: int) -> Smoothed:
        """The classifier that is asked."""
        from ..smoothing import Smoothed

        return Smoothed(network, self.sigma, grid=self.grid, seed=seed)


def smoothing_of(run: Run) -> Smoothing | None:
    """What a run asked of the smoothed classifier, None where it asked nothing."""
    told = run.question.get("smoothing")
    return Smoothing(**told) if isinstance(told, Mapping) else None


def certified(run: Run, records: Sequence[Record]) -> Accuracy | None:
    """The certified accuracy of the images that have a radius; None where none has one."""
    from ..smoothing.accuracy import of_radii

    asked = smoothing_of(run)
    radii = [one.certified_radius for one in records if one.certified_radius is not None]
    if asked is None or not radii:
        return None
    return of_radii([one for one in radii if one > 0.0], len(radii), [asked.alpha] * len(radii))


def sentence(run: Run, records: Sequence[Record]) -> str:
    """The certified accuracy in words, "" where there is none. Numbers are rounded down."""
    asked, found = smoothing_of(run), certified(run, records)
    if asked is None or found is None:
        return ""
    share, mean = percent(found(0.0), math.floor), digits(found.mean, ROUND_FLOOR)
    return (
        f"smoothed with sigma {asked.sigma:g}: {share} of {found.images:,} images have a certified "
        f"radius in l2 for their label, on average {mean}; each may be "
        f"false with a probability of {asked.alpha:g}, any of them of "
        f"{digits(found.wrong, ROUND_CEILING)}"
    )
