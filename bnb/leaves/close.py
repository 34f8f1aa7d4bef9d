"""Nodes without a known split: an LP decides them or names a unit."""

from __future__ import annotations

import numpy as np

from ...compiler.base.arrays import Bounds, Indices, Vector
from ...compiler.base.untrusted import attempt
from ..bound_batch import Bounding
from ..bounds.crown import Nodes
from ..nodes.batch import Block, spread
from .node_lp import LeafResult, solve_leaf


class Leaves(Bounding):
    """What the LP leaves open goes on, or to rational arithmetic, or is given up as numerical."""

    def _broken(self, batch: Block, row: int, point: Vector | None) -> int:
        """The unit whose bounds a point (D,) breaks most, -1 without any.

        Bounds that propagation found hold for solutions only, and no row of the LP says so; held in
        its phase the unit has one.
        """
        if point is None:
            return -1
        values = self.problem.values(point[None])
        stages = self.problem.stages[:-1]
        pre = np.concatenate([np.empty(0), *(stage.pre(values)[0] for stage in stages)])
        low, high = batch.lower[row], batch.upper[row]
        over = np.where(low >= 0.0, -pre, np.where(high <= 0.0, pre, 0.0))
        over[batch.phase[row] != 0] = 0.0
        worst = int(np.argmax(over)) if len(over) else -1
        return worst if worst >= 0 and over[worst] > 1e-9 else -1

    def _solved(self, nodes: Nodes, atoms: Indices) -> LeafResult:
        """The LP of a single node, which has failed where anything was raised."""
        return attempt(
            lambda: solve_leaf(
                self.problem, self.reach, self.units, nodes, atoms,
                self.settings.oracle, self.hooks.remaining,
            ),
            LeafResult(-np.inf, None, -1, "failed"),
        )  # fmt: skip

    def _leaves(self, batch: Block) -> Block | None:
        """LPs for the nodes without a known split; those it cannot close get the unit it names."""
        kept: list[int] = []
        for row in np.flatnonzero((batch.choice < 0) & ~batch.pending.any(axis=1)).tolist():
            if self.hooks.stop():
                kept.append(row)
                continue
            box = self.hooks.box()
            nodes = spread(batch.take(np.array([row])), self.units, box)
            with self.lock:
                self.statistics.lps += 1
            result = self._solved(nodes, np.flatnonzero(batch.atoms[row]))
            if result.value > self.hooks.cutoff():
                self._empty("closing by a linear program", batch.take(np.array([row])))
                if self.hooks.recorder is not None and result.multipliers is not None:
                    assert result.gamma is not None
                    leaf = batch.take(np.array([row]))
                    self.hooks.recorder.leaf(leaf, result.gamma, result.multipliers)
                continue
            batch.value[row] = max(batch.value[row], result.value)
            # those of an emptiness that was not proven have no weight on the objective
            if result.gamma is not None and result.status == "optimal":
                batch.gamma[row] = np.where(batch.atoms[row], result.gamma, 0.0)
            if result.found is not None:
                alone = batch.take(np.array([row]))
                self._measure(alone, result.found)
                batch.radius[row] = alone.radius[0]
            if result.point is not None and self._accept(result.point[None]):
                return None
            free = np.flatnonzero(batch.phase[row] == 0)
            free = free[(batch.lower[row, free] < 0.0) & (batch.upper[row, free] > 0.0)]
            broken = self._broken(batch, row, result.point)
            if result.violated >= 0 or broken >= 0:
                batch.choice[row] = result.violated if result.violated >= 0 else broken
            elif len(free) and result.status != "stopped":
                # no unit stands out, but splitting any of them ends in exact leaves
                batch.choice[row] = free[0]
            elif not self.hooks.stop() and _same(box, self.hooks.box()):
                with self.lock:
                    answer = self.exact.settle(batch, row, result.point)
                    if answer == "accepted":
                        return None
                    if answer == "empty":
                        self._empty("closing in rationals", batch.take(np.array([row])))
                        self.statistics.exact += 1
                        if self.hooks.recorder is not None:
                            self.hooks.recorder.rational = True
                        continue
                    self.statistics.numerical += 1
                    self.doubtful = (
                        min(self.doubtful[0], float(batch.value[row])),
                        min(self.doubtful[1], float(batch.radius[row])),
                    )
                continue
            # out of time, or looked at again in the region that shrank
            kept.append(row)
        return batch.take(np.array(kept, dtype=np.int64))


def _same(one: Bounds, other: Bounds) -> bool:
    return np.array_equal(one.lower, other.lower) and np.array_equal(one.upper, other.upper)
