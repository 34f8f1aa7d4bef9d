"""One node of an ONNX graph while it is read: its inputs and attributes, in the form they need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import onnx

from .arithmetic import LIMIT, Array, require
from .model import Graph, Value

Handler: TypeAlias = Callable[["Node"], "Value | list[Value]"]


def array(tensor: onnx.TensorProto) -> Array:
    """The numbers of a tensor; floats become float64."""
    require(tensor.data_location != onnx.TensorProto.EXTERNAL, "weights in other files")
    numbers = np.asarray(onnx.numpy_helper.to_array(tensor))
    kind = np.dtype(numbers.dtype)
    require(kind.kind in "iub" or kind in (np.float16, np.float32, np.float64), f"type {kind}")
    if kind.kind == "f":
        numbers = numbers.astype(np.float64)
        require(np.all(np.abs(numbers) <= LIMIT), f"{tensor.name}: weights that are not finite")
    return numbers


@dataclass(frozen=True, slots=True)
class Node:
    """inputs: None where one is left out.  given: its attributes.  graph: where tensors are added.

    name: of the layer that it makes.  opset: the version of the operators' definitions.
    """

    proto: onnx.NodeProto
    inputs: list[Value | None]
    given: dict[str, Any]
    graph: Graph
    name: str
    opset: int

    @property
    def told(self) -> str:
        """What a refusal calls it."""
        return f"node {self.proto.name!r} ({self.proto.op_type})"

    @property
    def known(self) -> bool:
        """Whether all inputs are constants."""
        return all(value is None or value.constant is not None for value in self.inputs)

    def there(self, place: int) -> bool:
        return place < len(self.inputs) and self.inputs[place] is not None

    def value(self, place: int) -> Value:
        found = self.inputs[place] if place < len(self.inputs) else None
        require(found is not None, f"missing input of {self.told}")
        assert found is not None
        return found

    def variable(self, place: int) -> Value:
        found = self.value(place)
        require(found.constant is None, f"constant input of {self.told}")
        return found

    def fixed(self, place: int) -> Array:
        """Constant floats that are exact."""
        require(self.value(place).slack == 0, f"rounded numbers at {self.told}")
        return self.near(place)

    def near(self, place: int) -> Array:
        """Constant floats, exact but for the slack of the value."""
        found = self.value(place).constant
        require(found is not None, f"{self.told} of two variables")
        assert found is not None
        return numbers(found)

    def whole(self, place: int) -> Array:
        """Constant whole numbers."""
        found = self.value(place).constant
        require(
            found is not None and found.dtype.kind in "iu",
            f"{self.told} without constant whole numbers",
        )
        assert found is not None
        return found

    def listed(self, place: int, name: str, since: int) -> list[int] | None:
        """A list that is an input from operator set `since` on, an attribute before."""
        old = self.opset < since
        strange = self.there(place) if old else name in self.given
        require(not strange, f"{name} of another operator set at {self.told}")
        if old:
            return [int(item) for item in self.given[name]] if name in self.given else None
        if not self.there(place):
            return None
        require(self.whole(place).ndim <= 1, f"{name} of {self.told}")
        return [int(item) for item in self.whole(place).reshape(-1)]

    def zero(self, *names: str) -> None:
        """Refuses attributes that are there and not 0."""
        for name in names:
            require(not self.given.get(name, 0), f"{self.told} with {name}")


def numbers(constant: Array) -> Array:
    """A constant that consists of floats."""
    require(constant.dtype == np.float64, "whole numbers among weights")
    return constant
