"""Operators of ONNX that put elements of several values, and constants, in their places."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..arithmetic import Array, require
from ..model import Value
from ..operators import Operator, Select
from .fields import MOST_ELEMENTS
from .node import Node


def pad(node: Node) -> Value:
    """A negative amount cuts."""
    require(node.given.get("mode", b"constant") == b"constant", f"the mode of {node.told}")
    value, amounts = node.value(0), node.listed(1, "pads", 11)
    if node.opset < 11:
        require(value.constant is None, f"constant input of {node.told}")
        fill = float(node.given.get("value", 0.0))
    else:
        require("value" not in node.given, f"the value of {node.told}")
        fill = _fill(node, value)
    rank = len(value.shape)
    axes = node.whole(3).reshape(-1).tolist() if node.there(3) else list(range(rank))
    require(not node.there(3) or node.opset >= 18, f"the axes of {node.told}")
    good = all(-rank <= axis < rank for axis in axes)
    require(good and len({axis % rank for axis in axes}) == len(axes), f"the axes of {node.told}")
    require(amounts is not None and len(amounts) == 2 * len(axes), f"the pads of {node.told}")
    assert amounts is not None
    width, cut = [(0, 0)] * rank, [slice(None)] * rank
    for axis, before, after in zip(axes, amounts, amounts[len(axes) :], strict=False):
        size = value.shape[axis]
        require(min(before, after, before + after) > -size, f"the pads of {node.told}")
        cut[axis] = slice(max(-before, 0), size + min(after, 0))
        width[axis] = max(before, 0), max(after, 0)
    size = math.prod(a + n + b for (a, b), n in zip(width, value.shape, strict=True))
    require(size <= MOST_ELEMENTS, "a tensor is too large")
    if value.constant is not None:
        known = np.pad(value.constant[tuple(cut)], width, constant_values=value.kind.type(fill))
        return Value(known.shape, constant=known)
    place = np.pad(
        np.arange(value.size).reshape(value.shape)[tuple(cut)], width, constant_values=-1
    )
    return _placed(node, place.shape, [(value, place.reshape(-1))], np.where(place < 0, fill, 0.0))


def _fill(node: Node, value: Value) -> float:
    """What the padding holds, of the input's own type."""
    if not node.there(2):
        return 0.0
    found = node.value(2).constant
    good = found is not None and found.size == 1 and found.dtype == value.kind
    require(good and value.kind.kind == "f", f"the value of {node.told}")
    assert found is not None
    return float(found.item())


def concat(node: Node) -> Value:
    axis = int(node.given["axis"])
    values = [node.value(place) for place in range(len(node.inputs))]
    if node.known:
        joined = np.concatenate(node.constants("ifb"), axis)
        return Value(joined.shape, constant=joined)
    require(all(value.kind == node.kind for value in values), f"the types of {node.told}")
    marks = [np.full(value.shape, k) for k, value in enumerate(values)]
    own = [np.arange(value.size).reshape(value.shape) for value in values]
    owner, place = (np.concatenate(parts, axis) for parts in (marks, own))
    bias, terms = np.zeros(owner.size), []
    for k, value in enumerate(values):
        mine = owner.reshape(-1) == k
        if value.constant is None:
            terms.append((value, np.where(mine, place.reshape(-1), -1)))
        else:
            bias[mine] = node.fixed(k).reshape(-1)
    return _placed(node, owner.shape, terms, bias)


def where(node: Node) -> Value:
    """Of two values by a constant condition."""
    chosen = node.value(0).constant
    require(chosen is not None and chosen.dtype.kind == "b", f"the condition of {node.told}")
    assert chosen is not None
    values = first, second = node.value(1), node.value(2)
    shape = np.broadcast_shapes(chosen.shape, first.shape, second.shape)
    require(math.prod(shape) <= MOST_ELEMENTS, "a tensor is too large")
    if first.constant is not None and second.constant is not None:
        require(first.constant.dtype == second.constant.dtype, f"the types of {node.told}")
        found = np.where(chosen, first.constant, second.constant)
        return Value(found.shape, constant=found)
    require(first.kind == second.kind, f"the types of {node.told}")
    wide = np.broadcast_to(chosen, shape).reshape(-1)
    bias, terms = np.zeros(len(wide)), []
    for slot, (value, mine) in enumerate(zip(values, (wide, ~wide), strict=True), start=1):
        if value.constant is None:
            place = np.arange(value.size).reshape(value.shape)
            place = np.broadcast_to(place, shape).reshape(-1)
            terms.append((value, np.where(mine, place, -1)))
        else:
            bias[mine] = np.broadcast_to(node.fixed(slot), shape).reshape(-1)[mine]
    return _placed(node, shape, terms, bias)


def _placed(
    node: Node, shape: tuple[int, ...], places: Sequence[tuple[Value, Array]], bias: Array
) -> Value:
    """The sum of a bias and of values, each with its elements in their places (size,), or -1."""
    terms: list[tuple[Value, Operator]] = [
        (value, Select(index, value.size)) for value, index in places
    ]
    return node.graph.affine(shape, *terms, bias=bias.reshape(shape) if bias.any() else None)
