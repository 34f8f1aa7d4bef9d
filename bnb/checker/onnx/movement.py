"""Operators of ONNX that move elements."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..arithmetic import Array, needed
from ..model import Value, limit
from .node import Node

FARTHEST = 2**20


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


ALIKE = {
    b"asymmetric": (b"floor",),
    b"tf_half_pixel_for_nn": (b"floor",),
    b"half_pixel": (b"round_prefer_floor", b"round_prefer_ceil"),
    b"pytorch_half_pixel": (b"round_prefer_floor", b"round_prefer_ceil"),
}
"""How places and their rounding let element i of an axis be element i // f, for whole f."""


def upsample(node: Node) -> Value:
    """Up to operator set 9, with the scales as an attribute before."""
    node.require(node.opset < 10, "the operator set")
    old = node.opset < 9
    node.require(node.there(1) != old and ("scales" in node.given) == old, "the scales")
    scales = np.array(node.given["scales"]) if old else node.constant(1, "f", "the scales")
    return _repeated(node, scales, range(len(node.value(0).shape)))


def resize(node: Node) -> Value:
    """Elements are repeated whole times: the nearest ones, by whole factors."""
    rank, given = len(node.value(0).shape), node.given
    if node.opset < 11:
        node.require(len(node.inputs) == 2, "the inputs")
        return _repeated(node, node.constant(1, "f", "the scales"), range(rank))
    place = given.get("coordinate_transformation_mode", b"half_pixel")
    rounding = given.get("nearest_mode", b"round_prefer_floor")
    node.require(rounding in ALIKE.get(place, ()), "the places")
    node.require(not node.flag("antialias"), "antialias")
    node.require(given.get("keep_aspect_ratio_policy", b"stretch") == b"stretch", "the ratio")
    axes = given.get("axes") or list(range(rank))
    node.require(all(-rank <= axis < rank for axis in axes), "the axes")
    axes = [axis % rank for axis in axes]
    node.require(len({*axes}) == len(axes), "the axes")
    node.require(not node.there(1) or node.value(1).constant is not None, "the region")
    scales = node.constant(2, "f", "the scales") if node.there(2) else np.zeros(0)
    sizes = node.constant(3, "i", "the sizes").reshape(-1) if node.there(3) else np.zeros(0)
    node.require((scales.size > 0) != (sizes.size > 0), "scales and sizes")
    if sizes.size:
        node.require(len(sizes) == len(axes), "the sizes")
        scales = sizes / np.array([node.value(0).shape[axis] for axis in axes])
    return _repeated(node, scales, axes)


def _repeated(node: Node, scales: Array, axes: Sequence[int]) -> Value:
    """Each element as often as its axis has the whole number for."""
    node.require(node.given.get("mode", b"nearest") == b"nearest", "the mode")
    whole = np.all((scales >= 1.0) & (scales <= FARTHEST) & (scales == np.floor(scales)))
    node.require(whole and scales.shape == (len(axes),), "the scales")
    counts = [int(scale) for scale in scales]
    shape = list(node.value(0).shape)
    for axis, count in zip(axes, counts, strict=True):
        shape[axis] *= count
    node.require(max(shape, default=1) <= FARTHEST, "the sizes")
    limit(tuple(shape))

    def look(x: Array) -> Array:
        for axis, count in zip(axes, counts, strict=True):
            x = np.repeat(x, count, axis)
        return x

    return node.graph.view(node.value(0), look)
