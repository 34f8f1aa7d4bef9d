"""Operators of ONNX on constants alone, which exporters compute shapes and factors with.

Their numbers are those that the model's runtime computes: of their own type, rounded to it once in
each operation, as IEEE arithmetic has it. What is not so defined is refused: whole numbers that
overflow, sums that round, and all other functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..arithmetic import Array, require
from ..model import Value
from .fields import MOST_ELEMENTS, STORED, finite
from .node import Handler, Node


def constant(node: Node) -> Value:
    require(len(node.given) == 1, f"the form of {node.told}")
    (kind, item), *_ = node.given.items()
    number = np.int64 if kind in ("value_int", "value_ints") else np.float32
    found = item if kind == "value" else np.asarray(item, dtype=number)
    return Value(found.shape, constant=found)


def constant_of_shape(node: Node) -> Value:
    sizes, fill = node.whole(0), node.given.get("value")
    require(sizes.ndim == 1 and np.all(sizes >= 0), f"the shape of {node.told}")
    require(np.prod(sizes, dtype=np.float64) <= MOST_ELEMENTS, "a tensor is too large")
    number = np.zeros(1, dtype=np.float32) if fill is None else fill
    require(number.size == 1, f"the value of {node.told}")
    found = np.full(tuple(sizes.tolist()), number.item(), dtype=number.dtype)
    return Value(found.shape, constant=found)


def shape(node: Node) -> Value:
    found = node.value(0).shape[node.given.get("start", 0) : node.given.get("end")]
    return Value((len(found),), constant=np.array(found, dtype=np.int64))


def cast(node: Node) -> Value:
    """Of constants: floats are cut off towards zero, or rounded to the nearest float. Of a variable
    what does not round."""
    value, code = node.value(0), node.given["to"]
    require(code in STORED, f"the type of {node.told}")
    require(node.given.get("round_mode", b"up") == b"up", f"round_mode of {node.told}")
    require(node.given.get("saturate", 1) == 1, f"saturate of {node.told}")
    target = np.dtype(STORED[code][0])
    if value.constant is None:
        good = target == np.float64 or (target == np.float32 and not value.double)
        require(good, f"{node.told}, which may round")
        return value.of(target == np.float64)
    known = value.constant
    if target.kind == "i" and known.dtype.kind == "f":
        known = np.trunc(known)
        end = 2.0 ** (8 * target.itemsize - 1)
        require(np.all((known >= -end) & (known < end)), f"numbers too large for {node.told}")
    found = known.astype(target)
    if target.kind == "i":
        require(np.array_equal(found.astype(known.dtype), known), f"large numbers at {node.told}")
    return replace(checked(node, found), inverse=value.inverse)


def checked(node: Node, found: Array) -> Value:
    """Constants that are finite, as a value."""
    require(finite(found), f"the numbers of {node.told}")
    return Value(found.shape, constant=found)


def fold(node: Node, function: Callable[..., Array], kinds: str = "if") -> Value:
    """What an elementwise function makes of constants of one type; whole numbers do not overflow.

    Of floats it is one that IEEE arithmetic rounds correctly, or that rounds nothing.
    """
    known = node.constants(kinds)
    shape = np.broadcast_shapes(*(item.shape for item in known))
    require(np.prod(shape, dtype=np.float64) <= MOST_ELEMENTS, "a tensor is too large")
    found = np.asarray(function(*known))
    if known[0].dtype.kind == found.dtype.kind == "i":
        exact = function(*(item.astype(object) for item in known))
        require(np.array_equal(found.astype(object), exact), f"an overflow at {node.told}")
    return checked(node, found)


def exactly(function: Callable[..., Array], kinds: str = "if") -> Handler:
    """`fold` by a function, as a handler."""
    return lambda node: fold(node, function, kinds)


def divided(node: Node) -> Value:
    """Whole numbers are divided towards zero."""
    above, below = node.constants()
    require(np.all(below != 0), f"a division by zero at {node.told}")
    if above.dtype.kind == "f":
        found = fold(node, np.divide)
    else:
        found = fold(node, lambda a, b: np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b)))
    return replace(found, inverse=above.size == 1 and above.item() == 1)


def reciprocal(node: Node) -> Value:
    (below,) = node.constants("f")
    require(np.all(below != 0.0), f"a division by zero at {node.told}")
    return checked(node, below.dtype.type(1) / below)


def root(node: Node) -> Value:
    (square,) = node.constants("f")
    require(np.all(square >= 0.0), f"a root of a negative number at {node.told}")
    return checked(node, np.asarray(np.sqrt(square)))
