"""Operators of ONNX that bend, written with max(., 0); docs/design/certificate.md has the rules.

slope below 0     s z + (1 - s) max(z, 0)
limits            min(z, c) = c - max(c - z, 0),   max(z, c) = c + max(z - c, 0)
max(a, b)         b + max(a - b, 0)
"""

from __future__ import annotations

import math
from functools import reduce

import numpy as np

from ..arithmetic import Array, at_most_sum, require
from ..model import Graph, Term, Value, parts
from ..operators import Scale, Select
from . import constants
from .node import Node
from .reductions import folded, groups
from .windows import axes_of, elements, image

MINUS = np.array([-1.0])


def relu(node: Node) -> Value:
    if node.known:
        return constants.fold(node, lambda x: np.maximum(x, x.dtype.type(0)), "f")
    return node.graph.relu(node.variable(0), node.name)


def leaky_relu(node: Node) -> Value:
    return _leaky(node, node.given.get("alpha", np.float32(0.01)))


def prelu(node: Node) -> Value:
    return _leaky(node, node.fixed(1))


def absolute(node: Node) -> Value:
    return constants.fold(node, np.abs) if node.known else _leaky(node, -1.0)


def _leaky(node: Node, given: float | Array) -> Value:
    """The input where it is at least 0, slope times it elsewhere."""
    value = node.variable(0)
    slope = np.broadcast_to(np.float64(given), value.shape).reshape(-1).copy()
    above = node.graph.relu(value, f"{node.name}+")
    rest, one = 1.0 - slope, np.ones(value.size)
    exact = at_most_sum(one, -slope, rest) and at_most_sum(-one, slope, -rest)
    second = Scale(rest, 0 if exact else 1)
    return node.graph.affine(value.shape, (value, Scale(slope)), (above, second))


def clip(node: Node) -> Value:
    """Limits at the end of the type's range are none; where they cross the upper one holds."""
    if node.known:
        return _clipped(node)
    low = _limit(node, 1, "min", -np.inf)
    high = _limit(node, 2, "max", np.inf)
    node.require(low < np.inf and high > -np.inf, "the limits")
    value = node.variable(0)
    ends = (np.full(value.size, end) for end in (min(low, high), high))
    return _limited(node, value, *ends)


def _limit(node: Node, place: int, name: str, absent: float) -> float:
    """The attribute before operator set 11, the input from it on."""
    found, end = absent, float(np.finfo(node.kind).max)
    strange = node.there(place) if node.opset < 11 else name in node.given
    node.require(not strange, f"{name} of another operator set")
    if node.opset < 11:
        found = float(node.given.get(name, absent))
    elif node.there(place):
        node.require(node.fixed(place).size == 1, "several limits")
        found = float(node.fixed(place).item())
    return found if abs(found) < end else math.copysign(np.inf, found)


def _clipped(node: Node) -> Value:
    """The same of constants, whose limits are of their type."""
    node.require(node.opset >= 11 and not node.given, "attributes")
    value = node.constant(0, "if", "the input")
    for place, limit in ((1, np.maximum), (2, np.minimum)):
        if node.there(place):
            level = node.constant(place, "if", "the limits")
            node.require(level.size == 1 and level.dtype == value.dtype, "the limits")
            value = np.asarray(limit(value, level.reshape(())))
    return Value.of(value)


def hard_sigmoid(node: Node) -> Value:
    """min(max(alpha z + beta, 0), 1)."""
    value = node.variable(0)
    alpha = float(node.given.get("alpha", np.float32(0.2)))
    beta = np.array(node.given.get("beta", 0.5))
    inner = node.graph.affine(value.shape, value.times(alpha), bias=beta)
    return _limited(node, inner, np.zeros(value.size), np.ones(value.size))


def _limited(node: Node, value: Value, low: Array, high: Array) -> Value:
    """min(max(value, low), high); limits (size,), infinite where there is none."""
    graph, name = node.graph, node.name
    if np.all(high == np.inf) and np.all(low == 0.0):
        return graph.relu(value, name)
    raised = _at_least(graph, value, low, 1.0, f"{name}.lower")
    return _at_least(graph, raised, -high, -1.0, f"{name}.upper")


def _at_least(graph: Graph, value: Value, level: Array, sign: float, name: str) -> Value:
    """sign * max(sign * value, level): level + max(sign * value - level, 0) where it is finite."""
    limited = np.isfinite(level)
    if not limited.any():
        return value
    chosen = np.flatnonzero(limited)
    few, factor = level[chosen], np.array([sign])
    part = Select(chosen, value.size, factor)
    above = graph.relu(graph.affine((len(chosen),), (value, part), bias=-few), name)
    place, free = np.full(value.size, -1), np.where(limited, -1, np.arange(value.size))
    place[chosen] = np.arange(len(chosen))
    terms: list[Term] = [(above, Select(place, len(chosen), factor))]
    if not limited.all():
        terms.append((value, Select(free, value.size)))
    bias = sign * np.where(limited, level, 0.0)
    return graph.affine(value.shape, *terms, bias=bias.reshape(value.shape))


