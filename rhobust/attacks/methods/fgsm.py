"""The fast gradient sign method (Goodfellow et al. 2015, section 4), in every norm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...compiler.base.norms import NormKind
from ..batch import Batch, Found
from ..criterion import cross_entropy
from .method import ALL


@dataclass(frozen=True)
class Fgsm:
    """The step along which the cross entropy's gradient falls most in the ball and the domain."""

    name: ClassVar[str] = "fgsm"
    norms: ClassVar[tuple[NormKind, ...]] = ALL
    minimal: ClassVar[bool] = False
    needs: ClassVar[str] = "gradients"

    def run(self, batch: Batch) -> Found:
        found = Found.nothing(batch)
        points = batch.images
        weights = cross_entropy(batch.criterion, batch.model.logits(points))
        slope = batch.model.gradient(points, weights)
        room = np.where(slope > 0.0, points - batch.lower, batch.upper - points)
        points = batch.inside(points + batch.ball.falling(slope, batch.radius[:, None], room))
        found.take(slice(None), points, batch.lead(points))
        return found
