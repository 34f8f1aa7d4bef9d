"""Projected gradient descent (Madry et al. 2018), with momentum (Dong et al. 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...compiler.base.arrays import Indices, Mask, Matrix
from ...compiler.base.errors import InputError
from ...compiler.base.norms import L2, NormKind
from ..balls import SMALLEST
from ..batch import Batch, Found, in_turn
from ..criterion import LOSSES
from .method import ALL, at_least


@dataclass(frozen=True)
class Pgd:
    """Steps against the gradient, each followed by a projection into the ball and the domain.

    steps, restarts: restarts look only at images whose label still holds.  By turns they go from
    the image against one rival, the nearest first, and from random points against all of them.  The
    first one goes from the image against all, or from a random point with random_start.  step,
    last: sizes of the first and the last step as shares of the radius, a geometric sequence in
    between; equal ones are Madry's.  momentum: the share of the earlier directions that a step
    keeps.  loss: a name in `LOSSES`.
    """

    steps: int = 40
    restarts: int = 1
    step: float = 0.5
    last: float = 0.02
    momentum: float = 0.75
    random_start: bool = False
    loss: str = "margin"

    name: ClassVar[str] = "pgd"
    norms: ClassVar[tuple[NormKind, ...]] = ALL
    minimal: ClassVar[bool] = False
    needs: ClassVar[str] = "gradients"

    def __post_init__(self) -> None:
        at_least(self.steps, 1, "steps")
        at_least(self.restarts, 1, "restarts")
        if not (0.0 < self.last and 0.0 < self.step and 0.0 <= self.momentum < 1.0):
            raise InputError("step sizes are above 0, and the momentum is in [0, 1)")
        if self.loss not in LOSSES:
            raise InputError(f"loss {self.loss!r} is not known; known: {', '.join(LOSSES)}")

    def run(self, batch: Batch) -> Found:
        found, held = Found.nothing(batch), np.ones(len(batch), dtype=bool)
        restart = 0
        while restart < self.restarts and held.any() and not (restart and batch.stop()):
            index, number = in_turn(np.flatnonzero(held), restart, self.restarts, batch.together)
            self._walk(*self._starts(batch, index, number), found, index, held)
            restart = int(number[-1]) + 1
        return found

    def _starts(self, batch: Batch, index: Indices, number: Indices) -> tuple[Batch, Matrix]:
        """Of images and numbers of restarts (M,) the batch, and where each begins, (M, D)."""
        part = batch.rows(index)
        single = number % 2 == 1
        if single.any():
            part = part.against(batch.order[index, number // 2 % batch.order.shape[1]], single)
        drawn = self.random_start | ((number > 0) & ~single)
        first = part.first()
        if np.any(drawn):
            first = np.where(np.reshape(drawn, (-1, 1)), part.random(), first)
        return part, first

    def _walk(self, batch: Batch, points: Matrix, found: Found, index: Indices, held: Mask) -> None:
        """One walk for each row, of images `index`; tells in `held` which have lost their label."""
        loss = LOSSES[self.loss]
        trend = np.zeros_like(points)
        for step in range(self.steps + 1):
            logits = batch.model.logits(points)
            lead = batch.criterion.lead(logits)
            found.take(index, points, lead)
            held[index[batch.criterion.sure(logits, lead)]] = False
            if step == self.steps or not held[index].any() or batch.stop():
                return
            gradient = batch.model.gradient(points, loss(batch.criterion, logits))
            going = held[index]
            if not going.all():
                index, batch = index[going], batch.rows(going)
                points, trend, gradient = points[going], trend[going], gradient[going]
            size = np.abs(gradient).sum(axis=1, keepdims=True)
            trend = self.momentum * trend + gradient / np.maximum(size, SMALLEST)
            free = batch.free(points, trend)
            share = self.step * (self.last / self.step) ** (step / self.steps)
            points = batch.inside(
                points - share * batch.radius[:, None] * batch.ball.steepest(free)
            )


@dataclass(frozen=True)
class PgdL2(Pgd):
    """The same in l2."""

    name: ClassVar[str] = "pgd-l2"
    norms: ClassVar[tuple[NormKind, ...]] = (L2,)
