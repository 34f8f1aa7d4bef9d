"""ONNX pools: averages and maxima over windows, and the greatest along axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ....base.arrays import Indices
from ....network.layers import MaxPool
from ....operators import Scale, compose
from ....operators.pooling import Windows
from ..model import Shape
from ..node import Node, Symbol, Value
from .arithmetic import negation
from .products import reduction
from .windows import POINT, Axis, Spacing, axes_of, convolution, image_axes, images


def _kernel(node: Node) -> Shape:
    kernel = node.integer_list("kernel_shape")
    if kernel is None:
        node.fail("has no kernel_shape")
    return kernel


def average_pool(node: Node) -> Value:
    """The sum over each window, divided over the reals by the number of what it counts."""
    node.expect(1)
    channels, sizes = images(node)
    kernel = _kernel(node)
    space = Spacing.read(node, len(sizes), kernel, dilated=node.opset >= 19)
    axes = axes_of(node, sizes, kernel, space, pool=True)
    height, width = image_axes(node, axes)
    rounds_up = node.opset >= 10 and node.flag("ceil_mode")
    if rounds_up and any(axis.room % axis.stride for axis in axes):
        node.refuse_attribute("ceil_mode", "is 1 where it changes the result; only 0 is read")
    shape = (1, channels, *(axis.windows for axis in axes))
    node.check_size((*shape, *kernel))
    if node.flag("count_include_pad"):
        divisor = np.full(math.prod(shape), float(height.kernel * width.kernel))
    else:
        counts = np.outer(height.inside(), width.inside()).reshape(-1)
        divisor = np.tile(counts, channels)
        if not divisor.all():
            node.fail("a window lies wholly on the padding")
    ones = np.ones((channels, 1, height.kernel, width.kernel))
    operator = compose(
        convolution(ones, channels, height, width, channels),
        Scale(np.ones(len(divisor)), divisor),
    )
    return node.linear(node.value(0), operator, shape)


def global_average_pool(node: Node) -> Value:
    node.expect(1)
    channels, sizes = images(node)
    extent = Axis(math.prod(sizes), math.prod(sizes))
    operator = compose(
        convolution(np.ones((channels, 1, 1, extent.kernel)), channels, POINT, extent, channels),
        Scale(np.ones(channels), np.full(channels, float(extent.kernel))),
    )
    return node.linear(node.value(0), operator, (1, channels, *(1,) * len(sizes)))


def max_pool(node: Node) -> Value:
    """The greatest of each window; the padding is not there, and a cut off window is smaller."""
    node.expect(1)
    if node.outputs > 1 or (node.opset >= 8 and node.flag("storage_order")):
        node.refuse("MaxPool with indices")
    channels, sizes = images(node)
    kernel = _kernel(node)
    space = Spacing.read(node, len(sizes), kernel, dilated=node.opset >= 10)
    rounds_up = node.opset >= 10 and node.flag("ceil_mode")
    axes = axes_of(node, sizes, kernel, space, pool=True, up=rounds_up)
    shape = (1, channels, *(axis.windows for axis in axes))
    node.check_size((*shape, *kernel))
    return _greatest(node, node.value(0), _windows(channels, axes), shape)


def _windows(channels: int, axes: Sequence[Axis]) -> Indices:
    """The elements of every window, (channels * windows, kernel), -1 on the padding."""
    index = np.arange(channels)[:, None]
    inside = np.ones((channels, 1), dtype=bool)
    for axis in axes:
        places = axis.places()
        shape = (len(index) * len(places), index.shape[1] * axis.kernel)
        along = places[None, :, None, :]
        index = (index[:, None, :, None] * axis.size + along).reshape(shape)
        inside = (inside[:, None, :, None] & (along >= 0)).reshape(shape)
    return np.where(inside, index, -1)


def _greatest(node: Node, source: Value, windows: Indices, shape: Shape, suffix: str = "") -> Value:
    if not (windows >= 0).any(axis=1).all():
        node.fail("a window lies wholly on the padding")
    layer = MaxPool(Windows(windows, math.prod(source.shape)), node.layer_kind)
    return node.emit(layer, shape, source, suffix=suffix)


def global_max_pool(node: Node) -> Value:
    node.expect(1)
    channels, sizes = images(node)
    windows = np.arange(channels * math.prod(sizes)).reshape(channels, -1)
    return _greatest(node, node.value(0), windows, (1, channels, *(1,) * len(sizes)))


def reduce_max(node: Node) -> Value:
    return _reduced(node, 1.0)


def reduce_min(node: Node) -> Value:
    return _reduced(node, -1.0)


def _reduced(node: Node, sign: float) -> Value:
    source = node.value(0)
    found = reduction(node, since=18)
    if found is None:
        return node.rearrange(source, lambda array: array)
    front, shape = found
    if not isinstance(source, Symbol):
        numbers = source.reshape(-1)[front]
        return np.asarray(numbers.max(axis=0) if sign > 0 else numbers.min(axis=0)).reshape(shape)
    if sign > 0:
        return _greatest(node, source, front.T, shape)
    upside_down = node.linear(source, negation(front.size), source.shape, None, ".negative")
    greatest = _greatest(node, upside_down, front.T, shape, ".greatest")
    return node.linear(greatest, negation(math.prod(shape)), shape)
