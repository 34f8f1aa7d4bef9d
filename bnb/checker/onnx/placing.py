"""Operators of ONNX that put elements of several values, and constants, in their places."""

from __future__ import annotations

import numpy as np

from ..arithmetic import Array, needed
from ..model import Value, limit, parts
from .node import Node


def _placed(node: Node, values: list[Value], places: Array, fill: float = 0.0) -> Value:
    """Elements of values of one type, numbered one value after the other; -1 for `fill`."""
    node.require(len({value.kind for value in values}) == 1, "the types")
    kind, flat = values[0].kind, places.reshape(-1)
    known = [np.zeros(v.size, kind) if v.constant is None else v.constant for v in values]
    found = np.concatenate([*(item.reshape(-1) for item in known), np.array([fill]).astype(kind)])
    found = found[flat].reshape(places.shape)
    if all(value.constant is not None for value in values):
        return Value.of(found)
    bias = found.astype(np.float64) if found.any() else None
    return node.graph.affine(places.shape, *parts(values, flat, every=True), bias=bias)


def pad(node: Node) -> Value:
    """A negative amount cuts."""
    node.require(node.given.get("mode", b"constant") == b"constant", "the mode")
    value, fill = node.value(0), 0.0
    amounts = needed(node.listed(1, "pads", 11), f"no pads of {node.told}")
    if node.opset < 11:
        node.require(value.constant is None, "a constant input")
        fill = float(node.given.get("value", 0.0))
    else:
        node.require("value" not in node.given, "the value")
        if node.there(2):
            found = node.constant(2, "f", "the value")
            node.require(found.size == 1 and found.dtype == value.kind, "the value")
            fill = float(found.item())
    rank = len(value.shape)
    axes = node.constant(3, "i", "the axes").reshape(-1) if node.there(3) else np.arange(rank)
    node.require(not node.there(3) or node.opset >= 18, "the axes")
    node.require(np.all((-rank <= axes) & (axes < rank)), "the axes")
    axes = axes % max(rank, 1)
    node.require(len({*axes.tolist()}) == len(axes), "the axes")
    node.require(len(amounts) == 2 * len(axes), "the pads")
    width, cut = [(0, 0)] * rank, [slice(None)] * rank
    for axis, before, after in zip(axes, amounts, amounts[len(axes) :], strict=False):
        size = value.shape[axis]
        node.require(min(before, after, before + after) > -size, "the pads")
        cut[axis] = slice(max(-before, 0), size + min(after, 0))
        width[axis] = max(before, 0), max(after, 0)
    limit(tuple(a + n + b for (a, b), n in zip(width, value.shape, strict=True)))
    places = np.pad(value.places[tuple(cut)], width, constant_values=-1)
    return _placed(node, [value], places, fill)


def concat(node: Node) -> Value:
    values, start, places = node.values(), 0, []
    for value in values:
        places.append(value.places + start)
        start += value.size
    return _placed(node, values, np.concatenate(places, node.given["axis"]))


def where(node: Node) -> Value:
    """Of two values by a constant condition."""
    chosen, values = node.constant(0, "b", "the condition"), [node.value(1), node.value(2)]
    limit(np.broadcast_shapes(chosen.shape, *(value.shape for value in values)))
    return _placed(
        node, values, np.where(chosen, values[0].places, values[1].places + values[0].size)
    )
