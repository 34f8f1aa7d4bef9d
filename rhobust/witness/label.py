"""Witnesses: an input becomes one only here, by exact membership, a rigorous margin and the
runtime.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from ..compiler.base.arrays import Numbers, Vector, exact
from ..compiler.base.norms import LINF
from ..compiler.base.rounding import LARGEST, ceil_float, float32_box, floor_float
from ..compiler.question.claim import Claim
from ..compiler.question.region import InputRegion
from ..compiler.shown.numbers import at_most, digits
from ..compiler.shown.pixels import Seen
from ..compiler.shown.record import Result
from ..compiler.shown.told import Detail, Told

EXACT_WORK = 3_000_000
"""Multiplications up to which a tie is settled in rationals (a few seconds)."""

LEAD = 1e-6
"""Lead at an image, relative to its logits, beyond which no rounding makes it a lost label."""


@dataclass(frozen=True, slots=True, repr=False)
class Witness(Result):
    """An input that breaks a claim. point (D,): float32 numbers where the region holds any.

    distance: from the image in the claim's norm, rounded up. margin: the claimed label's lead
    over the target, at most 0 in exact arithmetic (a float64 value, within `radius` of the exact
    one). seen: the image that it is near to, for pictures.
    """

    point: Vector
    distance: float
    label: int
    margin: float
    radius: float
    seen: Seen | None = field(default=None, compare=False)

    def record(self) -> dict[str, Any]:
        """All but the image; `point` is a list of D numbers."""
        own = ("point", "distance", "label", "margin", "radius")
        return {key: getattr(self, key) for key in own}

    @property
    def says(self) -> str:
        """The label that it gets, and how far away it is."""
        return f"of label {self.label} at {at_most(self.distance)}"

    def detail(self, label: int | None = None) -> Detail:
        """Pictures, where inputs are images.  label: of the image, where it is known."""
        if self.seen is None:
            return Detail()
        captions = "image" if label is None else f"image: {label}", f"example: {self.label}"
        return Detail(pictures=self.seen.pictures(self.point, captions))

    def _told(self) -> Told:
        margin = ("margin", digits(self.margin))
        return Told(f"Witness {self.says}", (margin, ("", f"{len(self.point):,} numbers")))

    def _detail(self) -> Detail:
        return self.detail()


def inner_box(region: InputRegion) -> tuple[Vector, Vector]:
    """Floats exactly inside the box around a region: float32 ones where there are any."""
    low, high = float32_box(*region.inner_box())
    none = ~(low <= high)
    # no float32 number there: keep to the image's own value, which is inside
    return np.where(none, region.center, low), np.where(none, region.center, high)


INWARDS = (1e-9, 1e-8, 1e-7, 3e-7, 1e-6)
"""Shares of the way to the image by which a rounded point is drawn back into a ball."""


class Validator:
    """Decides whether points are witnesses of a claim.

    stop: asked before a tie is settled in rationals; once it says so, ties are no witnesses.
    """

    def __init__(self, claim: Claim, stop: Callable[[], bool] = lambda: False) -> None:
        self.claim, self.region, self.stop = claim, claim.region, stop
        # of boxes this is all of it, of balls the box around them
        self.low, self.high = inner_box(claim.region)

    def snap(self, point: Vector) -> Vector | None:
        """The float32 point nearest to `point` inside the region; None where none near is."""
        for share in (0.0, *INWARDS):
            near = (point + share * (self.claim.image - point)).astype(np.float32)
            snapped: Vector = np.clip(near.astype(np.float64), self.low, self.high)
            if self.region.norm is LINF or self.region.ball_holds(snapped):
                return snapped
        return None

    def check(self, point: Vector) -> Witness | None:
        """The witness at `point` (snapped), or None when any doubt is left."""
        if point.shape != self.claim.image.shape or not np.isfinite(point).all():
            return None
        inside = self.snap(point)
        found = None if inside is None else self._margin(inside)
        if inside is None or found is None or not self._runtime_agrees(inside):
            return None
        margin, radius, label = found
        distance = self.region.distance(inside)
        low, high = float(self.region.lower.min()), float(self.region.upper.max())
        seen = Seen(self.claim.image, self.claim.network.input_shape, low, high)
        return Witness(inside, distance, label, margin, radius, seen)

    def check_exact(self, point: Numbers) -> Witness | None:
        """The witness at the floats nearest to a point of Fractions: a claim is about these."""
        return self.check(point.astype(np.float64))

    def _margin(self, point: Vector) -> tuple[float, float, int] | None:
        claim = self.claim
        enclosed = claim.network.enclose(point)
        y, error = enclosed.middle[0], enclosed.radius[0]
        targets = np.array(claim.targets)
        # the label's lead over each target, asked for margin included
        lead = y[claim.label] - y[targets] + claim.margin
        doubt = (error[claim.label] + error[targets]) * (1 + 1e-9) + 4e-16 * (
            np.abs(y[claim.label]) + np.abs(y[targets]) + abs(claim.margin)
        )
        sure = lead + doubt <= 0.0
        if sure.any():
            best = int(np.argmin(np.where(sure, lead, np.inf)))
            return float(lead[best]), float(doubt[best]), int(targets[best])
        if not (lead - doubt <= 0.0).any() or claim.network.work > EXACT_WORK or self.stop():
            return None
        logits = claim.network.forward(exact(point)[None])[0]
        leads = [
            logits[claim.label] - logits[t] + exact(claim.margin).item() for t in claim.targets
        ]
        best = min(range(len(leads)), key=lambda k: leads[k])
        if leads[best] <= 0:
            near = max(floor_float(leads[best]), -LARGEST)
            return near, ceil_float(abs(leads[best] - Fraction(near))), claim.targets[best]
        return None

    def _runtime_agrees(self, point: Vector) -> bool:
        claim = self.claim
        if claim.network.runtime is None:
            return True
        y = claim.network.run(point[None])[0]
        rivals = y[list(claim.targets)]
        return bool((y[claim.label] - rivals + claim.margin <= 0.0).any())
