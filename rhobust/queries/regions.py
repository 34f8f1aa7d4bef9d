"""A claim compiled once for the whole domain, and its question within a radius of any image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..compiler.base.arrays import Bounds
from ..compiler.base.norms import LINF
from ..compiler.problem import Ball, Problem
from ..compiler.question.claim import Claim
from ..compiler.question.region import InputRegion


def whole_domain(claim: Claim) -> tuple[float, Problem]:
    """The largest radius of a box around the image, and the claim's problem over the domain."""
    boxes = replace(claim.region, norm=LINF)
    widest = boxes.largest
    problem, _ = replace(claim, region=boxes.within(widest)).compile()
    return widest, problem


def around(problem: Problem, region: InputRegion) -> tuple[Problem, Bounds]:
    """The problem of `whole_domain` within a region, and its box (1, D), not compiled again."""
    low, high = region.box()
    if region.norm is not LINF:
        ball = Ball(region.norm, np.arange(len(low)), region.center, region.eps)
        problem = replace(problem, ball=ball)
    return problem, Bounds(low[None], high[None])
