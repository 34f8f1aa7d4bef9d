"""B nodes of a tree as rows of arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ..arithmetic import Array
from ..rounded.ball import Ball


@dataclass(slots=True)
class Nodes:
    """What B nodes are: number, how they were made, box, units' bounds, atoms and choices.

    unit: the unit that was split, or -1; side: 1 held active, -1 inactive. `before`: the parent's
    bounds. gain (B, G) belongs to the groups of `origin`, the parent's.
    """

    number: Array
    unit: Array
    side: Array
    box_low: Array
    box_high: Array
    low: Array
    high: Array
    low_before: Array
    high_before: Array
    atoms: Array
    choices: Array
    origin: Array
    gain: Array

    def take(self, index: Any) -> Nodes:
        return Nodes(*(getattr(self, item.name)[index] for item in fields(self)))

    @staticmethod
    def join(several: list[Nodes]) -> Nodes:
        names = [item.name for item in fields(Nodes)]
        return Nodes(*(np.concatenate([getattr(s, name) for s in several]) for name in names))

    def empty(self, ball: Ball | None) -> Array:
        """(B,): whether a node's box or a unit's bounds cross, or the ball misses the box, so that
        it holds nothing.  Rule: empty."""
        crossed = (self.box_low > self.box_high).any(axis=1)
        crossed |= (self.low > self.high).any(axis=1)
        if ball is not None:
            crossed |= ball.misses(self.box_low, self.box_high)
        return np.asarray(crossed)
