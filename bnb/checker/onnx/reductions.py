"""Operators of ONNX that put the elements along some axes together."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..arithmetic import Array
from ..model import Value
from ..operators import Sums
from .images import mean
from .node import Node


def groups(node: Node, since: int) -> tuple[Array, tuple[int, ...]] | None:
    """The elements that go together, (N, W), row-major; and the result's shape.

    The axes are an input from operator set `since` on; None: there is nothing to do.
    """
    value = node.value(0)
    shape, rank, listed = value.shape, len(value.shape), node.listed(1, "axes", since)
    node.require(value.size, "an empty input")
    none, keep = node.flag("noop_with_empty_axes"), node.flag("keepdims", 1)
    if none and not listed:
        return None
    node.require(all(-rank <= axis < rank for axis in listed or []), "the axes")
    gone = sorted({axis % rank for axis in listed or range(rank)})
    kept = [axis for axis in range(rank) if axis not in gone]
    index = value.places.transpose(*kept, *gone)
    index = index.reshape(math.prod(shape[axis] for axis in kept), -1)
    sizes = [1 if axis in gone else size for axis, size in enumerate(shape)]
    return index, tuple(size for axis, size in enumerate(sizes) if keep or axis in kept)


def folded(
    node: Node, reduce: Callable[[Array], Array], index: Array, shape: tuple[int, ...]
) -> Value:
    """The same of constants; `reduce` is exact along the last axis."""
    known = node.constant(0, "ifb", "the input")
    return Value.of(np.asarray(reduce(known.reshape(-1)[index])).reshape(shape))


def reduce_sum(node: Node) -> Value:
    found, value = groups(node, 13), node.value(0)
    if found is None:
        return value
    if value.constant is not None:
        known = node.constant(0, "i", "the sum")
        size = float(np.abs(known.astype(np.float64)).sum())
        node.require(size < 0.999 * 2.0 ** (8 * known.itemsize - 1), "an overflow")
        return folded(node, lambda x: x.sum(axis=1, dtype=x.dtype), *found)
    index, shape = found
    return node.graph.affine(shape, (value, Sums(index, value.size)))


def reduce_mean(node: Node) -> Value:
    found = groups(node, 18)
    return node.value(0) if found is None else mean(node, *found)
