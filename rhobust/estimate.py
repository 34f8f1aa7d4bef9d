"""rho-hat by convex restriction: fast, an upper bound where it finds an example, no proof."""

from __future__ import annotations

import numpy as np

from .clock import Deadline
from .compiler.arrays import Vector
from .compiler.claim import Claim, Target
from .compiler.errors import InputError
from .compiler.graph import Network
from .compiler.tolerances import Tolerances
from .compiler.verdict import Estimate
from .compiler.witness import Validator, Witness
from .incumbent import stretched
from .lp.distance import NORMS, Ball, least_radius_row, rounded_up
from .lp.network_region import NetworkRegion
from .lp.oracle import Oracle, highs_unscaled
from .lp.restriction import Restricted, Work, restrict


def least_restricted(
    claim: Claim, region: NetworkRegion, ball: Ball, work: Work
) -> tuple[Restricted, int | None]:
    """The best restriction over all targets, and its target; targets are pruned by the best so far.

    The closed form of each target's margin row is a lower bound of its restriction: it gives the
    order.  `region` holds the ball's center.  Without an example, rho is the radius that the rows
    rule out for every target.
    """
    targets = list(claim.targets)
    rows = np.zeros((len(targets), claim.network.output_size))
    rows[:, claim.label] = 1.0
    rows[np.arange(len(targets)), targets] = -1.0
    margin, constant = region.output_rows(rows)
    levels = (constant + claim.margin).tolist()
    first = [
        least_radius_row(row, level, ball, np.inf)
        for row, level in zip(margin, levels, strict=True)
    ]
    best, chosen, made, rounds = Restricted("none", np.inf, None, 0, 0), None, 0, 0
    inside = np.array_equal(region.point, ball.center)
    for case in np.argsort(first).tolist():
        reach = min(work.limit, best.rho) if best.status == "found" else work.limit
        if first[case] > reach:
            found = Restricted("none", min(reach, ball.largest), None, 0, 0)
        elif work.remaining() <= 0.0:
            found = Restricted("stopped", first[case], None, 0, 0)
        else:
            own = Work(work.oracle, work.remaining, work.tolerances, reach, work.lazy)
            found = restrict(region, margin[case], levels[case], ball, own, inside)
        made, rounds = made + found.rows, rounds + found.rounds
        if found.status == "found" and (best.status != "found" or found.rho < best.rho):
            best, chosen = found, targets[case]
        elif best.status != "found":
            status = best.status if best.status in ("failed", "stopped") else found.status
            best = Restricted(status, min(best.rho, found.rho), None, 0, 0)
    return Restricted(best.status, best.rho, best.point, made, rounds), chosen


def rho_estimate(
    network: Network,
    image: Vector,
    label: int | None = None,
    target: Target = "second",
    margin: float = 0.0,
    domain: tuple[object, object] = (0.0, 1.0),
    timeout: float = 60.0,
    max_eps: float = np.inf,
    lazy: bool = True,
    oracle: Oracle = highs_unscaled,
    norm: str = "linf",
) -> Estimate:
    """The least distance to an adversarial example inside the image's own linear region.

    The A_LP of Bastani et al. 2016, section 4.  target "second" is the paper's choice.  max_eps: a
    radius beyond which the answer does not matter.  norm: linf, l1 or l2.  lazy=False solves with
    all rows.  Raises InputError for arguments that make no sense.
    """
    deadline = Deadline(timeout)
    if norm not in NORMS:
        raise InputError(f"norm {norm!r} is not supported; supported: {', '.join(NORMS)}")
    if not max_eps >= 0.0:  # NaN too
        raise InputError(f"max_eps must be a number at least 0, not {max_eps}")
    claim = Claim.make(network, image, label, target, margin, domain)
    region = NetworkRegion.of(network, claim.image)
    predicted = int(np.argmax(region.output))
    ball = Ball(claim.image, claim.lower, claim.upper, norm)
    validator = Validator(claim, None)

    def result(
        found: Restricted, status: str, target: int | None, witness: Witness | None
    ) -> Estimate:
        size = np.inf
        if witness is not None:
            size = rounded_up(witness.point, claim.image, norm)
        return Estimate(
            found.rho if status == "found" else np.inf, status, witness, target, claim.label,
            predicted, found.rows, found.rounds, deadline.spent(),
            norm, 0.0 if status == "found" and found.rho == 0.0 else found.rho, size,
        )  # fmt: skip

    clean = _lost_already(claim, region)
    if clean is not None:
        return result(Restricted("found", 0.0, None, 0, 0), "found", clean.label, clean)
    work = Work(oracle, deadline.remaining, Tolerances(), max_eps, lazy)
    found, chosen = least_restricted(claim, region, ball, work)
    witness = None
    if found.point is not None:
        witness = stretched(validator, found.point)
    status = found.status
    if status == "none":
        status = "none_in_region" if found.rho >= ball.largest else "beyond_max_eps"
    return result(found, status, chosen, witness)


def _lost_already(claim: Claim, region: NetworkRegion) -> Witness | None:
    """The image itself as a witness."""
    y = region.output
    rivals = y[list(claim.targets)]
    lead = y[claim.label] - rivals + claim.margin
    if (lead > 1e-6 * (1.0 + np.abs(y).max())).all():
        return None
    return Validator(claim, 0.0).check(claim.image)
