"""Absolute values: y = |x|."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...base.arrays import Mask, Numbers, Vector
from ...language.activations import absolute, shared
from ...language.expressions import Affine
from ..error_analysis import Enclosed, Rounded
from ..linear_region import Fixed
from .layer import Layer, Naming


@dataclass(frozen=True, eq=False)
class Absolute(Layer):
    """y = |x|."""

    kind: str = "abs"

    named: ClassVar[Naming] = "always"
    continuous: ClassVar[bool] = True

    # (x >= 0 and y = x) or (x <= 0 and y = -x)
    def formula(self, sources: Sequence[Affine], name: str) -> Affine:
        return absolute(shared(sources[0], f"{name}.in"), name)

    def value(self, sources: Sequence[Numbers]) -> Numbers:
        values: Numbers = abs(sources[0])
        return values

    # ||a| - |b|| <= |a - b|, and nothing is rounded.
    def enclosure(self, sources: Sequence[Enclosed]) -> Enclosed:
        return Enclosed(self.value([sources[0].middle]), sources[0].radius)

    # The same.
    def float32_error(self, sources: Sequence[Rounded]) -> Vector:
        return sources[0].error

    # y = x where x >= 0, y = -x where -x >= 0.
    def on_region(self, x: Vector, idle: Mask) -> Fixed:
        return Fixed.by_sign(x >= 0.0, np.full(len(x), -1.0))

    def units(self, size: int) -> int:
        return size
