"""Elementwise ONNX operations that bend: rectifiers, clips, absolute values, signs, maxima."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np

from ....base.arrays import Vector
from ....network.layers import Absolute, Clip, Layer, Leaky, Maximum, Rectifier, Sign
from ....operators import LinearOperator, Scale, compose
from ..folding import computed
from ..model import Array, Shape
from ..node import Node, Symbol, Value, broadcast
from .arithmetic import negation


def _same_shape(node: Node, layer: Layer) -> Value:
    source = node.value(0)
    return node.emit(layer, source.shape, source)


def relu(node: Node) -> Value:
    node.expect(1)
    return _same_shape(node, Rectifier())


def leaky_relu(node: Node) -> Value:
    node.expect(1)
    alpha = node.number("alpha", float(np.float32(0.01)))
    return _same_shape(node, Leaky(np.full(math.prod(node.value(0).shape), alpha)))


def prelu(node: Node) -> Value:
    """The slope may have fewer axes than its input, as a channel's does."""
    node.expect(2)
    slope = np.broadcast_to(node.weights(1, "slope"), node.value(0).shape).reshape(-1)
    return _same_shape(node, Leaky(slope.copy(), "prelu"))


def absolute(node: Node) -> Value:
    node.expect(1)
    source = node.value(0)
    if not isinstance(source, Symbol):
        return computed(node, np.abs, source)
    return _same_shape(node, Absolute())


def sign(node: Node) -> Value:
    node.expect(1)
    source = node.value(0)
    if not isinstance(source, Symbol):
        return computed(node, np.sign, source)
    return _same_shape(node, Sign())


def clip(node: Node) -> Value:
    """Limits at the end of the type's range are none; where they cross the upper one holds."""
    if node.opset < 11:
        node.expect(1)
        end = float(np.finfo(np.float32).max)
        low, high = node.number("min", -end), node.number("max", end)
    else:
        node.expect(1, 3)
        low, high = _limit(node, 1, -np.inf), _limit(node, 2, np.inf)
    source = node.value(0)
    if not isinstance(source, Symbol):
        return _clipped_constant(node, source, low, high)
    end = float(np.finfo(source.dtype).max)
    low, high = (
        number if abs(number) < end else np.copysign(np.inf, number) for number in (low, high)
    )
    size = math.prod(source.shape)
    return _clipped(node, source, np.full(size, min(low, high)), np.full(size, high))


def _clipped_constant(node: Node, source: Array, low: float, high: float) -> Array:
    """Whole numbers have whole limits, which only large ones are not as floats."""
    for slot in (1, 2):
        if node.given(slot) and node.constant(slot, "limit").dtype != source.dtype:
            node.fail(f"its limits are not {source.dtype}, as its input is")
    number = source.dtype.type
    with np.errstate(all="ignore"):
        raised = source if low == -np.inf else np.maximum(source, number(low))
        found = raised if high == np.inf else np.minimum(raised, number(high))
    return computed(node, lambda array: found, source)


def _limit(node: Node, position: int, absent: float) -> float:
    if not node.given(position):
        return absent
    found = node.constant(position, "limit")
    if found.size != 1:
        node.fail(f"a limit has shape {found.shape}; a single number is needed")
    if found.dtype.kind == "i" and abs(int(found.item())) > 2**53:
        node.fail(f"a limit of {found.item()} is beyond 2**53")
    return float(found.item())


def _clipped(node: Node, source: Value, lower: Vector, upper: Vector) -> Value:
    if np.isinf(upper).all() and not lower.any():
        return node.emit(Rectifier(), source.shape, source)
    if np.isinf(upper).all() and np.isinf(lower).all():
        return node.rearrange(source, lambda array: array)
    return node.emit(Clip(lower, upper, node.layer_kind), source.shape, source)


def hard_sigmoid(node: Node) -> Value:
    """min(max(alpha * x + beta, 0), 1)."""
    node.expect(1)
    source = node.value(0)
    size = math.prod(source.shape)
    alpha = node.number("alpha", float(np.float32(0.2)))
    beta = node.number("beta", 0.5)
    scale = Scale(np.full(size, alpha), np.ones(size))
    inner = node.linear(source, scale, source.shape, np.full(size, beta), ".affine")
    return _clipped(node, inner, np.zeros(size), np.ones(size))


def maximum(node: Node) -> Value:
    return _extreme(node, 1.0)


def minimum(node: Node) -> Value:
    return _extreme(node, -1.0)


def _extreme(node: Node, sign: float) -> Value:
    """The greatest of sign * operand, times sign; constants together are one limit of a clip."""
    values = [node.value(slot) for slot in range(len(node.inputs))]
    shape = np.broadcast_shapes(*(value.shape for value in values))
    node.check_size(shape)
    symbols = {(v.node, v.shape): v for v in values if isinstance(v, Symbol)}
    constants = [v for v in values if not isinstance(v, Symbol)]
    if not symbols:
        extreme = np.maximum if sign > 0 else np.minimum
        return computed(node, lambda *arrays: np.asarray(reduce(extreme, arrays)), *constants)
    found = _greatest(node, list(symbols.values()), shape, sign, ".least" if constants else "")
    if not constants:
        return found
    if any(constant.dtype.kind != "f" for constant in constants):
        node.fail("a constant among its inputs is not floating")
    signed = [sign * np.broadcast_to(c, shape).reshape(-1).astype(np.float64) for c in constants]
    level, none = sign * reduce(np.maximum, signed), np.full(math.prod(shape), np.inf)
    return _clipped(node, found, *((level, none) if sign > 0 else (-none, level)))


def _greatest(node: Node, symbols: list[Symbol], shape: Shape, sign: float, suffix: str) -> Value:
    if len(symbols) == 1:
        return node.linear(symbols[0], broadcast(symbols[0].shape, shape), shape, None, suffix)
    parts: list[Value] = []
    for slot, symbol in enumerate(symbols):
        operator: LinearOperator = broadcast(symbol.shape, shape)
        if sign < 0:
            operator = compose(operator, negation(operator.out_size))
        spread = sign < 0 or symbol.shape != shape
        parts.append(node.linear(symbol, operator, shape, None, f".{slot}") if spread else symbol)
    layer = Maximum(len(parts), node.layer_kind)
    if sign > 0:
        return node.emit(layer, shape, *parts, suffix=suffix)
    negative = node.emit(layer, shape, *parts, suffix=f"{suffix}.negative")
    return node.linear(negative, negation(math.prod(shape)), shape, None, suffix)
