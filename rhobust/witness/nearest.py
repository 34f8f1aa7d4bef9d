"""The nearest validated witness known while rho is searched for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..compiler.base.arrays import Bounds, Matrix, Vector
from ..compiler.base.tolerances import MARGIN, Tolerances
from ..compiler.problem import Problem
from ..compiler.question.claim import Claim
from ..lp.oracle.highs import Oracle
from ..lp.restriction.restrict import polish
from .label import Validator, Witness

STRETCH = (0.0, 1e-9, 1e-8, 1e-7, 3e-7, 1e-6, 1e-5, 1e-4)
"""How far beyond an LP's optimum to look for a point that also the float32 runtime misjudges."""


INWARDS = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1)
"""Shares of the way back to the point that was polished, for the same purpose."""


LEADS = (1e-7, 1e-6, 1e-5)
"""Margins beyond a tie, as shares of the logits."""


def stretched(
    validator: Validator,
    point: Vector,
    stretches: Sequence[float] = STRETCH,
    below: float = np.inf,
) -> Witness | None:
    """A witness at a point, or just beyond it as seen from the image; nearer than `below`."""
    region = validator.region
    step = point - region.center
    for stretch in stretches:
        moved = np.clip(region.center + step * (1.0 + stretch), region.lower, region.upper)
        if region.near_distance(moved) >= below:
            return None
        found = validator.check(moved)
        if found is not None and found.distance < below:
            return found
    return None


class Incumbent:
    """Holds the best witness and the radius that is left to search."""

    def __init__(
        self,
        claim: Claim,
        problem: Problem,
        oracle: Oracle,
        remaining: Callable[[], float],
        tolerances: Tolerances,
    ) -> None:
        self.claim, self.problem = claim, problem
        self.oracle, self.remaining, self.tolerances = oracle, remaining, tolerances
        self.validator = Validator(claim, lambda: not remaining() > 0.0)
        self.region = claim.region
        self.rows = problem.rows
        self.offset = problem.offset
        self.witness: Witness | None = None
        self.attack = np.inf

    @property
    def radius(self) -> float:
        return np.inf if self.witness is None else self.witness.distance

    @property
    def target(self) -> float:
        """The radius to prove: what is left of `radius` after half of the slack of `exact`."""
        if self.witness is None:
            return self.region.largest
        return max(0.0, self.radius - 0.5 * self.tolerances.slack(self.radius))

    def box(self) -> Bounds:
        """The box around the region of radius `target`, rounded outwards, (1, D)."""
        low, high = self.region.within(self.target).box()
        return Bounds(low[None], high[None])

    def margins(self, points: Matrix) -> Matrix:
        """Each case's margin at each point, (B, C)."""
        margins: Matrix = self.problem.values(points)[-1] @ self.rows.T + self.offset
        return margins

    def offer(self, point: Vector, stretches: Sequence[float] = STRETCH) -> bool:
        """Takes a point that is (nearly) a witness if one at it, or just beyond, is nearer."""
        found = stretched(self.validator, point, stretches, self.radius)
        if found is None:
            return False
        self.witness = found
        return True

    def consider(self, points: Matrix) -> bool:
        """Offers the best of some points, each polished to the optimum of its own linear region."""
        margin = self.margins(points)
        distance = np.array([self.region.near_distance(point) for point in points])
        close = np.flatnonzero((margin.min(axis=1) <= MARGIN) & (distance < self.radius * 1.0001))
        better = False
        for index in close[np.argsort(distance[close])][:2].tolist():
            better |= self.improve(points[index], int(np.argmin(margin[index])))
        return better

    def improve(self, point: Vector, case: int) -> bool:
        """Offers a point and the nearest violation in its region."""
        better = self.offer(point)
        if self.remaining() <= 0.0:
            return better
        found = polish(
            self.problem, point, self.rows[case], float(self.offset[case]), self.region,
            self.oracle, self.remaining, self.tolerances,
        )  # fmt: skip
        if found.point is None:
            return better
        # both lie in one linear region, where the margin falls from the optimum towards a
        # point below 0
        if self.offer(found.point):
            return True
        for share in INWARDS:
            if self.offer(found.point + share * (point - found.point), (0.0,)):
                return True
        return better or self._farther(point, case)

    def _farther(self, point: Vector, case: int) -> bool:
        """Offers points of the region that lose by a little, for a runtime that sees no tie."""
        scale = 1.0 + float(np.abs(self.problem.values(point[None])[-1]).max())
        for lead in LEADS:
            if self.remaining() <= 0.0:
                return False
            found = polish(
                self.problem, point, self.rows[case], float(self.offset[case]) + lead * scale,
                self.region, self.oracle, self.remaining, self.tolerances,
            )  # fmt: skip
            if found.point is None or found.rho >= self.radius:
                return False
            if self.offer(found.point, (0.0,)):
                return True
        return False
