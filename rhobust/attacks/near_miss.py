"""The optimum of the linear region of an attack's near miss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..compiler.base.arrays import Indices, Matrix
from ..compiler.base.tolerances import Tolerances
from ..compiler.problem import Problem
from ..compiler.question.claim import Claim
from ..lp.oracle.highs import Oracle
from ..lp.restriction.restrict import polish

NEAR = 0.2
"""Share of the clean margin below which an attack's best point counts as a near miss."""


def near_miss(
    claim: Claim,
    problem: Problem,
    cases: Indices,
    points: Matrix,
    oracle: Oracle,
    remaining: Callable[[], float],
) -> Matrix | None:
    """Candidates (4, D) about a violation of a claim in a near miss's linear region.

    cases (C,): atoms of the problem; points (C, D): what an attack found best for each.  Only the
    case whose point is nearest to 0 is looked at, and only within `NEAR`.
    """
    both = np.concatenate([points, claim.image[None]])
    lead = problem.values(both)[-1] @ problem.rows[cases].T + problem.offset[cases]
    case = int(np.argmin(np.diag(lead[:-1])))
    if not lead[case, case] <= NEAR * lead[-1, case]:
        return None
    row, offset = problem.rows[cases[case]], float(problem.offset[cases[case]])
    region, eps = claim.region, claim.region.eps
    found = polish(problem, points[case], row, offset, region, oracle, remaining, Tolerances())
    if found.point is None or not 0.0 < found.rho <= eps:
        return None
    # the optimum has margin 0; beyond it, still inside the region, it is below
    stretch = np.array([1.0, 1.0 + 1e-6, 1.0 + 1e-4, eps / found.rho])
    step = np.minimum(stretch, eps / found.rho)[:, None] * (found.point - claim.image)
    moved: Matrix = np.clip(claim.image + step, region.lower, region.upper)
    return moved
