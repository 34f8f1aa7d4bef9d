"""rho-hat by convex restriction: fast, an upper bound where it finds an example, no proof."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .clock import Deadline
from .compiler.arrays import Vector
from .compiler.claim import Claim, Target
from .compiler.graph import Network
from .compiler.problem import Problem
from .compiler.tolerances import Tolerances
from .compiler.verdict import Estimate
from .compiler.witness import Validator
from .incumbent import Incumbent
from .lp.oracle import Oracle, highs
from .lp.region import Region
from .lp.restriction import Ball, Restricted, least_radius_row, restrict


def least_restricted(
    claim: Claim,
    problem: Problem,
    oracle: Oracle,
    remaining: Callable[[], float],
    tolerances: Tolerances,
    limit: float = np.inf,
    lazy: bool = True,
) -> tuple[Restricted, int | None]:
    """The best restriction over all targets, and its target; targets are pruned by the best so far.

    The closed form of each target's margin row is a lower bound of its restriction: it gives the
    order.
    """
    ball = Ball(claim.image, claim.lower, claim.upper)
    rows = problem.rows
    offset = problem.offset
    region = Region.of(problem, claim.image)
    margin, constant = region.rows(len(problem.stages) - 1, rows)
    first = [
        least_radius_row(row, float(level), ball, np.inf)
        for row, level in zip(margin, constant + offset, strict=True)
    ]
    best, chosen, made, rounds = Restricted("none", np.inf, None, 0, 0), None, 0, 0
    for case in np.argsort(first).tolist():
        reach = min(limit, best.rho if best.status == "found" else np.inf)
        if first[case] > reach or remaining() <= 0.0:
            continue
        found = restrict(
            problem, claim.image, rows[case], float(offset[case]), ball, oracle, remaining,
            tolerances, reach, lazy,
        )  # fmt: skip
        made, rounds = made + found.rows, rounds + found.rounds
        if found.status == "found" and (best.status != "found" or found.rho < best.rho):
            best, chosen = found, claim.targets[case]
        elif found.status in ("failed", "stopped") and best.status == "none":
            best = found
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
    oracle: Oracle = highs,
) -> Estimate:
    """The least distance to an adversarial example inside the image's own linear region.

    The A_LP of Bastani et al. 2016, section 4.  target "second" is the paper's choice.  max_eps: a
    radius beyond which the answer does not matter.  lazy=False solves with all rows.
    """
    deadline = Deadline(timeout)
    claim = Claim.make(network, image, label, target, margin, domain)
    logits = network.forward(claim.image[None])[0]
    predicted = int(np.argmax(logits))
    clean = Validator(claim, 0.0).check(claim.image)
    if clean is not None:
        return Estimate(
            0.0, "found", clean, clean.label, claim.label, predicted, 0, 0, deadline.spent()
        )
    ball = float(np.maximum(claim.image - claim.lower, claim.upper - claim.image).max())
    problem, _ = claim.compile(ball)
    tolerances = Tolerances()
    found, chosen = least_restricted(
        claim, problem, oracle, deadline.remaining, tolerances, max_eps, lazy
    )
    names = {"found": "found", "none": "none_in_region"}
    status = names.get(found.status, found.status)
    holder = Incumbent(claim, problem, oracle, deadline.remaining, tolerances)
    if found.point is not None:
        holder.offer(found.point)
    radius = found.rho if found.status == "found" else np.inf
    return Estimate(
        radius, status, holder.witness, chosen, claim.label, predicted,
        found.rows, found.rounds, deadline.spent(),
    )  # fmt: skip
