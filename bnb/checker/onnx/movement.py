"""Operators of ONNX that move elements."""

from __future__ import annotations

import math

import numpy as np

from ..arithmetic import require
from ..model import Value
from .fields import MOST_ELEMENTS
from .node import Node


def identity(node: Node) -> Value:
    return node.value(0)


def dropout(node: Node) -> Value:
    """Inference, where it does nothing; its mask is not read."""
    require(len(node.inputs) == 1 or node.opset >= 12, f"too many inputs of {node.told}")
    if node.there(1):
        ratio = node.value(1).constant
        require(ratio is not None and ratio.dtype.kind == "f", f"the ratio of {node.told}")
        assert ratio is not None
        require(ratio.size == 1 and 0.0 <= ratio.item() < 1.0, f"the ratio of {node.told}")
    if node.there(2):
        mode = node.value(2).constant
        off = mode is not None and mode.dtype.kind == "b" and not mode.any()
        require(off, f"the mode of {node.told}")
    return identity(node)


def flatten(node: Node) -> Value:
    axis, rank = int(node.given.get("axis", 1)), len(node.value(0).shape)
    require(-rank <= axis <= rank, f"the axis of {node.told}")
    axis += rank if axis < 0 else 0
    return node.graph.view(
        node.value(0), lambda x: x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))
    )


def reshape(node: Node) -> Value:
    asked, old = node.whole(1), node.value(0).shape
    require(asked.ndim == 1 and np.all(asked >= -1), f"the shape of {node.told}")
    zero = node.opset >= 14 and node.flag("allowzero")
    require(not zero or np.all(asked != 0), f"{node.told} with allowzero")
    shape = [old[i] if size == 0 else int(size) for i, size in enumerate(asked)]
    return node.graph.view(node.value(0), lambda x: x.reshape(shape))


def transpose(node: Node) -> Value:
    order, rank = node.given.get("perm"), len(node.value(0).shape)
    require(order is None or sorted(order) == [*range(rank)], f"the axes of {node.told}")
    return node.graph.view(node.value(0), lambda x: x.transpose(order))


def squeeze(node: Node) -> Value:
    axes = node.listed(1, "axes", 13)
    where = None if axes is None else tuple(axes)
    return node.graph.view(node.value(0), lambda x: x.squeeze(where))


def unsqueeze(node: Node) -> Value:
    axes = node.listed(1, "axes", 13)
    require(axes is not None, f"the axes of {node.told}")
    return node.graph.view(node.value(0), lambda x: np.expand_dims(x, tuple(axes or ())))


def gather(node: Node) -> Value:
    index, axis = node.whole(1), int(node.given.get("axis", 0))
    shape = node.value(0).shape
    require(math.prod(shape) * index.size <= MOST_ELEMENTS, "a tensor is too large")
    return node.graph.view(node.value(0), lambda x: np.take(x, index, axis))


def slice_(node: Node) -> Value:
    """Python cuts in the same way, but for a start before the first element and backward steps."""
    starts, ends = node.listed(1, "starts", 10), node.listed(2, "ends", 10)
    axes = node.listed(3, "axes", 10)
    steps = node.listed(4, "steps", 10) if node.opset >= 10 else None
    shape = node.value(0).shape
    cut, rank = [slice(None)] * len(shape), len(shape)
    require(starts is not None and ends is not None, f"the ends of {node.told}")
    assert starts is not None and ends is not None
    axes = list(range(len(starts))) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        require(-rank <= axis < rank and cut[axis] == slice(None), f"the axes of {node.told}")
        require(step > 0 or (step < 0 and start >= -shape[axis]), f"the steps of {node.told}")
        cut[axis] = slice(start, end, step)
    return node.graph.view(node.value(0), lambda x: x[tuple(cut)])


def split(node: Node) -> list[Value]:
    """Parts of equal size, the last one smaller from operator set 18 on; or of given sizes."""
    value, sizes = node.value(0), node.listed(1, "split", 13)
    axis, rank, count = int(node.given.get("axis", 0)), len(value.shape), len(node.proto.output)
    require(-rank <= axis < rank, f"the axis of {node.told}")
    total = value.shape[axis]
    require(node.given.get("num_outputs", count) == count, f"num_outputs of {node.told}")
    if sizes is None:
        each = -(-total // count)
        require(node.opset >= 18 or total % count == 0, f"the parts of {node.told}")
        sizes = [each] * (count - 1) + [total - each * (count - 1)]
    good = len(sizes) == count and sum(sizes) == total and min(sizes) > 0
    require(good, f"the parts of {node.told}")
    ends = np.cumsum([0, *sizes])

    def part(start: int, end: int) -> Value:
        return node.graph.view(value, lambda x: np.take(x, np.arange(start, end), axis))

    return [part(start, end) for start, end in zip(ends[:-1], ends[1:], strict=True)]


def expand(node: Node) -> Value:
    asked = node.whole(1)
    require(asked.ndim == 1 and np.all(asked >= 0), f"the shape of {node.told}")
    shape = np.broadcast_shapes(node.value(0).shape, tuple(asked.tolist()))
    return node.graph.spread(node.value(0), shape)


def tile(node: Node) -> Value:
    value, repeats = node.value(0), node.whole(1)
    fits = repeats.shape == (len(value.shape),) and np.all(repeats > 0)
    require(fits, f"the repeats of {node.told}")
    size = value.size * np.prod(repeats, dtype=np.float64)
    require(size <= MOST_ELEMENTS, "a tensor is too large")
    return node.graph.view(value, lambda x: np.tile(x, tuple(repeats.tolist())))
