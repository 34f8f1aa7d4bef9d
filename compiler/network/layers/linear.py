"""Dense, sparse and convolutional layers, scales and selections: y = A x + b."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...base.arrays import Mask, Numbers, Vector, exact
from ...base.rounding import gamma
from ...language.expressions import Affine
from ...operators import LinearOperator, is_exact
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
class Linear(Layer):
    """y = operator(x) + bias."""

    operator: LinearOperator
    bias: Vector | None
    kind: str = "linear"

    named: ClassVar[Naming] = "if_shared"
    continuous: ClassVar[bool] = True

    def formula(self, sources: Sequence[Affine], name: str) -> Affine:
        result = sources[0].through(self.operator)
        return result if self.bias is None else result + self.bias

    def value(self, sources: Sequence[Numbers]) -> Numbers:
        result = self.operator.apply(sources[0])
        if self.bias is None:
            return result
        return result + (exact(self.bias) if is_exact(result) else self.bias)

    # |fl(A m + b) - (A m + b)| <= gamma(n + 1) (|A| |m| + |b|) in any order of summation (Higham
    # 2002, sections 3.1 and 3.5), and |A x - A m| <= |A| r where |x - m| <= r.
    def enclosure(self, sources: Sequence[Enclosed]) -> Enclosed:
        (source,) = sources
        size = self.operator.absolute()
        middle = self.operator.apply(source.middle)
        magnitude = size.apply(np.abs(source.middle))
        spread = size.apply(source.radius)
        if self.bias is not None:
            middle = middle + self.bias
            magnitude = magnitude + np.abs(self.bias)
        factor = gamma(self.operator.terms + EXTRA)
        return Enclosed(middle, outward(factor * (magnitude + spread) + spread))

    # The same in float32: |A| e for what the input is off, and gamma(n) (|A| (|x| + e) + |b|) for
    # the sum, n numbers that are flushed to zero, and n coefficients that are read as zero.
    def float32_error(self, sources: Sequence[Rounded]) -> Vector:
        (source,) = sources
        size = self.operator.absolute()
        error: Vector = size.apply(source.error[None])[0]
        if self.operator.terms == 0 and self.bias is None:
            return error  # numbers in other places
        bias = 0.0 if self.bias is None else np.abs(self.bias)
        magnitude = size.apply(source.size[None])[0] + bias
        error = error + float32_gamma(self.operator.terms) * magnitude
        largest = float(source.size.max(initial=0.0))
        return error + (self.operator.terms + EXTRA) * FLOAT32_SMALLEST * (1.0 + largest)

    def on_region(self, x: Vector, idle: Mask) -> None:
        return None

    def units(self, size: int) -> int:
        return 0
