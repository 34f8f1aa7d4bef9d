"""Many images at once, each with a ball and a domain that its points may not leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..compiler.base.arrays import Indices, Mask, Matrix, Vector
from ..compiler.base.norms import NormKind
from ..compiler.base.rounding import add_down, add_up, float32_box
from .balls import BALLS, SMALLEST, Ball
from .criterion import Criterion
from .models import Model

SLACK = 1e-9
"""Share of a radius that is left for the rounding of lengths."""


TOGETHER = 128
"""Restarts of few images are made together, up to so many rows."""


def in_turn(
    todo: Indices, first: int, count: int, together: int = TOGETHER
) -> tuple[Indices, Indices]:
    """The restarts, from number `first` on, that are made together: images and numbers, (M,) each.

    todo (N,): the images that are left.  The first restart of all is made alone.
    """
    most = max(1, together // max(1, len(todo))) if first else 1
    numbers = np.arange(first, min(count, first + most))
    return np.tile(todo, len(numbers)), np.repeat(numbers, len(todo))


@dataclass(frozen=True, eq=False)
class Batch:
    """images (N, D); eps (N,): radii, infinite for the whole domain [lower, upper], (D,) each.

    start (N, D): where first starts are, the images by default.  shape: of one input.
    together: rows that restarts of few images may take at once.
    remaining: seconds left; what is known when none are is what is found.
    """

    model: Model
    images: Matrix
    criterion: Criterion
    norm: NormKind
    eps: Vector
    lower: Vector
    upper: Vector
    rng: np.random.Generator
    remaining: Callable[[], float]
    shape: tuple[int, ...]
    start: Matrix | None = None
    together: int = TOGETHER

    def __len__(self) -> int:
        return len(self.images)

    def stop(self) -> bool:
        """Whether the time is up; asked between steps."""
        return not self.remaining() > 0.0

    @property
    def ball(self) -> Ball:
        return BALLS[self.norm]

    @cached_property
    def box(self) -> tuple[Matrix, Matrix]:
        """Of float32 numbers, exactly inside of the domain and of the box around each ball.

        An input that has no such number keeps the image's own value.
        """
        radius = self.radius[:, None]
        low = np.maximum(self.lower, add_up(self.images, -radius))
        high = np.minimum(self.upper, add_down(self.images, radius))
        low, high = float32_box(low, high)
        none = ~(low <= high)
        return np.where(none, self.images, low), np.where(none, self.images, high)

    @cached_property
    def largest(self) -> Vector:
        """The radius of each image beyond which a ball holds the whole domain, (N,)."""
        return self.ball.length(np.maximum(self.images - self.lower, self.upper - self.images))

    @cached_property
    def radius(self) -> Vector:
        """The radii, no larger than what makes a difference."""
        return np.minimum(self.eps, self.largest)

    def inside(self, points: Matrix) -> Matrix:
        """Points (N, D), moved into the balls and the domain."""
        limit = self.radius[:, None] * (1.0 - SLACK)
        moved = self.images + self.ball.shorter(points - self.images, limit)
        return np.clip(moved, *self.box)

    def free(self, points: Matrix, rows: Matrix) -> Matrix:
        """The rows (N, D), 0 where a step against them would leave the box."""
        low, high = self.box
        stuck = ((points <= low) & (rows > 0.0)) | ((points >= high) & (rows < 0.0))
        return np.where(stuck, 0.0, rows)

    def distance(self, points: Matrix) -> Vector:
        """From the images, (N,), rounded as it comes."""
        return self.ball.length(points - self.images)

    def first(self) -> Matrix:
        """Where first starts are, (N, D)."""
        return self.inside(self.images if self.start is None else self.start)

    def random(self) -> Matrix:
        """Random starts in the balls, (N, D)."""
        steps = self.ball.drawn(self.rng, (len(self), self.images.shape[1]))
        return self.inside(self.images + self.radius[:, None] * steps)

    def rows(self, which: Indices | Mask) -> Batch:
        """Some of the images, which draw from the same random numbers."""
        start = None if self.start is None else self.start[which]
        return replace(
            self, images=self.images[which], criterion=self.criterion.rows(which),
            eps=self.eps[which], start=start,
        )  # fmt: skip

    def against(self, target: Indices, single: Mask | None = None) -> Batch:
        """The same with a single rival for each image, (N,), or for some of them (N,)."""
        only = self.criterion.only(target)
        if single is not None:
            rivals = np.where(single[:, None], only.rivals, self.criterion.rivals)
            only = replace(only, rivals=rivals)
        return replace(self, criterion=only)

    @cached_property
    def order(self) -> Indices:
        """The rivals of each image, those whose linearised boundary is nearest first; (N, K), and
        repeated where there are fewer than K.
        """
        criterion = self.criterion
        logits = self.model.logits(self.images)
        away = np.full(criterion.rivals.shape, np.inf)
        for rival in np.flatnonzero(criterion.rivals.any(axis=0)).tolist():
            weights = criterion.own()
            weights[:, rival] -= 1.0
            slope = self.ball.dual(self.model.gradient(self.images, weights))
            lead = (weights * logits).sum(axis=1) + criterion.margin
            away[:, rival] = lead / np.maximum(slope, SMALLEST)
        away = np.where(criterion.rivals, away, np.inf)
        order = np.argsort(away, axis=1, kind="stable")
        place = np.arange(order.shape[1]) % criterion.rivals.sum(axis=1, keepdims=True)
        return np.take_along_axis(order, place, axis=1)

    def within(self, eps: Vector, start: Matrix | None = None) -> Batch:
        """The same with other radii, and starts."""
        other = replace(self, eps=eps, start=start)
        if "order" in self.__dict__:
            other.__dict__["order"] = self.order
        return other

    def lead(self, points: Matrix) -> Vector:
        """Of each image's label, (N,)."""
        return self.criterion.lead(self.model.logits(points))


@dataclass(frozen=True, eq=False)
class Found:
    """points (N, D): of a radius the ones where the label's lead (N,) was least, of a minimal
    distance the nearest with a lead of at most 0, if any.

    Labels are lost where the lead is at most 0, as far as the model can tell: nothing is validated.
    """

    points: Matrix
    lead: Vector

    @classmethod
    def nothing(cls, batch: Batch) -> Found:
        """The images, which have every lead to lose."""
        return cls(batch.images.copy(), np.full(len(batch), np.inf))

    def take(self, which: Indices | Mask | slice, points: Matrix, lead: Vector) -> None:
        """Keeps, of some images (M,), the points (M, D) that have less of a lead (M,).

        Images may be named more than once.
        """
        index = np.arange(len(self.lead))[which]
        worst_first = np.argsort(-lead, kind="stable")  # the best stays of an image named twice
        index, points, lead = index[worst_first], points[worst_first], lead[worst_first]
        better = lead < self.lead[index]
        self.points[index[better]], self.lead[index[better]] = points[better], lead[better]
