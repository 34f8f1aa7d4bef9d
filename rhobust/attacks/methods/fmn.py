"""The fast minimum-norm attack (Pintor et al. 2021), in l-infinity, l2 and l1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...compiler.base.arrays import Vector
from ...compiler.base.norms import NormKind
from ..balls import BALLS, SMALLEST, Ball
from ..batch import Batch, Found
from ..criterion import margin_loss
from .method import ALL, at_least

SPHERE: Ball = BALLS[NormKind.L2]


def cosine(first: float, last: float, share: float) -> float:
    """From the first number to the last as the share goes from 0 to 1."""
    return float(last + 0.5 * (first - last) * (1.0 + np.cos(np.pi * share)))


@dataclass(frozen=True)
class Fmn:
    """Steps of length `step` (l2), annealed to a hundredth, on a ball whose radius shrinks by the
    share gamma while the label is lost and grows while it holds.

    The first radii are a little beyond where the linearised margin ends.  step is relative to the
    distance that the linearised margin tells for an image, in l2.  restarts: each goes against one
    rival, the nearest first, and from random points once all rivals had their turn.
    """

    steps: int = 100
    restarts: int = 1
    step: float = 1.0
    gamma: float = 0.05

    name: ClassVar[str] = "fmn"
    norms: ClassVar[tuple[NormKind, ...]] = ALL
    minimal: ClassVar[bool] = True
    needs: ClassVar[str] = "gradients"

    def __post_init__(self) -> None:
        at_least(self.steps, 1, "steps")
        at_least(self.restarts, 1, "restarts")

    def run(self, batch: Batch) -> Found:
        found = Found.nothing(batch)
        nearest = np.full(len(batch), np.inf)
        for restart in range(self.restarts):
            if restart and batch.stop():
                break
            if restart == 0:
                self._walk(batch, False, found, nearest)
                continue
            place = restart - 1
            rivals = batch.order.shape[1] - 1
            target = batch.order[:, place % rivals]
            self._walk(batch.against(target), place >= rivals, found, nearest)
        return found

    def _walk(self, batch: Batch, random: bool, found: Found, nearest: Vector) -> None:
        ball, criterion = batch.ball, batch.criterion
        eps = np.full(len(batch), np.inf)
        points = batch.first()
        size = np.zeros(len(batch))
        for step in range(self.steps + 1):
            logits = batch.model.logits(points)
            lead = criterion.lead(logits)
            distance = batch.distance(points)
            lost = lead <= 0.0
            nearer = lost & (distance < nearest)
            better = nearer | (~np.isfinite(nearest) & (lead < found.lead))
            found.points[better], found.lead[better] = points[better], lead[better]
            nearest[nearer] = distance[nearer]
            if step == self.steps or batch.stop():
                return
            share = step / self.steps
            gamma = cosine(self.gamma, 1e-3, share)
            gradient = batch.model.gradient(points, margin_loss(criterion, logits))
            edge = np.abs(lead) / np.maximum(ball.dual(gradient), SMALLEST)
            known = np.isfinite(nearest)
            # on the linearised boundary alone, points come ever nearer to the true one
            grown = np.where(known, eps, distance + edge) * (1.0 + gamma)
            eps = np.where(lost, np.minimum(eps * (1.0 - gamma), nearest), grown)
            eps = np.minimum(eps, batch.radius)
            if step == 0:
                size = np.abs(lead) / np.maximum(SPHERE.dual(gradient), SMALLEST)
                if random:
                    near = batch.within(np.minimum(2.0 * eps, batch.radius))
                    points = near.random()
            length = self.step * cosine(1.0, 0.01, share) * size
            away = np.abs(lead) / np.maximum(SPHERE.dual(gradient), SMALLEST)
            length = np.where(known, length, np.maximum(length, (1.0 + gamma) * away))
            moved = points - length[:, None] * SPHERE.steepest(gradient)
            points = batch.within(eps).inside(moved)
