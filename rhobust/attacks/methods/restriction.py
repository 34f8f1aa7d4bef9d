"""The convex restriction as an attack: LPs on linear regions (Bastani et al. 2016, section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...compiler.base.arrays import Vector
from ...compiler.base.errors import InputError
from ...compiler.base.norms import NormKind
from ...compiler.base.tolerances import Tolerances
from ...compiler.question.claim import Claim
from ...compiler.question.region import InputRegion
from ...lp.oracle.highs import highs_unscaled
from ...lp.restriction.neighbours import Descent
from ...lp.restriction.network_region import NetworkRegion
from ...lp.restriction.targets import least_restricted
from ...lp.restriction.task import Work
from ..batch import Batch, Found
from ..models import network_behind
from ..shortening import shortened
from .fmn import Fmn
from .method import ALL


@dataclass(frozen=True)
class Restriction:
    """The nearest example of the image's own linear region, over all rivals: the paper's A_LP."""

    name: ClassVar[str] = "restriction"
    norms: ClassVar[tuple[NormKind, ...]] = ALL
    minimal: ClassVar[bool] = True
    needs: ClassVar[str] = "network"

    def run(self, batch: Batch) -> Found:
        found = Found.nothing(batch)
        for index in range(len(batch)):
            if batch.stop():
                break
            point = self.point(claim_of(batch, index), batch, float(batch.eps[index]))
            if point is not None:
                found.points[index] = point
        moved = (found.points != batch.images).any(axis=1)
        if moved.any():
            found.lead[moved] = batch.rows(moved).lead(found.points[moved])
        return found

    def point(self, claim: Claim, batch: Batch, limit: float) -> Vector | None:
        """The nearest example that is found of one image, within a radius."""
        work = Work(highs_unscaled, batch.remaining, Tolerances(), limit)
        region = NetworkRegion.of(claim.network, claim.image)
        return least_restricted(claim, region, work)[0].point


@dataclass(frozen=True)
class RestrictionDescent:
    """From what `Fmn` finds to the nearest example of its linear region, and on from region to
    region while that nears.

    steps, restarts: of `Fmn`.
    """

    steps: int = 100
    restarts: int = 20

    name: ClassVar[str] = "descent"
    norms: ClassVar[tuple[NormKind, ...]] = ALL
    minimal: ClassVar[bool] = True
    needs: ClassVar[str] = "network"

    def __post_init__(self) -> None:
        Fmn(self.steps, self.restarts)

    def run(self, batch: Batch) -> Found:
        found = shortened(batch, Fmn(self.steps, self.restarts).run(batch))
        distance = batch.distance(found.points)
        for index in np.flatnonzero(found.lead <= 0.0).tolist():
            if batch.stop():
                break
            claim, limit = claim_of(batch, index), float(distance[index])
            work = Work(highs_unscaled, batch.remaining, Tolerances(), limit)
            end = Descent(claim, work, batch.rng).on_from(found.points[index], limit)
            if end.point is not None and end.rho < limit:
                found.points[index] = end.point
        return Found(found.points, batch.lead(found.points))


def claim_of(batch: Batch, index: int) -> Claim:
    """What is asked of one image, as a claim of the whole domain."""
    network = network_behind(batch.model)
    if network is None:
        raise InputError("a restriction needs a network that rhobust has loaded")
    criterion = batch.criterion
    region = InputRegion(batch.images[index], batch.lower, batch.upper, batch.norm)
    targets = tuple(np.flatnonzero(criterion.rivals[index]).tolist())
    return Claim(network, region, int(criterion.labels[index]), targets, criterion.margin)
