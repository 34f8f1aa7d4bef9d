"""A property of one or several networks, exactly as its file states it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from math import prod

import numpy as np
import numpy.typing as npt

from ..base.arrays import Numbers, Vector, exact
from ..base.digest import UNASKED
from ..base.errors import InputError
from ..language.expressions import Affine
from ..language.formulas import Formula
from .and_or_tree import Atom, Tree, holds
from .property_boxes import Part, boxes
from .to_formula import formula


@dataclass(frozen=True)
class Port:
    """An input or output tensor; its elements are counted in row-major order.

    node: the tensor's name in the model, empty where tensors go by their order.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    node: str = ""

    @property
    def size(self) -> int:
        return prod(self.shape)


@dataclass(frozen=True)
class Signature:
    """What a property says of a network.  `equal_to`, `isomorphic_to`: an earlier one's name.

    hidden: tensors that are neither, each with its name in the model; flat behind the outputs.
    """

    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    equal_to: str = ""
    isomorphic_to: str = ""
    hidden: tuple[Port, ...] = ()

    @property
    def input_size(self) -> int:
        return sum(port.size for port in self.inputs)

    @property
    def output_size(self) -> int:
        return sum(port.size for port in (*self.outputs, *self.hidden))

    @property
    def plain(self) -> bool:
        """Whether it speaks of one input and one output by no names: any model can be meant."""
        ports = (*self.inputs, *self.outputs)
        single = len(self.inputs) <= 1 and len(self.outputs) <= 1
        return single and not self.hidden and not any(port.node for port in ports)


@dataclass(frozen=True)
class Property:
    """The points that a property file describes: usually those that break what is desired.

    networks: one without a name, or all that are declared; the flat inputs are those of all
    networks one after the other, and so are the outputs.  tree: the truth, without any rounding.
    """

    networks: tuple[Signature, ...]
    tree: Tree
    source: str = field(default="property", compare=False, metadata=UNASKED)

    @property
    def inputs(self) -> int:
        """D, the number of inputs of all networks together."""
        return sum(network.input_size for network in self.networks)

    @property
    def outputs(self) -> int:
        """K, the number of outputs of all networks together."""
        return sum(network.output_size for network in self.networks)

    @cached_property
    def _boxes(self) -> tuple[Part, tuple[Part, ...]]:
        return boxes(self.tree, self.inputs)

    @property
    def lower(self) -> Vector:
        """(D,), what every point of the property satisfies, rounded down; -inf without a bound."""
        return self._boxes[0].lower

    @property
    def upper(self) -> Vector:
        """(D,), rounded up; inf without a bound."""
        return self._boxes[0].upper

    @property
    def parts(self) -> tuple[Part, ...]:
        """Boxes with what must hold in them; see `boxes`.  None at all: no point satisfies it."""
        return self._boxes[1]

    @cached_property
    def input_bounds(self) -> dict[int, list[Fraction]]:
        """The constants that single inputs are compared with anywhere, by input, as stated."""
        found: dict[int, list[Fraction]] = {}
        stack: list[Tree] = [self.tree]
        while stack:
            part = stack.pop()
            if not isinstance(part, Atom):
                stack.extend(part.parts)
            elif len(part.terms) == 1 and not part.terms[0][0].output:
                place, k = part.terms[0]
                found.setdefault(place.element, []).append(-part.constant / k)
        return found

    def compares(self, start: int, end: int) -> bool:
        """Whether all that is said of the outputs from start to end is which of two is greater."""
        stack: list[Tree] = [self.tree]
        while stack:
            part = stack.pop()
            if not isinstance(part, Atom):
                stack.extend(part.parts)
                continue
            mine = [place.output and start <= place.element < end for place, _ in part.terms]
            opposite = sum(k for _, k in part.terms) == 0 == part.constant
            if any(mine) and not (all(mine) and len(mine) == 2 and opposite):
                return False
        return True

    def formula(self, x: Affine, y: Affine) -> Formula:
        """The whole property in the constraint language; see `translation.formula`."""
        return formula(self.tree, x, y)

    def holds(self, inputs: Sequence[Fraction], outputs: Sequence[Fraction]) -> bool:
        """Whether a point satisfies the property exactly."""
        if len(inputs) != self.inputs or len(outputs) != self.outputs:
            raise InputError(
                f"{self.source} speaks of {self.inputs} inputs and {self.outputs} outputs, not of "
                f"{len(inputs)} and {len(outputs)}"
            )
        return holds(self.tree, inputs, outputs)

    def nearly(self, inputs: Sequence[float], outputs: Sequence[float]) -> bool:
        """Whether floats satisfy the property as floats compute it: a hint, and nothing more."""
        return holds(self.tree, inputs, outputs)

    def holds_floats(self, x: npt.ArrayLike, y: npt.ArrayLike) -> bool:
        """The same for floats at their exact values; one that is not finite satisfies nothing."""
        values: list[Numbers] = []
        for given in (x, y):
            flat = np.asarray(given, dtype=np.float64).reshape(-1)
            if not np.isfinite(flat).all():
                return False
            values.append(exact(flat))
        return self.holds(values[0].tolist(), values[1].tolist())
