"""The targets of a claim on one linear region, and the best restriction over all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...compiler.base.arrays import Matrix, Vector
from ...compiler.question.claim import Claim
from .distance import least_radius_row
from .network_region import NetworkRegion
from .restrict import restrict
from .task import Restricted, Work


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
    order.  Without an example, rho is the radius that the rows rule out for every target.
    """
    rows, levels = Rivals(claim).on(region)
    first = [
        least_radius_row(row, float(level), claim.region, np.inf)
        for row, level in zip(rows, levels, strict=True)
    ]
    best, chosen, made, rounds = Restricted("none", np.inf, None, 0, 0), None, 0, 0
    inside = np.array_equal(region.point, claim.image)
    for case in np.argsort(first).tolist():
        reach = min(work.limit, best.rho) if best.status == "found" else work.limit
        if first[case] > reach:
            found = Restricted("none", min(reach, claim.region.largest), None, 0, 0)
        elif work.remaining() <= 0.0:
            found = Restricted("stopped", first[case], None, 0, 0)
        else:
            own = replace(work, limit=reach)
            found = restrict(region, rows[case], float(levels[case]), claim.region, own, inside)
        made, rounds = made + found.rows, rounds + found.rounds
        if found.status == "found" and (best.status != "found" or found.rho < best.rho):
            best, chosen = found, claim.targets[case]
        elif best.status != "found":
            status = best.status if best.status in ("failed", "stopped") else found.status
            best = Restricted(status, min(best.rho, found.rho), None, 0, 0)
    return Restricted(best.status, best.rho, best.point, made, rounds), chosen
