"""Projected gradient descent (Madry et al. 2018), with momentum (Dong et al. 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...compiler.base.arrays import Indices, Mask, Matrix
from ...compiler.base.errors import InputError
from ...compiler.base.norms import L2, NormKind
from ..balls import SMALLEST
from ..batch import Batch, Found
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
        found = Found.nothing(batch)
        todo = np.arange(len(batch))
        for restart in range(self.restarts):
            part = batch.rows(todo)
            if restart % 2:
                target = batch.order[todo, restart // 2 % batch.order.shape[1]]
                part = part.against(target)
            drawn = self.random_start or (restart and restart % 2 == 0)
            first = part.random() if drawn else part.first()
            held = self._walk(part, first, found, todo)
            todo = todo[held]
            if not len(todo) or batch.stop():
                break
        return found

    def _walk(self, batch: Batch, points: Matrix, found: Found, index: Indices) -> Mask:
        """One start of images `index`; which of them still hold their label."""
        loss = LOSSES[self.loss]
        held = np.ones(len(batch), dtype=bool)
        active = np.arange(len(batch))
        trend = np.zeros_like(points)
        for step in range(self.steps + 1):
            logits = batch.model.logits(points)
            lead = batch.criterion.lead(logits)
            found.take(index[active], points, lead)
            done = batch.criterion.sure(logits, lead)
            held[active[done]] = False
            if step == self.steps or done.all() or batch.stop():
                break
            gradient = batch.model.gradient(points, loss(batch.criterion, logits))
            if done.any():
                going = ~done
                active, batch = active[going], batch.rows(going)
                points, trend, gradient = points[going], trend[going], gradient[going]
            size = np.abs(gradient).sum(axis=1, keepdims=True)
            trend = self.momentum * trend + gradient / np.maximum(size, SMALLEST)
            low, high = batch.box
            stuck = ((points <= low) & (trend > 0.0)) | ((points >= high) & (trend < 0.0))
            free = np.where(stuck, 0.0, trend)
            share = self.step * (self.last / self.step) ** (step / self.steps)
            points = batch.inside(
                points - share * batch.radius[:, None] * batch.ball.steepest(free)
            )
        return held


@dataclass(frozen=True)
class PgdL2(Pgd):
    """The same in l2."""

    name: ClassVar[str] = "pgd-l2"
    norms: ClassVar[tuple[NormKind, ...]] = (L2,)
