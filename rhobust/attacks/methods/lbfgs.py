"""Box-constrained L-BFGS with a line search on the weight of the loss (Szegedy et al. 2014, 4.1).

The baseline of Bastani et al. 2016; their alpha, by which the target's logit has to exceed the
label's, is the margin of the criterion.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...compiler.base.arrays import Vector
from ...compiler.base.late import Late, in_time
from ...compiler.base.norms import NormKind
from ..batch import Batch, Found
from ..criterion import cross_entropy
from .method import ALL, at_least

LIGHTEST, HEAVIEST, GROWTH = 1e-3, 1e7, 10.0
"""Weights of the loss beside the squared l2 distance: the first and the last, and the factor
between weights at which the label still holds."""


@dataclass(frozen=True)
class Lbfgs:
    """Minimises |x - image|^2 + weight * loss over the domain, for the least weight that changes
    the label.

    The loss is the cross entropy of the rivals together.  steps: iterations for one weight;
    weights: how many are tried, those that are bisected in logarithms included.  Whatever the norm,
    distances in it are measured at all points where the label is lost.
    """

    steps: int = 60
    weights: int = 12

    name: ClassVar[str] = "lbfgs"
    norms: ClassVar[tuple[NormKind, ...]] = ALL
    minimal: ClassVar[bool] = True
    needs: ClassVar[str] = "gradients"

    def __post_init__(self) -> None:
        at_least(self.steps, 1, "steps")
        at_least(self.weights, 2, "weights")

    def run(self, batch: Batch) -> Found:
        found = Found.nothing(batch)
        for index in range(len(batch)):
            if batch.stop():
                break
            with suppress(Late):
                _Search(batch.rows(np.array([index])), found, index).run(self.steps, self.weights)
        return found


class _Search:
    """One image, and the nearest point found for it."""

    def __init__(self, batch: Batch, found: Found, index: int) -> None:
        self.batch, self.found, self.index = batch, found, index
        self.nearest, self.lost = np.inf, False

    def value(self, x: Vector, weight: float) -> tuple[float, Vector]:
        """The objective and its gradient (D,); keeps x where it is nearer than all before.

        Raises Late once the time is up.
        """
        batch = self.batch
        in_time(batch.stop)
        points = x[None].copy()  # scipy writes into x
        logits = batch.model.logits(points)
        lead = float(batch.criterion.lead(logits)[0])
        distance = float(batch.distance(points)[0])
        if lead <= 0.0:
            self.lost = True
            if distance < self.nearest:
                self.nearest = distance
                self.found.points[self.index], self.found.lead[self.index] = points[0], lead
        rivals = logits[0][batch.criterion.rivals[0]]
        most = rivals.max()
        gap = logits[0][batch.criterion.labels[0]] + batch.criterion.margin
        gap -= most + np.log(np.exp(rivals - most).sum())
        loss, share = np.logaddexp(0.0, gap), 0.5 * (1.0 + np.tanh(0.5 * gap))
        slope = batch.model.gradient(points, share * cross_entropy(batch.criterion, logits))[0]
        step = x - batch.images[0]
        return float(step @ step + weight * loss), 2.0 * step + weight * slope

    def run(self, steps: int, weights: int) -> None:
        from scipy.optimize import minimize

        batch = self.batch
        low, high = batch.box
        ends = np.stack([low[0], high[0]], axis=1)
        start: Vector = np.clip(batch.images[0], *ends.T)
        least, most = 0.0, np.inf
        weight = LIGHTEST
        for _ in range(weights):
            if batch.stop():
                return
            self.lost = False
            done = minimize(
                self.value, start, args=(weight,), jac=True, method="L-BFGS-B", bounds=ends,
                options={"maxiter": steps},
            )  # fmt: skip
            if np.isfinite(done.x).all():
                start = np.clip(done.x, *ends.T)
            if self.lost:
                most = weight
            else:
                least = weight
            if most == np.inf:
                weight *= GROWTH
                if weight > HEAVIEST:
                    return
            else:
                weight = float(np.sqrt(most * max(least, most / GROWTH)))
