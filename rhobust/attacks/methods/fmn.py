"""The fast minimum-norm attack (Pintor et al. 2021), in l-infinity, l2 and l1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...compiler.base.arrays import Mask
from ...compiler.base.norms import NormKind
from ..balls import BALLS, SMALLEST, Ball
from ..batch import Batch, Found, in_turn
from ..criterion import margin_loss
from ..shortening import shortened
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
        found, nearest = Found.nothing(batch), np.full(len(batch), np.inf)
        restart = 0
        while restart < self.restarts and not (restart and batch.stop()):
            index, number = in_turn(np.arange(len(batch)), restart, self.restarts, batch.together)
            part = batch.rows(index)
            drawn = np.zeros(len(index), dtype=bool)
            if restart:
                rivals = max(1, batch.order.shape[1] - 1)
                part = part.against(batch.order[index, (number - 1) % rivals])
                drawn = number > rivals
            walked = shortened(part, self._walk(part, drawn))
            away = np.where(walked.lead <= 0.0, part.distance(walked.points), np.inf)
            # of an image that is named twice the nearest point comes last, and stays
            for row in np.lexsort((-walked.lead, -away)).tolist():
                image = index[row]
                nearer = away[row] < nearest[image]
                if nearer or (nearest[image] == np.inf and walked.lead[row] < found.lead[image]):
                    found.points[image], found.lead[image] = walked.points[row], walked.lead[row]
                    nearest[image] = away[row]
            restart = int(number[-1]) + 1
        return found

    def _walk(self, batch: Batch, drawn: Mask) -> Found:
        """One walk for each row: its nearest point where the label is lost.

        drawn (N,): rows that go on from a random point after the first gradient.
        """
        ball, criterion = batch.ball, batch.criterion
        found, nearest = Found.nothing(batch), np.full(len(batch), np.inf)
        eps = np.full(len(batch), np.inf)
        points, size = batch.first(), np.zeros(len(batch))
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
                break
            share = step / self.steps
            gamma = cosine(self.gamma, 1e-3, share)
            gradient = batch.model.gradient(points, margin_loss(criterion, logits))
            gradient = batch.free(points, gradient)
            edge = np.abs(lead) / np.maximum(ball.dual(gradient), SMALLEST)
            known = np.isfinite(nearest)
            # on the linearised boundary alone, points come ever nearer to the true one
            grown = np.where(known, eps, distance + edge) * (1.0 + gamma)
            eps = np.where(lost, np.minimum(eps * (1.0 - gamma), nearest), grown)
            eps = np.minimum(eps, batch.radius)
            away = np.abs(lead) / np.maximum(SPHERE.dual(gradient), SMALLEST)
            if step == 0:
                size = away
                if drawn.any():
                    near = batch.within(np.minimum(2.0 * eps, batch.radius))
                    points = np.where(drawn[:, None], near.random(), points)
            length = self.step * cosine(1.0, 0.01, share) * size
            length = np.where(known, length, np.maximum(length, (1.0 + gamma) * away))
            moved = points - length[:, None] * SPHERE.steepest(gradient)
            points = batch.within(eps).inside(moved)
        return found
