"""ReLUs with a slope for negative numbers: y = x where x >= 0, slope * x elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...base.arrays import Mask, Numbers, Vector, exact
from ...base.rounding import gamma
from ...language.activations import leaky_relu, shared
from ...language.expressions import Affine
from ...operators import is_exact
from ..error_analysis import (
    EXTRA,
    FLOAT32_SMALLEST,
    Enclosed,
    Rounded,
    float32_gamma,
    outward,
)
from ..linear_region import Fixed
from .layer import Layer, Naming


@dataclass(frozen=True, eq=False)
class Leaky(Layer):
    """y = x where x >= 0, slope * x elsewhere.  slope (N,), of any sign and size."""

    slope: Vector
    kind: str = "leaky_relu"

    named: ClassVar[Naming] = "always"
    continuous: ClassVar[bool] = True

    # (x >= 0 and y = x) or (x <= 0 and y = slope * x)
    def formula(self, sources: Sequence[Affine], name: str) -> Affine:
        return leaky_relu(shared(sources[0], f"{name}.in"), self.slope, name)

    def value(self, sources: Sequence[Numbers]) -> Numbers:
        values = sources[0]
        slope = exact(self.slope) if is_exact(values) else self.slope
        return np.where(values > 0, values, values * slope)

    # |y(a) - y(b)| <= max(|slope|, 1) |a - b|, across the kink too, and one product is rounded.
    def enclosure(self, sources: Sequence[Enclosed]) -> Enclosed:
        middle = self.value([sources[0].middle])
        spread = sources[0].radius * self._steepest
        return Enclosed(middle, outward(spread + gamma(EXTRA) * np.abs(middle)))

    # The same, with the slope rounded too; it may be read as zero, and the product flushed to it.
    def float32_error(self, sources: Sequence[Rounded]) -> Vector:
        (source,) = sources
        rounding = float32_gamma(1) * source.size
        lost = EXTRA * FLOAT32_SMALLEST * (1.0 + source.size)
        return self._steepest * (source.error + rounding) + lost

    @property
    def _steepest(self) -> Vector:
        return np.maximum(np.abs(self.slope), 1.0)

    # y = x where x >= 0, y = slope * x where -x >= 0.
    def on_region(self, x: Vector, idle: Mask) -> Fixed:
        return Fixed.by_sign(x >= 0.0, self.slope)

    def units(self, size: int) -> int:
        return size
