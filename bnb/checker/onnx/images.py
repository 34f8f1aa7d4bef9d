"""Affine operators of ONNX on images: convolutions, their adjoints, averages over windows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..arithmetic import Array, require
from ..model import Value
from ..operators import Scale
from .node import Node
from .sums import Sums, Transposed
from .windows import Axis, Spacing, axes_of, convolution, elements, image


def _kernel(node: Node, rank: int) -> Array:
    weight = node.fixed(1)
    require(weight.ndim == rank + 2, f"the kernel of {node.told}")
    shape = tuple(node.given.get("kernel_shape", weight.shape[2:]))
    require(shape == weight.shape[2:], f"the kernel's shape of {node.told}")
    return weight


def _bias(node: Node, channels: int, rank: int) -> Array | None:
    if not node.there(2):
        return None
    bias = node.fixed(2)
    require(bias.shape == (channels,), f"the bias of {node.told}")
    return bias.reshape(-1, *[1] * rank)


def conv(node: Node) -> Value:
    channels, sizes = image(node)
    weight, value = _kernel(node, len(sizes)), node.variable(0)
    axes = axes_of(node, sizes, weight.shape[2:])
    operator = convolution(node, weight, channels, axes, int(node.given.get("group", 1)))
    shape = 1, len(weight), *(axis.count for axis in axes)
    bias = _bias(node, len(weight), len(sizes))
    return node.graph.affine(shape, (value, operator), bias=bias)


def conv_transpose(node: Node) -> Value:
    """The adjoint of the convolution whose input has the shape of the result."""
    channels, sizes = image(node)
    weight, value = _kernel(node, len(sizes)), node.variable(0)
    groups = int(node.given.get("group", 1))
    axes = _result(node, sizes, weight.shape[2:])
    shape = 1, weight.shape[1] * groups, *(axis.size for axis in axes)
    require(len(weight) == channels, f"the channels of {node.told}")
    inner = convolution(node, weight, shape[1], axes, groups)
    bias = _bias(node, shape[1], len(sizes))
    return node.graph.affine(shape, (value, Transposed(inner)), bias=bias)


def _result(node: Node, sizes: Sequence[int], kernel: Sequence[int]) -> list[Axis]:
    """The result's axes: full = stride (size - 1) + reach + output_padding, less the padding."""
    rank, space, axes = len(sizes), Spacing.of(node, kernel), []
    extra = list(node.given.get("output_padding", [0] * rank))
    asked = list(node.given.get("output_shape", []))
    require(len(extra) == rank and min(extra) >= 0, f"output_padding of {node.told}")
    require(len(asked) in (0, rank, rank + 2), f"output_shape of {node.told}")
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
        require(fits, f"the result's shape of {node.told}")
    return axes


def average_pool(node: Node) -> Value:
    """Sums over windows, divided by how many elements they hold."""
    channels, sizes = image(node)
    value, kernel = node.variable(0), list(node.given["kernel_shape"])
    axes = axes_of(node, sizes, kernel, pool=True)
    cut = any(axis.more and axis.room % axis.stride for axis in axes)
    require(not cut, f"ceil_mode of {node.told}, which changes its result")
    operator = convolution(node, np.ones((channels, 1, *kernel)), channels, axes, channels)
    shape = 1, channels, *(axis.count for axis in axes)
    summed = node.graph.affine(shape, (value, operator))
    count = np.full(summed.size, float(math.prod(kernel)))
    if not node.flag("count_include_pad"):
        count = (elements(channels, axes) >= 0).sum(axis=1).astype(np.float64)
    require(np.all(count > 0.0), f"an average of nothing at {node.told}")
    return node.graph.affine(shape, (summed, Scale(1.0 / count, 2)))


def global_average_pool(node: Node) -> Value:
    channels, sizes = image(node)
    index = np.arange(node.value(0).size).reshape(channels, -1)
    return mean(node, index, (1, channels, *(1 for _ in sizes)))


def mean(node: Node, index: Array, shape: tuple[int, ...]) -> Value:
    """The mean of each of the groups index (N, W) of elements."""
    value = node.variable(0)
    summed = node.graph.affine(shape, (value, Sums(index, value.size)))
    factor = np.full(summed.size, 1.0 / index.shape[1])
    return node.graph.affine(shape, (summed, Scale(factor, 2)))
