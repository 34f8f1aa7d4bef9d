"""Rows of coefficients on the elements of one tensor: all of them, or only where they stand.

A unit of a convolution meets a patch of its input, one of a pool a few elements; so rows stay small
for as long as they can.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..arithmetic import Array
from ..convolution import Convolution
from ..operators import Operator, Scale

Shape = tuple[int, ...]
MOST_MERGED = 512  # coefficients a row


@dataclass(slots=True)
class Rows:
    """Coefficients: values (R, size), or (R, n) on elements that index (R, n) tells.

    An element stands at most once in a row; an index that is the tensor's size is none, and has the
    coefficient 0. Where values has k times as many rows as index, the elements repeat.

    A patch: n = C * height * width elements of a tensor seen as `shape` (C, H, W), all channels of
    side (height, width), from line origin[r, 0] and column origin[r, 1] on.

    power: the coefficients are values / 2**power, whose values are Python integers.
    """

    values: Array
    index: Array | None = None
    origin: Array | None = None
    side: tuple[int, int] = (1, 1)
    shape: Shape = ()
    power: int = 0

    def holding(self, values: Array, power: int = 0) -> Rows:
        """Other values at the same places."""
        return replace(self, values=values, power=power)

    def take(self, vector: Array) -> Array:
        """The vector's elements where the coefficients stand; see `spread`."""
        return vector if self.index is None else np.append(vector, 0).take(self.index)

    def spread(self, values: Array) -> Array:
        """Values in a shape that broadcasts with what `take` returns."""
        return values if self.index is None else values.reshape(-1, *self.index.shape)

    def dot(self, vector: Array, values: Array | None = None) -> Array:
        """(R,) sums of values times the vector; of these values, where others are given."""
        values = self.values if values is None else values
        if self.index is None:
            return np.asarray(values @ vector)
        if values.dtype == object:
            return np.asarray((self.spread(values) * self.take(vector)).sum(axis=-1)).reshape(-1)
        found = np.einsum("krn,rn->kr", self.spread(values), self.take(vector))
        return np.asarray(found).reshape(-1)

    def dense(self, size: int) -> Array:
        """(R, size)."""
        if self.index is None:
            return self.values
        out = np.zeros((len(self.values), size + 1), self.values.dtype)
        index = np.tile(self.index, (len(self.values) // len(self.index), 1))
        np.put_along_axis(out, index, self.values, axis=1)
        return out[:, :size]


def patch(values: Array, shape: Shape, origin: Array, side: tuple[int, int]) -> Rows:
    """Rows on a patch; dense where the tensor is not much larger."""
    channels, height, width = shape
    lines = origin[:, :1] + np.arange(side[0])
    columns = origin[:, 1:] + np.arange(side[1])
    inside = ((lines >= 0) & (lines < height))[:, :, None]
    inside = inside & ((columns >= 0) & (columns < width))[:, None, :]
    flat = lines[:, :, None] * width + columns[:, None, :]
    flat = flat[:, None] + (np.arange(channels) * height * width)[:, None, None]
    index = np.where(inside[:, None], flat, channels * height * width).reshape(len(origin), -1)
    rows = Rows(values, index, origin, side, shape)
    rows.values = (rows.spread(values) * (index < channels * height * width)).reshape(values.shape)
    large = 2 * side[0] * side[1] > height * width
    return Rows(rows.dense(channels * height * width)) if large else rows


def _patched(rows: Rows, shape: Shape) -> Rows:
    """Rows on elements of a tensor (C, H, W) as rows on the smallest patch that holds them."""
    assert rows.index is not None
    channels, height, width = shape
    size = channels * height * width
    there = rows.index < size
    channel, place = np.divmod(np.where(there, rows.index, 0), height * width)
    line, column = np.divmod(place, width)
    ends = []
    for along in (line, column):
        first = np.where(there, along, height + width).min(axis=1)
        first = np.where(there.any(axis=1), first, 0)
        last = np.where(there, along, 0).max(axis=1)
        ends.append((first, int((last - first).max()) + 1))
    (top, down), (left, across) = ends
    if 2 * down * across > height * width:
        return Rows(rows.dense(size))
    flat = (channel * down + line - top[:, None]) * across + column - left[:, None]
    count = channels * down * across
    found = Rows(rows.values, np.where(there, flat, count)).dense(count)
    return patch(found, shape, np.stack([top, left], axis=1), (down, across))


def fitting(operator: Operator, rows: Rows, size: int, alone: bool) -> Rows:
    """The rows, on a tensor of `size`, in a form in which `step` takes them.

    alone: whether the tensor has this operator only.
    """
    if rows.index is None or operator.source(rows.index[:0]) is not None:
        return rows
    if isinstance(operator, Convolution) and alone:
        near = rows if rows.shape == operator.out else _patched(rows, operator.out)
        if near.index is None or operator.small(near.side):
            return replace(near, power=rows.power)
    return Rows(rows.dense(size), power=rows.power)


def step(operator: Operator, rows: Rows, size: int) -> Rows:
    """rows @ A, on a tensor of `size`."""
    if isinstance(operator, Scale) and operator.weight is None:
        return rows
    if rows.index is None:
        return Rows(operator.adjoint(rows.values))
    source = operator.source(rows.index)
    if source is not None:
        index, factor = source
        values = rows.spread(rows.values)
        values = np.where(index < size, values if factor is None else values * factor, 0)
        values = values.reshape(rows.values.shape)
        if index is rows.index:
            return rows.holding(values)
        found = Rows(values, index)
        return found if operator.terms[1] == 1 else _merged(found, size)
    assert isinstance(operator, Convolution) and rows.origin is not None
    matrix, side = operator.patch(rows.side)
    origin = rows.origin * operator.strides - np.asarray(operator.pads[:2])
    return patch(rows.values @ matrix, operator.shape, origin, side)


def joined(left: Rows, right: Rows, size: int) -> Rows:
    """The sum of rows on a tensor of `size`."""
    power = max(left.power, right.power)
    if power:
        left, right = (r.holding(r.values * 2 ** (power - r.power)) for r in (left, right))
        return replace(joined(left, right, size), power=power)
    if left.index is not None and right.index is not None:
        count = left.index.shape[1] + right.index.shape[1]
        if left.origin is None and right.origin is None and 4 * count <= size:
            values = [left.spread(left.values), right.spread(right.values)]
            both = np.concatenate(values, axis=2).reshape(len(left.values), count)
            return _merged(Rows(both, np.concatenate([left.index, right.index], axis=1)), size)
    return Rows(left.dense(size) + right.dense(size))


def _merged(rows: Rows, size: int) -> Rows:
    """The same with coefficients of one element added up."""
    assert rows.index is not None
    count = rows.index.shape[1]
    order = np.argsort(rows.index, axis=1, kind="stable")
    index = np.take_along_axis(rows.index, order, axis=1)
    values = np.take_along_axis(rows.spread(rows.values), order[None], axis=2)
    if count > MOST_MERGED:
        wide = np.zeros((len(values), len(index), size + 1), values.dtype)
        for k in range(count):
            wide[:, np.arange(len(index)), index[:, k]] += values[:, :, k]
        return Rows(wide[:, :, :size].reshape(-1, size))
    for k in range(1, count):
        again = np.flatnonzero(index[:, k] == index[:, k - 1])
        values[:, again, k] += values[:, again, k - 1]
        values[:, again, k - 1] = 0
        index[again, k - 1] = size
    used: Array = np.asarray((index < size).any(axis=0))
    used[-1] = True  # a row without columns has no shape
    index = np.ascontiguousarray(index[:, used])
    return Rows(np.ascontiguousarray(values[:, :, used]).reshape(len(rows.values), -1), index)


def add(rows: dict[int, Rows], number: int, part: Rows, size: int) -> None:
    """Adds rows on tensor `number`, of `size`, to those that are there."""
    rows[number] = joined(rows[number], part, size) if number in rows else part
