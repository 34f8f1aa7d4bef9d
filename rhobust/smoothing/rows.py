"""What is certified of each image of a test set, as a line of a file; for workers, too."""

from __future__ import annotations

from dataclasses import dataclass, fields
from time import perf_counter
from typing import Any

from ..compiler.base.arrays import Vector
from ..compiler.shown.numbers import at_least
from ..compiler.shown.record import Result
from ..compiler.shown.told import Told
from .certificate import ABSTAIN
from .smoothed import Smoothed


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of each image. at: one radius, or None for the largest that is certified."""

    n0: int = 100
    n: int = 10_000
    alpha: float = 0.001
    at: float | None = None
    timeout: float | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Row(Result):
    """One image.

    predicted: the label that was counted. radius: certified for it, 0.0 where it abstained. n: the
    noisy images that were counted, of which `count` had the label, n0 those that chose it. asked:
    the one radius, and certified: whether it is at least that; None where no radius was given, or
    where the samples were not enough. reason: of an abstention. name: of the image, or "".
    """

    index: int
    label: int
    predicted: int
    radius: float
    abstained: bool
    n0: int
    n: int
    alpha: float
    sigma: float
    seconds: float
    count: int
    grid: int | None
    seed: int
    asked: float | None
    certified: bool | None
    reason: str
    name: str = ""

    @property
    def own(self) -> bool:
        """Whether a radius is certified for the image's own label."""
        return self.predicted == self.label and not self.abstained

    def record(self) -> dict[str, Any]:
        """The keys of `rhobust smooth --json`."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        if not self.name:
            del found["name"]
        return found

    def line(self) -> str:
        """The row as strict JSON on one line."""
        return self.to_json()

    def _told(self) -> Told:
        radius = "abstains" if self.abstained else f"radius {at_least(self.radius)}"
        facts = ("label", str(self.label)), ("predicted", str(self.predicted)), ("", radius)
        return Told(f"Row {self.index}", facts)


def certified_row(
    smoothed: Smoothed, asked: Asked, image: Vector, index: int, label: int, name: str = ""
) -> Row:
    """What is certified of one image, whose noise is that of its index."""
    begin = perf_counter()
    n0, n, alpha = asked.n0, asked.n, asked.alpha
    if asked.at is None:
        found = smoothed.certify(image, n0, n, alpha, index=index, timeout=asked.timeout)
        predicted, radius, count = found.guess, found.radius, found.count
        abstained, reason, certified = found.label == ABSTAIN, found.reason, None
    else:
        answer = smoothed.certify_at(
            image, asked.at, n, alpha, n0=n0, index=index, timeout=asked.timeout
        )
        predicted, count, n = answer.label, answer.count, answer.samples - n0
        radius = asked.at if answer.certified else 0.0
        abstained, reason, certified = not answer.certified, answer.reason, answer.certified
    grid = None if smoothed.table is None else smoothed.table.grid
    return Row(
        index, label, predicted, radius, abstained, n0, n, alpha, smoothed.sigma,
        perf_counter() - begin, count, grid, smoothed.seed, asked.at, certified, reason, name,
    )  # fmt: skip


def failed_row(
    smoothed: Smoothed, asked: Asked, index: int, label: int, why: str, name: str = ""
) -> Row:
    """An image of which nothing is known, and why."""
    grid = None if smoothed.table is None else smoothed.table.grid
    return Row(
        index, label, ABSTAIN, 0.0, True, 0, 0, asked.alpha, smoothed.sigma, 0.0, 0, grid,
        smoothed.seed, asked.at, None, why, name,
    )  # fmt: skip
