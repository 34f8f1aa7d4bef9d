"""Operators of ONNX that move elements, and constants."""

from __future__ import annotations

import math

import numpy as np

from .arithmetic import require
from .model import Value
from .node import Node, array, numbers
from .operators import Select


def constant(node: Node) -> Value:
    require(len(node.given) == 1, "a constant of this form")
    (kind, item), *_ = node.given.items()
    found = array(item) if kind == "value" else np.asarray(item)
    return Value(found.shape, constant=found)


def identity(node: Node) -> Value:
    return node.value(0)


def dropout(node: Node) -> Value:
    require(not node.there(2), "Dropout with a mode")
    require(len(node.proto.output) == 1 or not node.proto.output[1], "Dropout with a mask")
    return identity(node)


def flatten(node: Node) -> Value:
    axis = int(node.given.get("axis", 1))
    return node.graph.view(
        node.value(0), lambda x: x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))
    )


def reshape(node: Node) -> Value:
    node.zero("allowzero")
    asked = node.given["shape"] if "shape" in node.given else node.whole(1)
    old = node.value(0).shape
    shape = [old[i] if size == 0 else int(size) for i, size in enumerate(asked)]
    return node.graph.view(node.value(0), lambda x: x.reshape(shape))


def transpose(node: Node) -> Value:
    order = node.given.get("perm")
    return node.graph.view(node.value(0), lambda x: x.transpose(order))


def squeeze(node: Node) -> Value:
    axes = node.listed(1, "axes")
    where = None if axes is None else tuple(axes)
    return node.graph.view(node.value(0), lambda x: x.squeeze(where))


def unsqueeze(node: Node) -> Value:
    axes = node.listed(1, "axes")
    require(axes is not None, "Unsqueeze without axes")
    return node.graph.view(node.value(0), lambda x: np.expand_dims(x, tuple(axes or ())))


def gather(node: Node) -> Value:
    index, axis = node.whole(1), int(node.given.get("axis", 0))
    return node.graph.view(node.value(0), lambda x: np.take(x, index, axis))


def slice_(node: Node) -> Value:
    starts, ends = node.listed(1, "starts") or [], node.listed(2, "ends") or []
    axes = node.listed(3, "axes") or list(range(len(starts)))
    steps = node.listed(4, "steps") or [1] * len(starts)
    cut = [slice(None)] * len(node.value(0).shape)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        require(step > 0, "Slice with a negative step")
        cut[axis] = slice(start, end, step)
    return node.graph.view(node.value(0), lambda x: x[tuple(cut)])


def pad(node: Node) -> Value:
    require(node.given.get("mode", b"constant") == b"constant", "Pad with a mode")
    require(not node.there(3), "Pad with axes")
    value = node.fixed(2).item() if node.there(2) else node.given.get("value", 0.0)
    pads = node.listed(1, "pads") or []
    half = len(pads) // 2
    require(value == 0.0 and min(pads, default=0) >= 0, "Pad with other numbers than 0")
    source = node.variable(0)
    width = list(zip(pads[:half], pads[half:], strict=True))
    return node.graph.view(source, lambda x: np.pad(x, width, constant_values=-1))


def concat(node: Node) -> Value:
    axis, places, start = int(node.given["axis"]), [], 0
    values = [node.value(place) for place in range(len(node.inputs))]
    for item in values:
        places.append(np.arange(start, start + item.size).reshape(item.shape))
        start += item.size
    joined = np.concatenate(places, axis)
    flat, terms, bias, start = joined.reshape(-1), [], np.zeros(joined.size), 0
    for item in values:
        mine = (flat >= start) & (flat < start + item.size)
        if item.constant is not None:
            bias[mine] = numbers(item.constant).reshape(-1)[flat[mine] - start]
        else:
            terms.append((item, Select(np.where(mine, flat - start, -1), item.size)))
        start += item.size
    require(terms, "Concat of constants")
    return node.graph.affine(joined.shape, *terms, bias=bias.reshape(joined.shape))
