"""The least radius of a region at which a row falls to 0, and where: closed forms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...compiler.base.arrays import Vector
from ...compiler.base.norms import L1, L2, LINF, NormKind
from ...compiler.question.region import InputRegion


def least_radius_row(row: Vector, offset: float, ball: InputRegion, limit: float) -> float:
    """Least eps at which row @ x + offset can be <= 0, inf beyond `limit`: the closed form.

    The row falls most where each coordinate moves against its coefficient: all at once (linf),
    those with the largest coefficients first (l1), or in proportion to them (l2), each until it
    meets the domain's edge. Between two edges the fall is linear in a price.
    """
    start = float(row @ ball.center) + offset
    if start <= 0.0:
        return 0.0
    room = np.where(row > 0, ball.center - ball.lower, ball.upper - ball.center)
    eps = LEAST[ball.norm](np.abs(row), room, start)
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
    """Least eps with sum size_j min(eps, room_j) >= start."""
    order = np.argsort(room)
    weights = size[order]
    slopes = weights.sum() - np.concatenate([[0.0], np.cumsum(weights)[:-1]])
    return _crossing(room[order], slopes, start)


def _diamond(size: Vector, room: Vector, start: float) -> float:
    """Least sum of steps s_j <= room_j with sum size_j s_j >= start: those of large size first."""
    order = np.argsort(-size)
    return _crossing(np.cumsum(room[order]), size[order], start)


def _sphere(size: Vector, room: Vector, start: float) -> float:
    """Least length of steps min(price size_j, room_j) with sum size_j step_j >= start."""
    used = (size > 0.0) & (room > 0.0)
    size, room = size[used], room[used]
    price = room / size  # the step of coordinate j is min(price * size_j, room_j)
    order = np.argsort(price)
    squares = size[order] ** 2
    slopes = squares.sum() - np.concatenate([[0.0], np.cumsum(squares)[:-1]])
    paid = _crossing(price[order], slopes, start) if len(order) else np.inf
    if paid == np.inf:
        return np.inf
    return L2.length(np.minimum(paid * size, room))


def nearest_on_row(row: Vector, ball: InputRegion, eps: float) -> Vector:
    """A point within eps where the row is least, (D,).

    For l1 and l2 eps must be what `least_radius_row` gave, or less.
    """
    step = STEPS[ball.norm]
    if step is None:
        low, high = ball.within(eps).near_box()
        return np.where(row > 0, low, high)
    room = np.where(row > 0, ball.center - ball.lower, ball.upper - ball.center)
    return ball.center - np.sign(row) * step(np.abs(row), room, eps)


def _on_diamond(size: Vector, room: Vector, eps: float) -> Vector:
    """The step whose coordinates sum to eps, those with the largest `size` first."""
    order = np.argsort(-size)
    caps = room[order]
    left = np.maximum(eps - np.concatenate([[0.0], np.cumsum(caps)[:-1]]), 0.0)
    step = np.zeros(len(size))
    step[order] = np.minimum(caps, left)
    return step


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


LEAST: dict[NormKind, Callable[[Vector, Vector, float], float]] = {
    LINF: _cube, L1: _diamond, L2: _sphere,
}  # fmt: skip
STEPS: dict[NormKind, Callable[[Vector, Vector, float], Vector] | None] = {
    LINF: None, L1: _on_diamond, L2: _on_sphere,
}  # fmt: skip
