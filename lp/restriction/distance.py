"""Balls of every radius around a center inside a box, and the least radius at which a row falls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...compiler.base.arrays import Vector


@dataclass(frozen=True, slots=True)
class Ball:
    """The inputs within eps of a center and inside the domain, for every eps.  All (D,)."""

    center: Vector
    low: Vector
    high: Vector
    norm: str = "linf"

    def box(self, eps: float) -> tuple[Vector, Vector]:
        """What of the domain is within eps in every coordinate."""
        return np.maximum(self.low, self.center - eps), np.minimum(self.high, self.center + eps)

    def distance(self, point: Vector) -> float:
        """From the center."""
        return length(point - self.center, self.norm)

    @property
    def largest(self) -> float:
        """The radius beyond which the ball is the whole domain."""
        return length(np.maximum(self.center - self.low, self.high - self.center), self.norm)


def length(step: Vector, norm: str) -> float:
    """The norm of a vector."""
    if norm == "linf":
        return float(np.abs(step).max(initial=0.0))
    if norm == "l1":
        return float(np.abs(step).sum())
    return float(np.sqrt(step @ step))


def least_radius_row(row: Vector, offset: float, ball: Ball, limit: float) -> float:
    """Least eps at which row @ x + offset can be <= 0, inf beyond `limit`: the closed form.

    The row falls most where each coordinate moves against its coefficient: all at once (linf),
    those with the largest coefficients first (l1), or in proportion to them (l2), each until it
    meets the domain's edge. Between two edges the fall is linear in a price.
    """
    start = float(row @ ball.center) + offset
    if start <= 0.0:
        return 0.0
    room = np.where(row > 0, ball.center - ball.low, ball.high - ball.center)
    size = np.abs(row)
    if ball.norm == "linf":
        eps = _cube(size, room, start)
    elif ball.norm == "l1":
        eps = _diamond(size, room, start)
    else:
        eps = _sphere(size, room, start)
    return eps if eps <= limit else np.inf


def _crossing(edges: Vector, slopes: Vector, start: float) -> float:
    """Where a fall that is linear between ascending edges, with these slopes, reaches `start`."""
    steps = np.diff(np.concatenate([[0.0], edges]))
    falls = np.cumsum(slopes * steps)
    place = int(np.searchsorted(falls, start))
    if place == len(falls):
        # the fall may be met at the last edge exactly, but for rounding
        return float(edges[-1]) if start <= falls[-1] * (1.0 + 1e-12) else np.inf
    before = float(falls[place - 1]) if place else 0.0
    left = float(edges[place - 1]) if place else 0.0
    return left + (start - before) / float(slopes[place])


def _cube(size: Vector, room: Vector, start: float) -> float:
    order = np.argsort(room)
    weights = size[order]
    slopes = weights.sum() - np.concatenate([[0.0], np.cumsum(weights)[:-1]])
    return _crossing(room[order], slopes, start)


def _diamond(size: Vector, room: Vector, start: float) -> float:
    order = np.argsort(-size)
    return _crossing(np.cumsum(room[order]), size[order], start)


def _sphere(size: Vector, room: Vector, start: float) -> float:
    used = (size > 0.0) & (room > 0.0)
    size, room = size[used], room[used]
    price = room / size  # the step of coordinate j is min(price * size_j, room_j)
    order = np.argsort(price)
    squares = size[order] ** 2
    slopes = squares.sum() - np.concatenate([[0.0], np.cumsum(squares)[:-1]])
    paid = _crossing(price[order], slopes, start) if len(order) else np.inf
    if paid == np.inf:
        return np.inf
    return length(np.minimum(paid * size, room), "l2")


def nearest_on_row(row: Vector, ball: Ball, eps: float) -> Vector:
    """A point of the ball of radius eps where the row is least, (D,).

    For l1 and l2 eps must be what `least_radius_row` gave, or less.
    """
    low, high = ball.box(eps if ball.norm == "linf" else np.inf)
    if ball.norm == "linf":
        return np.where(row > 0, low, high)
    room = np.where(row > 0, ball.center - low, high - ball.center)
    size = np.abs(row)
    if ball.norm == "l1":
        order = np.argsort(-size)
        caps = room[order]
        left = np.maximum(eps - np.concatenate([[0.0], np.cumsum(caps)[:-1]]), 0.0)
        step = np.zeros(len(row))
        step[order] = np.minimum(caps, left)
    else:
        step = _on_sphere(size, room, eps)
    return ball.center - np.sign(row) * step


def _on_sphere(size: Vector, room: Vector, eps: float) -> Vector:
    """The step of length eps whose coordinates are in proportion to `size`, none beyond `room`."""
    step = np.zeros(len(size))
    used = (size > 0.0) & (room > 0.0)
    s, r = size[used], room[used]
    if not len(s):
        return step
    order = np.argsort(r / s)
    price, squares = (r / s)[order], s[order] ** 2
    rest = squares.sum() - np.concatenate([[0.0], np.cumsum(squares)[:-1]])
    done = np.concatenate([[0.0], np.cumsum(r[order] ** 2)[:-1]])
    # length^2 = done + rest * paid^2 up to each price
    lengths = done + rest * price**2
    place = min(int(np.searchsorted(lengths, eps * eps)), len(price) - 1)
    paid = np.sqrt(max(eps * eps - done[place], 0.0) / rest[place])
    step[used] = np.minimum(min(paid, price[place]) * s, r)
    return step
