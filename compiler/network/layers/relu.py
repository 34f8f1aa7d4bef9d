"""The rectified linear unit: y = max(x, 0)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...base.arrays import Mask, Numbers, Vector, exact
from ...language.activations import relu
from ...language.expressions import Affine
from ...operators import is_exact
from ..error_analysis import Enclosed, Rounded
from ..linear_region import Fixed
from .layer import Layer, Naming


@dataclass(frozen=True, eq=False)
class Rectifier(Layer):
    """y = max(x, 0)."""

    kind: str = "relu"

    named: ClassVar[Naming] = "never"
    continuous: ClassVar[bool] = True

    # (x >= 0 and y = x) or (x <= 0 and y = 0)
    def formula(self, sources: Sequence[Affine], name: str) -> Affine:
        return relu(sources[0], name)

    def value(self, sources: Sequence[Numbers]) -> Numbers:
        values = sources[0]
        if is_exact(values):
            return np.where(values > 0, values, exact(0.0))
        return np.maximum(values, 0.0)

    # |max(a, 0) - max(b, 0)| <= |a - b|, and nothing is rounded.
    def enclosure(self, sources: Sequence[Enclosed]) -> Enclosed:
        return Enclosed(self.value([sources[0].middle]), sources[0].radius)

    # The same.
    def float32_error(self, sources: Sequence[Rounded]) -> Vector:
        return sources[0].error

    # y = x where x >= 0, y = 0 where -x >= 0.
    def on_region(self, x: Vector, idle: Mask) -> Fixed:
        return Fixed.by_sign(x >= 0.0, np.zeros(len(x)))

    def units(self, size: int) -> int:
        return size
