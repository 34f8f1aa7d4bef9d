"""The targets of a claim on one linear region, and the best restriction over all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...compiler.base.arrays import Matrix, Vector
from ...compiler.question.claim import Claim
from .distance import least_radius_row, nearest_on_row
from .network_region import NetworkRegion
from .restrict import restrict
from .task import Restricted, Work

ASIDE = 1e-7
"""How far from the image, in its norm, the regions are told apart that meet at it."""


class Rivals:
    """The margins of a claim's targets on a region, as rows over the input."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        targets = np.array(claim.targets)
        self.rows = np.zeros((len(targets), claim.network.output_size))
        self.rows[:, claim.label] = 1.0
        self.rows[np.arange(len(targets)), targets] = -1.0

    def on(self, region: NetworkRegion) -> tuple[Matrix, Vector]:
        """row @ x + level <= 0 at the examples: (T, D), (T,)."""
        rows, levels = region.output_rows(self.rows)
        return rows, levels + self.claim.margin

    def lead(self, region: NetworkRegion) -> Vector:
        """What every target lacks at the region's point, (T,)."""
        lead: Vector = self.rows @ region.output + self.claim.margin
        return lead


def least_restricted(
    claim: Claim, region: NetworkRegion, work: Work
) -> tuple[Restricted, int | None]:
    """The best restriction over all targets, and its target; targets are pruned by the best so far.

    The closed form of each target's margin row is a lower bound of its restriction: it gives the
    order.  Where several regions meet at the image (equal numbers in the window of a pool, a
    pre-activation of 0), each of them is its own: the one on the side where the target's margin
    falls is taken beside that of the network's choice.  Without an example, rho is the radius that
    the rows rule out for every target.
    """
    rivals = Rivals(claim)
    rows, levels = rivals.on(region)
    first = [
        least_radius_row(row, float(level), claim.region, np.inf)
        for row, level in zip(rows, levels, strict=True)
    ]
    best, chosen, made, rounds = Restricted("none", np.inf, None, 0, 0), None, 0, 0
    inside = np.array_equal(region.point, claim.image)
    cases = [(first[case], case, region, rows[case], levels[case]) for case in range(len(rows))]
    if inside:
        cases += _beside(claim, rivals, region, rows, work)
    for least, case, own, row, level in sorted(cases, key=lambda one: one[0]):
        reach = min(work.limit, best.rho) if best.status == "found" else work.limit
        if least > reach:
            found = Restricted("none", min(reach, claim.region.largest), None, 0, 0)
        elif work.remaining() <= 0.0:
            found = Restricted("stopped", least, None, 0, 0)
        else:
            within = replace(work, limit=reach)
            found = restrict(own, row, float(level), claim.region, within, inside)
        made, rounds = made + found.rows, rounds + found.rounds
        if found.status == "found" and (best.status != "found" or found.rho < best.rho):
            best, chosen = found, claim.targets[case]
        elif best.status != "found":
            status = best.status if best.status in ("failed", "stopped") else found.status
            best = Restricted(status, min(best.rho, found.rho), None, 0, 0)
    return Restricted(best.status, best.rho, best.point, made, rounds), chosen


def _beside(
    claim: Claim, rivals: Rivals, region: NetworkRegion, rows: Matrix, work: Work
) -> list[tuple[float, int, NetworkRegion, Vector, float]]:
    """For each target, its least radius by the margin row alone, its number, another region that
    meets the image, the row and its level there; none where the image is well inside its own.
    """
    found = []
    for case, row in enumerate(rows):
        if not work.remaining() > 0.0:
            break
        aside = NetworkRegion.of(claim.network, nearest_on_row(row, claim.region, ASIDE))
        if aside.key == region.key or not _meets(aside, claim.image, work):
            continue
        other, levels = rivals.on(aside)
        least = least_radius_row(other[case], float(levels[case]), claim.region, np.inf)
        found.append((least, case, aside, other[case], float(levels[case])))
    return found


def _meets(region: NetworkRegion, image: Vector, work: Work) -> bool:
    """Whether an image satisfies a region's conditions but for rounding."""
    return all((part <= work.tolerances.feasibility).all() for part in region.shortfall(image))
