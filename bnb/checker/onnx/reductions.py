"""Operators of ONNX that put the elements along some axes together."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..arithmetic import Array, require
from ..model import Value
from .images import mean
from .node import Node
from .sums import Sums


def groups(node: Node, since: int) -> tuple[Array, tuple[int, ...]] | None:
    """The elements that go together, (N, W), row-major; and the result's shape.

    The axes are an input from operator set `since` on; None: there is nothing to do.
    """
    shape = node.value(0).shape
    require(math.prod(shape), f"an empty input of {node.told}")
    rank, listed = len(shape), node.listed(1, "axes", since)
    none, keep = node.flag("noop_with_empty_axes"), node.flag("keepdims", 1)
    require(node.opset >= since or not none, f"noop_with_empty_axes of {node.told}")
    if none and not listed:
        return None
    require(all(-rank <= axis < rank for axis in listed or []), f"the axes of {node.told}")
    gone = sorted({axis % rank for axis in listed or range(rank)})
    kept = [axis for axis in range(rank) if axis not in gone]
    moved = np.arange(math.prod(shape)).reshape(shape).transpose(*kept, *gone)
    index = moved.reshape(math.prod(shape[axis] for axis in kept), -1)
    sizes = [1 if axis in gone else size for axis, size in enumerate(shape)]
    return index, tuple(size for axis, size in enumerate(sizes) if keep or axis in kept)


def folded(
    node: Node, reduce: Callable[[Array], Array], index: Array, shape: tuple[int, ...]
) -> Value:
    """The same of constants; `reduce` is exact along the last axis."""
    value = node.value(0)
    assert value.constant is not None
    found = reduce(value.constant.reshape(-1)[index])
    return Value(shape, constant=np.asarray(found).reshape(shape))


def reduce_sum(node: Node) -> Value:
    found, value = groups(node, 13), node.value(0)
    if found is None:
        return value
    if value.constant is not None:
        require(value.constant.dtype.kind == "i", f"a sum of constants at {node.told}")
        size = float(np.abs(value.constant.astype(np.float64)).sum())
        inside = size < 0.999 * 2.0 ** (8 * value.constant.itemsize - 1)
        require(inside, f"an overflow at {node.told}")
        return folded(node, lambda x: x.sum(axis=1, dtype=x.dtype), *found)
    index, shape = found
    return node.graph.affine(shape, (value, Sums(index, value.size)))


def reduce_mean(node: Node) -> Value:
    found = groups(node, 18)
    return node.value(0) if found is None else mean(node, *found)
