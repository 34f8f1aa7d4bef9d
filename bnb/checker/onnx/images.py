"""Affine operators of ONNX on images: convolutions, their adjoints, averages over windows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..arithmetic import Array
from ..model import Value
from ..operators import Scale, Sums, Transposed
from .node import Node
from .windows import Axis, Spacing, axes_of, convolution, elements, image


def _weights(node: Node, rank: int, outs: int) -> tuple[Array, Array | None]:
    """Kernel and bias; outs: the axis of the kernel that counts the results, of one group."""
    weight = node.fixed(1)
    node.require(weight.ndim == rank + 2, "the kernel")
    shape = tuple(node.given.get("kernel_shape", weight.shape[2:]))
    node.require(shape == weight.shape[2:], "the kernel's shape")
    if not node.there(2):
        return weight, None
    bias = node.fixed(2)
    channels = weight.shape[outs] * (node.given.get("group", 1) if outs else 1)
    node.require(bias.shape == (channels,), "the bias")
    return weight, bias.reshape(-1, *[1] * rank)


def conv(node: Node) -> Value:
    channels, sizes = image(node)
    weight, bias = _weights(node, len(sizes), 0)
    axes = axes_of(node, sizes, weight.shape[2:])
    operator = convolution(node, weight, channels, axes, node.given.get("group", 1))
    shape = 1, len(weight), *(axis.count for axis in axes)
    return node.graph.affine(shape, (node.variable(0), operator), bias=bias)


def conv_transpose(node: Node) -> Value:
    """The adjoint of the convolution whose input has the shape of the result."""
    channels, sizes = image(node)
    weight, bias = _weights(node, len(sizes), 1)
    groups, axes = node.given.get("group", 1), _result(node, sizes, weight.shape[2:])
    shape = 1, weight.shape[1] * groups, *(axis.size for axis in axes)
    node.require(len(weight) == channels, "the channels")
    inner = convolution(node, weight, shape[1], axes, groups)
    return node.graph.affine(shape, (node.variable(0), Transposed(inner)), bias=bias)


def _result(node: Node, sizes: Sequence[int], kernel: Sequence[int]) -> list[Axis]:
    """The result's axes: full = stride (size - 1) + reach + output_padding, less the padding."""
    rank, space, axes = len(sizes), Spacing.of(node, kernel), []
    extra = list(node.given.get("output_padding", [0] * rank))
    asked = list(node.given.get("output_shape", []))
    node.require(len(extra) == rank and min(extra) >= 0, "output_padding")
    node.require(len(asked) in (0, rank, rank + 2), "output_shape")
    asked = asked[-rank:]
    for k, (size, width) in enumerate(zip(sizes, kernel, strict=True)):
        stride, spread = space.strides[k], space.dilations[k]
        before, after = space.pads[k], space.pads[k + rank]
        full = stride * (size - 1) + (width - 1) * spread + 1 + extra[k]
        if asked or space.same:
            out = asked[k] if asked else size * stride
            before, after = space.halves(max(full - out, 0))
        if not asked:
            out = full - before - after
        axes.append(Axis(out, width, stride, before, after, spread))
        fits = out > 0 and axes[-1].room >= 0 and axes[-1].count == size
        node.require(fits, "the result's shape")
    return axes


def average_pool(node: Node) -> Value:
    """Sums over windows, divided by how many elements they hold."""
    channels, sizes = image(node)
    value, kernel = node.variable(0), node.given["kernel_shape"]
    axes = axes_of(node, sizes, kernel, pool=True)
    cut = any(axis.more and axis.room % axis.stride for axis in axes)
    node.require(not cut, "ceil_mode, which changes the result,")
    operator = convolution(node, np.ones((channels, 1, *kernel)), channels, axes, channels)
    shape = 1, channels, *(axis.count for axis in axes)
    summed = node.graph.affine(shape, (value, operator))
    count = np.full(summed.size, float(math.prod(kernel)))
    if not node.flag("count_include_pad"):
        count = (elements(channels, axes) >= 0).sum(axis=1).astype(np.float64)
    node.require(np.all(count > 0.0), "an average of nothing")
    return node.graph.affine(shape, (summed, Scale(1.0 / count, 2)))


def global_average_pool(node: Node) -> Value:
    channels, sizes = image(node)
    places = node.value(0).places.reshape(channels, -1)
    return mean(node, places, (1, channels, *[1] * len(sizes)))


def mean(node: Node, index: Array, shape: tuple[int, ...]) -> Value:
    """The mean of each of the groups index (N, W) of elements."""
    value = node.variable(0)
    summed = node.graph.affine(shape, (value, Sums(index, value.size)))
    factor = np.full(summed.size, 1.0 / index.shape[1])
    return node.graph.affine(shape, (summed, Scale(factor, 2)))
