"""The largest radius at which a given share of images is proven, by bisection."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..clock import Deadline, Interrupted
from ..compiler.base.errors import InputError
from ..data import Images
from ..networks.given import Given, network_of
from ..results import Verdict
from ..store import Store
from .coordinator import Step, nobody
from .evaluate import GivenImages, evaluate, images_of

FIRST, LEAST = 2.0**-8, 2.0**-24
"""The first radius that is tried, and the last one on the way down."""

ROUNDING = 1e-12
"""Of shares; one image in as many would be missed."""


@dataclass(frozen=True, slots=True)
class Tried:
    """The robust accuracy at a radius lies in [lower, upper], as far as it mattered: images that
    did not were left undecided. reason: why it was not settled, "" where it was.
    """

    eps: float
    lower: float
    upper: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Tuned:
    """eps: the largest radius found at which the share is proven, None where there is none; above:
    the least one tried at which it is not, None where there is none. refuted: whether examples
    show that the share is not reached at `above`. tried: all radii, in order. reason: why eps and
    above are farther apart than was asked, "" where they are not.
    """

    share: float
    eps: float | None
    above: float | None
    refuted: bool
    tried: tuple[Tried, ...]
    reason: str = ""


class _Settled(Exception):
    """Enough images are known."""


def tune(
    network: Given,
    images: GivenImages,
    *,
    share: float,
    max_eps: float = 1.0,
    tolerance: float = 0.02,
    store: Store | str | Path | None = None,
    progress: Callable[[Step], None] = nobody,
    tried: Callable[[Tried], None] = lambda one: None,
    total_timeout: float | None = None,
    **options: Any,
) -> Tuned:
    """The largest radius at which a share of the images is proven to keep their labels.

    share: of all images, above 0 and at most 1.  max_eps: no radius beyond it is tried.  tolerance:
    how near eps and above come, relative to above.  store: as of `evaluate`; what is known at one
    radius decides others, so most images are asked at few.  tried: is told of each radius.
    total_timeout: seconds for all radii together.  options: the others of `evaluate`, but eps and
    rho.
    Radii have four digits. An image that stays undecided in its time is not proven, so more time
    can only raise eps. Raises InputError for arguments that make no sense, and `Interrupted` with
    the `Tuned` of what is known after Ctrl-C.
    """
    deadline = Deadline(total_timeout)
    max_eps = options.pop("largest", max_eps)  # its former name
    if not 0.0 < share <= 1.0:
        raise InputError(f"share must be above 0 and at most 1, not {share}")
    if not 0.0 < tolerance < 1.0:
        raise InputError(f"tolerance must be between 0 and 1, not {tolerance}")
    if not 0.0 < max_eps < math.inf:
        raise InputError(f"max_eps, the largest radius, must be a positive number, not {max_eps}")
    if isinstance(images, str | Path):
        images = images_of(images, None, options.get("domain", (0.0, 1.0)))
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / "answers.sqlite" if store is None else store
        opened = where if isinstance(where, Store) else Store.open(where)
        try:
            taken = images.shape if isinstance(images, Images) else np.shape(images)[1:]
            known = network_of(network, taken)
            ask = _Question(known, images, share, opened, progress, deadline, options)
            return _bisected(ask, share, max_eps, tolerance, tried)
        finally:
            if opened is not where:
                opened.close()


@dataclass
class _Question:
    """Whether a share is proven at a radius; work ends once that is known."""

    network: Given
    images: GivenImages
    share: float
    store: Store
    progress: Callable[[Step], None]
    deadline: Deadline
    options: dict[str, Any]
    robust: int = 0
    broken: int = 0
    total: int = 1

    def at(self, eps: float) -> Tried:
        self.robust = self.broken = 0
        try:
            found = evaluate(
                self.network, self.images, eps=eps, store=self.store, progress=self._count,
                total_timeout=self.deadline.share(), **self.options,
            )  # fmt: skip
        except _Settled:
            return Tried(eps, self.robust / self.total, 1.0 - self.broken / self.total)
        return Tried(eps, *found.robust(eps), found.reason)

    def _count(self, step: Step) -> None:
        self.progress(step)
        self.total = step.total
        verdict = step.record.decisions[0].verdict
        robust = step.record.correct and verdict is Verdict.ROBUST
        self.robust += robust
        self.broken += not robust and (verdict is Verdict.NOT_ROBUST or not step.record.correct)
        if _reached(self.robust / step.total, self.share) or not _reached(
            1.0 - self.broken / step.total, self.share
        ):
            raise _Settled


@dataclass
class _Bracket:
    """The largest radius that is proven, and the least one that is not."""

    proven: float | None = None
    above: float | None = None
    refuted: bool = False
    tried: list[Tried] = field(default_factory=list)

    def take(self, found: Tried, share: float) -> None:
        self.tried.append(found)
        if _reached(found.lower, share):
            self.proven = found.eps
        else:
            self.above, self.refuted = found.eps, not _reached(found.upper, share)


def _bisected(
    ask: _Question,
    share: float,
    largest: float,
    tolerance: float,
    told: Callable[[Tried], None],
) -> Tuned:
    bracket, reason = _Bracket(), ""
    eps: float | None = _short(min(FIRST, largest))
    while eps is not None:
        try:
            found = ask.at(eps)
        except Interrupted:
            raise Interrupted(_tuned(bracket, share, "interrupted")) from None
        bracket.take(found, share)
        told(found)
        if found.reason:  # the time for all images is up
            reason = found.reason
            break
        eps = _next(bracket, largest, tolerance)
    return _tuned(bracket, share, reason)


def _tuned(bracket: _Bracket, share: float, reason: str) -> Tuned:
    return Tuned(
        share, bracket.proven, bracket.above, bracket.refuted, tuple(bracket.tried), reason
    )


def _next(bracket: _Bracket, largest: float, tolerance: float) -> float | None:
    """The radius to try next, None where the bracket is narrow enough."""
    low, high = bracket.proven, bracket.above
    if low is None:
        assert high is not None
        return _short(high / 8.0) if high > LEAST else None
    if high is None:
        return None if low >= largest else min(_short(4.0 * low), largest)
    if high - low <= tolerance * high:
        return None
    middle = _short(math.sqrt(low * high) if high > 2.0 * low else 0.5 * (low + high))
    return middle if low < middle < high else None


def _reached(found: float, share: float) -> bool:
    """Whether a share of some images is large enough; the last bits of quotients do not matter."""
    return found >= share * (1.0 - ROUNDING)


def _short(eps: float) -> float:
    return float(f"{eps:.4g}")
