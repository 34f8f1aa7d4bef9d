"""Clips between two limits, such as ReLU6 and hard tanh: y = min(max(x, lower), upper)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...base.arrays import Mask, Numbers, Vector, exact
from ...language.activations import clip
from ...language.expressions import Affine
from ...operators import is_exact
from ..error_analysis import Enclosed, Rounded
from ..linear_region import Fixed
from .layer import Layer, Naming


@dataclass(frozen=True, eq=False)
class Clip(Layer):
    """y = min(max(x, lower), upper).  Limits (N,), lower <= upper, infinite where there is none."""

    lower: Vector
    upper: Vector
    kind: str = "clip"

    named: ClassVar[Naming] = "if_shared"
    continuous: ClassVar[bool] = True

    # t = lower + max(x - lower, 0), y = upper - max(upper - t, 0)
    def formula(self, sources: Sequence[Affine], name: str) -> Affine:
        return clip(sources[0], self.lower, self.upper, name)

    def value(self, sources: Sequence[Numbers]) -> Numbers:
        values = sources[0]
        if not is_exact(values):
            return np.clip(values, self.lower, self.upper)
        out = values.copy()
        for limits, beyond in ((self.lower, np.less), (self.upper, np.greater)):
            finite = np.flatnonzero(np.isfinite(limits))
            limit, part = exact(limits[finite]), out[:, finite]
            out[:, finite] = np.where(beyond(part, limit), limit, part)
        return out

    # |y(a) - y(b)| <= |a - b|, and nothing is rounded.
    def enclosure(self, sources: Sequence[Enclosed]) -> Enclosed:
        return Enclosed(self.value([sources[0].middle]), sources[0].radius)

    # The same.
    def float32_error(self, sources: Sequence[Rounded]) -> Vector:
        return sources[0].error

    # y = lower where lower - x >= 0, y = upper where x - upper >= 0, else y = x where
    # x - lower >= 0 and upper - x >= 0, as far as there are limits.
    def on_region(self, x: Vector, idle: Mask) -> Fixed:
        below, above = x < self.lower, x > self.upper
        between = ~below & ~above
        parts = (
            (below, -1.0, self.lower),
            (above, 1.0, -self.upper),
            (between & np.isfinite(self.lower), 1.0, -self.lower),
            (between & np.isfinite(self.upper), -1.0, self.upper),
        )
        left = [np.flatnonzero(mask) for mask, _, _ in parts]
        sign = [np.full(len(k), side) for k, (_, side, _) in zip(left, parts, strict=True)]
        level = [limit[k] for k, (_, _, limit) in zip(left, parts, strict=True)]
        constant = np.where(below, self.lower, np.where(above, self.upper, 0.0))
        return Fixed(
            len(x), None, between.astype(np.float64), constant, np.concatenate(left),
            np.concatenate(sign), None, np.concatenate(level),
        )  # fmt: skip

    def units(self, size: int) -> int:
        return int(np.isfinite(self.lower).sum() + np.isfinite(self.upper).sum())
