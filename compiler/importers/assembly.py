"""Networks put together from ONNX operations, for sources that are no ONNX file.

What an operation means stands once, in the `onnx_` files; an importer of another format only says
which operations its layers are.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Never, TypeAlias

import numpy as np
import numpy.typing as npt

from ..base.errors import ModelError, UnsupportedAttribute, UnsupportedLayer
from ..network.graph import GraphBuilder, Network, Runtime
from .fidelity import check
from .onnx.model import LIMIT, Array, AttributeValue, Operation
from .onnx.node import Node, Symbol, Value
from .onnx.ops import OPERATIONS

OPSET = 13
"""The version of the operator set whose definitions the importers use."""

REMEDY = "check the layer's parameters, or leave it out"

Operand: TypeAlias = "Symbol | npt.ArrayLike | None"


class Assembly:
    """A network while it grows.  Its values have a batch of one on their first axis.

    supported: what the source may use, by its own names, for the message of a refusal.
    """

    def __init__(
        self,
        source: str,
        shape: Sequence[int],
        supported: Iterable[str],
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        sizes = tuple(int(size) for size in shape)
        if min(sizes, default=1) < 1 or math.prod(sizes) > LIMIT:
            raise ModelError(source, f"an input of shape {sizes} is impossible")
        self.source = source
        self.supported = tuple(supported)
        self.dtype = np.dtype(dtype)
        self.input = Symbol(Network.INPUT, (1, *sizes), self.dtype)
        self.builder = GraphBuilder(sizes)
        self._digest = hashlib.sha256(repr(sizes).encode())

    def record(self, *parts: object) -> None:
        """Adds what defines the network to its digest."""
        for part in parts:
            if isinstance(part, np.ndarray):
                self._digest.update(repr((part.dtype.str, part.shape)).encode() + part.tobytes())
            else:
                self._digest.update(repr(part).encode())

    def call(self, name: str, kind: str) -> Call:
        return Call(self, name, kind)

    def finish(
        self,
        output: Symbol,
        name: str,
        runtime: Runtime,
        notes: Iterable[str] = (),
        ordered: bool = False,
    ) -> Network:
        """The network, once it agrees with `runtime`; FidelityError where it does not."""
        if output.node == Network.INPUT:
            raise ModelError(self.source, "has no layer: its output is its input")
        self.record(output.node)
        network = self.builder.finish(
            output.node,
            name=name,
            runtime=runtime,
            notes=tuple(notes),
            ordered=ordered,
            digest=self._digest.hexdigest(),
        )
        check(network, self.source)
        return network


@dataclass(frozen=True, slots=True)
class Call:
    """One layer of the source while it is read: its name there, and its kind in the source."""

    assembly: Assembly
    name: str
    kind: str

    # refusals

    def fail(self, message: str) -> Never:
        raise ModelError(self.assembly.source, f"layer {self.name!r} ({self.kind}): {message}")

    def refuse(self, kind: str = "") -> Never:
        source, supported = self.assembly.source, self.assembly.supported
        raise UnsupportedLayer(source, kind or self.kind, self.name, supported)

    def require(self, condition: bool, attribute: str, reason: str) -> None:
        """Refuses a value of an attribute that is not read."""
        if not condition:
            where = f"{self.name} ({self.kind})"
            raise UnsupportedAttribute(self.assembly.source, where, attribute, reason)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turns what goes wrong on unexpected values into a refusal of the layer."""
        try:
            with np.errstate(over="raise", divide="raise", invalid="raise"):
                yield
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            self.fail(f"cannot be read ({error})")

    # operations

    def weights(self, values: npt.ArrayLike) -> Array:
        """Numbers of the source: floats as they are, all others as the source's own float type."""
        array = np.asarray(values)
        if array.dtype.kind != "f" or array.ndim == 0:
            array = array.astype(self.assembly.dtype)
        if not np.isfinite(array).all():
            self.fail("holds NaN or infinity")
        return array

    def apply(self, kind: str, *inputs: Operand, **attributes: AttributeValue) -> Symbol:
        """An ONNX operation; constants that are whole numbers stay so, floats must be finite."""
        values = [
            value if value is None or isinstance(value, Symbol) else self._constant(value)
            for value in inputs
        ]
        known = [value.node if isinstance(value, Symbol) else value for value in values]
        self.assembly.record(kind, sorted(attributes.items()), *known)
        node = self._node(kind, values, dict(attributes))
        with self.reading():
            result = OPERATIONS[kind](node)
            node.finish()
        assert isinstance(result, Symbol), "constants alone are folded by the importer"
        return result

    def move(self, value: Symbol, to: Callable[[Array], Array]) -> Symbol:
        """The numbers of `value` in other places, or only in another shape, which leaves no layer.

        `to` does it to any array.
        """
        index = to(np.arange(math.prod(value.shape)).reshape(value.shape))
        self.assembly.record("move", value.node, index)
        if np.array_equal(index.reshape(-1), np.arange(math.prod(value.shape))):
            return replace(value, shape=index.shape)
        result = self._node("Reshape", [value], {}).rearrange(value, to)
        assert isinstance(result, Symbol)
        return result

    def _node(
        self, kind: str, values: Sequence[Value | None], attributes: dict[str, AttributeValue]
    ) -> Node:
        operation = Operation(kind, self.name, (), ("y",), attributes)
        assembly = self.assembly
        return Node(
            assembly.source, operation, values, OPSET, assembly.builder, assembly.supported, REMEDY
        )

    def _constant(self, value: Any) -> Array:
        array = np.asarray(value)
        return array if array.dtype.kind == "i" else self.weights(array)
