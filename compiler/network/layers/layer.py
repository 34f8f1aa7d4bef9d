"""What the engine asks of a layer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal, TypeAlias

from ...base.arrays import Mask, Numbers, Vector
from ...base.errors import LanguageError
from ...language.expressions import Affine
from ..error_analysis import Enclosed, Rounded
from ..linear_region import Fixed

Naming: TypeAlias = Literal["always", "if_shared", "never"]


class Layer(ABC):
    """A function of one or several vectors; `sources` are what feeds it, in order.

    named: when the formula's value gets a variable of its own. always: it is a sum of several
    variables, and what reads it, perhaps a convolution, is then applied once. never: it is one.
    continuous: whether it never jumps.
    """

    named: ClassVar[Naming]
    continuous: ClassVar[bool]

    @property
    @abstractmethod
    def kind(self) -> str:
        """Its name in reports, and of nodes that have none."""

    @abstractmethod
    def formula(self, sources: Sequence[Affine], name: str) -> Affine:
        """The layer in the constraint language; `name` is for the variables that it needs."""

    def bounded(self, sources: Sequence[Affine], known: Sequence[Enclosed], name: str) -> Affine:
        """The same on a region; `known` encloses the sources there.

        What jumps is stated by fewer disjunctions so, or needs bounds to be stated at all.
        """
        return self.formula(sources, name)

    @abstractmethod
    def value(self, sources: Sequence[Numbers]) -> Numbers:
        """The output, rows are inputs: (B, size) each, float64 or exact."""

    @abstractmethod
    def enclosure(self, sources: Sequence[Enclosed]) -> Enclosed:
        """What encloses the exact output wherever in `sources` the inputs are."""

    @abstractmethod
    def float32_error(self, sources: Sequence[Rounded]) -> Vector:
        """Bounds on |float32 output - exact output|, (size,), inf where nothing is known."""

    @abstractmethod
    def on_region(self, x: Vector, idle: Mask) -> Fixed | None:
        """The layer on the linear region of its sources' values x (D,), one after the other.

        Of each disjunction the disjunct that holds at x (Bastani et al. 2016, section 4). At a kink
        z >= 0 counts, a limit counts as between the limits, and of equal arguments of a maximum the
        first. None where the layer is affine. idle (D,): elements of x that are the 0 of an
        inactive ReLU, all others of which are at least 0 as well; all False where a source is no
        ReLU. Raises LanguageError for a layer that jumps.
        """

    @abstractmethod
    def units(self, size: int) -> int:
        """How many rectified units a layer of `size` outputs is compiled to."""


def no_linear_region(operator: str) -> LanguageError:
    """Why a layer that jumps is not on any region; operator: as ONNX calls it."""
    return LanguageError(
        f"a layer that jumps, such as {operator}, has no linear region with its borders"
    )
