"""Linear maps y = A x on flat rows: forward, |A| forward, and adjoint; of any number type."""

from __future__ import annotations

import copy

import numpy as np

from .arithmetic import Array


class Operator:
    """A linear map, batched: rows (R, inputs) to (R, outputs) and back.

    `terms`: the most products in a sum, forward and back; products with a weight 0 do not count.
    `slack`: by how many units 2**-53 a stored weight may differ from the true one, relatively.
    `weight` is None where all are 1.
    """

    weight: Array | None = None
    terms = (1, 1)
    slack = 0
    twin: tuple[Operator, int] | None = None  # with whole weights, for exact arithmetic

    def forward(self, rows: Array, weight: Array | None) -> Array:
        """rows @ A.T, where A holds `weight`, which is `self.weight` or its absolute values."""
        raise NotImplementedError

    def adjoint(self, rows: Array) -> Array:
        """rows @ A."""
        raise NotImplementedError

    def source(self, index: Array) -> tuple[Array, Array | None] | None:
        """Where each output `index` is one input times a factor: that input, and the factor.

        None where outputs are sums. What is 0 has no input; its index is that past the last.
        """
        return None


class Scale(Operator):
    """One factor for each element, weight (inputs,); without them the identity."""

    def __init__(self, weight: Array | None = None, slack: int = 0) -> None:
        self.weight, self.slack = weight, slack

    def forward(self, rows: Array, weight: Array | None) -> Array:
        return rows if weight is None else rows * weight

    def adjoint(self, rows: Array) -> Array:
        return self.forward(rows, self.weight)

    def source(self, index: Array) -> tuple[Array, Array | None]:
        return index, None if self.weight is None else np.append(self.weight, 0)[index]


class Select(Operator):
    """y_i = x[index_i], times a weight (outputs,) or (1,); 0 where the index is -1."""

    def __init__(self, index: Array, inputs: int, weight: Array | None = None) -> None:
        self.there = np.flatnonzero(index >= 0)
        self.source_of, self.inputs, self.outputs = index[self.there], inputs, len(index)
        self.weight = weight
        counts = np.bincount(self.source_of, minlength=1)
        self.terms = 1, int(counts.max(initial=1))

    def forward(self, rows: Array, weight: Array | None) -> Array:
        out = np.zeros((len(rows), self.outputs), rows.dtype)
        out[:, self.there] = rows[:, self.source_of]
        return out if weight is None else out * weight

    def adjoint(self, rows: Array) -> Array:
        out = np.zeros((len(rows), self.inputs), rows.dtype)
        if self.weight is not None:
            rows = rows * self.weight
        if self.terms[1] > 1:
            np.add.at(out.T, self.source_of, rows[:, self.there].T)
        else:
            out[:, self.source_of] = rows[:, self.there]
        return out

    def source(self, index: Array) -> tuple[Array, Array | None]:
        table = np.full(self.outputs + 1, self.inputs)
        table[self.there] = self.source_of
        if self.weight is None:
            return table[index], None
        return table[index], np.append(np.broadcast_to(self.weight, self.outputs), 0)[index]


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


class Dense(Operator):
    """A matrix, weight (O, I), along the middle axis of inputs (before, I, after)."""

    weight: Array

    def __init__(self, weight: Array, before: int = 1, after: int = 1, slack: int = 0) -> None:
        self.weight, self.slack = np.ascontiguousarray(weight), slack
        self.before, self.after = before, after
        there = weight != 0.0
        self.terms = int(there.sum(axis=1).max()), int(there.sum(axis=0).max())

    def forward(self, rows: Array, weight: Array | None) -> Array:
        assert weight is not None
        if self.before * self.after == 1:
            return rows @ weight.T
        parts = rows.reshape(len(rows) * self.before, weight.shape[1], self.after)
        return np.asarray(weight @ parts).reshape(len(rows), -1)

    def adjoint(self, rows: Array) -> Array:
        return self.forward(rows, self.weight.T)


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
