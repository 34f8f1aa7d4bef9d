"""Adversarial examples of whole pixels: good roundings of what the restriction found."""

from __future__ import annotations

import numpy as np

from ..compiler.base.arrays import Matrix, Vector
from ..compiler.base.errors import InputError
from ..compiler.base.norms import LINF
from ..compiler.question.claim import Claim
from ..lp.restriction.network_region import NetworkRegion
from ..lp.restriction.restrict import deepest
from ..lp.restriction.targets import Rivals
from ..lp.restriction.task import Work
from ..results import OnGrid
from ..witness.label import Validator

LEVELS = 255
"""Pixels from one end of the domain to the other."""

MORE = (0, 1, 2, 4, 8, 16, 32, 64)
"""Pixels beyond the least radius that are tried, in turn."""

STRETCHES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""How far beyond the example roundings are tried in other norms."""

TRIES = 64
"""Random roundings of one point."""


def check_pixels(
    image: Vector, lower: float | Vector, upper: float | Vector, what: str = "the image"
) -> Vector:
    """The image in pixels, (D,); an error unless they are whole numbers."""
    width = np.asarray(upper - lower, dtype=np.float64)
    if not (width > 0.0).all():
        raise InputError("whole pixels need a domain of positive width for every input")
    pixels = (image - lower) / width * LEVELS
    whole: Vector = np.rint(pixels)
    if not (np.abs(pixels - whole) <= 1e-3).all():
        raise InputError(
            f"{what} is not made of whole pixels, {LEVELS} over the domain: leave out integer"
        )
    return whole


class Grid:
    """Searches for examples on the grid of one claim."""

    def __init__(self, claim: Claim, work: Work, rng: np.random.Generator) -> None:
        self.claim, self.region, self.work, self.rng = claim, claim.region, work, rng
        self.low, self.high = claim.region.lower, claim.region.upper
        self.center = check_pixels(claim.image, self.low, self.high)
        self.width = self.high - self.low
        self.rivals = Rivals(claim)
        self.validator = Validator(claim)
        self.best = OnGrid(np.inf, None, None)

    def search(self, region: NetworkRegion, point: Vector, target: int) -> OnGrid:
        """The nearest example so far, after a search from a point of a region that nearly is one.

        linf: at each radius of whole pixels the region's point with the largest margin is rounded.
        It is a vertex: all but few coordinates are at the ball's border and whole on their own.
        The margin is what rounding may cost, the alpha of Bastani et al. 2016, section 6.
        """
        if self.region.norm is LINF:
            self._at_radii(region, point, target)
        step = point - self.region.center
        for stretch in STRETCHES:
            moved = self.region.center + (1.0 + stretch) * step
            if self._rounded(np.clip(moved, self.low, self.high), np.inf):
                break
        return self.best

    def _at_radii(self, region: NetworkRegion, point: Vector, target: int) -> None:
        rows, levels = self.rivals.on(region)
        case = self.claim.targets.index(target)
        pixel = float(self.width.min()) / LEVELS
        least = int(np.ceil(self.region.near_distance(point) / pixel - 1e-6))
        for more in MORE:
            radius = max(1, least + more)
            if radius >= self.best.rho or not self.work.remaining() > 0.0:
                return
            eps = radius * pixel
            found = deepest(region, rows[case], float(levels[case]), self.region, self.work, eps)
            if found is None:
                return
            if self._rounded(found, radius):
                return

    def _rounded(self, point: Vector, radius: float) -> bool:
        """Whether some rounding of a point, at most `radius` pixels away, is a nearer example."""
        exact = (point - self.low) / self.width * LEVELS
        low, part = np.floor(exact), exact - np.floor(exact)
        draws = self.rng.random((TRIES, len(exact)))
        draws[0] = 0.5  # the nearest
        tried = np.clip(low + (part > draws), 0.0, LEVELS)
        # away from the image: what the example needs, and a little more
        away = np.where(exact > self.center, np.ceil(exact - 1e-6), np.floor(exact + 1e-6))
        tried = np.concatenate([tried, np.clip(away, 0.0, LEVELS)[None]])
        if radius < np.inf:
            tried = np.clip(tried, self.center - radius, self.center + radius)
        lead = (
            self.claim.network.forward(self._values(tried)) @ self.rivals.rows.T + self.claim.margin
        ).min(axis=1)
        distance = np.array([self.region.norm.length(row - self.center) for row in tried])
        better = (lead <= 0.0) & (distance < self.best.rho)
        for index in np.flatnonzero(better)[np.argsort(distance[better])].tolist():
            witness = self.validator.check(self._values(tried[index]))
            if witness is not None:
                pixels = tried[index].astype(np.int64)
                self.best = OnGrid(float(distance[index]), pixels, witness)
                return True
        return False

    def _values(self, pixels: Matrix) -> Matrix:
        values: Matrix = self.low + pixels / LEVELS * self.width
        return values
