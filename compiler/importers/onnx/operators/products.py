"""ONNX operations that apply a constant matrix along an axis: products, sums and means."""

from __future__ import annotations

import math

import numpy as np

from ....base.arrays import Indices, Matrix
from ....operators import Convolution, Dense, LinearOperator, Scale, compose, scaled
from ..folding import computed, exact, one_type, rounded, summed
from ..model import Array, Shape
from ..node import REMEDY, Node, Symbol, Value, positions, selection


def along(weight: Matrix, shape: Shape, axis: int) -> LinearOperator:
    """`weight` (out, in) along one axis of a tensor of `shape`.

    With several positions it is a convolution by single numbers, the axis moved to the channels; a
    Kronecker product with the identity would be the same and large.
    """
    before, after = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    rows, columns = weight.shape
    if before * after == 1:
        return Dense(np.ascontiguousarray(weight))
    to_front = positions((before, columns, after)).transpose(1, 0, 2)
    back = positions((rows, before, after)).transpose(1, 0, 2)
    kernel = np.ascontiguousarray(weight)[:, :, None, None]
    operator: LinearOperator = Convolution(kernel, (columns, before * after, 1))
    operator = compose(selection(to_front, to_front.shape), operator)
    return compose(operator, selection(back, back.shape))


def gemm(node: Node) -> Value:
    """alpha * A @ B + beta * C, where only A may depend on the input."""
    node.expect(2, 3)
    source, weight = node.value(0), node.weights(1, "matrix")
    if node.flag("transA"):
        node.refuse_attribute("transA", "is 1; only 0 is read")
    if not node.flag("transB"):
        weight = weight.T
    if len(source.shape) != 2 or weight.ndim != 2 or source.shape[1] != weight.shape[1]:
        node.fail(f"cannot multiply {source.shape} with a transposed {weight.shape}")
    shape = (source.shape[0], weight.shape[0])
    node.check_size(shape)
    operator = scaled(along(weight, source.shape, 1), node.number("alpha", 1.0))
    beta = node.number("beta", 1.0)
    if not node.given(2):
        return node.linear(source, operator, shape)
    addend = node.weights(2, "addend")
    if beta != 1.0 and node.constant(2, "addend").dtype != np.float32:
        # the product of two float32 is exact in float64, any other might be rounded
        node.refuse_attribute("beta", f"is {beta}; only 1 is read for an addend of float64")
    bias = np.broadcast_to(beta * addend, shape).reshape(-1).copy()
    return node.linear(source, operator, shape, bias)


def matmul(node: Node) -> Value:
    node.expect(2)
    left, right = node.value(0), node.value(1)
    if isinstance(left, Symbol) and isinstance(right, Symbol):
        node.refuse("MatMul of two activations")
    if not left.shape or not right.shape:
        node.fail("multiplies a single number")
    if not isinstance(left, Symbol) and not isinstance(right, Symbol):
        return _product(node, left, right)
    side = 0 if isinstance(right, Symbol) else 1
    source = right if side == 0 else left
    weight = node.weights(side, "matrix")
    if math.prod(weight.shape[:-2]) != 1:
        node.refuse("MatMul with a batch of matrices")
    vector = weight.ndim == 1
    matrix: Matrix = weight.reshape(-1, weight.shape[-1])
    if side == 1 and not vector:
        matrix = matrix.T
    # the summed axis: the last of the left factor, the last but one of the right
    axis = len(source.shape) - (1 if side == 1 or len(source.shape) == 1 else 2)
    if source.shape[axis] != matrix.shape[1]:
        node.fail(f"cannot multiply {left.shape} with {right.shape}")
    kept = () if vector else (matrix.shape[0],)
    shape = (*source.shape[:axis], *kept, *source.shape[axis + 1 :])
    shape = (1,) * (max(weight.ndim - 2, 0) - max(len(source.shape) - 2, 0)) + shape
    node.check_size(shape)
    return node.linear(source, along(matrix, source.shape, axis), shape)


