"""Linear maps that sum: over groups, with a matrix along an axis, and adjoints of other maps."""

from __future__ import annotations

import copy

import numpy as np

from ..arithmetic import Array
from ..operators import Operator


class Sums(Operator):
    """y_i = the sum of x[index_i], index (outputs, n); no input stands in two sums."""

    def __init__(self, index: Array, inputs: int) -> None:
        self.index, self.inputs = index, inputs
        self.terms = index.shape[1], 1

    def forward(self, rows: Array, weight: Array | None) -> Array:
        return np.asarray(rows[:, self.index].sum(axis=2))

    def adjoint(self, rows: Array) -> Array:
        out = np.zeros((len(rows), self.inputs), rows.dtype)
        out[:, self.index] = rows[:, :, None]
        return out

    def source(self, index: Array) -> None:
        return None


class Along(Operator):
    """A matrix, weight (O, I), along the middle axis of inputs (before, I, after)."""

    def __init__(self, weight: Array, before: int, after: int, slack: int = 0) -> None:
        self.weight, self.slack = np.ascontiguousarray(weight), slack
        self.before, self.after = before, after
        there = weight != 0.0
        self.terms = int(there.sum(axis=1).max()), int(there.sum(axis=0).max())

    def _apply(self, matrix: Array, rows: Array) -> Array:
        count = len(rows)
        parts = rows.reshape(count * self.before, matrix.shape[1], self.after)
        return np.asarray(matrix @ parts).reshape(count, -1)

    def forward(self, rows: Array, weight: Array | None) -> Array:
        assert weight is not None
        return self._apply(weight, rows)

    def adjoint(self, rows: Array) -> Array:
        assert self.weight is not None
        return self._apply(self.weight.T, rows)

    def source(self, index: Array) -> None:
        return None


class Transposed(Operator):
    """The adjoint of another map, which holds the weight."""

    def __init__(self, inner: Operator) -> None:
        self.inner, self.weight = inner, inner.weight
        self.terms = inner.terms[1], inner.terms[0]

    def forward(self, rows: Array, weight: Array | None) -> Array:
        inner = copy.copy(self.inner)
        inner.weight = weight
        return inner.adjoint(rows)

    def adjoint(self, rows: Array) -> Array:
        return self.inner.forward(rows, self.weight)

    def source(self, index: Array) -> None:
        return None
