"""Layers on the linear region of a point: each disjunction replaced by the disjunct that holds.

A bent layer becomes y_k = factor_k * x_{index_k} + constant_k, and its choice stays the same as
long as its conditions hold: sign_i * x_{left_i} - x_{right_i} + level_i >= 0.  Bastani et al.
2016, section 4.  At a kink the disjunct z >= 0 counts, a limit counts as between the limits, and
of equal arguments of a maximum the first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from ..base.arrays import Indices, Mask, Matrix, Vector
from ..base.errors import LanguageError
from .layers import Absolute, Clip, Layer, Leaky, Maximum, MaxPool, Rectifier, Sign


@dataclass(frozen=True, eq=False)
class Fixed:
    """A bent layer on a linear region, see the module; x are its sources one after the other.

    size: of x.  index (N,): None is the identity.  constant (N,) and level (C,): None is 0.
    right (C,): -1 or None where there is no second element.
    """

    size: int
    index: Indices | None
    factor: Vector
    constant: Vector | None
    left: Indices
    sign: Vector
    right: Indices | None = None
    level: Vector | None = None

    @property
    def conditions(self) -> int:
        return len(self.left)

    def value(self, x: Matrix) -> Matrix:
        """y of each row, (B, size) to (B, N)."""
        y: Matrix = (x if self.index is None else x[:, self.index]) * self.factor
        return y if self.constant is None else y + self.constant

    def reach(self, x: Vector) -> Vector:
        """What bounds |y - constant| where x bounds |x|, (N,)."""
        y: Vector = (x if self.index is None else x[self.index]) * np.abs(self.factor)
        return y

    def slack(self, x: Vector) -> Vector:
        """The left sides of the conditions, (C,): all at least 0 on the region."""
        found: Vector = self.sign * x[self.left]
        if self.right is not None:
            found = found - np.where(self.right >= 0, x[self.right], 0.0)
        return found if self.level is None else found + self.level

    def spread(self, x: Vector) -> Vector:
        """What bounds the conditions' coefficients where x bounds those of |x|, (C,)."""
        found: Vector = x[self.left]
        if self.right is not None:
            found = found + np.where(self.right >= 0, x[self.right], 0.0)
        return found

    def rows(self, chosen: Indices) -> sparse.csr_array:
        """Conditions as rows over x, (len(chosen), size)."""
        count = len(chosen)
        index, values = self.left[chosen], self.sign[chosen]
        place = np.arange(count)
        if self.right is not None:
            other = self.right[chosen]
            paired = other >= 0
            place = np.concatenate([place, place[paired]])
            index = np.concatenate([index, other[paired]])
            values = np.concatenate([values, np.full(int(paired.sum()), -1.0)])
        return sparse.csr_array((values, (place, index)), shape=(count, self.size))

    def pulled(self, rows: Matrix | sparse.csr_array) -> Matrix | sparse.csr_array:
        """Rows over y as rows over x, without the constants; (Q, N) to (Q, size)."""
        if not isinstance(rows, np.ndarray):
            index = rows.indices if self.index is None else self.index[rows.indices]
            values = rows.data * self.factor[rows.indices]
            used = values != 0.0
            starts = np.concatenate([[0], np.cumsum(used)])[rows.indptr]
            found = sparse.csr_array(
                (values[used], index[used], starts), shape=(rows.shape[0], self.size)
            )
            if not self._apart:
                found.sum_duplicates()
            return found
        scaled: Matrix = rows * self.factor
        if self.index is None:
            return scaled
        out = np.zeros((len(scaled), self.size))
        if self._apart:
            out[:, self.index] = scaled
        else:
            np.add.at(out.T, self.index, scaled.T)
        return out

    @cached_property
    def _apart(self) -> bool:
        """Whether no two elements of y read the same element of x."""
        if self.index is None:
            return True
        return int(np.bincount(self.index, minlength=1).max(initial=0)) <= 1


def _signed(positive: Mask, low: Vector) -> Fixed:
    """y = z where positive, low * z elsewhere; the sign of z is kept."""
    size = len(positive)
    sign = np.where(positive, 1.0, -1.0)
    return Fixed(size, None, np.where(positive, 1.0, low), None, np.arange(size), sign)


def _rectifier(layer: Rectifier, x: Vector, idle: Mask) -> Fixed:
    return _signed(x >= 0.0, np.zeros(len(x)))


def _leaky(layer: Leaky, x: Vector, idle: Mask) -> Fixed:
    return _signed(x >= 0.0, layer.slope)


def _absolute(layer: Absolute, x: Vector, idle: Mask) -> Fixed:
    return _signed(x >= 0.0, np.full(len(x), -1.0))


def _clip(layer: Clip, x: Vector, idle: Mask) -> Fixed:
    below, above = x < layer.lower, x > layer.upper
    between = ~below & ~above
    parts = (
        (below, -1.0, layer.lower),
        (above, 1.0, -layer.upper),
        (between & np.isfinite(layer.lower), 1.0, -layer.lower),
        (between & np.isfinite(layer.upper), -1.0, layer.upper),
    )
    left = [np.flatnonzero(mask) for mask, _, _ in parts]
    sign = [np.full(len(k), side) for k, (_, side, _) in zip(left, parts, strict=True)]
    level = [limit[k] for k, (_, _, limit) in zip(left, parts, strict=True)]
    constant = np.where(below, layer.lower, np.where(above, layer.upper, 0.0))
    return Fixed(
        len(x), None, between.astype(np.float64), constant, np.concatenate(left),
        np.concatenate(sign), None, np.concatenate(level),
    )  # fmt: skip


def _winners(index: Indices, losers: Indices, wins: Indices, size: int) -> Fixed:
    """index: each output's element; losers: what must not exceed the elements `wins`."""
    ones = np.ones(len(index))
    return Fixed(size, index, ones, None, wins, np.ones(len(wins)), losers)


def _maximum(layer: Maximum, x: Vector, idle: Mask) -> Fixed:
    slots = x.reshape(layer.inputs, -1)
    every = np.arange(len(x)).reshape(slots.shape)
    index = every[np.argmax(slots, axis=0), np.arange(slots.shape[1])]
    other = every != index
    return _winners(index, every[other], np.broadcast_to(index, every.shape)[other], len(x))


def _max_pool(layer: MaxPool, x: Vector, idle: Mask) -> Fixed:
    filled = layer.windows.filled
    place = np.argmax(x[filled], axis=1)
    index = filled[np.arange(len(filled)), place]
    # a unit that is constantly 0 loses against units that are at least 0 anyway
    other = (layer.windows.index >= 0) & (filled != index[:, None]) & ~idle[filled]
    wins = np.broadcast_to(index[:, None], other.shape)[other]
    return _winners(index, filled[other], wins, len(x))


def _sign(layer: Sign, x: Vector, idle: Mask) -> Fixed:
    raise LanguageError("a layer that jumps, such as Sign, has no linear region with its borders")


_FIXES: dict[type, Callable[[Any, Vector, Mask], Fixed]] = {
    Rectifier: _rectifier,
    Leaky: _leaky,
    Absolute: _absolute,
    Clip: _clip,
    Maximum: _maximum,
    MaxPool: _max_pool,
    Sign: _sign,
}


def fix(layer: Layer, x: Vector, idle: Mask) -> Fixed | None:
    """The layer on the linear region of its sources' values x (size,); None if it is affine.

    idle (size,): elements of x that are the 0 of an inactive ReLU, all others of which are at least
    0 as well; all False where a source is no ReLU.
    """
    made = _FIXES.get(type(layer))
    return None if made is None else made(layer, x, idle)
