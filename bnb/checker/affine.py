"""Affine operators of ONNX: sums, products with constants, convolutions, averages."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .arithmetic import LIMIT, UNIT, Array, require
from .model import Value
from .node import Node, numbers
from .operators import Convolution, Dense, Operator, Scale


def add(node: Node) -> Value:
    return _sum(node, 1.0)


def sub(node: Node) -> Value:
    return _sum(node, -1.0)


def _sum(node: Node, sign: float) -> Value:
    left, right = node.value(0), node.value(1)
    if right.constant is not None:
        return node.graph.shifted(node.variable(0), sign * numbers(right.constant))
    if left.constant is not None:
        return node.graph.shifted(right, numbers(left.constant), sign)
    require(left.shape == right.shape, f"broadcasting at node {node.proto.name!r}")
    second = Operator() if sign > 0.0 else Scale(np.full(right.size, -1.0))
    return node.graph.affine(left.shape, (left, Operator()), (right, second))


def mul(node: Node) -> Value:
    constant = int(node.value(0).constant is None)
    return _scaled(node, node.variable(1 - constant), node.fixed(constant), 0)


def div(node: Node) -> Value:
    divisor = node.fixed(1)
    require(np.all(np.abs(divisor) > 1.0 / LIMIT), "a division by zero")
    return _scaled(node, node.variable(0), 1.0 / divisor, 2)


def _scaled(node: Node, value: Value, factor: Array, slack: int) -> Value:
    require(np.broadcast_shapes(value.shape, factor.shape) == value.shape, "broadcasting")
    flat = np.broadcast_to(factor, value.shape).reshape(-1).copy()
    return node.graph.affine(value.shape, (value, Scale(flat, slack)))


def matmul(node: Node) -> Value:
    """x W over the last axis, or W x where x is a vector or a column."""
    left = node.value(0).constant
    if left is not None:
        matrix, value = numbers(left), node.variable(1)
        column = len(value.shape) == 1 or (len(value.shape) == 2 and value.shape[1] == 1)
        require(matrix.ndim == 2 and column, f"the form of node {node.proto.name!r}")
        shape: tuple[int, ...] = (len(matrix), *value.shape[1:])
    else:
        matrix, value = node.fixed(1).T, node.variable(0)
        rows = math.prod(value.shape[:-1])
        require(matrix.ndim == 2 and rows == 1, f"the form of node {node.proto.name!r}")
        shape = (*value.shape[:-1], len(matrix))
    require(matrix.shape[1] == value.size, f"the shapes of node {node.proto.name!r}")
    return node.graph.affine(shape, (value, Dense(matrix)))


def gemm(node: Node) -> Value:
    value, matrix = node.variable(0), node.fixed(1)
    node.zero("transA")
    matrix = matrix if node.given.get("transB", 0) else matrix.T
    require(value.shape == (1, matrix.shape[1]), f"the shapes of node {node.proto.name!r}")
    alpha, bias = float(node.given.get("alpha", 1.0)), None
    if node.there(2):
        require(node.given.get("beta", 1.0) == 1.0, "Gemm with beta")
        bias = node.fixed(2)
    operator = Dense(alpha * matrix, 0 if alpha == 1.0 else 2)
    return node.graph.affine((1, len(matrix)), (value, operator), bias=bias)


def conv(node: Node) -> Value:
    value, weight = node.variable(0), node.fixed(1)
    groups = int(node.given.get("group", 1))
    require(weight.ndim == 4 and groups > 0, "a convolution that is not over two axes")
    operator = _convolution(value, weight, node.given, groups)
    bias = node.fixed(2).reshape(-1, 1, 1) if node.there(2) else None
    return node.graph.affine((1, *operator.out), (value, operator), bias=bias)


def average_pool(node: Node) -> Value:
    """Sums over windows, divided by how many elements they hold."""
    value = node.variable(0)
    node.zero("ceil_mode")
    require(len(value.shape) == 4, "a pooling that is not over two axes")
    channels, kernel = value.shape[1], node.given["kernel_shape"]
    weight = np.ones((channels, 1, *kernel))
    operator = _convolution(value, weight, node.given, channels)
    summed = node.graph.affine((1, *operator.out), (value, operator))
    count = np.full(math.prod(operator.out), float(math.prod(kernel)))
    if not node.given.get("count_include_pad", 0):
        count = operator.forward(np.ones((1, value.size)), weight)[0]
    require(np.all(count > 0.0), "a pooling of nothing")
    return node.graph.affine(summed.shape, (summed, Scale(1.0 / count, 2)))


def batch_normalization(node: Node) -> Value:
    """factor = scale / sqrt(variance + eps): four roundings, so eight units are enough."""
    value = node.variable(0)
    node.zero("training_mode")
    require(len(value.shape) > 1 and len(node.inputs) == 5, "the form of BatchNormalization")
    scale, shift, mean, variance = (node.fixed(place) for place in range(1, 5))
    eps = float(node.given.get("epsilon", 1e-5))
    require(np.all(variance >= 0.0) and eps > 0.0, "a negative variance")
    factor = scale / np.sqrt(variance + eps)
    bias = shift - mean * factor
    error = 16 * UNIT * (np.abs(mean * factor) + np.abs(shift)) + 1e-300
    shape = (-1, *(1 for _ in value.shape[2:]))
    wide = [
        np.broadcast_to(item.reshape(shape), value.shape).reshape(-1).copy()
        for item in (factor, bias, error)
    ]
    operator, level = Scale(wide[0], 8), wide[1].reshape(value.shape)
    return node.graph.affine(value.shape, (value, operator), bias=level, error=wide[2])


def windows(
    value: Value, given: dict[str, Any]
) -> tuple[tuple[int, int], tuple[int, int, int, int], tuple[int, int]]:
    """Strides, pads and dilations of a window over the two last axes of one image."""
    require(given.get("auto_pad", b"NOTSET") in (b"NOTSET", b"VALID"), "auto_pad")
    require(len(value.shape) == 4 and value.shape[0] == 1, "windows that are not over two axes")
    strides, dilations = given.get("strides", [1, 1]), given.get("dilations", [1, 1])
    pads = given.get("pads", [0, 0, 0, 0])
    require(len(strides) == len(dilations) == 2 and len(pads) == 4, "axes of a window")
    require(min(*strides, *dilations) > 0 <= min(pads), "attributes of a window")
    top, left, bottom, right = pads
    return (strides[0], strides[1]), (top, left, bottom, right), (dilations[0], dilations[1])


def _convolution(value: Value, weight: Array, given: dict[str, Any], groups: int) -> Convolution:
    """The operator of a convolution's or a pooling's attributes."""
    strides, pads, dilations = windows(value, given)
    _, channels, height, width = value.shape
    require(weight.shape[1] * groups == channels and len(weight) % groups == 0, "groups")
    kernel = tuple(given.get("kernel_shape", weight.shape[2:]))
    require(kernel == weight.shape[2:], "the kernel's shape")
    shape = (channels, height, width)
    operator = Convolution(weight, shape, strides, pads, dilations, groups)
    require(min(operator.out) > 0, "a convolution without output")
    return operator
