"""How near an attack comes to rho, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..compiler.base.arrays import Vector

NEAR = 1.01
"""A distance of at most so many times rho counts as near."""


@dataclass(frozen=True, eq=False)
class Score:
    """distance (N,): of validated examples, inf where there is none; rho (N,): its lower end.

    gradients, outputs: how often a gradient, and how often outputs were asked for an image, on
    average.  seconds: for all images.
    """

    name: str
    distance: Vector
    rho: Vector
    gradients: float
    outputs: float
    seconds: float

    @cached_property
    def ratios(self) -> Vector:
        """Distances over rho, (N,)."""
        return self.distance / self.rho

    @property
    def found(self) -> int:
        """Images with an example."""
        return int(np.isfinite(self.ratios).sum())

    @property
    def mean(self) -> float:
        """Of the ratios of images with an example, NaN without any."""
        known = self.ratios[np.isfinite(self.ratios)]
        return float(known.mean()) if len(known) else np.nan

    @property
    def median(self) -> float:
        """Over all images."""
        return float(np.median(self.ratios)) if len(self.ratios) else np.nan

    @property
    def near(self) -> float:
        """The share of images whose example is at most 1 % farther away than rho."""
        return float(np.mean(self.ratios <= NEAR)) if len(self.ratios) else np.nan
