"""One node of an ONNX graph while it is read: its inputs and attributes, in the form they need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import onnx

from ..arithmetic import Array, require
from ..model import Graph, Value

Handler: TypeAlias = Callable[["Node"], "Value | list[Value]"]


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

    @property
    def kind(self) -> np.dtype[Any]:
        """The float type of its variable inputs."""
        values = [value for value in self.inputs if value is not None and value.constant is None]
        require(len({value.double for value in values}) == 1, f"the types of {self.told}")
        return values[0].kind

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
        """Constant floats of the type of the node's variables, as float64."""
        found = self.value(place).constant
        require(found is not None, f"{self.told} of two variables")
        assert found is not None
        require(found.dtype == self.kind, f"constants of type {found.dtype} at {self.told}")
        return found.astype(np.float64)

    def constants(self, kinds: str = "if") -> list[Array]:
        """All inputs: constants of one type, which is of one of the kinds."""
        values = [self.value(place).constant for place in range(len(self.inputs))]
        known = [item for item in values if item is not None]
        require(0 < len(known) == len(values), f"{self.told} of a variable")
        require(len({item.dtype for item in known}) == 1, f"the types of {self.told}")
        require(known[0].dtype.kind in kinds, f"the type {known[0].dtype} at {self.told}")
        return known

    def whole(self, place: int) -> Array:
        """Constant whole numbers."""
        found = self.value(place).constant
        require(
            found is not None and found.dtype.kind == "i",
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

    def flag(self, name: str, default: int = 0) -> bool:
        """An attribute that is 0 or 1."""
        found = self.given.get(name, default)
        require(found in (0, 1), f"{name} of {self.told}, which is {found}")
        return bool(found)

    def zero(self, *names: str) -> None:
        """Refuses attributes that are there and not 0."""
        for name in names:
            require(not self.given.get(name, 0), f"{self.told} with {name}")
