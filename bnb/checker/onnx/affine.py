"""Affine operators of ONNX: sums, products with constants, normalisation."""

from __future__ import annotations

import math

import numpy as np

from ..arithmetic import LIMIT, UNIT, Array
from ..model import Value
from ..operators import Dense, Operator, Scale
from . import constants
from .node import Node


def add(node: Node, sign: float = 1.0) -> Value:
    """left + sign * right."""
    _kept(node, 0.0)
    left, right = node.value(0), node.value(1)
    if node.known:
        return constants.fold(node, np.add if sign > 0.0 else np.subtract)
    if right.constant is not None:
        return node.graph.shifted(left, sign * node.fixed(1))
    if left.constant is not None:
        return node.graph.shifted(right, node.fixed(0), sign)
    node.require(left.double == right.double, "the types")
    shape = np.broadcast_shapes(left.shape, right.shape)
    left, right = (node.graph.spread(value, shape) for value in (left, right))
    second = (right, Scale()) if sign > 0.0 else right.times(sign)
    return node.graph.affine(shape, (left, Scale()), second)


def neg(node: Node) -> Value:
    if node.known:
        return constants.fold(node, np.negative)
    return node.graph.affine(node.value(0).shape, node.value(0).times(-1.0))


def mul(node: Node) -> Value:
    _kept(node, 1.0)
    if node.known:
        # onnxruntime makes b / a of it, which rounds otherwise
        node.require(not any(item and item.inverse for item in node.inputs), "(1 / a) b")
        return constants.fold(node, np.multiply)
    place = int(node.value(0).constant is None)
    return _scaled(node, node.variable(1 - place), node.fixed(place))


def div(node: Node) -> Value:
    _kept(node, 1.0)
    if node.known:
        return constants.divided(node)
    value, divisor = node.variable(0), node.fixed(1)
    node.require(np.all(np.abs(divisor) > 1.0 / LIMIT), "a division by zero")
    return _scaled(node, value, 1.0 / divisor, 2)


def _kept(node: Node, neutral: float) -> None:
    """Refuses doubles that onnxruntime takes for the neutral element, which they are in float32."""
    for item in node.inputs:
        if item and item.constant is not None and item.size == 1 and item.kind == np.float64:
            number = item.constant.item()
            fine = number == neutral or np.float32(number) != neutral
            node.require(fine, f"the factor or term {number}")


def _scaled(node: Node, value: Value, factor: Array, slack: int = 0) -> Value:
    shape = np.broadcast_shapes(value.shape, factor.shape)
    value = node.graph.spread(value, shape)
    flat = np.broadcast_to(factor, shape).reshape(-1).copy()
    return node.graph.affine(shape, (value, Scale(flat, slack)))


def _along(value: Value, matrix: Array, axis: int, slack: int = 0) -> Operator:
    """matrix (O, I) along an axis of a value."""
    return Dense(matrix, math.prod(value.shape[:axis]), math.prod(value.shape[axis + 1 :]), slack)


def matmul(node: Node) -> Value:
    """x W sums over the last axis of x, W x over the last but one, or the only one."""
    side = int(node.value(0).constant is None)
    value, weight = node.variable(1 - side), node.fixed(side)
    rank = len(value.shape)
    node.require(rank > 0 < weight.ndim, "a single number")
    node.require(math.prod(weight.shape[:-2]) == 1, "several matrices")
    matrix = weight.reshape(-1, weight.shape[-1])
    if side == 1 and weight.ndim > 1:
        matrix = matrix.T
    axis = rank - (1 if side == 1 or rank == 1 else 2)
    node.require(matrix.shape[1] == value.shape[axis], "the shapes")
    kept = [] if weight.ndim == 1 else [len(matrix)]
    shape = (*value.shape[:axis], *kept, *value.shape[axis + 1 :])
    shape = (*[1] * (weight.ndim - max(rank, 2)), *shape)
    return node.graph.affine(shape, (value, _along(value, matrix, axis)))


def gemm(node: Node) -> Value:
    """alpha x W + beta b."""
    value, matrix = node.variable(0), node.fixed(1)
    node.zero("transA")
    node.require(node.opset >= 11 or node.there(2), "a missing input")
    matrix = matrix if node.flag("transB") else matrix.T
    node.require(len(value.shape) == matrix.ndim == 2, "the shapes")
    node.require(value.shape[1] == matrix.shape[1], "the shapes")
    alpha, beta = (float(node.given.get(name, 1.0)) for name in ("alpha", "beta"))
    operator = _along(value, alpha * matrix, 1, 0 if alpha == 1.0 else 2)
    bias = beta * node.fixed(2) if node.there(2) else None
    error = None if bias is None or beta == 1.0 else np.abs(bias) * (4 * UNIT) + 1e-300
    shape = value.shape[0], len(matrix)
    return node.graph.affine(shape, (value, operator), bias=bias, error=error)


def batch_normalization(node: Node) -> Value:
    """factor = scale / sqrt(variance + eps): four roundings, so eight units are enough."""
    value = node.variable(0)
    node.zero("training_mode")
    node.require(node.opset > 8 or node.given.get("spatial", 1) == 1, "spatial")
    node.require(len(value.shape) > 1 and len(node.inputs) == 5, "the form")
    statistics = [node.fixed(place) for place in range(1, 5)]
    node.require(all(item.shape == value.shape[1:2] for item in statistics), "the channels")
    rest = [1] * (len(value.shape) - 2)
    scale, shift, mean, variance = (item.reshape(-1, *rest) for item in statistics)
    eps = float(node.given.get("epsilon", np.float32(1e-5)))
    node.require(np.all(variance >= 0.0) and eps > 0.0, "a negative variance")
    factor = scale / np.sqrt(variance + eps)
    error = 16 * UNIT * (np.abs(mean * factor) + np.abs(shift)) + 1e-300
    flat = np.broadcast_to(factor, value.shape).reshape(-1).copy()
    bias = shift - mean * factor
    return node.graph.affine(value.shape, (value, Scale(flat, 8)), bias=bias, error=error)