def _product(node: Node, left: Array, right: Array) -> Array:
    """A product of two constants: its sums must be exact in any order."""
    one_type(node, left, right)
    if max(left.ndim, right.ndim) > 2 or left.shape[-1] != right.shape[0]:
        node.fail(f"cannot multiply constants of shapes {left.shape} and {right.shape}")
    node.check_size((*left.shape, *right.shape[1:]))
    columns = left.T.reshape(left.shape[-1], *left.shape[:-1], *(1,) * (right.ndim - 1))
    rows = right.reshape(len(right), *(1,) * (left.ndim - 1), *right.shape[1:])
    if left.dtype.kind == "i":
        return summed(node, computed(node, np.multiply, columns, rows))
    terms = columns.astype(np.float64) * rows  # without rounding, where they are float32
    if left.dtype != np.float32 or not exact(terms, left.dtype):
        rounded(node)
    return np.asarray(terms.sum(axis=0).astype(left.dtype))


def reduce_sum(node: Node) -> Value:
    return _reduce(node, since=13, mean=False)


def reduce_mean(node: Node) -> Value:
    return _reduce(node, since=18, mean=True)


def reduce_prod(node: Node) -> Value:
    """Products of whole numbers that are constants, as shapes have them."""
    source = node.constant(0, "operand")
    found = reduction(node, since=18)
    if source.dtype.kind != "i":
        node.fail(f"multiplies {source.dtype}, in an order that is the runtime's own", REMEDY)
    if found is None:
        return source
    front, shape = found
    terms = source.reshape(-1)[front]
    near = np.prod(terms.astype(np.float64), axis=0)
    if not (np.abs(near) < 0.999 * 2.0 ** (8 * source.itemsize - 1)).all():
        node.fail(f"whole numbers overflow {source.dtype}")
    return np.asarray(np.prod(terms, axis=0, dtype=source.dtype)).reshape(shape)


def _reduce(node: Node, since: int, mean: bool) -> Value:
    """A sum over axes; a mean divides it over the reals."""
    source = node.value(0)
    found = reduction(node, since)
    if found is None:
        return node.rearrange(source, lambda array: array)
    front, shape = found
    count, rest = front.shape
    if not isinstance(source, Symbol):
        if mean and source.dtype.kind != "f":
            node.fail("takes the mean of whole numbers")
        total = summed(node, source.reshape(-1)[front])
        return (total / source.dtype.type(count) if mean else total).reshape(shape)
    operator = compose(selection(front, source.shape), along(np.ones((1, count)), (count, rest), 0))
    if mean:
        operator = compose(operator, Scale(np.ones(rest), np.full(rest, float(count))))
    return node.linear(source, operator, shape)


def reduction(node: Node, since: int) -> tuple[Indices, Shape] | None:
    """What a reduction puts together, (count, numbers of the result), and the result's shape.

    The axes are an input since some operator set.  None where the node asks for no reduction.
    """
    node.expect(1, 2 if node.opset >= since else 1)
    sizes = node.value(0).shape
    rank = len(sizes)
    if 0 in sizes:
        node.fail(f"its input of shape {sizes} is empty")
    axes: tuple[int, ...] | None
    keep = node.flag("keepdims", 1)
    if node.opset < since:
        axes = node.integer_list("axes")
    else:
        axes = node.integers(1, "axes") if node.given(1) else None
        if node.flag("noop_with_empty_axes") and not axes:
            return None
    gone = sorted({range(rank)[axis] for axis in axes or tuple(range(rank))})
    kept = [axis for axis in range(rank) if axis not in gone]
    front = positions(sizes).transpose(*gone, *kept)
    shape = [1 if axis in gone else sizes[axis] for axis in range(rank) if keep or axis in kept]
    return front.reshape(math.prod(sizes[axis] for axis in gone), -1), tuple(shape)