def extreme(node: Node, sign: float = 1.0) -> Value:
    """The greatest of sign * input, times sign; constants together are one limit."""
    function = np.maximum if sign > 0.0 else np.minimum
    if node.known:
        return constants.fold(node, lambda *arrays: reduce(function, arrays))
    values = node.values()
    shape = np.broadcast_shapes(*(value.shape for value in values))
    pairs = zip(node.proto.input, values, strict=True)
    variables = {name: value for name, value in pairs if value.constant is None}
    limits = [node.fixed(k) for k, value in enumerate(values) if value.constant is not None]
    name = f"{node.name}.least" if limits else node.name
    found = _greatest(node.graph, list(variables.values()), shape, sign, name)
    if not limits:
        return found
    none = np.full(found.size, np.inf)
    level = np.broadcast_to(reduce(function, limits), shape).reshape(-1)
    return _limited(node, found, *((level, none) if sign > 0.0 else (-none, level)))


def _greatest(
    graph: Graph, values: list[Value], shape: tuple[int, ...], sign: float, name: str
) -> Value:
    """Neighbours are paired as in a tournament; an odd one goes on as it is."""
    wide = [graph.spread(value, shape) for value in values]
    if len(wide) == 1:
        return wide[0]
    if sign < 0.0:
        wide = [graph.affine(shape, value.times(-1.0)) for value in wide]
        name = f"{name}.negative"
    number = 0
    while len(wide) > 1:
        paired = []
        for left, right in zip(wide[0::2], wide[1::2], strict=False):
            apart = graph.affine(shape, (left, Scale()), right.times(-1.0))
            above = graph.relu(apart, f"{name}.{number}+")
            paired.append(graph.affine(shape, (right, Scale()), (above, Scale())))
            number += 1
        wide = paired + wide[2 * len(paired) :]
    return wide[0] if sign > 0.0 else graph.affine(shape, wide[0].times(-1.0))


def max_pool(node: Node) -> Value:
    """The greatest of each window, of what is not padding; a window that is cut off is smaller."""
    node.zero("storage_order")
    channels, sizes = image(node)
    axes = axes_of(node, sizes, node.given["kernel_shape"], pool=True)
    shape = 1, channels, *(axis.count for axis in axes)
    return _pooled(node.graph, node.variable(0), elements(channels, axes), shape, node.name)


def global_max_pool(node: Node) -> Value:
    channels, sizes = image(node)
    value = node.variable(0)
    places = value.places.reshape(channels, -1)
    return _pooled(node.graph, value, places, (1, channels, *[1] * len(sizes)), node.name)


def reduce_extreme(node: Node, sign: float = 1.0) -> Value:
    """The greatest, or the negative of the greatest of the negatives."""
    value, found = node.value(0), groups(node, 18)
    if found is None:
        return value
    if value.constant is not None:
        return folded(node, lambda x: (x.max if sign > 0.0 else x.min)(axis=1), *found)
    graph, name = node.graph, node.name
    if sign > 0.0:
        return _pooled(graph, value, *found, name)
    least = _pooled(graph, graph.affine(value.shape, value.times(-1.0)), *found, f"{name}.greatest")
    return graph.affine(least.shape, least.times(-1.0))


def _pooled(graph: Graph, value: Value, index: Array, shape: tuple[int, ...], name: str) -> Value:
    """The greatest element of each window, index (N, W), -1 where there is none.

    Round by round neighbours in a window are paired, those that are there first, an odd one going
    on as it is. A pair of several windows is one unit; a round's pairs stand in ascending order.
    """
    require(np.all((index >= 0).any(axis=1)), "a window that lies on the padding alone")
    order = np.argsort(index < 0, axis=1, kind="stable")
    entries = np.take_along_axis(index, order, axis=1)
    known, total, number = [value], value.size, 0
    while entries.shape[1] > 1:
        if entries.shape[1] % 2:
            entries = np.pad(entries, ((0, 0), (0, 1)), constant_values=-1)
        left, right = entries[:, 0::2], entries[:, 1::2]
        paired = right >= 0
        pairs, place = np.unique(
            np.stack([left[paired], right[paired]], axis=1), axis=0, return_inverse=True
        )
        entries = left.copy()
        if len(pairs):
            size = (len(pairs),)
            apart = graph.affine(
                size, *parts(known, pairs[:, 0]), *parts(known, pairs[:, 1], MINUS)
            )
            above = graph.relu(apart, f"{name}.{number}+")
            known.append(graph.affine(size, *parts(known, pairs[:, 1]), (above, Scale())))
            entries[paired] = total + place.reshape(-1)
            total, number = total + len(pairs), number + 1
    return graph.affine(shape, *parts(known, entries[:, 0]))
