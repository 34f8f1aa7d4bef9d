"""rho-hat by convex restriction: fast, an upper bound where it finds an example, no proof."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..clock import Deadline
from ..compiler.base.arrays import Vector
from ..compiler.base.errors import InputError
from ..compiler.base.norms import NormName
from ..compiler.base.tolerances import Tolerances
from ..compiler.question.claim import Claim, Target
from ..estimates.pixels import Grid
from ..lp.oracle.highs import Oracle, highs_unscaled
from ..lp.restriction.neighbours import Descent
from ..lp.restriction.network_region import NetworkRegion
from ..lp.restriction.targets import least_restricted
from ..lp.restriction.task import Restricted, Work
from ..networks.given import Given, network_of
from ..results import Estimate, Iterated, OnGrid
from ..witness.label import Validator, Witness
from ..witness.nearest import stretched


@np.errstate(all="ignore")  # huge weights overflow, which no bound overlooks
def rho_estimate(
    network: Given,
    image: npt.ArrayLike,
    *,
    label: int | None = None,
    norm: NormName = "linf",
    domain: tuple[object, object] = (0.0, 1.0),
    target: Target = "second",
    margin: float = 0.0,
    timeout: float | None = 60.0,
    seed: int = 0,
    max_eps: float = np.inf,
    lazy: bool = True,
    oracle: Oracle = highs_unscaled,
    integer: bool = False,
    iterate: bool = False,
) -> Estimate:
    """The least distance to an adversarial example inside the image's own linear region.

    The A_LP of Bastani et al. 2016, section 4.  Where several regions meet at the image (equal
    numbers in a pool's window), the one towards the target counts, too.  target: "second", the
    runner-up, is the paper's choice; `verify` and `rho` speak of any other label.  max_eps: a
    radius beyond which the answer does not matter.  norm: linf, l1 or l2.  lazy=False solves with
    all rows.  integer: look for an example of whole pixels, 0 to 255 over the domain, too.
    iterate: go on from the example, or from an attack's where the region holds none, to
    neighbouring regions; reported apart.  seed: of random starts and roundings.  Raises InputError
    for arguments that make no sense.
    """
    deadline = Deadline(timeout)
    network = network_of(network, np.shape(image))
    if not max_eps >= 0.0:  # NaN too
        raise InputError(f"max_eps must be a number at least 0, not {max_eps}")
    claim = Claim.make(network, image, label, target, margin, domain, norm)
    region = NetworkRegion.of(network, claim.image)
    work = Work(oracle, deadline.remaining, Tolerances(), max_eps, lazy)
    rng = np.random.default_rng(seed)
    asked = _Asked(claim, region, work, rng)
    grid = Grid(claim, work, rng) if integer else None
    clean = _lost_already(claim, region)
    found, chosen = Restricted("found", 0.0, None, 0, 0), None if clean is None else clean.label
    if clean is None:
        found, chosen = least_restricted(claim, region, work)
    first = asked.estimate(found, chosen, clean)
    further = None
    if iterate:
        further = asked.iterated(found, chosen, clean)
    if grid is not None:
        pixels = asked.on_grid(grid, first, found, further, clean)
        first = replace(first, integer=pixels)
    return replace(
        first, iterated=further[0] if further is not None else None, seconds=deadline.spent()
    )


class _Asked:
    """One question, and the forms of its answer."""

    def __init__(
        self,
        claim: Claim,
        region: NetworkRegion,
        work: Work,
        rng: np.random.Generator,
    ) -> None:
        self.claim, self.region, self.work = claim, region, work
        self.rng = rng
        self.validator = Validator(claim, lambda: not work.remaining() > 0.0)

    def estimate(self, found: Restricted, target: int | None, clean: Witness | None) -> Estimate:
        """What the image's own region says."""
        witness = clean
        if found.point is not None:
            witness = stretched(self.validator, found.point)
        status = found.status
        if status == "none":
            whole = found.rho >= self.claim.region.largest
            status = "none_in_region" if whole else "beyond_max_eps"
        return Estimate(
            found.rho if status == "found" else np.inf, status, witness, target, self.claim.label,
            int(np.argmax(self.region.output)), found.rows, found.rounds, 0.0,
            str(self.claim.region.norm), found.rho, _distance(witness),
        )  # fmt: skip

    def iterated(
        self, found: Restricted, target: int | None, clean: Witness | None
    ) -> tuple[Iterated, Vector | None]:
        """What the descent says, and its point."""
        if clean is not None:
            return Iterated(0.0, clean, target, 0.0, 0, "region"), None
        end = Descent(self.claim, self.work, self.rng).run(found, target)
        witness = None if end.point is None else stretched(self.validator, end.point)
        distance = _distance(witness)
        return Iterated(end.rho, witness, end.target, distance, end.regions, end.origin), end.point

    def on_grid(
        self,
        grid: Grid,
        first: Estimate,
        found: Restricted,
        further: tuple[Iterated, Vector | None] | None,
        clean: Witness | None,
    ) -> OnGrid:
        """The nearest example of whole pixels, from all that is known."""
        if clean is not None:
            return OnGrid(0.0, grid.center.astype(np.int64), clean)
        if further is not None and further[1] is not None and further[0].target is not None:
            point = further[1]
            inner = point + 1e-6 * (self.claim.image - point)
            grid.search(NetworkRegion.of(self.claim.network, inner), point, further[0].target)
        if found.point is not None and first.target is not None:
            grid.search(self.region, found.point, first.target)
        return grid.best


def _distance(witness: Witness | None) -> float:
    return np.inf if witness is None else witness.distance


def _lost_already(claim: Claim, region: NetworkRegion) -> Witness | None:
    """The image itself as a witness."""
    y = region.output
    rivals = y[list(claim.targets)]
    lead = y[claim.label] - rivals + claim.margin
    if (lead > 1e-6 * (1.0 + np.abs(y).max())).all():
        return None
    return Validator(claim.within(0.0)).check(claim.image)
