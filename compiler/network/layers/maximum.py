"""The greatest of several layers, elementwise: y = max(x_1, x_2, ...)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import ClassVar

import numpy as np

from ...base.arrays import Mask, Numbers, Vector
from ...language.activations import maximum, shared
from ...language.expressions import Affine
from ..error_analysis import Enclosed, Rounded
from ..linear_region import Fixed
from .layer import Layer, Naming


@dataclass(frozen=True, eq=False)
class Maximum(Layer):
    """y = the greatest of several inputs, elementwise."""

    inputs: int
    kind: str = "max"

    named: ClassVar[Naming] = "always"
    continuous: ClassVar[bool] = True

    # A tree of (a >= b and y = a) or (a <= b and y = b).
    def formula(self, sources: Sequence[Affine], name: str) -> Affine:
        inputs = [shared(source, f"{name}.in{slot}") for slot, source in enumerate(sources)]
        return maximum(*inputs, name=name)

    def value(self, sources: Sequence[Numbers]) -> Numbers:
        return np.asarray(reduce(np.maximum, sources))

    # |max a_k - max b_k| <= max |a_k - b_k|, and nothing is rounded.
    def enclosure(self, sources: Sequence[Enclosed]) -> Enclosed:
        middle = self.value([source.middle for source in sources])
        return Enclosed(middle, self.value([source.radius for source in sources]))

    # The same.
    def float32_error(self, sources: Sequence[Rounded]) -> Vector:
        return self.value([source.error for source in sources])

    # y = x_k where x_k - x_j >= 0 for every other j.
    def on_region(self, x: Vector, idle: Mask) -> Fixed:
        slots = x.reshape(self.inputs, -1)
        every = np.arange(len(x)).reshape(slots.shape)
        winners = every[np.argmax(slots, axis=0), np.arange(slots.shape[1])]
        other = every != winners
        return Fixed.by_winners(
            len(x), winners, every[other], np.broadcast_to(winners, every.shape)[other]
        )

    def units(self, size: int) -> int:
        return (self.inputs - 1) * size
