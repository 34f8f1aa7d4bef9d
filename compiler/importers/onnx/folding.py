"""ONNX operations on constants alone, computed as the model's runtime computes them.

Exporters write them for shapes and factors. Every number keeps its type and is rounded to it, once
for each operation, so the bits are the same in every runtime. What is not so defined is refused:
sums that round, whose order is free, and functions that IEEE arithmetic does not round correctly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Never

import numpy as np

from .model import Array, Operation
from .node import REMEDY, Node, Symbol, Value

FOLDED: dict[str, tuple[int, str, Callable[..., Array]]] = {
    "And": (2, "b", np.logical_and),
    "Ceil": (1, "f", np.ceil),
    "Equal": (2, "bif", np.equal),
    "Floor": (1, "f", np.floor),
    "Greater": (2, "if", np.greater),
    "GreaterOrEqual": (2, "if", np.greater_equal),
    "Less": (2, "if", np.less),
    "LessOrEqual": (2, "if", np.less_equal),
    "Not": (1, "b", np.logical_not),
    "Or": (2, "b", np.logical_or),
    "Reciprocal": (1, "f", lambda array: array.dtype.type(1) / array),
    "Sqrt": (1, "f", np.sqrt),
    "Xor": (2, "b", np.logical_xor),
}
"""Those that are read of constants alone: how many, of which kinds of types, and the function."""
UNDEFINED = ("Exp", "Log", "Pow")
"""Operations of exporters whose last bit depends on the runtime's library."""


MOVES = (
    "Cast", "Dropout", "Expand", "Flatten", "Identity", "Reshape", "Slice", "Squeeze", "Tile",
    "Transpose", "Unsqueeze",
)  # fmt: skip
"""Operations that a runtime may leave out where they change nothing."""


NEUTRAL = {"Add": 0.0, "Sub": 0.0, "Mul": 1.0, "Div": 1.0}


def rewritten(
    operation: Operation, values: Mapping[str, Value], makers: Mapping[str, Operation]
) -> tuple[str, str] | None:
    """How onnxruntime's rewriting changes the numbers of an operation, and what to do."""
    constants = [
        value for name in operation.inputs if isinstance(value := values.get(name), np.ndarray)
    ]
    neutral = NEUTRAL.get(operation.kind)
    for value in constants:
        if neutral is not None and value.dtype == np.float64 and value.size == 1:
            number = float(value.item())
            near = abs(number - neutral) < 0.5
            if near and number != neutral and float(np.float32(number)) == neutral:
                told = f"onnxruntime leaves it out, as {number} rounds to {neutral} in float32"
                return told, "leave it out of the model"
    if operation.kind != "Mul" or len(constants) < 2:
        return None
    for name in operation.inputs:
        maker = makers.get(name)
        while maker is not None and maker.kind in MOVES:
            maker = makers.get(maker.inputs[0])
        if maker is not None and maker.kind == "Div":
            above = values.get(maker.inputs[0])
            if isinstance(above, np.ndarray) and above.size == 1 and above.item() == 1:
                return "onnxruntime makes b / a of constants (1 / a) * b", "write them as b / a"
    return None


def fold(node: Node) -> Value:
    """The value of an operation of `FOLDED` on constants; anything else is refused by name."""
    known = not any(isinstance(value, Symbol) for value in node.inputs)
    if node.kind == "Pow" and known:
        return _power(node)
    if node.kind in UNDEFINED and known:
        _undefined(node)
    if node.kind not in FOLDED or not known:
        node.refuse(node.kind)
    count, kinds, function = FOLDED[node.kind]
    node.expect(count)
    arrays = [node.constant(slot, "operand") for slot in range(count)]
    return computed(node, function, *arrays, kinds=kinds)


def _undefined(node: Node) -> Never:
    node.fail("its last bits depend on the runtime's library", REMEDY)


def _power(node: Node) -> Array:
    """onnxruntime squares and cubes by products, but leaves a single number to the C library."""
    node.expect(2)
    base, exponent = node.constant(0, "base"), node.constant(1, "exponent")
    if base.dtype.kind != "f" or exponent.size != 1 or exponent.item() not in (2, 3):
        _undefined(node)
    if base.size < 2 or exponent.ndim > base.ndim:
        _undefined(node)
    squared = computed(node, np.multiply, base, base)
    return squared if exponent.item() == 2 else computed(node, np.multiply, squared, base)


def known(node: Node) -> list[Array] | None:
    """The inputs, if all are constants."""
    found = [value for value in node.inputs if value is not None and not isinstance(value, Symbol)]
    return found if len(found) == sum(value is not None for value in node.inputs) else None


def computed(
    node: Node, function: Callable[..., Array], *arrays: Array, kinds: str = "if"
) -> Array:
    """An elementwise function of constants of one type, rounded once, to the type it has.

    The function is one of IEEE arithmetic, or rounds nothing; it must not overflow.
    """
    one_type(node, *arrays)
    if arrays[0].dtype.kind not in kinds:
        node.fail(f"its input is {arrays[0].dtype}, which is not read there")
    node.check_size(np.broadcast_shapes(*(array.shape for array in arrays)))
    result = np.asarray(function(*arrays))
    if arrays[0].dtype.kind == result.dtype.kind == "i":
        near = np.abs(function(*(array.astype(np.float64) for array in arrays)))
        if not (near < 0.999 * 2.0 ** (8 * result.itemsize - 1)).all():
            node.fail(f"whole numbers overflow {result.dtype}")
    if result.dtype.kind == "f" and not np.isfinite(result).all():
        node.fail("its result is not finite")
    return result


def one_type(node: Node, *arrays: Array) -> None:
    """Refuses constants of several types."""
    types = {array.dtype for array in arrays}
    if len(types) != 1:
        node.fail(f"mixes {' and '.join(sorted(map(str, types)))}")


def summed(node: Node, terms: Array) -> Array:
    """Sums along the first axis, which must be exact in any order."""
    if terms.dtype.kind == "i":
        near = np.abs(terms.astype(np.float64)).sum(axis=0)
        if not (near < 0.999 * 2.0 ** (8 * terms.itemsize - 1)).all():
            node.fail(f"whole numbers overflow {terms.dtype}")
        return np.asarray(terms.sum(axis=0, dtype=terms.dtype))
    if terms.dtype.kind != "f":
        node.fail(f"sums {terms.dtype}")
    if not exact(terms, terms.dtype):
        rounded(node)
    return np.asarray(terms.sum(axis=0, dtype=terms.dtype))


def exact(terms: Array, dtype: np.dtype[Any]) -> bool:
    """Whether all sums of some of the terms, along the first axis, are numbers of `dtype`: all are
    multiples of one power of two, and few of them."""
    there = terms[terms != 0]
    if not there.size:
        return True
    fraction, exponent = np.frexp(there.astype(np.float64))
    whole = np.ldexp(fraction, 53).astype(np.int64)
    lowest = np.log2((whole & -whole).astype(np.float64)).astype(np.int64)
    unit = int((exponent - 53 + lowest).min())  # of the last bit
    digits, least = np.finfo(dtype).nmant + 1, np.finfo(dtype).minexp - np.finfo(dtype).nmant
    if unit < least or int(exponent.max()) - unit > digits:
        return False
    sizes = np.ldexp(np.abs(terms.astype(np.float64)), -unit).sum(axis=0)
    return bool((sizes <= 2.0**digits).all())


def rounded(node: Node) -> Never:
    """Refuses a sum of constants in which order matters."""
    node.fail("a sum of constants rounds, so its order matters", REMEDY)
