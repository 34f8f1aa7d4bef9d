"""What attacks need to know of each norm's balls, for many steps (N, D) at once."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from ..compiler.base.arrays import Matrix, Vector
from ..compiler.base.norms import L1, L2, LINF, NormKind

SMALLEST = 1e-300
"""Lengths are divided by no less."""

FEW = 50
"""One coordinate in so many shares the length of an l1 step (Tramer and Boneh 2019)."""


HALVINGS = 50
"""Of an interval of factors, until it is narrower than their rounding."""


class Ball(ABC):
    """Steps away from a center: lengths are (N,), radii a number or (N, 1)."""

    @abstractmethod
    def length(self, steps: Matrix) -> Vector:
        """Of each step."""

    @abstractmethod
    def dual(self, rows: Matrix) -> Vector:
        """The most that rows (N, D) can change over steps of length 1."""

    @abstractmethod
    def shorter(self, steps: Matrix, radius: float | Matrix) -> Matrix:
        """The nearest steps that are no longer than the radius."""

    @abstractmethod
    def steepest(self, rows: Matrix) -> Matrix:
        """Steps of length 1, or 0 where a row is 0, along which rows (N, D) rise fastest."""

    @abstractmethod
    def falling(self, rows: Matrix, radius: Matrix, room: Matrix) -> Matrix:
        """The steps no longer than a radius (N, 1) along which rows (N, D) fall most.

        room (N, D): how far each coordinate can move against its row.
        """

    @abstractmethod
    def drawn(self, rng: np.random.Generator, shape: tuple[int, int]) -> Matrix:
        """Random steps (N, D) in the ball of radius 1, uniform."""


class Cube(Ball):
    """l-infinity."""

    def length(self, steps: Matrix) -> Vector:
        found: Vector = np.abs(steps).max(axis=1, initial=0.0)
        return found

    def dual(self, rows: Matrix) -> Vector:
        found: Vector = np.abs(rows).sum(axis=1)
        return found

    def shorter(self, steps: Matrix, radius: float | Matrix) -> Matrix:
        return np.clip(steps, -radius, radius)

    def steepest(self, rows: Matrix) -> Matrix:
        return np.sign(rows)

    def falling(self, rows: Matrix, radius: Matrix, room: Matrix) -> Matrix:
        return -np.sign(rows) * np.minimum(room, radius)

    def drawn(self, rng: np.random.Generator, shape: tuple[int, int]) -> Matrix:
        return rng.uniform(-1.0, 1.0, shape)


class Sphere(Ball):
    """l2."""

    def length(self, steps: Matrix) -> Vector:
        found: Vector = np.sqrt(np.einsum("nd,nd->n", steps, steps))
        return found

    def dual(self, rows: Matrix) -> Vector:
        return self.length(rows)

    def shorter(self, steps: Matrix, radius: float | Matrix) -> Matrix:
        size = np.sqrt((steps * steps).sum(axis=1, keepdims=True))
        found: Matrix = steps * np.minimum(1.0, radius / np.maximum(size, SMALLEST))
        return found

    def steepest(self, rows: Matrix) -> Matrix:
        found: Matrix = rows / np.maximum(self.length(rows)[:, None], SMALLEST)
        return found

    def falling(self, rows: Matrix, radius: Matrix, room: Matrix) -> Matrix:
        """In proportion to the rows, but where there is no more room: the factor by bisection."""
        size = self.steepest(np.abs(rows))
        room = np.where(rows == 0.0, 0.0, room)
        low = np.broadcast_to(radius, (len(rows), 1))
        with np.errstate(divide="ignore", invalid="ignore"):
            edges = np.nan_to_num(room / size, nan=0.0, posinf=0.0)
        high = np.maximum(low, edges.max(axis=1, keepdims=True, initial=0.0))
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            short = self.length(np.minimum(middle * size, room))[:, None] <= radius
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        found: Matrix = -np.sign(rows) * np.minimum(low * size, room)
        return found

    def drawn(self, rng: np.random.Generator, shape: tuple[int, int]) -> Matrix:
        share = rng.random((shape[0], 1)) ** (1.0 / shape[1])
        return share * self.steepest(rng.normal(size=shape))


class Diamond(Ball):
    """l1."""

    def length(self, steps: Matrix) -> Vector:
        found: Vector = np.abs(steps).sum(axis=1)
        return found

    def dual(self, rows: Matrix) -> Vector:
        found: Vector = np.abs(rows).max(axis=1, initial=0.0)
        return found

    def shorter(self, steps: Matrix, radius: float | Matrix) -> Matrix:
        """Duchi et al. 2008, Figure 1."""
        size = np.abs(steps)
        falling = -np.sort(-size, axis=1)
        over = np.cumsum(falling, axis=1) - radius
        count = np.arange(1, steps.shape[1] + 1)
        last = np.maximum((falling * count > over).sum(axis=1), 1)
        price = over[np.arange(len(steps)), last - 1] / last
        price = np.where(size.sum(axis=1, keepdims=True) > radius, price[:, None], 0.0)
        found: Matrix = np.sign(steps) * np.maximum(size - price, 0.0)
        return found

    def steepest(self, rows: Matrix) -> Matrix:
        few = costliest(rows)
        found: Matrix = few / np.maximum(np.abs(few).sum(axis=1, keepdims=True), SMALLEST)
        return found

    def falling(self, rows: Matrix, radius: Matrix, room: Matrix) -> Matrix:
        """The costliest coordinates first, each as far as there is room: a fractional knapsack."""
        order = np.argsort(-np.abs(rows), axis=1, kind="stable")
        wanted = np.take_along_axis(np.where(rows == 0.0, 0.0, room), order, axis=1)
        spent = np.cumsum(wanted, axis=1) - wanted
        steps = np.empty_like(rows)
        np.put_along_axis(steps, order, np.clip(radius - spent, 0.0, wanted), axis=1)
        found: Matrix = -np.sign(rows) * steps
        return found

    def drawn(self, rng: np.random.Generator, shape: tuple[int, int]) -> Matrix:
        # D + 1 exponential numbers over their sum, of which all but one, have random signs
        parts = rng.exponential(size=(shape[0], shape[1] + 1))
        share = parts[:, :-1] / parts.sum(axis=1, keepdims=True)
        found: Matrix = share * rng.choice([-1.0, 1.0], shape)
        return found


def costliest(rows: Matrix) -> Matrix:
    """The signs of the few coordinates that matter most, 0 elsewhere (Tramer and Boneh 2019)."""
    few = max(1, rows.shape[1] // FEW)
    edge = -np.partition(-np.abs(rows), few - 1, axis=1)[:, few - 1 : few]
    found: Matrix = np.where(np.abs(rows) >= edge, np.sign(rows), 0.0)
    return found


BALLS: dict[NormKind, Ball] = {LINF: Cube(), L1: Diamond(), L2: Sphere()}
"""The ball of each norm."""
