"""Where the windows of convolutions and pools lie along the axes of one image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..arithmetic import Array
from ..convolution import Convolution
from .node import Node

FARTHEST = 2**20  # beyond it an index might overflow
PADDINGS = (b"NOTSET", b"VALID", b"SAME_UPPER", b"SAME_LOWER")


@dataclass(frozen=True, slots=True)
class Axis:
    """Windows of `kernel` elements on an axis of `size`; before, after: its padding.

    more: whether a last window that the end cuts off counts, if it does not begin behind the input.
    """

    size: int
    kernel: int
    stride: int = 1
    before: int = 0
    after: int = 0
    dilation: int = 1
    more: bool = False

    @property
    def room(self) -> int:
        """How far the first window can move."""
        return self.size + self.before + self.after - (self.kernel - 1) * self.dilation - 1

    @property
    def cut(self) -> bool:
        """Whether there is a last window that the end cuts off."""
        start = (self.room // self.stride + 1) * self.stride
        return self.room % self.stride > 0 and start < self.size + self.before

    @property
    def count(self) -> int:
        return self.room // self.stride + 1 + (self.more and self.cut)

    def places(self) -> Array:
        """The elements of each window, (count, kernel), -1 on the padding."""
        first = np.arange(self.count)[:, None] * self.stride - self.before
        place = first + np.arange(self.kernel) * self.dilation
        return np.where((place >= 0) & (place < self.size), place, -1)


@dataclass(frozen=True, slots=True)
class Spacing:
    """The attributes of a window, one of each for every axis; pads: before the axes, then after."""

    strides: list[int]
    dilations: list[int]
    pads: list[int]
    mode: bytes

    @staticmethod
    def of(node: Node, kernel: Sequence[int]) -> Spacing:
        rank, given = len(kernel), node.given
        strides, dilations = (given.get(name, [1] * rank) for name in ("strides", "dilations"))
        pads = given.get("pads", [0] * (2 * rank))
        fits = len(strides) == len(dilations) == rank and len(pads) == 2 * rank
        node.require(rank > 0 and fits, "the axes")
        sizes = [*kernel, *strides, *dilations]
        fits = min(sizes) > 0 <= min(pads) and max(*sizes, *pads) <= FARTHEST
        node.require(fits, "the windows")
        mode = given.get("auto_pad", PADDINGS[0])
        node.require(mode in PADDINGS, "auto_pad")
        node.require(mode == PADDINGS[0] or not any(pads), "auto_pad and pads")
        return Spacing(strides, dilations, pads, mode)

    @property
    def same(self) -> bool:
        return self.mode in PADDINGS[2:]

    def halves(self, total: int) -> tuple[int, int]:
        """The padding before and after; of an odd one SAME_UPPER has more after, others before."""
        less = total // 2
        return (less, total - less) if self.mode == PADDINGS[2] else (total - less, less)


def image(node: Node) -> tuple[int, tuple[int, ...]]:
    """Channels and spatial sizes of the input, one image."""
    shape = node.value(0).shape
    node.require(len(shape) > 2 and shape[0] == 1, f"the shape {shape}")
    return shape[1], shape[2:]


def axes_of(
    node: Node, sizes: Sequence[int], kernel: Sequence[int], pool: bool = False
) -> list[Axis]:
    """The windows along every axis.

    SAME: as many windows as strides begin on the axis; for pools, onnxruntime's rule leaves the
    dilation out.
    """
    node.require(len(kernel) == len(sizes), "the axes")
    space, found = Spacing.of(node, kernel), []
    more = pool and node.flag("ceil_mode")
    for k, (size, width) in enumerate(zip(sizes, kernel, strict=True)):
        stride, spread = space.strides[k], space.dilations[k]
        before, after = space.pads[k], space.pads[k + len(sizes)]
        if space.same:
            reach = (width - 1) * (1 if pool else spread) + 1
            total = ((size - 1) // stride) * stride + reach - size
            node.require(total >= 0 or not pool, "auto_pad, whose windows lie apart,")
            before, after = space.halves(max(total, 0))
        found.append(Axis(size, width, stride, before, after, spread, more))
        node.require(found[-1].room >= 0, "no window")
    return found


def convolution(
    node: Node, weight: Array, channels: int, axes: Sequence[Axis], groups: int
) -> Convolution:
    """weight (O, channels / groups, *kernel); where there is one axis, it is the width."""
    node.require(len(axes) <= 2, f"{len(axes)} axes")
    fits = groups > 0 and weight.shape[1] * groups == channels and len(weight) % groups == 0
    node.require(fits and weight.size, "the groups")
    high, wide = axes if len(axes) == 2 else (Axis(1, 1), axes[0])
    operator = Convolution(
        np.ascontiguousarray(weight.reshape(*weight.shape[:2], high.kernel, wide.kernel)),
        (channels, high.size, wide.size),
        (high.stride, wide.stride),
        (high.before, wide.before, high.after, wide.after),
        (high.dilation, wide.dilation),
        groups,
    )
    node.require(operator.out[1:] == (high.count, wide.count), "the windows")
    return operator


def elements(channels: int, axes: Sequence[Axis]) -> Array:
    """The elements of every window of a pool, row-major, -1 on the padding: (windows, kernel)."""
    rank = len(axes)
    flat = np.arange(channels).reshape(-1, *[1] * (2 * rank))
    inside = np.ones_like(flat, dtype=bool)
    for k, axis in enumerate(axes):
        shape = [1] * (1 + 2 * rank)
        shape[1 + k], shape[1 + rank + k] = axis.count, axis.kernel
        place = axis.places().reshape(shape)
        flat, inside = flat * axis.size + place, inside & (place >= 0)
    count = channels * math.prod(axis.count for axis in axes)
    return np.where(inside, flat, -1).reshape(count, -1)
