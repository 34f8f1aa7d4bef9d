"""Elementwise ONNX operations that are affine: sums, products with constants, normalisation."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from ....base.arrays import Vector
from ....network.layers import Linear, Sum
from ....operators import LinearOperator, Scale, compose, identity
from ..folding import computed, known
from ..model import Array, Shape
from ..node import Node, Symbol, Value, broadcast


def _common_shape(node: Node) -> Shape:
    node.expect(2)
    shape = np.broadcast_shapes(node.value(0).shape, node.value(1).shape)
    node.check_size(shape)
    return shape


def _filled(node: Node, position: int, shape: Shape) -> Vector:
    """A constant input broadcast to `shape`, flat."""
    return np.broadcast_to(node.weights(position, "factor or term"), shape).reshape(-1).copy()


def add(node: Node) -> Value:
    return _signed_sum(node, 1.0)


def sub(node: Node) -> Value:
    return _signed_sum(node, -1.0)


def _signed_sum(node: Node, sign: float) -> Value:
    """first + sign * second."""
    shape = _common_shape(node)
    constants = known(node)
    if constants is not None:
        return computed(node, np.add if sign > 0 else np.subtract, *constants)
    first, second = node.value(0), node.value(1)
    if isinstance(first, Symbol) and isinstance(second, Symbol):
        parts = [node.spread(part, shape, f".{slot}") for slot, part in enumerate((first, second))]
        return node.emit(Sum((1.0, sign), node.layer_kind), shape, *parts)
    if isinstance(first, Symbol):
        return node.linear(
            first, broadcast(first.shape, shape), shape, sign * _filled(node, 1, shape)
        )
    operator: LinearOperator = broadcast(second.shape, shape)
    if sign < 0:
        operator = compose(operator, negation(operator.out_size))
    return node.linear(second, operator, shape, _filled(node, 0, shape))


def negation(size: int) -> Scale:
    """y = -x."""
    return Scale(np.full(size, -1.0), np.ones(size))


def neg(node: Node) -> Value:
    node.expect(1)
    source = node.value(0)
    if not isinstance(source, Symbol):
        return computed(node, np.negative, source)
    return node.linear(source, negation(math.prod(source.shape)), source.shape)


def mul(node: Node) -> Value:
    shape = _common_shape(node)
    constants = known(node)
    if constants is not None:
        return computed(node, np.multiply, *constants)
    slots = [slot for slot in (0, 1) if isinstance(node.value(slot), Symbol)]
    if len(slots) == 2:
        node.refuse("Mul of two activations")
    source = node.value(slots[0])
    factor = _filled(node, 1 - slots[0], shape)
    scale = Scale(factor, np.ones(len(factor)))
    return node.linear(source, compose(broadcast(source.shape, shape), scale), shape)


def div(node: Node) -> Value:
    shape = _common_shape(node)
    constants = known(node)
    if constants is not None:
        if not constants[1].all():
            node.fail("divides by zero")
        floats = constants[0].dtype.kind == "f"
        return computed(node, np.divide if floats else _towards_zero, *constants)
    if isinstance(node.value(1), Symbol):
        node.refuse("Div by an activation")
    divisor = _filled(node, 1, shape)
    if not divisor.all():
        node.fail("divides by zero")
    source = node.value(0)
    scale = Scale(np.ones(len(divisor)), divisor)
    return node.linear(source, compose(broadcast(source.shape, shape), scale), shape)


def _towards_zero(above: Array, below: Array) -> Array:
    return np.asarray(np.sign(above) * np.sign(below) * (np.abs(above) // np.abs(below)))


def batch_normalization(node: Node) -> Value:
    """scale * (x - mean) / d + B over the reals, d the double nearest to sqrt(var + epsilon)."""
    node.expect(5)
    source = node.value(0)
    if node.outputs > 1 or (node.opset >= 14 and node.flag("training_mode")):
        node.refuse("BatchNormalization in training mode")
    if node.opset < 9 and not node.flag("spatial", 1):
        node.refuse_attribute("spatial", "is 0; statistics for each channel are read")
    node.number("momentum", 0.9)  # moves the statistics in training only
    epsilon = node.number("epsilon", float(np.float32(1e-5)))
    per_channel = (-1, *(1,) * (len(source.shape) - 2))
    names = ("scale", "B", "mean", "var")
    weights = [node.weights(1 + position, name) for position, name in enumerate(names)]
    if len(source.shape) < 2 or any(w.shape != (source.shape[1],) for w in weights):
        node.fail("its statistics do not fit the channels of its input")
    weights[3] = np.array([nearest_root(Fraction(v) + Fraction(epsilon)) for v in weights[3]])
    scale, offset, mean, deviation = (
        np.broadcast_to(w.reshape(per_channel), source.shape).reshape(-1).copy() for w in weights
    )
    centred = Linear(identity(len(mean)), -mean, node.layer_kind)
    inner = node.emit(centred, source.shape, source, suffix=".centred")
    return node.linear(inner, Scale(scale, deviation), source.shape, offset)


def nearest_root(square: Fraction) -> float:
    """The double nearest to the square root of a positive number."""
    if square <= 0:
        raise ValueError("a variance plus epsilon is not positive")
    root = math.sqrt(square)
    for near in (math.nextafter(root, 0.0), math.nextafter(root, math.inf)):
        middle = (Fraction(root) + Fraction(near)) / 2
        beyond = middle**2 > square if near < root else middle**2 < square
        if beyond:
            return near
    return root
