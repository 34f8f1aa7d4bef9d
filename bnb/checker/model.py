"""The network of an ONNX file: tensors in order of evaluation, and the graph that grows them.

A tensor is the input, an affine map of earlier tensors, or max(earlier, 0). All are flat and
row-major, so that reshaping costs nothing. float32 weights are taken as the numbers they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from .arithmetic import Array, require
from .operators import Operator, Scale, Select

MOST_ELEMENTS = 2**27  # of a tensor


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

    @property
    def sources(self) -> list[int]:
        """The tensors that it is made of."""
        return [source for source, _ in self.terms] if self.relu is None else [self.relu]


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
    def weights(self) -> int:
        """How many numbers its operators hold."""
        operators = [operator for tensor in self.tensors for _, operator in tensor.terms]
        return sum(op.weight.size for op in operators if op.weight is not None)

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

    @classmethod
    def of(cls, constant: Array, inverse: bool = False) -> Value:
        return cls(constant.shape, constant=constant, inverse=inverse)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def kind(self) -> np.dtype[Any]:
        if self.constant is not None:
            return self.constant.dtype
        return np.dtype(np.float64 if self.double else np.float32)

    @property
    def places(self) -> Array:
        """The numbers of its elements, in its shape."""
        return np.arange(self.size).reshape(self.shape)

    def times(self, factor: float | Array) -> Term:
        """A factor for all elements, or one for each (size,)."""
        return self, Scale(np.full(self.size, factor))


Term: TypeAlias = tuple[Value, Operator]


def limit(shape: tuple[int, ...]) -> None:
    """Refuses a tensor of too many elements."""
    require(math.prod(map(int, shape)) <= MOST_ELEMENTS, "a tensor is too large")


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
        *terms: Term,
        bias: Array | None = None,
        error: Array | None = None,
    ) -> Value:
        """The sum of the operators' values and a bias, which broadcast to the shape as does its
        error."""
        pairs = tuple((value.tensor, operator) for value, operator in terms)
        flat, loose = (
            None if item is None else np.broadcast_to(item, shape).reshape(-1).copy()
            for item in (bias, error)
        )
        tensor = Tensor(math.prod(shape), None, "", pairs, flat, loose)
        return self.add(tensor, shape, terms[0][0].double)

    def relu(self, value: Value, name: str) -> Value:
        """max(value, 0), of an affine tensor."""
        if not self.tensors[value.tensor].terms:
            value = self.affine(value.shape, (value, Scale()))
        return self.add(Tensor(value.size, value.tensor, name), value.shape, value.double)

    def view(self, value: Value, look: Callable[[Array], Array]) -> Value:
        """What a numpy function that only moves elements makes of a value; -1 is a zero."""
        if value.constant is not None:
            return Value.of(look(value.constant), value.inverse)
        index = look(value.places)
        flat = index.reshape(-1)
        if np.array_equal(flat, np.arange(value.size)):
            return replace(value, shape=index.shape)
        return self.affine(index.shape, (value, Select(flat, value.size)))

    def spread(self, value: Value, shape: tuple[int, ...]) -> Value:
        """A value broadcast to a shape."""
        limit(shape)
        return self.view(value, lambda x: np.broadcast_to(x, shape))

    def shifted(self, value: Value, constant: Array, factor: float = 1.0) -> Value:
        """factor * value + constant; the two biases are added only where that is exact."""
        shape = np.broadcast_shapes(value.shape, constant.shape)
        value = self.spread(value, shape)
        tensor = self.tensors[value.tensor]
        if factor != 1.0:
            return self.affine(shape, value.times(factor), bias=constant)
        if tensor.terms and tensor.bias is None and tensor.error is None:
            bias = np.broadcast_to(constant, shape).reshape(-1).copy()
            return self.add(replace(tensor, bias=bias), shape, value.double)
        return self.affine(shape, (value, Scale()), bias=constant)


def parts(
    values: list[Value], places: Array, weight: Array | None = None, every: bool = False
) -> list[Term]:
    """Elements (n,) of values one after the other, -1 for 0, times a weight (n,) or (1,).

    Terms of the variables that they meet; of each, where `every` is asked for.
    """
    terms: list[Term] = []
    start = 0
    for value in values:
        inside = (places >= start) & (places < start + value.size)
        if value.constant is None and (every or inside.any()):
            own = np.where(inside, places - start, -1)
            terms.append((value, Select(own, value.size, weight)))
        start += value.size
    return terms
