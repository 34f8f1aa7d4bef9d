"""Least values of rows over the part of a box that lies in an l1 or l2 ball.

For any split g = s + rest, with |.|* the dual norm (of l1 the largest |s_j|, of l2 again l2),

    g x >= s c - eps |s|* + least over the box of rest x      where |x - c| <= eps,

and the best s reaches the least value of g over box and ball. Which s is taken is no matter of
soundness: it comes from unsafe arithmetic, and only this sum is rounded safely.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..arithmetic import TINY, UP, Array, growth, midpoint

STEPS = 60  # towards the best price of an l2 ball; a few are enough
COSTLIEST = 1e30  # of an input of weight 1, where the ball leaves no way to go


@dataclass(frozen=True, slots=True)
class Ball:
    """All x with |x - center| <= radius; norm "l1" or "l2", center (D,)."""

    norm: str
    center: Array
    radius: float

    def least(self, g: Array, low: Array, high: Array, center: Array) -> Array:
        """(R,) lower bounds of g x for x in box and ball, errors included; -inf where one fails.

        g (R, n); low, high, center (R, n) or (1, n): on the same n of the D inputs.  Rule: ball.
        """
        s = self.split(g, low, high, center)
        rest = g - s
        middle, half = midpoint(low, high)
        size = np.abs(rest)
        total = _dot(s, center) + _dot(rest, middle) - _dot(size, half)
        weight = _dot(size, np.abs(middle) + half) + _dot(np.abs(s), np.abs(center))
        cost = self.radius * DUALS[self.norm](s) * UP
        found = total - cost - 1.01 * growth(g.shape[1] + 8) * (weight + cost) - TINY
        return np.asarray(np.where(np.isfinite(found), found, -np.inf))

    def misses(self, low: Array, high: Array) -> Array:
        """(B,): whether a box surely holds nothing of the ball; low, high (B, D).  Rule: empty."""
        away = np.maximum(np.maximum(low - self.center, self.center - high), 0.0)
        share = 1.0 - growth(low.shape[1] + 8)
        length, most = LENGTHS[self.norm](away, self.radius)
        return np.asarray(length * share > most + TINY)

    def split(self, g: Array, low: Array, high: Array, center: Array) -> Array:
        """(R, n): nearly the best s; 0 where the box's own least value lies in the ball."""
        # the way from the box's points to the center, and from that one where g x is least
        floor, roof = center - high, center - low
        with np.errstate(all="ignore"):
            # largest entries 1, so that no square of a huge or tiny row leaves float64
            size = np.abs(g).max(axis=1, initial=0.0)
            size[size == 0.0] = 1.0
            price = size * PRICES[self.norm](g / size[:, None], floor, roof, self.radius)
            least, most = ENDS[self.norm](floor, roof)
            return np.asarray(np.clip(g, price[:, None] * least, price[:, None] * most))


def _dot(rows: Array, other: Array) -> Array:
    """(R,) sums of products; other (R, n) or (1, n)."""
    if len(other) == 1:
        return np.asarray(rows @ other[0])
    return np.asarray(np.einsum("rn,rn->r", rows, other))


def _price_l1(g: Array, floor: Array, roof: Array, radius: float) -> Array:
    """(R,): the greatest price at which rooms fill the ball, the costliest inputs first."""
    near = np.clip(0.0, floor, roof)
    room = np.abs(np.where(g >= 0.0, roof, floor) - near)
    left = radius - np.abs(near).sum(axis=1)
    price = np.zeros(len(g))
    short = np.flatnonzero(room.sum(axis=1) > left)
    size, room = np.abs(g[short]), room[short]
    order = np.argsort(-size, axis=1)
    filled = np.take_along_axis(room, order, axis=1).cumsum(axis=1)
    last = (filled < np.broadcast_to(left, len(g))[short, None]).sum(axis=1)
    last = np.minimum(last, g.shape[1] - 1)
    price[short] = size[np.arange(len(short)), order[np.arange(len(short)), last]]
    return price


def _price_l2(g: Array, floor: Array, roof: Array, radius: float) -> Array:
    """(R,): the price at which the least point of g x + price / 2 |x - c|^2 leaves the ball.

    Newton steps on the clipped way's length, kept within a bracket, some of which halve it.
    """
    most = radius * radius
    end = np.where(g > 0.0, roof, np.where(g < 0.0, floor, np.clip(0.0, floor, roof)))
    out = np.flatnonzero(np.einsum("rn,rn->r", end, end) > most)
    price = np.zeros(len(g))
    g = g[out]
    floor = floor if len(floor) == 1 else floor[out]
    roof = roof if len(roof) == 1 else roof[out]
    scale = radius / np.sqrt(np.einsum("rn,rn->r", g, g))
    low, high = np.zeros(len(g)), np.full(len(g), np.inf)
    for step in range(STEPS):
        way = scale[:, None] * g
        inner = (floor < way) & (way < roof)
        way = np.clip(way, floor, roof)
        length = np.einsum("rn,rn->r", way, way)
        free = np.where(inner, g, 0.0)
        rest = np.where(inner, 0.0, way)
        low = np.where(length <= most, scale, low)
        high = np.where(length > most, scale, high)
        moved = most - np.einsum("rn,rn->r", rest, rest)
        moved = np.sqrt(moved / np.einsum("rn,rn->r", free, free))
        settled = (np.abs(moved - scale) <= 1e-10 * scale) | (high - low <= 1e-10 * low)
        if np.all(settled):
            break
        good = (moved > low) & (moved < high) & (step % 4 < 3)
        half = np.where(high < np.inf, 0.5 * (low + high), 2.0 * scale)
        scale = np.where(settled, scale, np.where(good, moved, half))
    price[out] = np.where(scale > 0.0, np.minimum(1.0 / scale, COSTLIEST), COSTLIEST)
    return price


def _largest(s: Array) -> Array:
    return np.asarray(np.abs(s).max(axis=1, initial=0.0))


def _root(s: Array) -> Array:
    square = np.einsum("rn,rn->r", s, s)
    return np.asarray(np.sqrt(square) * (1.0 + growth(s.shape[1])) + 1e-140)


DUALS: dict[str, Callable[[Array], Array]] = {"l1": _largest, "l2": _root}
"""No less than the dual norm of each row (R, n)."""
LENGTHS: dict[str, Callable[[Array, float], tuple[Array, float]]] = {
    "l1": lambda away, radius: (away.sum(axis=1), radius),
    "l2": lambda away, radius: (np.einsum("rn,rn->r", away, away), radius * radius * UP),
}
"""The norm of rows (R, n) without a negative element, or its square, and the radius likewise."""
PRICES: dict[str, Callable[[Array, Array, Array, float], Array]] = {
    "l1": _price_l1, "l2": _price_l2,
}  # fmt: skip
ENDS: dict[str, Callable[[Array, Array], tuple[Array, Array]]] = {
    "l1": lambda floor, roof: (np.where(floor > 0.0, 1.0, -1.0), np.where(roof < 0.0, -1.0, 1.0)),
    "l2": lambda floor, roof: (floor, roof),
}
"""Between which multiples of its price the best s lies."""
