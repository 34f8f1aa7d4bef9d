"""Gaussian noise: the weakest attack, which uses nothing of the model but its labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...compiler.base.norms import NormKind
from ..balls import SMALLEST
from ..batch import Batch, Found
from .method import ALL, at_least


@dataclass(frozen=True)
class Noise:
    """steps: how many samples of an image, each as far from it as the radius allows."""

    steps: int = 100

    name: ClassVar[str] = "noise"
    norms: ClassVar[tuple[NormKind, ...]] = ALL
    minimal: ClassVar[bool] = False
    needs: ClassVar[str] = "logits"

    def __post_init__(self) -> None:
        at_least(self.steps, 1, "steps")

    def run(self, batch: Batch) -> Found:
        found = Found.nothing(batch)
        todo = np.arange(len(batch))
        for _ in range(self.steps):
            part = batch.rows(todo)
            steps = batch.rng.normal(size=part.images.shape)
            size = np.maximum(part.ball.length(steps), SMALLEST)
            points = part.inside(part.images + (part.radius / size)[:, None] * steps)
            logits = batch.model.logits(points)
            lead = part.criterion.lead(logits)
            found.take(todo, points, lead)
            todo = todo[~part.criterion.sure(logits, lead)]
            if not len(todo) or batch.stop():
                break
        return found
