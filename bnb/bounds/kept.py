"""The multipliers of a node's best pass, and how large the steps of its children should be.

A node begins with its parent's multipliers, which are nearly optimal deep in the tree. The first
steps of Adam (Kingma and Ba 2015) move every multiplier by the whole rate, whatever its gradient:
where the rate is large beside what is left to gain, a few steps end below the bound they began
with, and from node to node the multipliers get worse. So those of the best pass are kept, and the
rate halves where no step gained and grows where the last one gained most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...compiler.base.arrays import Indices, Vector
from .crown import Multipliers

FIRST, DECAY = 0.1, 0.9
"""The rate below the roots, and what a step leaves of it."""
DOWN, UP, LARGEST = 0.5, 1.25, 0.2
"""What becomes of the rate where no step gained, and where the last one gained most."""


@dataclass(slots=True)
class Kept:
    """Of Q queries: their best multipliers, the bounds (Q,) these gave and after how many steps."""

    multipliers: Multipliers
    value: Vector
    step: Indices

    @classmethod
    def of(cls, multipliers: Multipliers, count: int) -> Kept:
        """Before the first pass of `count` queries, with any multipliers; of no stage at times."""
        own = multipliers.take(np.arange(count))
        return cls(own, np.full(count, -np.inf), np.zeros(count, dtype=np.int64))

    def hear(self, step: int, value: Vector, multipliers: Multipliers) -> None:
        """Keeps the multipliers, in place, of the queries whose bound value (Q,) is their best."""
        better = np.flatnonzero(value > self.value)  # never with NaN
        self.value[better], self.step[better] = value[better], step
        own = self.multipliers.alpha + self.multipliers.beta
        for mine, given in zip(own, multipliers.alpha + multipliers.beta, strict=True):
            mine[better] = given[better]

    def take(self, index: Indices) -> Kept:
        return Kept(self.multipliers.take(index), self.value[index], self.step[index])

    def rate(self, rate: Vector, last: int) -> Vector:
        """The rates (Q,) to go on with; rate: those of the `last` steps that were taken."""
        if last == 0:
            return rate
        factor = np.where(self.step == 0, DOWN, np.where(self.step == last, UP, 1.0))
        found: Vector = np.minimum(rate * factor, LARGEST)
        return found
