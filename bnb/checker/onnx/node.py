"""One node of an ONNX graph while it is read: its inputs and attributes, in the form they need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import onnx

from ..arithmetic import Array, needed, require
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

    def require(self, fact: object, what: str) -> None:
        """Refuses unless a fact holds; what: of which of the node's properties it is."""
        require(fact, f"{what} of {self.told}")

    @property
    def known(self) -> bool:
        """Whether all inputs are constants."""
        return all(value is None or value.constant is not None for value in self.inputs)

    @property
    def kind(self) -> np.dtype[Any]:
        """The float type of its variable inputs."""
        values = [value for value in self.inputs if value is not None and value.constant is None]
        self.require(len({value.double for value in values}) == 1, "the types")
        return values[0].kind

    def there(self, place: int) -> bool:
        return place < len(self.inputs) and self.inputs[place] is not None

    def value(self, place: int) -> Value:
        found = self.inputs[place] if place < len(self.inputs) else None
        return needed(found, f"a missing input of {self.told}")

    def values(self) -> list[Value]:
        return [self.value(place) for place in range(len(self.inputs))]

    def variable(self, place: int) -> Value:
        found = self.value(place)
        self.require(found.constant is None, "a constant input")
        return found

    def constant(self, place: int, kinds: str, what: str) -> Array:
        """A constant of one of the kinds; what: it is."""
        found = needed(self.value(place).constant, f"a variable as {what} of {self.told}")
        self.require(found.dtype.kind in kinds, f"{what}'s type {found.dtype}")
        return found

    def fixed(self, place: int) -> Array:
        """Constant floats of the type of the node's variables, as float64."""
        found = needed(self.value(place).constant, f"two variables of {self.told}")
        self.require(found.dtype == self.kind, f"constants of type {found.dtype}")
        return found.astype(np.float64)

    def constants(self, kinds: str = "if") -> list[Array]:
        """All inputs: constants of one type, which is of one of the kinds."""
        values = [needed(value.constant, f"a variable of {self.told}") for value in self.values()]
        self.require(len({item.dtype for item in values}) == 1, "the types")
        self.require(values[0].dtype.kind in kinds, f"the type {values[0].dtype}")
        return values

    def whole(self, place: int, what: str) -> list[int]:
        """A list of constant whole numbers."""
        found = self.constant(place, "i", what)
        self.require(found.ndim == 1, what)
        return [int(item) for item in found]

    def listed(self, place: int, name: str, since: int) -> list[int] | None:
        """A list that is an input from operator set `since` on, an attribute before."""
        old = self.opset < since
        strange = self.there(place) if old else name in self.given
        self.require(not strange, f"{name} of another operator set")
        if old:
            return self.given.get(name)
        if not self.there(place):
            return None
        found = self.constant(place, "i", name)
        self.require(found.ndim <= 1, name)
        return [int(item) for item in found.reshape(-1)]

    def flag(self, name: str, default: int = 0) -> bool:
        """An attribute that is 0 or 1."""
        found = self.given.get(name, default)
        self.require(found in (0, 1), f"{name} {found}")
        return bool(found)

    def zero(self, name: str) -> None:
        """Refuses an attribute that is there and not 0."""
        self.require(not self.given.get(name, 0), name)

    def axis(self, name: str = "axis", default: int | None = None) -> int:
        """An axis of the first input, counted from the front."""
        rank = len(self.value(0).shape)
        found = needed(self.given.get(name, default), f"no {name} of {self.told}")
        self.require(-rank <= found < rank, f"the {name}")
        return int(found) % rank
