"""What reads one ONNX node: its inputs, its attributes, and the layers it leaves in the graph."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Never, TypeAlias

import numpy as np

from ...base.arrays import Tensor, Vector
from ...base.errors import ModelError, UnsupportedAttribute, UnsupportedLayer
from ...network.graph import GraphBuilder
from ...network.layers import Layer, Linear, Sum
from ...operators import LinearOperator, Select
from .model import CHECK, LIMIT, Array, AttributeValue, Operation, Shape

REMEDY = (
    "let onnxruntime write the result into the file (SessionOptions.optimized_model_filepath), or "
    "export the model with constants folded"
)
"""What a refusal of constants tells to do."""


WHOLE = 2**31
"""Whole constants are smaller where they meet activations: no sum in a file overflows 64 bits."""


@dataclass(frozen=True, slots=True, eq=False)
class Symbol:
    """A tensor that depends on the input: the value of a graph node, row-major in `shape`."""

    node: str
    shape: Shape
    dtype: np.dtype[Any]


Value: TypeAlias = Symbol | Array
Handler: TypeAlias = Callable[["Node"], Value | list[Value] | list[Value | None]]
"""Reads one node; returns its output, or a list where it has several, None for one unread."""


class Node:
    """One node while it is read."""

    def __init__(
        self,
        source: str,
        operation: Operation,
        inputs: Sequence[Value | None],
        opset: int,
        builder: GraphBuilder,
        supported: Iterable[str],
        remedy: str = CHECK,
    ) -> None:
        self.source = source
        self.kind = operation.kind
        self.name = operation.name
        self.outputs = sum(bool(name) for name in operation.outputs)
        self.inputs = inputs
        self.opset = opset
        self._attributes = dict(operation.attributes)
        self._builder = builder
        self._supported = supported
        self._remedy = remedy

    # refusals

    def fail(self, message: str, remedy: str = "") -> Never:
        told = f"{message}; {remedy or self._remedy}"
        raise ModelError(self.source, f"node {self.name!r} ({self.kind}): {told}")

    def refuse(self, kind: str) -> Never:
        raise UnsupportedLayer(self.source, kind, self.name, self._supported)

    def refuse_attribute(self, name: str, reason: str) -> Never:
        raise UnsupportedAttribute(self.source, f"{self.name} ({self.kind})", name, reason)

    def check_size(self, shape: Iterable[int]) -> None:
        """Refuses an absurd shape, before anything is allocated."""
        sizes = tuple(shape)
        if math.prod(sizes) > LIMIT or min(sizes, default=1) < 0:
            self.fail(f"a tensor of shape {sizes} is beyond {LIMIT} numbers")

    # inputs

    def expect(self, least: int, most: int | None = None) -> None:
        """Refuses another number of inputs."""
        given = len(self.inputs)
        if given < least or given > (least if most is None else most):
            self.fail(f"has {given} inputs, which its definition does not allow")

    def given(self, position: int) -> bool:
        """Whether an optional input is there."""
        return position < len(self.inputs) and self.inputs[position] is not None

    def value(self, position: int) -> Value:
        found = self.inputs[position] if position < len(self.inputs) else None
        if found is None:
            self.fail(f"input {position} is missing")
        return found

    def constant(self, position: int, what: str) -> Array:
        found = self.value(position)
        if isinstance(found, Symbol):
            self.refuse(f"{self.kind} whose {what} depends on the input")
        return found

    def weights(self, position: int, what: str) -> Tensor:
        """A constant of floats, exactly, as float64; or of whole numbers or truth values, where
        what it meets are activations of that type.
        """
        found = self.constant(position, what)
        if found.dtype.kind == "f":
            return found.astype(np.float64)
        meets = {value.dtype for value in self.inputs if isinstance(value, Symbol)}
        if found.dtype not in meets and self.kind != "Where":
            self.fail(f"{what} is {found.dtype}, not floating")
        numbers = found.astype(np.float64)
        if not (np.abs(numbers) < WHOLE).all():
            self.fail(f"{what} has a number beyond {WHOLE}, which is not read of whole numbers")
        return numbers

    def integers(self, position: int, what: str) -> tuple[int, ...]:
        """A constant list of whole numbers."""
        found = self.constant(position, what)
        if found.dtype.kind != "i" or found.ndim > 1:
            self.fail(f"{what} is not a list of whole numbers")
        return tuple(found.reshape(-1).tolist())

    # attributes

    def raw(self, name: str) -> AttributeValue | None:
        """An attribute of any type."""
        return self._attributes.pop(name, None)

    def optional_integer(self, name: str) -> int | None:
        found = self.raw(name)
        if found is not None and not isinstance(found, int):
            self.refuse_attribute(name, "is not a whole number")
        return found

    def integer(self, name: str, default: int | None = None) -> int:
        found = self.optional_integer(name)
        found = default if found is None else found
        if found is None:
            self.fail(f"attribute {name!r} is missing")
        return found

    def flag(self, name: str, default: int = 0) -> bool:
        """A whole number that must be 0 or 1."""
        found = self.integer(name, default)
        if found not in (0, 1):
            self.refuse_attribute(name, f"is {found}; 0 and 1 are known")
        return bool(found)

    def number(self, name: str, default: float) -> float:
        found = self.raw(name)
        if found is None:
            return default
        if not isinstance(found, float):
            self.refuse_attribute(name, "is not a number")
        return found

    def text(self, name: str, default: str) -> str:
        found = self.raw(name)
        if found is None:
            return default
        if not isinstance(found, str):
            self.refuse_attribute(name, "is not a string")
        return found

    def integer_list(self, name: str) -> tuple[int, ...] | None:
        found = self.raw(name)
        if found is None:
            return None
        if not isinstance(found, tuple):
            self.refuse_attribute(name, "is not a list of whole numbers")
        numbers = tuple(number for number in found if isinstance(number, int))
        if len(numbers) < len(found):
            self.refuse_attribute(name, "is not a list of whole numbers")
        return numbers

    def finish(self) -> None:
        """Refuses what has not been read: an attribute is never ignored."""
        for name in self._attributes:
            self.refuse_attribute(name, "is not one that is read here")

    # layers

    @property
    def layer_kind(self) -> str:
        """The layer's name in reports: `average_pool` for AveragePool."""
        return re.sub("(?<=[a-z])(?=[A-Z])", "_", self.kind).lower().replace("mat_mul", "matmul")

    def emit(self, layer: Layer, shape: Shape, *sources: Value, suffix: str = "") -> Value:
        """`layer` applied to the sources: a node of the graph, or numbers if all are constants.

        Of constants only what rounds once at most, to their own type: a sum has no one order.
        """
        self.check_size(shape)
        if 0 in shape:
            self.fail(f"its result of shape {shape} is empty")
        known = [source for source in sources if not isinstance(source, Symbol)]
        if len(known) == len(sources):
            if isinstance(layer, Linear | Sum):
                self.fail("works on constants alone", REMEDY)
            if any(source.dtype.kind != "f" for source in known):
                self.fail("its input is not floating")
            rows = [source.reshape(1, -1).astype(np.float64) for source in known]
            # a product of two float32 is exact in float64, so it is rounded once
            return np.asarray(layer.value(rows)).reshape(shape).astype(known[0].dtype)
        symbols = [source for source in sources if isinstance(source, Symbol)]
        assert len(symbols) == len(sources), "a constant must be turned into a bias first"
        node = self._builder.add(
            self.name + suffix, layer, math.prod(shape), *(symbol.node for symbol in symbols)
        )
        return Symbol(node, shape, symbols[0].dtype)

    def linear(
        self,
        source: Value,
        operator: LinearOperator,
        shape: Shape,
        bias: Vector | None = None,
        suffix: str = "",
    ) -> Value:
        """operator(source) + bias, as `emit`."""
        assert (operator.in_size, operator.out_size) == (math.prod(source.shape), math.prod(shape))
        return self.emit(Linear(operator, bias, self.layer_kind), shape, source, suffix=suffix)

    def spread(self, source: Value, shape: Shape, suffix: str) -> Value:
        """`source` broadcast to `shape`; unchanged where it has as many numbers already."""
        if math.prod(source.shape) == math.prod(shape):
            return source
        return self.linear(source, broadcast(source.shape, shape), shape, suffix=suffix)

    def rearrange(self, source: Value, move: Callable[[Array], Array]) -> Value:
        """The numbers of `source` in other places; `move` does it to any array."""
        if not isinstance(source, Symbol):
            return move(source)
        index = move(positions(source.shape))
        return self.linear(source, selection(index, source.shape), index.shape)


def constant_like(node: Node, source: Value, numbers: Vector, shape: Shape, suffix: str) -> Value:
    """Constants as the value of a layer, which reads nothing of `source`."""
    none = Select(np.full(len(numbers), -1, dtype=np.int64), math.prod(source.shape))
    return node.linear(source, none, shape, numbers, suffix)


def positions(shape: Shape) -> Array:
    """The flat position of every element, in the tensor's shape."""
    return np.arange(math.prod(shape), dtype=np.int64).reshape(shape)


def broadcast(source: Shape, shape: Shape) -> Select:
    """The operator that broadcasts a tensor to a shape."""
    return selection(np.broadcast_to(positions(source), shape), source)


def selection(index: Array, shape: Shape) -> Select:
    """The operator from a tensor of `shape` to the elements at `index`; -1 gives 0."""
    return Select(np.ascontiguousarray(index.reshape(-1), dtype=np.int64), math.prod(shape))
