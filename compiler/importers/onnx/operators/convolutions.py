"""ONNX convolutions and transposed convolutions, with one or two spatial axes."""

from __future__ import annotations

import math

import numpy as np

from ....base.arrays import Tensor, Vector
from ....operators import Transposed
from ..model import Shape
from ..node import Node, Value
from .windows import Axis, Spacing, axes_of, convolution, image_axes, images


def _kernel(node: Node, channels: int, rank: int, groups: int, side: int) -> Tensor:
    """The weight, its axis `side` facing the channels of the input."""
    weight = node.weights(1, "kernel")
    if rank > 2:
        node.refuse(f"{node.kind} over {rank} axes")
    if groups < 1 or weight.ndim != rank + 2:
        node.fail(f"a kernel of shape {weight.shape} in {groups} groups does not fit {rank} axes")
    facing = weight.shape[side] * (groups if side else 1)
    if facing != channels or weight.shape[0] % groups or not weight.size:
        node.fail(f"a kernel of shape {weight.shape} in {groups} groups meets {channels} channels")
    kernel = node.integer_list("kernel_shape") or weight.shape[2:]
    if kernel != weight.shape[2:]:
        node.refuse_attribute("kernel_shape", f"is {kernel}, the kernel {weight.shape[2:]}")
    return weight


def _bias(node: Node, shape: Shape) -> Vector | None:
    """A number for each channel of the result."""
    if not node.given(2):
        return None
    offset = node.weights(2, "bias")
    if offset.shape != shape[1:2]:
        node.fail(f"a bias of shape {offset.shape} meets {shape[1]} channels")
    return np.repeat(offset, math.prod(shape[2:]))


def conv(node: Node) -> Value:
    node.expect(2, 3)
    channels, sizes = images(node)
    groups = node.integer("group", 1)
    weight = _kernel(node, channels, len(sizes), groups, side=1)
    kernel = weight.shape[2:]
    axes = axes_of(node, sizes, kernel, Spacing.read(node, len(sizes), kernel))
    shape = (1, weight.shape[0], *(axis.windows for axis in axes))
    node.check_size(shape)
    operator = convolution(weight, channels, *image_axes(node, axes), groups)
    return node.linear(node.value(0), operator, shape, _bias(node, shape))


def conv_transpose(node: Node) -> Value:
    """The adjoint of the convolution that leads from its result to its input."""
    node.expect(2, 3)
    channels, sizes = images(node)
    groups = node.integer("group", 1)
    weight = _kernel(node, channels, len(sizes), groups, side=0)
    axes = _result_axes(node, sizes, weight.shape[2:])
    shape = (1, weight.shape[1] * groups, *(axis.size for axis in axes))
    node.check_size(shape)
    inner = convolution(weight, shape[1], *image_axes(node, axes), groups)
    return node.linear(node.value(0), Transposed(inner), shape, _bias(node, shape))


def _result_axes(node: Node, sizes: Shape, kernel: Shape) -> list[Axis]:
    """The axes of the result, which the windows of the convolution lie on."""
    rank = len(sizes)
    space = Spacing.read(node, rank, kernel)
    extra = node.integer_list("output_padding") or (0,) * rank
    wanted = node.integer_list("output_shape")
    if len(extra) != rank or (wanted is not None and len(wanted) not in (rank, rank + 2)):
        node.fail("its output_padding or output_shape does not fit its axes")
    axes = []
    for number, size in enumerate(sizes):
        stride, dilation = space.strides[number], space.dilations[number]
        before, after = space.pads[number], space.pads[number + rank]
        full = stride * (size - 1) + dilation * (kernel[number] - 1) + 1 + extra[number]
        if wanted is not None or space.same:
            out = wanted[number - rank] if wanted is not None else size * stride
            before, after = space.halves(max(0, full - out))
        if wanted is None:
            out = full - before - after
        axes.append(Axis(out, kernel[number], stride, before, after, dilation))
        if out < 1 or extra[number] < 0 or axes[-1].windows != size:
            node.fail(f"axis {number} of {size} does not lead to {out} by its windows and paddings")
    return axes
