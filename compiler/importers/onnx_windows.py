"""ONNX operations over windows: convolutions and average pools, with one or two spatial axes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..arrays import Tensor, Vector
from ..operators import Convolution, Scale, compose
from .onnx_model import Shape
from .onnx_node import Node, Value

FARTHEST = 2**20
"""Largest stride, padding or dilation; beyond it an index might overflow."""


@dataclass(frozen=True, slots=True)
class Axis:
    """How windows lie along one spatial axis."""

    size: int
    kernel: int
    stride: int = 1
    before: int = 0
    after: int = 0
    dilation: int = 1

    @property
    def room(self) -> int:
        """How far the first window can move."""
        return self.size + self.before + self.after - self.dilation * (self.kernel - 1) - 1

    @property
    def windows(self) -> int:
        return self.room // self.stride + 1

    def inside(self) -> Vector:
        """For each window how many of its positions lie on the input, not the padding."""
        starts = np.arange(self.windows)[:, None] * self.stride - self.before
        places = starts + np.arange(self.kernel)[None] * self.dilation
        inside = (places >= 0) & (places < self.size)
        return np.asarray(inside.sum(axis=1), dtype=np.float64)


POINT = Axis(1, 1)
"""The height of a one-dimensional window."""


def _axes(node: Node, sizes: Shape, kernel: Shape, dilated: bool = True) -> tuple[Axis, Axis]:
    """The windows along height and width, by the attributes of `node`."""
    rank = len(sizes)
    if rank not in (1, 2) or len(kernel) != rank:
        node.refuse(f"{node.kind} over {rank} axes")
    strides = node.integer_list("strides") or (1,) * rank
    dilations = (node.integer_list("dilations") if dilated else None) or (1,) * rank
    pads = node.integer_list("pads") or (0,) * (2 * rank)
    if len(strides) != rank or len(dilations) != rank or len(pads) != 2 * rank:
        node.fail("its strides, pads or dilations do not fit its axes")
    if min(*kernel, *strides, *dilations) < 1 or min(pads) < 0:
        node.fail("a window, stride or dilation is not positive, or a padding is negative")
    if max(*kernel, *strides, *dilations, *pads) > FARTHEST:
        node.fail(f"a window, stride, dilation or padding is beyond {FARTHEST}")
    mode = node.text("auto_pad", "NOTSET")
    if mode not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        node.refuse_attribute("auto_pad", f"is {mode!r}, which is unknown")
    if mode != "NOTSET" and any(pads):
        node.refuse_attribute("auto_pad", f"is {mode!r} beside pads; leave one out")
    axes = []
    for axis in range(rank):
        before, after = pads[axis], pads[axis + rank]
        size, stride, dilation = sizes[axis], strides[axis], dilations[axis]
        if mode.startswith("SAME"):
            reach = (-(-size // stride) - 1) * stride + dilation * (kernel[axis] - 1) + 1
            total = max(0, reach - size)
            before = total // 2 if mode == "SAME_UPPER" else total - total // 2
            after = total - before
        axes.append(Axis(size, kernel[axis], stride, before, after, dilation))
        if axes[-1].room < 0:
            node.fail(f"its window does not fit axis {axis} of {size}")
    return (axes[0], axes[1]) if rank == 2 else (POINT, axes[0])


def _convolution(
    weight: Tensor, channels: int, height: Axis, width: Axis, groups: int
) -> Convolution:
    return Convolution(
        np.ascontiguousarray(weight.reshape(*weight.shape[:2], height.kernel, width.kernel)),
        (channels, height.size, width.size),
        (height.stride, width.stride),
        (height.before, width.before, height.after, width.after),
        (height.dilation, width.dilation),
        groups,
    )


def _images(node: Node) -> tuple[int, Shape]:
    """Channels and spatial sizes of the first input, one image."""
    shape = node.value(0).shape
    if len(shape) < 3 or shape[0] != 1:
        node.refuse(f"{node.kind} of a tensor of shape {shape}")
    return shape[1], shape[2:]


def conv(node: Node) -> Value:
    node.expect(2, 3)
    source, weight = node.value(0), node.weights(1, "kernel")
    channels, sizes = _images(node)
    groups = node.integer("group", 1)
    if groups < 1 or weight.ndim != len(sizes) + 2:
        node.fail(f"a kernel of shape {weight.shape} in {groups} groups does not fit {sizes}")
    if weight.shape[1] * groups != channels or weight.shape[0] % groups or not weight.size:
        node.fail(f"a kernel of shape {weight.shape} in {groups} groups meets {channels} channels")
    kernel = node.integer_list("kernel_shape") or weight.shape[2:]
    if kernel != weight.shape[2:]:
        node.refuse_attribute("kernel_shape", f"is {kernel}, the kernel {weight.shape[2:]}")
    height, width = _axes(node, sizes, kernel)
    operator = _convolution(weight, channels, height, width, groups)
    shape = (1, weight.shape[0], height.windows, width.windows)
    node.check_size(shape)
    bias = None
    if node.given(2):
        offset = node.weights(2, "bias")
        if offset.shape != weight.shape[:1]:
            node.fail(f"a bias of shape {offset.shape} meets {weight.shape[0]} channels")
        bias = np.repeat(offset, height.windows * width.windows)
    return node.linear(source, operator, shape[:2] + shape[4 - len(sizes) :], bias)


def average_pool(node: Node) -> Value:
    """The sum over each window, divided over the reals by the number of what it counts."""
    node.expect(1)
    channels, sizes = _images(node)
    kernel = node.integer_list("kernel_shape")
    if kernel is None:
        node.fail("has no kernel_shape")
    height, width = _axes(node, sizes, kernel, dilated=node.opset >= 19)
    rounds_up = node.opset >= 10 and node.flag("ceil_mode")
    if rounds_up and any(axis.room % axis.stride for axis in (height, width)):
        node.refuse_attribute("ceil_mode", "is 1 where it changes the result; only 0 is read")
    shape = (1, channels, height.windows, width.windows)
    node.check_size(shape)
    if node.flag("count_include_pad"):
        divisor = np.full(math.prod(shape), float(height.kernel * width.kernel))
    else:
        counts = np.outer(height.inside(), width.inside()).reshape(-1)
        divisor = np.tile(counts, channels)
        if not divisor.all():
            node.fail("a window lies wholly on the padding")
    ones = np.ones((channels, 1, height.kernel, width.kernel))
    operator = compose(
        _convolution(ones, channels, height, width, channels),
        Scale(np.ones(len(divisor)), divisor),
    )
    return node.linear(node.value(0), operator, shape[:2] + shape[4 - len(sizes) :])


def global_average_pool(node: Node) -> Value:
    node.expect(1)
    channels, sizes = _images(node)
    extent = Axis(math.prod(sizes), math.prod(sizes))
    operator = compose(
        _convolution(np.ones((channels, 1, 1, extent.kernel)), channels, POINT, extent, channels),
        Scale(np.ones(channels), np.full(channels, float(extent.kernel))),
    )
    return node.linear(node.value(0), operator, (1, channels, *(1,) * len(sizes)))
