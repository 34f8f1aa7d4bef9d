"""Convolutions as linear maps, and as matrices of the patches that few outputs meet."""

from __future__ import annotations

import math

import numpy as np

from .arithmetic import Array
from .operators import Operator

MOST_CELLS = 2**22  # of a patch's matrix


class Convolution(Operator):
    """Weight (O, C / groups, kh, kw) on inputs (C, H, W); pads are top, left, bottom, right."""

    weight: Array

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
        self.kernel: tuple[int, int] = weight.shape[2:]
        self.padded = (shape[1] + pads[0] + pads[2], shape[2] + pads[1] + pads[3])
        reach = self.larger((1, 1))
        ends = zip(self.padded, reach, strides, strict=True)
        height, width = ((side - end) // step + 1 for side, end, step in ends)
        self.out = (len(weight), height, width)
        self.terms = math.prod(weight.shape[1:]), math.prod(self.kernel) * len(weight)
        self.patches: dict[tuple[int, int], Array] = {}

    def larger(self, side: tuple[int, int]) -> tuple[int, int]:
        """The side of the patch of inputs that a patch of outputs meets."""
        parts = zip(side, self.strides, self.kernel, self.dilations, strict=True)
        down, right = ((n - 1) * step + (k - 1) * spread + 1 for n, step, k, spread in parts)
        return down, right

    def small(self, side: tuple[int, int]) -> bool:
        """Whether the matrix of a patch may be kept."""
        cells = math.prod(side) * self.out[0] * math.prod(self.larger(side)) * self.shape[0]
        return bool(cells <= MOST_CELLS)

    def patch(self, side: tuple[int, int]) -> tuple[Array, tuple[int, int]]:
        """What the adjoint makes of a patch of the output: a matrix, and the larger patch's side.

        It is the same wherever the patch lies, as if the input had no borders.
        """
        larger = self.larger(side)
        if side not in self.patches:
            shape, none = (self.shape[0], *larger), (0, 0, 0, 0)
            alone = Convolution(self.weight, shape, self.strides, none, self.dilations, self.groups)
            self.patches[side] = alone.adjoint(np.eye(math.prod(alone.out)))
        return self.patches[side], larger

    def windows(self) -> list[tuple[slice, slice]]:
        """The elements of the padded input that meet each element of the kernel, row-major."""
        sizes = zip(self.kernel, self.strides, self.dilations, self.out[1:], strict=True)
        down, right = (
            [slice(k * spread, k * spread + (count - 1) * step + 1, step) for k in range(width)]
            for width, step, spread, count in sizes
        )
        return [(line, column) for line in down for column in right]

    def forward(self, rows: Array, weight: Array | None) -> Array:
        assert weight is not None
        channels, height, width = self.shape
        top, left = self.pads[:2]
        image = np.zeros((len(rows), channels, *self.padded), rows.dtype)
        image[:, :, top : top + height, left : left + width] = rows.reshape(-1, *self.shape)
        patches = np.stack([image[:, :, *window] for window in self.windows()], axis=2)
        patches = patches.reshape(len(rows), self.groups, -1, math.prod(self.out[1:]))
        matrices = weight.reshape(self.groups, len(weight) // self.groups, -1)
        return np.asarray(matrices @ patches).reshape(len(rows), -1)

    def adjoint(self, rows: Array) -> Array:
        count, (outs, height, width), size = len(rows), self.out, self.weight.shape[1]
        image = np.zeros((count, *self.padded, self.shape[0]), rows.dtype)
        last = rows.reshape(count, outs, height, width).transpose(0, 2, 3, 1)
        each = outs // self.groups
        for group in range(self.groups):
            part = slice(group * each, (group + 1) * each)
            matrix = self.weight[part].transpose(0, 2, 3, 1).reshape(each, -1)
            values = (last[..., part].reshape(-1, each) @ matrix).reshape(*last.shape[:3], -1, size)
            channels = slice(group * size, (group + 1) * size)
            for k, window in enumerate(self.windows()):
                image[:, *window, channels] += values[:, :, :, k]
        top, left = self.pads[:2]
        inner = image[:, top : top + self.shape[1], left : left + self.shape[2]]
        return np.ascontiguousarray(inner.transpose(0, 3, 1, 2)).reshape(count, -1)
