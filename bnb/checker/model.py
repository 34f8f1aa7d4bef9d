"""The network of an ONNX file: tensors in order of evaluation, and the graph that grows them.

A tensor is the input, an affine map of earlier tensors, or max(earlier, 0). All are flat and
row-major, so that reshaping costs nothing. float32 weights are taken as the numbers they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .arithmetic import Array, require
from .onnx.fields import MOST_ELEMENTS
from .operators import Operator, Scale, Select


@dataclass(frozen=True, slots=True)
class Tensor:
    """`relu`: the tensor it is max(., 0) of. Else a sum of operators of tensors, and a bias.

    `error`: by how much a bias may differ from the true one. The input has neither.
    """

    size: int
    relu: int | None = None
    name: str = ""
    terms: tuple[tuple[int, Operator], ...] = ()
    bias: Array | None = None
    error: Array | None = None


@dataclass(slots=True)
class Model:
    """Tensors, of which the first is the input, and where the output is.

    ordered: the model ends with a softmax of that output, which keeps the order of its numbers.
    """

    name: str
    digest: str
    tensors: list[Tensor] = field(default_factory=list)
    output: int = 0
    ordered: bool = False

    @property
    def inputs(self) -> int:
        return self.tensors[0].size

    @property
    def outputs(self) -> int:
        return self.tensors[self.output].size


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the graph: a tensor seen in a shape, or a constant of its own type.

    double: whether the model computes the tensor in float64, not float32.
    inverse: whether the constant is 1 / a, or that moved.
    """

    shape: tuple[int, ...]
    tensor: int = -1
    constant: Array | None = None
    double: bool = False
    inverse: bool = False

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def kind(self) -> np.dtype[Any]:
        if self.constant is not None:
            return self.constant.dtype
        return np.dtype(np.float64 if self.double else np.float32)

    def of(self, double: bool) -> Value:
        """The same tensor in a type that holds its numbers."""
        return replace(self, double=double)


class Graph:
    """Tensors while they are made."""

    def __init__(self, tensors: list[Tensor]) -> None:
        self.tensors = tensors

    def add(self, tensor: Tensor, shape: tuple[int, ...], double: bool) -> Value:
        require(0 < tensor.size <= MOST_ELEMENTS, "a tensor is empty or too large")
        require(tensor.size == math.prod(shape), "shapes do not fit")
        self.tensors.append(tensor)
        return Value(shape, len(self.tensors) - 1, double=double)

    def affine(
        self,
        shape: tuple[int, ...],
        *terms: tuple[Value, Operator],
        bias: Array | None = None,
        error: Array | None = None,
    ) -> Value:
        """The sum of the operators' values and a bias that broadcasts to the shape."""
        pairs = tuple((value.tensor, operator) for value, operator in terms)
        flat = None if bias is None else np.broadcast_to(bias, shape).reshape(-1).copy()
        tensor = Tensor(math.prod(shape), None, "", pairs, flat, error)
        return self.add(tensor, shape, terms[0][0].double)

    def relu(self, value: Value, name: str) -> Value:
        """max(value, 0), of an affine tensor."""
        if not self.tensors[value.tensor].terms:
            value = self.affine(value.shape, (value, Operator()))
        return self.add(Tensor(value.size, value.tensor, name), value.shape, value.double)

    def view(self, value: Value, look: Callable[[Array], Array]) -> Value:
        """What a numpy function that only moves elements makes of a value; -1 is a zero."""
        if value.constant is not None:
            moved = look(value.constant)
            return Value(moved.shape, constant=moved, inverse=value.inverse)
        size = value.size
        index = look(np.arange(size).reshape(value.shape))
        flat = index.reshape(-1)
        if len(flat) == size and np.array_equal(flat, np.arange(size)):
            return replace(value, shape=index.shape)
        return self.affine(index.shape, (value, Select(flat, size)))

    def spread(self, value: Value, shape: tuple[int, ...]) -> Value:
        """A value broadcast to a shape."""
        require(math.prod(shape) <= MOST_ELEMENTS, "a tensor is too large")
        return self.view(value, lambda x: np.broadcast_to(x, shape))

    def shifted(self, value: Value, constant: Array, factor: float = 1.0) -> Value:
        """factor * value + constant; the two biases are added only where that is exact."""
        shape = np.broadcast_shapes(value.shape, constant.shape)
        value = self.spread(value, shape)
        tensor, wide = self.tensors[value.tensor], np.broadcast_to(constant, shape)
        if factor == 1.0 and tensor.terms and tensor.bias is None and tensor.error is None:
            bias = wide.reshape(-1).copy()
            return self.add(Tensor(tensor.size, None, "", tensor.terms, bias), shape, value.double)
        operator = Operator() if factor == 1.0 else Scale(np.full(tensor.size, factor))
        return self.affine(shape, (value, operator), bias=wide)
