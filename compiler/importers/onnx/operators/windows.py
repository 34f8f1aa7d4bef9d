"""How the windows of ONNX convolutions and pools lie along the spatial axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ....base.arrays import Indices, Tensor, Vector
from ....operators import Convolution
from ..model import Shape
from ..node import Node

FARTHEST = 2**20
"""Largest stride, padding or dilation; beyond it an index might overflow."""


@dataclass(frozen=True, slots=True)
class Axis:
    """How windows lie along one spatial axis.

    rounds_up: whether a last window that is cut off by the end counts, as `ceil_mode` has it.
    """

    size: int
    kernel: int
    stride: int = 1
    before: int = 0
    after: int = 0
    dilation: int = 1
    rounds_up: bool = False

    @property
    def room(self) -> int:
        """How far the first window can move."""
        return self.size + self.before + self.after - self.dilation * (self.kernel - 1) - 1

    @property
    def windows(self) -> int:
        whole = self.room // self.stride + 1
        # onnxruntime: one more begins on the input or on the padding before it
        begins = whole * self.stride < self.size + self.before
        return whole + (self.rounds_up and self.room % self.stride > 0 and begins)

    def places(self) -> Indices:
        """The positions of every window, (windows, kernel), -1 on the padding."""
        starts = np.arange(self.windows)[:, None] * self.stride - self.before
        places = starts + np.arange(self.kernel)[None] * self.dilation
        return np.where((places >= 0) & (places < self.size), places, -1)

    def inside(self) -> Vector:
        """For each window how many of its positions lie on the input, not the padding."""
        return np.asarray((self.places() >= 0).sum(axis=1), dtype=np.float64)


POINT = Axis(1, 1)
"""The height of a one-dimensional window."""


@dataclass(frozen=True, slots=True)
class Spacing:
    """The attributes of a window.  pads: before each spatial axis, then behind each."""

    strides: Shape
    dilations: Shape
    pads: Shape
    mode: str

    @classmethod
    def read(cls, node: Node, rank: int, kernel: Shape, dilated: bool = True) -> Spacing:
        strides = node.integer_list("strides") or (1,) * rank
        dilations = (node.integer_list("dilations") if dilated else None) or (1,) * rank
        pads = node.integer_list("pads") or (0,) * (2 * rank)
        if (len(kernel), len(strides), len(dilations), len(pads)) != (rank, rank, rank, 2 * rank):
            node.fail("its window, strides, pads or dilations do not fit its axes")
        if min(*kernel, *strides, *dilations) < 1 or min(pads) < 0:
            node.fail("a window, stride or dilation is not positive, or a padding is negative")
        if max(*kernel, *strides, *dilations, *pads) > FARTHEST:
            node.fail(f"a window, stride, dilation or padding is beyond {FARTHEST}")
        mode = node.text("auto_pad", "NOTSET")
        if mode not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
            node.refuse_attribute("auto_pad", f"is {mode!r}, which is unknown")
        if mode != "NOTSET" and any(pads):
            node.refuse_attribute("auto_pad", f"is {mode!r} beside pads; leave one out")
        return cls(strides, dilations, pads, mode)

    @property
    def same(self) -> bool:
        """Whether the padding follows from the sizes."""
        return self.mode.startswith("SAME")

    def halves(self, total: int) -> tuple[int, int]:
        """A padding before and behind; the odd one of SAME_UPPER lies behind, all others before."""
        before = total // 2 if self.mode == "SAME_UPPER" else total - total // 2
        return before, total - before


def axes_of(
    node: Node, sizes: Shape, kernel: Shape, space: Spacing, pool: bool = False, up: bool = False
) -> list[Axis]:
    """The windows along every spatial axis; up: cut off windows at the end count."""
    axes = []
    for number, size in enumerate(sizes):
        stride, dilation = space.strides[number], space.dilations[number]
        before, after = space.pads[number], space.pads[number + len(sizes)]
        if space.same:
            # in onnxruntime the padding of a pool leaves its dilation out
            reach = (1 if pool else dilation) * (kernel[number] - 1) + 1
            total = (-(-size // stride) - 1) * stride + reach - size
            if pool and total < 0:
                node.refuse_attribute("auto_pad", f"is {space.mode!r} where windows lie apart")
            before, after = space.halves(max(0, total))
        axes.append(Axis(size, kernel[number], stride, before, after, dilation, up))
        if axes[-1].room < 0:
            node.fail(f"its window does not fit axis {number} of {size}")
    return axes


def image_axes(node: Node, axes: Sequence[Axis]) -> tuple[Axis, Axis]:
    """Height and width, at most; a signal has the height of a point."""
    if len(axes) > 2:
        node.refuse(f"{node.kind} over {len(axes)} axes")
    return (axes[0], axes[1]) if len(axes) == 2 else (POINT, axes[0])


def convolution(
    weight: Tensor, channels: int, height: Axis, width: Axis, groups: int
) -> Convolution:
    """weight (outputs, channels / groups, *kernel), its one or two spatial axes as two."""
    return Convolution(
        np.ascontiguousarray(weight.reshape(*weight.shape[:2], height.kernel, width.kernel)),
        (channels, height.size, width.size),
        (height.stride, width.stride),
        (height.before, width.before, height.after, width.after),
        (height.dilation, width.dilation),
        groups,
    )


def images(node: Node) -> tuple[int, Shape]:
    """Channels and spatial sizes of the first input, one image."""
    shape = node.value(0).shape
    if len(shape) > 2 and shape[0] != 1:
        node.fail(
            f"its input of shape {shape} is not one image",
            "export the model with a batch of 1 or of any size",
        )
    if len(shape) < 3:
        node.refuse(f"{node.kind} of a tensor of shape {shape}")
    return shape[1], shape[2:]
