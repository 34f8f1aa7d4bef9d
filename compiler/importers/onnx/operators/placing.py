"""ONNX operations that put tensors in place among constants: Pad, Concat and Where."""

from __future__ import annotations

import math

import numpy as np

from ....base.arrays import Vector
from ....network.layers import Sum
from ..folding import one_type
from ..model import Array, Shape
from ..node import Node, Symbol, Value, positions, selection
from .masks import chosen as by_mask


def pad(node: Node) -> Value:
    """Padding by a constant; a negative amount cuts."""
    node.expect(*((1, 1) if node.opset < 11 else (2, 4 if node.opset >= 18 else 3)))
    mode = node.text("mode", "constant")
    if mode != "constant":
        node.refuse_attribute("mode", f"is {mode!r}; 'constant' is read")
    source = node.value(0)
    rank = len(source.shape)
    if node.opset < 11:
        amounts, fill = node.integer_list("pads"), node.number("value", 0.0)
    else:
        amounts = node.integers(1, "amount")
        fill = node.weights(2, "fill value").item() if node.given(2) else 0.0
    axes = node.integers(3, "axes") if node.given(3) else tuple(range(rank))
    named = {range(rank)[axis] for axis in axes}
    if amounts is None or len(amounts) != 2 * len(axes) or len(named) < len(axes):
        node.fail("its amounts do not fit its axes")
    widths, kept = [(0, 0)] * rank, [slice(None)] * rank
    for slot, axis in enumerate(axes):
        size, before, after = source.shape[axis], amounts[slot], amounts[slot + len(axes)]
        if min(before, after, before + after) < -size:
            node.fail(f"cuts more than the {size} of axis {axis}")
        kept[axis] = slice(max(0, -before), size + min(0, after))
        widths[axis] = (max(0, before), max(0, after))
    node.check_size(b + n + a for (b, a), n in zip(widths, source.shape, strict=True))
    if not isinstance(source, Symbol):
        if fill and not (node.given(2) and node.constant(2, "fill value").dtype == source.dtype):
            node.fail(f"its fill value is not {source.dtype}, as its input is")
        return np.pad(source[tuple(kept)], widths, constant_values=source.dtype.type(fill))
    index = np.pad(positions(source.shape)[tuple(kept)], widths, constant_values=-1)
    bias = np.where(index.reshape(-1) < 0, fill, 0.0) if fill else None
    return node.linear(source, selection(index, source.shape), index.shape, bias)


def concat(node: Node) -> Value:
    """Each source put in its place among zeros, then their sum; constants become the bias."""
    parts = [node.value(slot) for slot in range(len(node.inputs))]
    axis = node.integer("axis")
    constants = [part for part in parts if not isinstance(part, Symbol)]
    if len(constants) == len(parts):
        one_type(node, *constants)
        return np.concatenate(constants, axis)
    node.check_size((sum(math.prod(part.shape) for part in parts),))
    places: list[tuple[Symbol, Array]] = []
    for part in parts:
        if isinstance(part, Symbol) and all(part.node != known.node for known, _ in places):
            blocks = [
                positions(other.shape)
                if isinstance(other, Symbol) and other.node == part.node
                else np.full(other.shape, -1, dtype=np.int64)
                for other in parts
            ]
            places.append((part, np.concatenate(blocks, axis)))
    shape = places[0][1].shape
    bias = None
    if constants:
        filled = [
            np.zeros(part.shape) if isinstance(part, Symbol) else node.weights(slot, "part")
            for slot, part in enumerate(parts)
        ]
        bias = np.concatenate(filled, axis).reshape(-1)
    return _together(node, places, shape, bias)


def _together(
    node: Node, places: list[tuple[Symbol, Array]], shape: Shape, bias: Vector | None
) -> Value:
    """The sum of the symbols, each with its numbers in their places."""
    if len(places) == 1:
        symbol, index = places[0]
        return node.linear(symbol, selection(index, symbol.shape), shape, bias)
    placed = [
        node.linear(s, selection(i, s.shape), shape, bias if slot == 0 else None, f".{slot}")
        for slot, (s, i) in enumerate(places)
    ]
    return node.emit(Sum((1.0,) * len(placed), node.layer_kind), shape, *placed)


def where(node: Node) -> Value:
    """Two sources by a mask; by a constant one each is put in its place among zeros, then added."""
    node.expect(3)
    mask = node.value(0)
    if isinstance(mask, Symbol):
        return by_mask(node, mask)
    chosen = mask
    if chosen.dtype.kind != "b":
        node.fail(f"its condition is {chosen.dtype}, not bool")
    first, second = sources = node.value(1), node.value(2)
    shape = np.broadcast_shapes(chosen.shape, first.shape, second.shape)
    node.check_size(shape)
    if not isinstance(first, Symbol) and not isinstance(second, Symbol):
        one_type(node, first, second)
        return np.where(chosen, first, second)
    mask, bias = np.broadcast_to(chosen, shape), None
    places: list[tuple[Symbol, Array]] = []
    for slot, (source, here) in enumerate(zip(sources, (mask, ~mask), strict=True), start=1):
        if isinstance(source, Symbol):
            index = np.broadcast_to(positions(source.shape), shape)
            places.append((source, np.where(here, index, -1)))
        else:
            bias = np.where(here, node.weights(slot, "choice"), 0.0).reshape(-1)
    return _together(node, places, shape, bias)
