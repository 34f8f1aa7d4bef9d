"""Interval bounds of every stage, rounded outwards."""

from __future__ import annotations

import numpy as np

from ...compiler.base.arrays import Bounds
from ...compiler.base.rounding import TINY, gamma
from ...compiler.problem import Problem, Stage


def stage_interval(stage: Stage, sources: list[Bounds]) -> Bounds:
    """Pre-activations over boxes of the sources, (B, N) each: for |x - c| <= r,

        |A x + b - (A c + b)| <= |A| r

    (the midpoint-radius form of Rump 1999). One product with the operator, two with its absolute
    coefficients; the rounding errors are at most gamma(terms + 8) times the sum of all magnitudes
    involved (Higham 2002, section 3.1).
    """
    middle = stage.bias[None]
    spread = stage.bias_radius[None]
    magnitude = np.abs(stage.bias)[None]
    terms = 8
    for operator, source in stage.terms:
        box = sources[source]
        center = 0.5 * (box.lower + box.upper)
        # the half width is rounded up so that center +- radius covers the box
        radius = np.maximum(box.upper - center, center - box.lower) * (1.0 + 2.0**-51)
        size = operator.absolute()
        middle = middle + operator.apply(center)
        spread = spread + size.apply(radius)
        magnitude = magnitude + size.apply(np.abs(center) + radius)
        terms += operator.terms + 2
    margin = gamma(terms) * magnitude * (1.0 + 1e-9) + TINY
    return Bounds(middle - spread - margin, middle + spread + margin)


def propagate(problem: Problem, box: Bounds) -> list[Bounds]:
    """Pre-activation bounds of all stages; box (B, D)."""
    sources = [box]
    found: list[Bounds] = []
    for stage in problem.stages:
        bounds = stage_interval(stage, sources)
        found.append(bounds)
        sources.append(bounds.rectified() if stage.relu else bounds)
    return found
