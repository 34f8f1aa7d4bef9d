"""Linear maps y = A x on flat rows: forward, |A| forward, and adjoint; of any number type."""

from __future__ import annotations

import math

import numpy as np

from .arithmetic import Array


class Operator:
    """A linear map, batched: rows (R, inputs) to (R, outputs) and back; here the identity.

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
        return rows

    def adjoint(self, rows: Array) -> Array:
        """rows @ A."""
        return rows

    def source(self, index: Array) -> tuple[Array, Array | None] | None:
        """Where each output `index` is one input times a factor: that input, and the factor.

        None where outputs are sums. What is 0 has no input; its index is that past the last.
        """
        return index, None


class Dense(Operator):
    """A matrix, weight (outputs, inputs)."""

    def __init__(self, weight: Array, slack: int = 0) -> None:
        self.weight, self.slack = np.ascontiguousarray(weight), slack
        there = weight != 0.0
        self.terms = int(there.sum(axis=1).max()), int(there.sum(axis=0).max())

    def forward(self, rows: Array, weight: Array | None) -> Array:
        assert weight is not None
        return rows @ weight.T

    def adjoint(self, rows: Array) -> Array:
        assert self.weight is not None
        return rows @ self.weight

    def source(self, index: Array) -> None:
        return None

    def pick(self, index: Array) -> Array:
        """Rows `index` of A, (len(index), inputs)."""
        assert self.weight is not None
        return self.weight[index]


class Scale(Operator):
    """One factor for each element, weight (inputs,)."""

    def __init__(self, weight: Array, slack: int = 0) -> None:
        self.weight, self.slack = weight, slack

    def forward(self, rows: Array, weight: Array | None) -> Array:
        assert weight is not None
        return rows * weight

    def adjoint(self, rows: Array) -> Array:
        assert self.weight is not None
        return rows * self.weight

    def source(self, index: Array) -> tuple[Array, Array]:
        assert self.weight is not None
        return index, np.append(self.weight, 0)[index]


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


class Convolution(Operator):
    """Weight (O, C / groups, kh, kw) on inputs (C, H, W); pads are top, left, bottom, right."""

    def __init__(
        self,
        weight: Array,
        shape: tuple[int, int, int],
        strides: tuple[int, int] = (1, 1),
        pads: tuple[int, int, int, int] = (0, 0, 0, 0),
        dilations: tuple[int, int] = (1, 1),
        groups: int = 1,
    ) -> None:
        self.weight, self.shape, self.strides = weight, shape, strides
        self.pads, self.dilations, self.groups = pads, dilations, groups
        kernel = weight.shape[2:]
        self.padded = (shape[1] + pads[0] + pads[2], shape[2] + pads[1] + pads[3])
        reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
        height, width = (
            (side - r) // s + 1 for side, r, s in zip(self.padded, reach, strides, strict=True)
        )
        self.out = (weight.shape[0], height, width)
        self.terms = math.prod(kernel) * weight.shape[1], math.prod(kernel) * weight.shape[0]
        self.patches: dict[tuple[int, int], Array] = {}

    def source(self, index: Array) -> None:
        return None

    def larger(self, side: tuple[int, int]) -> tuple[int, int]:
        """The side of the patch of inputs that a patch of outputs meets."""
        assert self.weight is not None
        steps, kernel, spread = self.strides, self.weight.shape[2:], self.dilations
        return (
            (side[0] - 1) * steps[0] + (kernel[0] - 1) * spread[0] + 1,
            (side[1] - 1) * steps[1] + (kernel[1] - 1) * spread[1] + 1,
        )

    def small(self, side: tuple[int, int]) -> bool:
        """Whether the matrix of a patch may be kept."""
        size = math.prod(side) * self.out[0] * math.prod(self.larger(side)) * self.shape[0]
        return bool(size <= 2**22)

    def patch(self, side: tuple[int, int]) -> tuple[Array, tuple[int, int]]:
        """What the adjoint makes of a patch of the output: a matrix, and the larger patch's side.

        It is the same wherever the patch lies, as if the input had no borders.
        """
        larger = self.larger(side)
        if side not in self.patches:
            assert self.weight is not None
            shape, none = (self.shape[0], *larger), (0, 0, 0, 0)
            alone = Convolution(self.weight, shape, self.strides, none, self.dilations, self.groups)
            self.patches[side] = alone.adjoint(np.eye(math.prod(alone.out)))
        return self.patches[side], larger

    def window(self, i: int, j: int) -> tuple[slice, slice]:
        """The elements of the padded input that meet element i, j of the kernel."""
        (down, right), (dy, dx), (_, height, width) = self.strides, self.dilations, self.out
        top, left = i * dy, j * dx
        return (
            slice(top, top + (height - 1) * down + 1, down),
            slice(left, left + (width - 1) * right + 1, right),
        )

    def forward(self, rows: Array, weight: Array | None) -> Array:
        assert weight is not None
        channels, height, width = self.shape
        top, left = self.pads[:2]
        image = np.zeros((len(rows), channels, *self.padded), rows.dtype)
        image[:, :, top : top + height, left : left + width] = rows.reshape(-1, *self.shape)
        _, _, kh, kw = weight.shape
        offsets = [(i, j) for i in range(kh) for j in range(kw)]
        patches = np.stack([image[:, :, *self.window(i, j)] for i, j in offsets], axis=2)
        parts = []
        for group in range(self.groups):  # patches (R, C, kh kw, H, W)
            size, outs = channels // self.groups, self.out[0] // self.groups
            chosen = patches[:, group * size : (group + 1) * size]
            matrix = weight[group * outs : (group + 1) * outs].reshape(outs, -1)
            parts.append(matrix @ chosen.reshape(len(rows), matrix.shape[1], -1))
        return np.concatenate(parts, axis=1).reshape(len(rows), -1)

    def adjoint(self, rows: Array) -> Array:
        assert self.weight is not None
        count, (outs, height, width) = len(rows), self.out
        _, size, kh, kw = self.weight.shape
        image = np.zeros((count, *self.padded, self.shape[0]), rows.dtype)
        last = rows.reshape(count, outs, height, width).transpose(0, 2, 3, 1)
        for group in range(self.groups):
            part = slice(group * outs // self.groups, (group + 1) * outs // self.groups)
            matrix = self.weight[part].transpose(0, 2, 3, 1).reshape(part.stop - part.start, -1)
            values = last[..., part].reshape(-1, matrix.shape[0]) @ matrix
            values = values.reshape(count, height, width, kh, kw, size)
            channels = slice(group * size, (group + 1) * size)
            for i in range(kh):
                for j in range(kw):
                    image[:, *self.window(i, j), channels] += values[:, :, :, i, j]
        top, left = self.pads[:2]
        inner = image[:, top : top + self.shape[1], left : left + self.shape[2]]
        return np.ascontiguousarray(inner.transpose(0, 3, 1, 2)).reshape(count, -1)
