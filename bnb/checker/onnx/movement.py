"""Operators of ONNX that move elements."""

from __future__ import annotations

import math

import numpy as np

from ..arithmetic import needed
from ..model import Value, limit
from .node import Node


def identity(node: Node) -> Value:
    return node.value(0)


def dropout(node: Node) -> Value:
    """Inference, where it does nothing; its mask is not read."""
    node.require(len(node.inputs) == 1 or node.opset >= 12, "too many inputs")
    if node.there(1):
        ratio = node.constant(1, "f", "the ratio")
        node.require(ratio.size == 1 and 0.0 <= ratio.item() < 1.0, "the ratio")
    node.require(not node.there(2) or not node.constant(2, "b", "the mode").any(), "the mode")
    return identity(node)


def flatten(node: Node) -> Value:
    axis, shape = node.given.get("axis", 1), node.value(0).shape
    node.require(-len(shape) <= axis <= len(shape), "the axis")
    axis += len(shape) if axis < 0 else 0
    sizes = math.prod(shape[:axis]), math.prod(shape[axis:])
    return node.graph.view(node.value(0), lambda x: x.reshape(sizes))


def reshape(node: Node) -> Value:
    asked, old = node.whole(1, "the shape"), node.value(0).shape
    node.require(min(asked, default=0) >= -1, "the shape")
    zero = node.opset >= 14 and node.flag("allowzero")
    node.require(not zero or 0 not in asked, "allowzero")
    shape = [old[i] if size == 0 else size for i, size in enumerate(asked)]
    return node.graph.view(node.value(0), lambda x: x.reshape(shape))


def transpose(node: Node) -> Value:
    order, rank = node.given.get("perm"), len(node.value(0).shape)
    node.require(order is None or sorted(order) == [*range(rank)], "the axes")
    return node.graph.view(node.value(0), lambda x: x.transpose(order))


def squeeze(node: Node) -> Value:
    axes = node.listed(1, "axes", 13)
    where = None if axes is None else tuple(axes)
    return node.graph.view(node.value(0), lambda x: x.squeeze(where))


def unsqueeze(node: Node) -> Value:
    axes = needed(node.listed(1, "axes", 13), f"no axes of {node.told}")
    return node.graph.view(node.value(0), lambda x: np.expand_dims(x, tuple(axes)))


def gather(node: Node) -> Value:
    index, axis = node.constant(1, "i", "the index"), node.given.get("axis", 0)
    limit((node.value(0).size, index.size))
    return node.graph.view(node.value(0), lambda x: np.take(x, index, axis))


def slice_(node: Node) -> Value:
    """Python cuts in the same way, but for a start before the first element and backward steps."""
    starts = needed(node.listed(1, "starts", 10), f"no starts of {node.told}")
    ends = needed(node.listed(2, "ends", 10), f"no ends of {node.told}")
    axes, shape = node.listed(3, "axes", 10), node.value(0).shape
    steps = node.listed(4, "steps", 10) if node.opset >= 10 else None
    axes = list(range(len(starts))) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    cut, rank = [slice(None)] * len(shape), len(shape)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        node.require(-rank <= axis < rank and cut[axis] == slice(None), "the axes")
        node.require(step > 0 or (step < 0 and start >= -shape[axis]), "the steps")
        cut[axis] = slice(start, end, step)
    return node.graph.view(node.value(0), lambda x: x[tuple(cut)])


def split(node: Node) -> list[Value]:
    """Parts of equal size, the last one smaller from operator set 18 on; or of given sizes."""
    value, sizes, axis = node.value(0), node.listed(1, "split", 13), node.axis(default=0)
    total, count = value.shape[axis], len(node.proto.output)
    node.require(node.given.get("num_outputs", count) == count, "num_outputs")
    if sizes is None:
        each = -(-total // count)
        node.require(node.opset >= 18 or total % count == 0, "the parts")
        sizes = [each] * (count - 1) + [total - each * (count - 1)]
    node.require(len(sizes) == count and sum(sizes) == total and min(sizes) > 0, "the parts")
    ends = np.cumsum([0, *sizes])

    def part(start: int, end: int) -> Value:
        return node.graph.view(value, lambda x: np.take(x, np.arange(start, end), axis))

    return [part(start, end) for start, end in zip(ends[:-1], ends[1:], strict=True)]


def expand(node: Node) -> Value:
    asked = node.whole(1, "the shape")
    node.require(min(asked, default=0) >= 0, "the shape")
    return node.graph.spread(node.value(0), np.broadcast_shapes(node.value(0).shape, tuple(asked)))


def tile(node: Node) -> Value:
    value, repeats = node.value(0), node.whole(1, "the repeats")
    node.require(len(repeats) == len(value.shape) and min(repeats, default=1) > 0, "the repeats")
    limit((value.size, *repeats))
    return node.graph.view(value, lambda x: np.tile(x, tuple(repeats)))
