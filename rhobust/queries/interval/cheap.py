"""First ends of the interval by what costs little: plain bounds, gradient attacks, an LP."""

from __future__ import annotations

import numpy as np

from ...attacks import budget
from ...attacks.pgd import pgd
from ...bnb.presolve.plain_proof import plainly_closed
from ...compiler.base.arrays import Matrix, Vector
from ...compiler.base.untrusted import attempt
from ...lp.restriction.network_region import NetworkRegion
from ...lp.restriction.targets import least_restricted
from ...lp.restriction.task import Work
from .state import Interval

MOST_STARTS = 15
"""Starts of an attack for each target at most."""

FIRST, GROWTH, HALVINGS = 2.0**-10, 4.0, 4
"""The first radius that plain bounds try, as a share of the largest, the factor of the next ones,
and bisections between the last that they proved and the next."""

SHARES = (0.95, 0.98, 0.99)
"""Shares of the incumbent's radius to attack at, from its own witness, each while it succeeds."""


def prove_plainly(interval: Interval) -> None:
    """A first lower end by plain bounds alone, from small radii on: these cost the least."""
    largest = interval.incumbent.region.largest
    eps, low, high = FIRST * largest, 0.0, largest
    while low < eps < high and eps > interval.tolerances.exact_absolute and not interval.late():
        if _proves(interval, eps):
            low, eps = eps, min(GROWTH * eps, 0.5 * (eps + high))
        else:
            high = eps
            if low > 0.0:
                break
            eps /= GROWTH**2
    for _ in range(HALVINGS if low > 0.0 else 0):
        eps = float(np.sqrt(low * high))
        if _proves(interval, eps):
            low = eps
        else:
            high = eps


def _proves(interval: Interval, eps: float) -> bool:
    """Whether plain bounds prove a radius, which `lower` then is."""
    if interval.late():
        return False
    problem, box = interval.around(eps)
    proven = attempt(lambda: plainly_closed(problem, box, interval.late), False)
    interval.lower = max(interval.lower, eps if proven else 0.0)
    return proven


def attack_quickly(interval: Interval) -> None:
    """A first witness by a few steps from the image, in the first box that has one.

    Boxes for every norm: steps in all coordinates find one soonest.
    """
    for share in (1.0 / 16.0, 1.0 / 4.0, 1.0):
        if _attack_at(interval, share * interval.widest, steps=8, restarts=1, quick=True):
            return


def restrict(interval: Interval) -> None:
    """The convex restriction at the image: the estimate, and a first incumbent."""
    claim = interval.claim
    region = NetworkRegion.of(claim.network, claim.image)
    work = Work(interval.settings.oracle, interval.left, interval.tolerances)
    found, _ = least_restricted(claim, region, work)
    if found.point is not None and found.status == "found":
        interval.estimate = found.rho
        interval.incumbent.offer(found.point)


def attack(interval: Interval) -> None:
    """Gradient attacks at falling radii, each success polished to its region's optimum."""
    best = interval.incumbent
    if interval.estimate == np.inf:
        sizes = [best.region.largest * 2.0**-k for k in range(6, -1, -1)]
    else:
        sizes = [best.radius * share for share in (0.25, 0.5, 0.98)]
    for eps in sizes:
        if eps < best.radius and _attack_at(interval, eps):
            break
    for share in SHARES:
        while best.witness is not None:
            if not _attack_at(interval, share * best.radius, best.witness.point):
                break


def _attack_at(
    interval: Interval,
    eps: float,
    start: Vector | None = None,
    steps: int = 20,
    restarts: int | None = None,
    quick: bool = False,
) -> bool:
    """Whether an attack within eps found a nearer witness, from `start` or the image.

    restarts: of each target, by default for about half a second; quick: within a box whatever the
    norm, and no LPs bring nearer what is found.
    """
    if interval.late():
        return False
    claim, best = interval.claim, interval.incumbent
    problem, box = interval.around(eps)
    if quick:
        problem = interval.problem
    if restarts is None:
        cost = 4.0 * claim.network.work
        restarts = max(1, budget.restarts(cost, 30, len(best.rows), 2 * MOST_STARTS) // 2)

    def accept(points: Matrix) -> bool:
        best.attack = min(best.attack, min(best.region.near_distance(point) for point in points))
        if quick:
            return any(best.offer(point) for point in points)
        return best.consider(points)

    before = best.radius
    attempt(
        lambda: pgd(
            problem, box, np.eye(len(best.rows), dtype=bool), accept, interval.late, interval.rng,
            restarts=restarts, steps=steps, start=claim.image if start is None else start,
        ),
        None,
    )  # fmt: skip
    return best.radius < before
