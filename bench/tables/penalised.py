"""The baseline of Bastani et al. 2016 to the letter: L-BFGS-B on distance and loss of one label.

`rhobust.attacks.methods.Lbfgs` makes more of the same idea: it goes for any other label, keeps the
nearest of all points that it evaluates, and draws it towards the image.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from rhobust.attacks.batch import Batch, Found
from rhobust.compiler.base.arrays import Vector
from rhobust.compiler.base.late import Late, in_time
from rhobust.compiler.base.norms import LINF, NormKind

LIGHTEST, HEAVIEST, GROWTH = 1e-2, 1e6, 10.0
"""Weights of the loss: the first, the last, and the factor between them until one is enough."""


@dataclass(frozen=True)
class Penalised:
    """Minimises |x - image|^2 + weight * cross entropy of the target over the domain, from the
    image; the answer is the minimum of the least weight at which the label is lost (Szegedy et al.
    2014, 4.1).

    steps: iterations for one weight; halvings: of the logarithm of the weight, once one is enough.
    """

    steps: int = 40
    halvings: int = 4

    name: ClassVar[str] = "penalised"
    norms: ClassVar[tuple[NormKind, ...]] = (LINF,)
    minimal: ClassVar[bool] = False
    needs: ClassVar[str] = "gradients"

    def run(self, batch: Batch) -> Found:
        found = Found.nothing(batch)
        for index in range(len(batch)):
            with suppress(Late):
                point = self._least(batch.rows(np.array([index])))
                if point is not None:
                    found.points[index] = point
        return Found(found.points, batch.lead(found.points))

    def _least(self, one: Batch) -> Vector | None:
        """The minimum of the least weight that is enough, (D,)."""
        weight, enough, best = LIGHTEST, np.inf, None
        while weight <= HEAVIEST:
            point = self._minimum(one, weight)
            if one.lead(point[None])[0] <= 0.0:
                enough, best = weight, point
                break
            weight *= GROWTH
        most, least = np.log(enough), np.log(enough / GROWTH)
        for _ in range(self.halvings if best is not None else 0):
            middle = 0.5 * (least + most)
            point = self._minimum(one, float(np.exp(middle)))
            if one.lead(point[None])[0] <= 0.0:
                most, best = middle, point
            else:
                least = middle
        return best

    def _minimum(self, one: Batch, weight: float) -> Vector:
        from scipy.optimize import minimize

        image, (target,) = one.images[0], np.flatnonzero(one.criterion.rivals[0])

        def value(x: Vector) -> tuple[float, Vector]:
            in_time(one.stop)
            points = x[None].copy()  # scipy writes into x, and models know points by identity
            logits = one.model.logits(points)
            row = logits[0] - logits.max()
            total = np.exp(row).sum()
            slope = np.exp(row) / total
            slope[target] -= 1.0
            loss = float(np.log(total) - row[target])
            step = x - image
            gradient = 2.0 * step + weight * one.model.gradient(points, slope[None])[0]
            return float(step @ step + weight * loss), gradient

        low, high = one.box
        ends = np.stack([low[0], high[0]], axis=1)
        done = minimize(
            value, np.clip(image, *ends.T), jac=True, method="L-BFGS-B", bounds=ends,
            options={"maxiter": self.steps},
        )  # fmt: skip
        if not np.isfinite(done.x).all():
            return np.array(image)
        end: Vector = np.clip(done.x, *ends.T)
        return end
