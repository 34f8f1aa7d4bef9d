"""How near gradient attacks alone come: what rho is compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..compiler.base.arrays import Bounds, Matrix
from ..compiler.base.norms import LINF
from ..compiler.question.claim import Claim
from ..witness.label import Validator
from .pgd import pgd


def nearest(
    claim: Claim,
    stop: Callable[[], bool],
    rng: np.random.Generator,
    rounds: int = 8,
    restarts: int = 3,
) -> float:
    """The least distance of a validated example that attacks find, or infinity.

    The radii grow until an attack succeeds, and are then bisected.  An upper bound on rho, no more.
    """
    problem, _ = claim.within(1.0).compile()
    each = np.eye(len(problem.offset), dtype=bool)
    validator = Validator(claim)
    best = np.inf

    def accept(points: Matrix) -> bool:
        nonlocal best
        for point in points:
            found = validator.check(point)
            if found is not None and found.distance < best:
                best = found.distance
                return True
        return False

    def attack(eps: float) -> bool:
        low, high = claim.region.within(eps).near_box()
        box = Bounds(low[None], high[None])
        hit, _ = pgd(problem, box, each, accept, stop, rng, restarts=restarts, start=claim.image)
        return hit

    largest = replace(claim.region, norm=LINF).largest
    if accept(claim.image[None]):
        return best
    failed = 0.0
    for eps in [largest * 0.5**halvings for halvings in range(6, -1, -1)]:
        if attack(eps):
            break
        failed = eps
    for _ in range(rounds if np.isfinite(best) else 0):
        eps = 0.5 * (failed + best)
        if not attack(eps):
            failed = eps
    return best
