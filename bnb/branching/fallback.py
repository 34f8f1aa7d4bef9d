"""Where no unit's relaxation loses anything, and still the LP leaves a node open."""

from __future__ import annotations

import numpy as np

from ...compiler.base.arrays import Vector
from ..bounds.node_lp import LeafResult
from ..nodes.batch import Block
from ..state import BranchingRule, State

SEEN = 1e-9
"""What a point of the LP has to break something by, for that to be told from rounding."""


class Fallback(BranchingRule):
    """The unit that the LP's point violates most; the one whose bounds it breaks most; the first
    free one, for splitting any of them ends in leaves whose phases are all known.
    """

    @staticmethod
    def applies(state: State) -> bool:
        return True

    def after_lp(self, alone: Block, found: LeafResult) -> int:
        unit = most(found.gap)
        if unit < 0 and found.point is not None:
            unit = most(self.broken(alone, found.point))
        if unit < 0 and found.status != "stopped":
            unit = int(next(iter(np.flatnonzero(alone.free()[0])), -1))
        return unit

    def broken(self, alone: Block, point: Vector) -> Vector:
        """By how much a point (D,) breaks the bounds of each unit that is not split, (U,).

        Bounds that propagation found hold for solutions only, and no row of the LP says so; held in
        its phase the unit has one.
        """
        problem = self.state.problem
        values = problem.values(point[None])
        pres = (stage.pre(values)[0] for stage in problem.stages[:-1])
        pre = np.concatenate([np.empty(0), *pres])
        over = np.where(alone.lower[0] >= 0.0, -pre, np.where(alone.upper[0] <= 0.0, pre, 0.0))
        over[alone.phase[0] != 0] = 0.0
        return over


def most(violation: Vector) -> int:
    """The unit of the largest violation (U,), -1 where there is none."""
    worst = int(np.argmax(violation)) if len(violation) else -1
    return worst if worst >= 0 and violation[worst] > SEEN else -1
