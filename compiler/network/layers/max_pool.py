"""Maximum pools, also over whole axes: y_k = the greatest x_i of window k."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import ClassVar

import numpy as np

from ...base.arrays import Mask, Numbers, Vector
from ...language.activations import max_pool
from ...language.expressions import Affine
from ...operators.pooling import Windows
from ..error_analysis import Enclosed, Rounded
from ..linear_region import Fixed
from .layer import Layer, Naming


@dataclass(frozen=True, eq=False)
class MaxPool(Layer):
    """y = the greatest element of each window."""

    windows: Windows
    kind: str = "max_pool"

    named: ClassVar[Naming] = "always"
    continuous: ClassVar[bool] = True

    # A tree of (a >= b and y = a) or (a <= b and y = b) for every window.
    def formula(self, sources: Sequence[Affine], name: str) -> Affine:
        return max_pool(sources[0], self.windows.index, name)

    def value(self, sources: Sequence[Numbers]) -> Numbers:
        values, windows = sources[0], self.windows.filled
        return np.asarray(reduce(np.maximum, (values[:, entry] for entry in windows.T)))

    # |max a_i - max b_i| <= max |a_i - b_i|, and nothing is rounded.
    def enclosure(self, sources: Sequence[Enclosed]) -> Enclosed:
        (source,) = sources
        return Enclosed(self.value([source.middle]), self.value([source.radius]))

    # The same.
    def float32_error(self, sources: Sequence[Rounded]) -> Vector:
        (error,) = self.value([sources[0].error[None]])
        return np.asarray(error)

    # y_k = x_i where x_i - x_j >= 0 for every other j of the window; nothing is said of the order
    # of those.
    def on_region(self, x: Vector, idle: Mask) -> Fixed:
        filled = self.windows.filled
        winners = filled[np.arange(len(filled)), np.argmax(x[filled], axis=1)]
        # a unit that is constantly 0 loses against units that are at least 0 anyway
        other = (self.windows.index >= 0) & (filled != winners[:, None]) & ~idle[filled]
        wins = np.broadcast_to(winners[:, None], other.shape)[other]
        return Fixed.by_winners(len(x), winners, filled[other], wins)

    def units(self, size: int) -> int:
        return self.windows.pairs
