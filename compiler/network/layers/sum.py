"""Sums and differences of layers, as at the end of a residual block: y = s_1 x_1 + s_2 x_2 + ..."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import numpy as np

from ...base.arrays import Mask, Numbers, Tensor, Vector
from ...base.rounding import gamma
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
from .layer import Layer, Naming


@dataclass(frozen=True, eq=False)
class Sum(Layer):
    """y = sum of signed inputs."""

    signs: tuple[float, ...]
    kind: str = "sum"

    named: ClassVar[Naming] = "if_shared"
    continuous: ClassVar[bool] = True

    def formula(self, sources: Sequence[Affine], name: str) -> Affine:
        total = sources[0] * self.signs[0]
        for sign, source in zip(self.signs[1:], sources[1:], strict=True):
            total = total + source * sign
        return total

    def value(self, sources: Sequence[Numbers]) -> Numbers:
        pairs = zip(self.signs, sources, strict=True)
        parts = [part * (Fraction(sign) if is_exact(part) else sign) for sign, part in pairs]
        return sum(parts[1:], start=parts[0])

    # |fl(sum s m) - sum s m| <= gamma(n) sum |s| |m| in any order (Higham 2002, section 4.2), and
    # the exact sum moves by at most sum |s| r where |x - m| <= r.
    def enclosure(self, sources: Sequence[Enclosed]) -> Enclosed:
        middle = self.value([source.middle for source in sources])
        magnitude = self._weighted([np.abs(source.middle) for source in sources])
        spread = self._weighted([source.radius for source in sources])
        factor = gamma(len(self.signs) + EXTRA)
        return Enclosed(middle, outward(factor * (magnitude + spread) + spread))

    # The same in float32; weights may be read as zero, and results flushed to it.
    def float32_error(self, sources: Sequence[Rounded]) -> Vector:
        error = self._weighted([source.error for source in sources])
        magnitude = self._weighted([source.size for source in sources])
        error = error + float32_gamma(len(self.signs)) * magnitude
        sizes = sum((source.size for source in sources), start=np.zeros(1))
        return error + EXTRA * FLOAT32_SMALLEST * (1.0 + sizes)

    def _weighted(self, parts: list[Tensor]) -> Tensor:
        """The sum of |sign| * part."""
        pairs = zip(self.signs, parts, strict=True)
        return sum((abs(sign) * part for sign, part in pairs), start=np.zeros(1))

    def on_region(self, x: Vector, idle: Mask) -> None:
        return None

    def units(self, size: int) -> int:
        return 0
