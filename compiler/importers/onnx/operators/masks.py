"""ONNX operations that compare activations, and those on the masks of 0 and 1 that come of it.

All are made of steps: a >= b is the step of a - b, and two numbers are equal where both of a >= b
and b >= a hold. On constants alone they are those of `folding`.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from ....base.arrays import Vector
from ....network.layers import Absolute, Choice, Linear, Rectifier, Step, Sum
from ....operators import LinearOperator, Scale, compose
from ..folding import fold
from ..model import Array, Shape
from ..node import Node, Symbol, Value, broadcast, constant_like
from .arithmetic import negation

BOOL = np.dtype(np.bool_)


def greater(node: Node) -> Value:
    return _compared(node, (1, 0), strict=True)


def less(node: Node) -> Value:
    return _compared(node, (0, 1), strict=True)


def greater_or_equal(node: Node) -> Value:
    return _compared(node, (0, 1), strict=False)


def less_or_equal(node: Node) -> Value:
    return _compared(node, (1, 0), strict=False)


def _compared(node: Node, order: tuple[int, int], strict: bool) -> Value:
    """a >= b as a step; a > b is what b >= a is not."""
    if not _symbolic(node):
        return fold(node)
    first, second = order
    steps = _step(node, _difference(node, first, second, ".apart"), ".step")
    return _not(node, steps, "") if strict else steps


def equal(node: Node) -> Value:
    if not _symbolic(node):
        return fold(node)
    apart = _difference(node, 0, 1, ".apart")
    if _types(node) == {BOOL}:
        return _masked(_not(node, node.emit(Absolute(), apart.shape, apart, suffix=".size"), ""))
    return zero(node, apart, "")


def zero(node: Node, source: Value, suffix: str) -> Value:
    """Where a tensor is 0."""
    size, shape = int(np.prod(source.shape)), source.shape
    above = _step(node, source, f"{suffix}.above")
    below = node.linear(source, negation(size), shape, None, f"{suffix}.negative")
    both = node.emit(
        Sum((1.0, 1.0), "sum"), shape, above, _step(node, below, f"{suffix}.below"),
        suffix=f"{suffix}.sum",
    )  # fmt: skip
    return _masked(node.linear(both, _same(size), shape, np.full(size, -1.0), f"{suffix}.zero"))


def nonzero(node: Node, source: Value) -> Value:
    """Where a tensor is not 0, as a cast to truth values has it."""
    return _not(node, zero(node, source, ".is"), "")


def not_(node: Node) -> Value:
    node.expect(1)
    if not _symbolic(node):
        return fold(node)
    return _not(node, node.value(0), "")


def and_(node: Node) -> Value:
    """max(a + b - 1, 0)"""
    if not _symbolic(node):
        return fold(node)
    total = _sum(node, (1.0, 1.0), -1.0, ".sum")
    return _masked(node.emit(Rectifier(), total.shape, total))


def or_(node: Node) -> Value:
    """1 - max(1 - a - b, 0)"""
    if not _symbolic(node):
        return fold(node)
    total = _sum(node, (-1.0, -1.0), 1.0, ".sum")
    return _not(node, node.emit(Rectifier(), total.shape, total, suffix=".neither"), "")


def xor(node: Node) -> Value:
    """|a - b|"""
    if not _symbolic(node):
        return fold(node)
    apart = _difference(node, 0, 1, ".apart")
    return _masked(node.emit(Absolute(), apart.shape, apart))


def chosen(node: Node, mask: Symbol) -> Value:
    """Where, by a mask that depends on the input."""
    if mask.dtype != BOOL:
        node.fail(f"its condition is {mask.dtype}, not bool")
    first, second = node.value(1), node.value(2)
    shape = np.broadcast_shapes(mask.shape, first.shape, second.shape)
    node.check_size(shape)
    if first.dtype != second.dtype:
        node.fail(f"chooses between {first.dtype} and {second.dtype}")
    spread = node.spread(mask, shape, ".mask")
    if not isinstance(first, Symbol) and not isinstance(second, Symbol):
        ends = [_flat(node, slot, shape) for slot in (1, 2)]
        apart = ends[0] - ends[1]
        pairs = zip(apart.tolist(), *(end.tolist() for end in ends), strict=True)
        if all(Fraction(d) == Fraction(a) - Fraction(b) for d, a, b in pairs):
            scale = Scale(apart, np.ones(len(apart)))
            return replace_dtype(node.linear(spread, scale, shape, ends[1]), first.dtype)
    sources = [
        node.spread(part, shape, f".{slot}")
        if isinstance(part, Symbol)
        else constant_like(node, spread, _flat(node, slot, shape), shape, f".{slot}")
        for slot, part in ((1, first), (2, second))
    ]
    return replace_dtype(node.emit(Choice(), shape, spread, *sources), first.dtype)


def replace_dtype(value: Value, dtype: np.dtype[np.generic]) -> Value:
    """A symbol told as one of another type; its numbers stay."""
    return replace(value, dtype=dtype) if isinstance(value, Symbol) else value.astype(dtype)


def _masked(value: Value) -> Value:
    return replace_dtype(value, BOOL)


def _symbolic(node: Node) -> bool:
    return any(isinstance(value, Symbol) for value in node.inputs)


def _types(node: Node) -> set[np.dtype[np.generic]]:
    return {value.dtype for value in node.inputs if value is not None}


def _same(size: int) -> Scale:
    return Scale(np.ones(size), np.ones(size))


def _step(node: Node, source: Value, suffix: str) -> Value:
    return _masked(node.emit(Step(), source.shape, source, suffix=suffix))


def _not(node: Node, mask: Value, suffix: str) -> Value:
    size = int(np.prod(mask.shape))
    return _masked(node.linear(mask, negation(size), mask.shape, np.ones(size), suffix))


def _difference(node: Node, first: int, second: int, suffix: str) -> Value:
    """One input less the other, exactly: of one type, and not below 0 where it is rounded so."""
    signs = [0.0, 0.0]
    signs[first], signs[second] = 1.0, -1.0
    return _sum(node, (signs[0], signs[1]), 0.0, suffix)


def _sum(node: Node, signs: tuple[float, float], constant: float, suffix: str) -> Value:
    """sign * first + sign * second + constant, broadcast."""
    node.expect(2)
    values = node.value(0), node.value(1)
    if values[0].dtype != values[1].dtype:
        node.fail(f"compares {values[0].dtype} with {values[1].dtype}")
    shape = np.broadcast_shapes(values[0].shape, values[1].shape)
    node.check_size(shape)
    size = int(np.prod(shape))
    bias: Vector = np.full(size, constant)
    places = [slot for slot in (0, 1) if isinstance(values[slot], Symbol)]
    for slot in {0, 1} - {*places}:
        bias = bias + signs[slot] * _flat(node, slot, shape)
    if len(places) == 1:
        (slot,) = places
        operator: LinearOperator = broadcast(values[slot].shape, shape)
        if signs[slot] < 0:
            operator = compose(operator, negation(size))
        return node.linear(values[slot], operator, shape, bias, suffix)
    parts = [node.spread(values[slot], shape, f"{suffix}.{slot}") for slot in (0, 1)]
    total = node.emit(Sum(signs, "sum"), shape, *parts, suffix=suffix)
    if not constant:
        return total
    return node.emit(Linear(_same(size), bias, "sum"), shape, total, suffix=f"{suffix}.offset")


def _flat(node: Node, slot: int, shape: Shape) -> Vector:
    """A constant input broadcast, flat, as float64."""
    found: Array = node.weights(slot, "operand")
    return np.broadcast_to(found, shape).reshape(-1).copy()
