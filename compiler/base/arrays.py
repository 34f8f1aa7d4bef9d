"""Array aliases; shapes use the letters B inputs, D input size, N neurons, M rows, K classes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Vector: TypeAlias = npt.NDArray[np.float64]
Matrix: TypeAlias = npt.NDArray[np.float64]
Tensor: TypeAlias = npt.NDArray[np.float64]
Indices: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]
Phases: TypeAlias = npt.NDArray[np.int8]
Numbers: TypeAlias = npt.NDArray[Any]
"""float64, or Fractions in an object array: the operators serve both."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Enclosure of values; `lower` and `upper` have one shape."""

    lower: Tensor
    upper: Tensor

    @property
    def magnitude(self) -> Tensor:
        """Largest absolute value within the bounds."""
        return np.maximum(np.abs(self.lower), np.abs(self.upper))

    def rectified(self) -> Bounds:
        """The bounds after a ReLU."""
        return Bounds(np.maximum(self.lower, 0.0), np.maximum(self.upper, 0.0))

    def take(self, index: Indices) -> Bounds:
        """Those of some rows."""
        return Bounds(self.lower[index], self.upper[index])

    def intersect(self, other: Bounds) -> Bounds:
        return Bounds(np.maximum(self.lower, other.lower), np.minimum(self.upper, other.upper))


def exact(values: npt.ArrayLike) -> Numbers:
    """The same numbers as Fractions, in an object array; floats are taken at their exact value."""
    source = np.asarray(values)
    out = np.empty(source.shape, dtype=object)
    flat = out.reshape(-1)
    for position, value in enumerate(source.reshape(-1).tolist()):
        flat[position] = Fraction(value)
    return out
