"""Operators of ONNX on constants alone, which exporters compute shapes and factors with.

Their numbers are those that the model's runtime computes: of their own type, rounded to it once in
each operation, as IEEE arithmetic has it. What is not so defined is refused: whole numbers that
overflow, sums that round, and all other functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np

from ..arithmetic import Array
from ..model import Value, limit
from .fields import STORED, finite
from .node import Handler, Node


def constant(node: Node) -> Value:
    node.require(len(node.given) == 1, "the form")
    (kind, item), *_ = node.given.items()
    number = np.int64 if kind in ("value_int", "value_ints") else np.float32
    return Value.of(item if kind == "value" else np.asarray(item, dtype=number))


def constant_of_shape(node: Node) -> Value:
    sizes = tuple(node.whole(0, "the shape"))
    fill = node.given.get("value", np.zeros(1, dtype=np.float32))
    node.require(min(sizes, default=0) >= 0 and fill.size == 1, "the shape or the value")
    limit(sizes)
    return Value.of(np.full(sizes, fill.item(), dtype=fill.dtype))


def shape(node: Node) -> Value:
    found = node.value(0).shape[node.given.get("start", 0) : node.given.get("end")]
    return Value.of(np.array(found, dtype=np.int64))


def size(node: Node) -> Value:
    return Value.of(np.array(node.value(0).size, dtype=np.int64))


def spaced(node: Node) -> Value:
    """start, start + step, ... before the limit, exactly."""
    start, end, step = (Fraction(item.item()) for item in node.constants("if"))
    node.require(step != 0, "the step")
    count = max(0, math.ceil((end - start) / step))
    limit((count,))
    exact = [start + k * step for k in range(count)]
    found = np.array([float(number) for number in exact]).astype(node.constants("if")[0].dtype)
    node.require([Fraction(number) for number in found.tolist()] == exact, "numbers that round")
    return checked(node, found)


def product(node: Node) -> Value:
    """Of whole numbers, over the axes."""
    known = node.constant(0, "i", "the numbers")
    axes = node.listed(1, "axes", 18)
    keep = node.flag("keepdims", 1)
    if not axes and node.flag("noop_with_empty_axes"):
        return Value.of(known)
    over = tuple(axes) if axes else None
    exact = np.asarray(np.prod(known.astype(object), axis=over, keepdims=keep))
    found = np.asarray(np.prod(known, axis=over, keepdims=keep, dtype=known.dtype))
    node.require(np.array_equal(found.astype(object), exact), "an overflow")
    return checked(node, found)


def cast(node: Node) -> Value:
    """Of constants: floats are cut off towards zero, or rounded to the nearest float. Of a variable
    what does not round."""
    value, code = node.value(0), node.given["to"]
    node.require(code in STORED, "the type")
    node.require(node.given.get("round_mode", b"up") == b"up", "round_mode")
    node.require(node.given.get("saturate", 1) == 1, "saturate")
    target = np.dtype(STORED[code][0])
    if value.constant is None:
        good = target == np.float64 or (target == np.float32 and not value.double)
        node.require(good, "values that may round, at the cast")
        return replace(value, double=target == np.float64)
    known = value.constant
    if target.kind == "i" and known.dtype.kind == "f":
        known = np.trunc(known)
        end = 2.0 ** (8 * target.itemsize - 1)
        node.require(np.all((known >= -end) & (known < end)), "too large numbers")
    found = known.astype(target)
    if target.kind == "i":
        node.require(np.array_equal(found.astype(known.dtype), known), "large numbers")
    return checked(node, found, value.inverse)


def checked(node: Node, found: Array, inverse: bool = False) -> Value:
    """Constants that are finite, as a value."""
    node.require(finite(found), "the numbers")
    return Value.of(found, inverse)


def fold(
    node: Node, function: Callable[..., Array], kinds: str = "if", inverse: bool = False
) -> Value:
    """What an elementwise function makes of constants of one type; whole numbers do not overflow.

    Of floats it is one that IEEE arithmetic rounds correctly, or that rounds nothing.
    """
    known = node.constants(kinds)
    limit(np.broadcast_shapes(*(item.shape for item in known)))
    found = np.asarray(function(*known))
    if known[0].dtype.kind == found.dtype.kind == "i":
        exact = function(*(item.astype(object) for item in known))
        node.require(np.array_equal(found.astype(object), exact), "an overflow")
    return checked(node, found, inverse)


def exactly(function: Callable[..., Array], kinds: str = "if") -> Handler:
    """`fold` by a function, as a handler."""
    return lambda node: fold(node, function, kinds)


def divided(node: Node) -> Value:
    """Whole numbers are divided towards zero."""
    above, below = node.constants()
    node.require(np.all(below != 0), "a division by zero")
    inverse = above.size == 1 and above.item() == 1
    if above.dtype.kind == "f":
        return fold(node, np.divide, inverse=inverse)
    return fold(
        node, lambda a, b: np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b)), inverse=inverse
    )


def reciprocal(node: Node) -> Value:
    (below,) = node.constants("f")
    node.require(np.all(below != 0.0), "a division by zero")
    return checked(node, below.dtype.type(1) / below)


def root(node: Node) -> Value:
    (square,) = node.constants("f")
    node.require(np.all(square >= 0.0), "a root of a negative number")
    return checked(node, np.asarray(np.sqrt(square)))
