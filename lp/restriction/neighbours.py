"""The iterated restriction: from one linear region to the next, while the nearest example nears.

A local descent that starts where A_LP of Bastani et al. 2016 ends, and is reported apart from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ...compiler.base.arrays import Vector
from ...compiler.question.claim import Claim
from .distance import nearest_on_row
from .network_region import NetworkRegion
from .targets import Rivals, least_restricted
from .task import Restricted, Work

STEPS = 24
"""Steps of one walk."""

STARTS = 3
"""Random starts at each radius of a first example."""

SHARES = (0.99, 0.95, 0.85, 0.7)
"""Radii of the walks that look for a region with a nearer example, as shares of the best so far."""

NUDGES = (1e-6, 1e-3, 0.03)
"""How far from an optimum towards the center the next region is taken."""

WORTH = 1e-6
"""Relative fall of the radius that is worth another round."""


@dataclass(frozen=True, slots=True)
class Descended:
    """rho and point (None: no example at all), the target, and the regions restricted to.

    origin: region or attack, where the first example came from; empty without one.
    """

    rho: float
    point: Vector | None
    target: int | None
    regions: int
    origin: str


class Descent:
    """A descent over the regions of one claim.  The walks are those of Frank and Wolfe 1956: each
    step goes towards the point of the ball where the margin of the walk's own region is least."""

    def __init__(self, claim: Claim, work: Work, rng: np.random.Generator) -> None:
        self.claim, self.region, self.work, self.rng = claim, claim.region, work, rng
        self.rivals = Rivals(claim)
        self.seen: set[int] = set()
        self.best = Descended(np.inf, None, None, 0, "")

    def run(self, found: Restricted, target: int | None) -> Descended:
        """Goes on from what the image's own region gave."""
        if found.status == "found" and found.point is not None:
            self.best = Descended(found.rho, found.point, target, 0, "region")
        elif not self._attack():
            return self.best
        while self._nearer():
            pass
        return self.best

    def on_from(self, point: Vector, rho: float) -> Descended:
        """Goes on from an example (D,) at a distance, whichever way it was found."""
        self.best = Descended(rho, point, None, 0, "attack")
        self._take(NetworkRegion.of(self.claim.network, point), "attack")
        while self._nearer():
            pass
        return self.best

    def _attack(self) -> bool:
        """A first example, from walks at growing radii."""
        limit = min(self.work.limit, self.region.largest)
        for eps in limit * 2.0 ** np.arange(-6, 1):
            for start in (self.region.center, *self._starts(float(eps))):
                region = self._walk(start, float(eps))
                if region is not None and self._take(region, "attack"):
                    return True
        return False

    def _starts(self, eps: float) -> Iterator[Vector]:
        """Random points at the border of a ball: a flat margin keeps a walk at the center."""
        for _ in range(STARTS):
            row = self.rng.normal(size=len(self.region.center))
            yield nearest_on_row(row, self.region, eps)

    def _nearer(self) -> bool:
        """Whether some region near the best point, or near a walk's end, has a nearer example."""
        return any(
            self._take(region, self.best.origin)
            for region in self._candidates()
            if self.work.remaining() > 0.0
        )

    def _candidates(self) -> Iterator[NetworkRegion]:
        center, point = self.region.center, self.best.point
        assert point is not None
        for nudge in NUDGES:
            yield NetworkRegion.of(self.claim.network, point + nudge * (center - point))
        for share in SHARES:
            eps = share * self.best.rho
            for start in (center + share * (point - center), center):
                region = self._walk(start, eps)
                if region is not None:
                    yield region

    def _walk(self, start: Vector, eps: float) -> NetworkRegion | None:
        """The region of an example within eps, None if the walk finds none."""
        point = start
        for step in range(STEPS + 1):
            if not self.work.remaining() > 0.0:
                return None
            region = NetworkRegion.of(self.claim.network, point)
            lead = self.rivals.lead(region)
            nearest = int(np.argmin(lead))
            if lead[nearest] <= 0.0:
                return region
            rows, _ = region.output_rows(self.rivals.rows[nearest : nearest + 1])
            towards = nearest_on_row(rows[0], self.region, eps)
            point = point + 0.4 * 0.05 ** (step / STEPS) * (towards - point)
        return None

    def _take(self, region: NetworkRegion, origin: str) -> bool:
        """Whether a region has an example nearer than the best."""
        if region.key in self.seen or not self.work.remaining() > 0.0:
            return False
        self.seen.add(region.key)
        limit = min(self.work.limit, self.best.rho * (1.0 - WORTH))
        found, target = least_restricted(self.claim, region, replace(self.work, limit=limit))
        regions = self.best.regions + 1
        if found.status != "found" or found.point is None:
            self.best = replace(self.best, regions=regions)
            return False
        self.best = Descended(found.rho, found.point, target, regions, origin)
        return True
