"""ONNX operations that only move numbers: each is one function of arrays, whatever they hold.

`constant` and `shape`, which make numbers for the others, stand here too.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from ....network.layers import Truncate
from ..folding import one_type
from ..model import TYPES, Array
from ..node import REMEDY, Node, Symbol, Value
from .masks import nonzero, replace_dtype


def identity(node: Node) -> Value:
    node.expect(1)
    return node.rearrange(node.value(0), lambda array: array)


def dropout(node: Node) -> Value:
    """Inference only, where it does nothing; the mask is not read."""
    node.expect(1, 3)
    node.number("ratio", 0.5)
    node.optional_integer("seed")
    if node.given(2) and node.constant(2, "training mode").any():
        node.refuse("Dropout in training mode")
    return node.rearrange(node.value(0), lambda array: array)


def flatten(node: Node) -> Value:
    node.expect(1)
    source = node.value(0)
    axis, rank = node.integer("axis", 1), len(source.shape)
    if not -rank <= axis <= rank:
        node.fail(f"axis {axis} lies outside of {rank} axes")
    rows = math.prod(source.shape[: axis if axis >= 0 else axis + rank])
    columns = math.prod(source.shape) // rows
    return node.rearrange(source, lambda array: array.reshape(rows, columns))


def reshape(node: Node) -> Value:
    node.expect(2)
    source = node.value(0)
    keep_zero = node.opset >= 14 and node.flag("allowzero")
    target = list(node.integers(1, "shape"))
    if not keep_zero:
        target = [size or source.shape[axis] for axis, size in enumerate(target)]
    if min(target, default=0) < -1:
        node.fail(f"shape {target} has a negative size")
    return node.rearrange(source, lambda array: array.reshape(target))


def transpose(node: Node) -> Value:
    node.expect(1)
    order = node.integer_list("perm")
    return node.rearrange(node.value(0), lambda array: array.transpose(order))


def _axes(node: Node, since: int) -> tuple[int, ...] | None:
    """Axes from the attribute or, since an operator set, from the second input."""
    node.expect(1, 2 if node.opset >= since else 1)
    if node.opset < since:
        return node.integer_list("axes")
    return node.integers(1, "axes") if node.given(1) else None


def squeeze(node: Node) -> Value:
    axes = _axes(node, 13)
    return node.rearrange(node.value(0), lambda array: array.squeeze(axes))


def unsqueeze(node: Node) -> Value:
    axes = _axes(node, 13)
    if axes is None:
        node.fail("names no axes")
    return node.rearrange(node.value(0), lambda array: np.expand_dims(array, axes))


def slice_(node: Node) -> Value:
    if node.opset < 10:
        node.expect(1)
        starts, ends = node.integer_list("starts"), node.integer_list("ends")
        if starts is None or ends is None:
            node.fail("names no starts or no ends")
        axes = node.integer_list("axes")
        steps = None
    else:
        node.expect(3, 5)
        starts, ends = node.integers(1, "starts"), node.integers(2, "ends")
        axes = node.integers(3, "axes") if node.given(3) else None
        steps = node.integers(4, "steps") if node.given(4) else None
    axes = tuple(range(len(starts))) if axes is None else axes
    steps = (1,) * len(starts) if steps is None else steps
    source = node.value(0)
    rank = len(source.shape)
    cuts = [slice(None)] * rank
    named = set()
    for axis, *cut in zip(axes, starts, ends, steps, strict=True):
        if not -rank <= axis < rank or axis % rank in named:
            node.fail(f"axes {axes} are not different axes of {rank}")
        named.add(axis % rank)
        cuts[axis] = slice(*cut)  # negative and too large numbers mean in Python what they do here
    return node.rearrange(source, lambda array: array[tuple(cuts)])


def split(node: Node) -> list[Value]:
    node.expect(1, 2 if node.opset >= 13 else 1)
    source = node.value(0)
    axis = node.integer("axis", 0)
    total = source.shape[axis]
    sizes = node.integer_list("split") if node.opset < 13 else None
    if node.given(1):
        sizes = node.integers(1, "split")
    if node.opset >= 18 and node.integer("num_outputs", node.outputs) != node.outputs:
        node.fail("does not have num_outputs outputs")
    if sizes is None:
        each = -(-total // node.outputs)
        if node.opset < 18 and total % node.outputs:
            node.fail(f"cannot split {total} into {node.outputs} equal parts")
        sizes = (each,) * (node.outputs - 1) + (total - each * (node.outputs - 1),)
    if sum(sizes) != total or min(sizes) < 0 or len(sizes) != node.outputs:
        node.fail(f"cannot split {total} into {node.outputs} parts of sizes {sizes}")
    starts = [sum(sizes[:part]) for part in range(len(sizes))]

    def part(start: int, size: int) -> Value:
        taken = np.arange(start, start + size)
        return node.rearrange(source, lambda array: array.take(taken, axis))

    return [part(start, size) for start, size in zip(starts, sizes, strict=True)]


def gather(node: Node) -> Value:
    node.expect(2)
    source = node.value(0)
    indices = node.constant(1, "index")
    if indices.dtype.kind != "i":
        node.fail("its index is not whole")
    axis = node.integer("axis", 0)
    node.check_size((math.prod(source.shape) // max(1, source.shape[axis]), indices.size))
    return node.rearrange(source, lambda array: np.asarray(array.take(indices, axis)))


def expand(node: Node) -> Value:
    node.expect(2)
    source = node.value(0)
    shape = np.broadcast_shapes(source.shape, node.integers(1, "shape"))
    node.check_size(shape)
    return node.rearrange(source, lambda array: np.broadcast_to(array, shape).copy())


def tile(node: Node) -> Value:
    node.expect(2)
    source = node.value(0)
    repeats = node.integers(1, "count")
    if len(repeats) != len(source.shape) or min(repeats, default=1) < 1:
        node.fail(f"repeats a tensor of shape {source.shape} by {repeats}")
    node.check_size(size * count for size, count in zip(source.shape, repeats, strict=True))
    return node.rearrange(source, lambda array: np.tile(array, repeats))


def size(node: Node) -> Value:
    """How many numbers a tensor has."""
    node.expect(1)
    return np.array(math.prod(node.value(0).shape), dtype=np.int64)


def range_(node: Node) -> Value:
    """start, start + delta, ... before limit; floats must not round."""
    node.expect(3)
    start, limit, delta = (node.constant(slot, "end or step") for slot in range(3))
    one_type(node, start, limit, delta)
    if {start.size, limit.size, delta.size} != {1}:
        node.fail("its ends are no single numbers")
    ends = [Fraction(each.item()) for each in (start, limit, delta)]
    if not ends[2]:
        node.fail("its step is 0")
    count = max(0, math.ceil((ends[1] - ends[0]) / ends[2]))
    node.check_size((count,))
    exactly = [ends[0] + k * ends[2] for k in range(count)]
    found = np.array([float(each) for each in exactly]).astype(start.dtype)
    if [Fraction(each) for each in found.tolist()] != exactly:
        node.fail("its numbers are rounded", REMEDY)
    return found


def shape(node: Node) -> Value:
    node.expect(1)
    start = node.integer("start", 0)
    return np.array(node.value(0).shape[start : node.optional_integer("end")], dtype=np.int64)


CONSTANTS = {
    "value": None,
    "value_float": np.float32,
    "value_floats": np.float32,
    "value_int": np.int64,
    "value_ints": np.int64,
}


def constant(node: Node) -> Value:
    node.expect(0)
    found = [
        np.array(value, dtype=dtype)
        for name, dtype in CONSTANTS.items()
        if (value := node.raw(name)) is not None
    ]
    node.finish()  # a string or a sparse tensor is named rather than missed
    if len(found) != 1:
        node.fail(f"holds {len(found)} values")
    return found[0]


def constant_of_shape(node: Node) -> Value:
    node.expect(1)
    sizes = node.integers(0, "shape")
    node.check_size(sizes)
    fill = node.raw("value")
    fill = np.zeros(1, dtype=np.float32) if fill is None else fill
    if not isinstance(fill, np.ndarray):
        node.refuse_attribute("value", "is not a tensor")
    return np.full(sizes, fill.item(), dtype=fill.dtype)


def _cast_constant(node: Node, source: Array, target: np.dtype[Any]) -> Array:
    """Floats are cut off towards zero or rounded to the nearest float; nothing may overflow."""
    if target.kind == "i":
        # a float of 2**63 is beyond int64, and none lies between it and the last one within
        end = 2.0 ** (8 * target.itemsize - 1)
        whole = np.trunc(source) if source.dtype.kind == "f" else source
        least, most = (int(whole.min(initial=0)), int(whole.max(initial=0)))
        if least < -end or most >= end:
            node.fail(f"a number is beyond {target}")
    with np.errstate(over="ignore"):
        found = source.astype(target)
    if target.kind == "f" and not np.isfinite(found).all():
        node.fail(f"a number is beyond {target}")
    return found


def cast(node: Node) -> Value:
    """A change of type: of constants any, of an activation one that rounds no float.

    A cast to whole numbers cuts off towards zero; one to truth values says what is not 0.
    """
    node.expect(1)
    source, code = node.value(0), node.integer("to")
    if not node.flag("saturate", 1):
        node.refuse_attribute("saturate", "is 0; only 1 is read")
    if node.text("round_mode", "up") != "up":
        node.refuse_attribute("round_mode", "is not 'up'")
    if code not in TYPES:
        node.refuse_attribute("to", f"is type number {code}, which is not read")
    target = np.dtype(TYPES[code])
    if not isinstance(source, Symbol):
        return _cast_constant(node, source, target)
    if target.kind == "b" and source.dtype.kind != "b":
        return nonzero(node, source)
    if target.kind == "i" and source.dtype.kind == "f":
        return replace_dtype(node.emit(Truncate(), source.shape, source), target)
    narrower = source.dtype.kind in "if" and source.dtype.kind == target.kind
    if narrower and not np.can_cast(source.dtype, target, "safe"):
        node.refuse_attribute("to", f"turns an activation of {source.dtype} into {target}")
    return replace_dtype(node.rearrange(source, lambda array: array), target)
