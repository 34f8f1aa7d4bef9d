"""Operators of ONNX on constants alone, which exporters compute shapes and factors with.

The true number is that of real arithmetic; where float64 rounds it, the value's slack says by how
much. What would need more than that is refused.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from .arithmetic import LIMIT, Array, at_most_sum, require
from .model import MOST_ELEMENTS, Value
from .node import Handler, Node, array

MOST_SLACK = 2**10
SMALLEST = 1e-200
TYPES = {
    onnx.TensorProto.FLOAT: np.float32,
    onnx.TensorProto.DOUBLE: np.float64,
    onnx.TensorProto.INT32: np.int32,
    onnx.TensorProto.INT64: np.int64,
    onnx.TensorProto.BOOL: np.bool_,
}


def constant(node: Node) -> Value:
    require(len(node.given) == 1, f"the form of {node.told}")
    (kind, item), *_ = node.given.items()
    whole = kind in ("value_int", "value_ints")
    number = np.int64 if whole else np.float64
    found = array(item) if kind == "value" else np.asarray(item, dtype=number)
    return Value(found.shape, constant=found)


def constant_of_shape(node: Node) -> Value:
    sizes, fill = node.whole(0), node.given.get("value")
    require(sizes.ndim == 1 and np.all(sizes >= 0), f"the shape of {node.told}")
    require(np.prod(sizes, dtype=np.float64) <= MOST_ELEMENTS, "a tensor is too large")
    number = np.zeros(1) if fill is None else array(fill)
    require(number.size == 1, f"the value of {node.told}")
    found = np.full(tuple(sizes.tolist()), number.item(), dtype=number.dtype)
    return Value(found.shape, constant=found)


def shape(node: Node) -> Value:
    found = node.value(0).shape[node.given.get("start", 0) : node.given.get("end")]
    return Value((len(found),), constant=np.array(found, dtype=np.int64))


def cast(node: Node) -> Value:
    """Of constants what keeps the numbers, of a variable what does not round."""
    value, code = node.value(0), node.given["to"]
    require(code in TYPES, f"the type of {node.told}")
    require(node.given.get("round_mode", b"up") == b"up", f"round_mode of {node.told}")
    require(node.given.get("saturate", 1) == 1, f"saturate of {node.told}")
    target = np.dtype(TYPES[code])
    if value.constant is None:
        good = target == np.float64 or (target == np.float32 and not node.graph.double)
        require(good, f"{node.told}, which may round")
        node.graph.double |= target == np.float64
        return value
    require(value.slack == 0, f"rounded numbers at {node.told}")
    known = value.constant
    if target.kind == "b":
        return Value(value.shape, constant=known != 0)
    if target.kind == "i":
        known = np.trunc(known)  # towards zero
        inside = np.all(np.abs(known) <= min(2.0**53, 2.0 ** (8 * target.itemsize - 1) - 1))
        require(inside, f"numbers too large for {node.told}")
    kept = known.astype(target)
    require(np.array_equal(kept, known), f"{node.told}, which rounds")
    return Value(value.shape, constant=kept.astype(np.float64) if target.kind == "f" else kept)


def _pair(node: Node, left: Value, right: Value) -> tuple[Array, Array, bool]:
    """Both arrays, and whether they hold floats."""
    a, b = left.constant, right.constant
    assert a is not None and b is not None
    require(a.dtype == b.dtype and a.dtype.kind in "if", f"the types of {node.told}")
    return a, b, a.dtype.kind == "f"


def _short(*arrays: Array) -> bool:
    """Whether products of these are exact: 24 bits each, as far as float32 reaches."""
    return all(
        np.array_equal(item, item.astype(np.float32)) and np.all(_far(item, 1e-45))
        for item in arrays
    )


def _far(item: Array, least: float) -> Array:
    return np.asarray((item == 0.0) | (np.abs(item) >= least))


def _rounded(node: Node, found: Array, slack: int) -> Value:
    fine = np.all(np.abs(found) <= LIMIT) and np.all(_far(found, SMALLEST))
    require(fine and slack <= MOST_SLACK, f"the numbers of {node.told}")
    return Value(found.shape, constant=found, slack=slack)


def added(node: Node, left: Value, right: Value, sign: float) -> Value:
    """left + sign * right; rounded where nothing cancels, which would leave no relative bound."""
    a, b, floats = _pair(node, left, right)
    if not floats:
        found = a + b if sign > 0 else a - b
        return Value(found.shape, constant=found)
    a, b = np.broadcast_arrays(a, sign * b)
    found = np.asarray(a + b)
    slack = max(left.slack, right.slack)
    if slack or not (at_most_sum(a, b, found) and at_most_sum(-a, -b, -found)):
        require(np.all((a >= 0) & (b >= 0) | (a <= 0) & (b <= 0)), f"cancellation at {node.told}")
        slack += 4
    return _rounded(node, found, slack)


def multiplied(node: Node, left: Value, right: Value) -> Value:
    a, b, floats = _pair(node, left, right)
    found = np.asarray(a * b)
    if not floats:
        return Value(found.shape, constant=found)
    require(np.all((found != 0.0) | (a == 0.0) | (b == 0.0)), f"underflow at {node.told}")
    slack = left.slack + right.slack
    return _rounded(node, found, slack if _short(a, b) and not slack else slack + 4)


def divided(node: Node, left: Value, right: Value) -> Value:
    """Whole numbers are divided towards zero."""
    a, b, floats = _pair(node, left, right)
    require(np.all(b != 0), f"a division by zero at {node.told}")
    if not floats:
        found = np.asarray(np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b)))
        return Value(found.shape, constant=found)
    return _quotient(node, a, b, left.slack + right.slack)


def _quotient(node: Node, a: Array, b: Array, slack: int) -> Value:
    found = np.asarray(a / b)
    require(np.all((found != 0.0) | (a == 0.0)), f"underflow at {node.told}")
    exact = (
        not slack
        and _short(found, b)
        and np.array_equal(found * b, np.broadcast_to(a, found.shape))
    )
    return _rounded(node, found, slack if exact else slack + 4)


def reciprocal(node: Node) -> Value:
    below = node.near(0)
    require(np.all(below != 0.0), f"a division by zero at {node.told}")
    return _quotient(node, np.ones(()), below, node.value(0).slack)


def root(node: Node) -> Value:
    square = node.near(0)
    require(np.all(square >= 0.0), f"a root of a negative number at {node.told}")
    found, slack = np.asarray(np.sqrt(square)), node.value(0).slack
    exact = not slack and _short(found) and np.array_equal(found * found, square)
    return _rounded(node, found, slack if exact else slack + 4)


def fold(node: Node, function: Callable[..., Array], kinds: str = "if") -> Value:
    """What a function that rounds nothing makes of constants."""
    known = []
    for place in range(len(node.inputs)):
        value = node.value(place)
        require(value.constant is not None, f"{node.told} of a variable")
        require(value.slack == 0, f"rounded numbers at {node.told}")
        assert value.constant is not None
        require(value.constant.dtype.kind in kinds, f"the types of {node.told}")
        known.append(value.constant)
    require(len({item.dtype for item in known}) == 1, f"the types of {node.told}")
    found = np.asarray(function(*known))
    return Value(found.shape, constant=found)


def exactly(function: Callable[..., Array], kinds: str = "if") -> Handler:
    """`fold` by a function, as a handler."""
    return lambda node: fold(node, function, kinds)
