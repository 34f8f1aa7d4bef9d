"""Nodes without a known split: an LP decides them or names a unit.

What the LP leaves open goes on, or to rational arithmetic, or is given up as numerical.
"""

from __future__ import annotations

import numpy as np

from ...compiler.base.arrays import Bounds, Vector
from ...compiler.base.untrusted import attempt
from ..bound_batch import measure
from ..nodes.batch import Block, spread
from ..state import State
from .node_lp import LeafResult, solve_leaf
from .rational import Answer, ExactLeaves


def close_leaves(state: State, exact: ExactLeaves, batch: Block) -> Block | None:
    """What is open of the nodes that have no known split, with the units that their LPs name; None
    when a candidate settled the question.
    """
    kept: list[int] = []
    for row in np.flatnonzero((batch.choice < 0) & ~batch.pending.any(axis=1)).tolist():
        if state.hooks.stop():
            kept.append(row)
            continue
        box = state.hooks.box()
        with state.lock:
            state.statistics.lps += 1
        alone = batch.take(np.array([row]))
        result = solved(state, alone, box)
        if result.value > state.hooks.cutoff():
            state.tracker.empty("closing by a linear program", alone, np.arange(1))
            if state.hooks.recorder is not None and result.multipliers is not None:
                assert result.gamma is not None
                state.hooks.recorder.leaf(alone, result.gamma, result.multipliers)
            continue
        batch.value[row] = max(batch.value[row], result.value)
        # those of an emptiness that was not proven have no weight on the objective
        if result.gamma is not None and result.status == "optimal":
            batch.gamma[row] = np.where(batch.atoms[row], result.gamma, 0.0)
        if result.found is not None:
            measure(state, alone, result.found)
            batch.radius[row] = alone.radius[0]
        if result.point is not None and state.accept(result.point[None]):
            return None
        free = np.flatnonzero(batch.free()[row])
        broken = broken_unit(state, batch, row, result.point)
        if result.violated >= 0 or broken >= 0:
            batch.choice[row] = result.violated if result.violated >= 0 else broken
        elif len(free) and result.status != "stopped":
            # no unit stands out, but splitting any of them ends in exact leaves
            batch.choice[row] = free[0]
        elif not state.hooks.stop() and _same(box, state.hooks.box()):
            answer = settled(state, exact, batch, row, result.point)
            if answer == "accepted":
                return None
            continue
        # out of time, or looked at again in the region that shrank
        kept.append(row)
    return batch.take(np.array(kept, dtype=np.int64))


def solved(state: State, alone: Block, box: Bounds) -> LeafResult:
    """The LP of a single node, which has failed where anything was raised."""
    nodes, atoms = spread(alone, state.units, box), np.flatnonzero(alone.atoms[0])
    return attempt(
        lambda: solve_leaf(
            state.problem, state.reach, state.units, nodes, atoms,
            state.settings.oracle, state.hooks.remaining,
        ),
        LeafResult(-np.inf, None, -1, "failed"),
    )  # fmt: skip


def broken_unit(state: State, batch: Block, row: int, point: Vector | None) -> int:
    """The unit whose bounds a point (D,) breaks most, -1 without any.

    Bounds that propagation found hold for solutions only, and no row of the LP says so; held in its
    phase the unit has one.
    """
    if point is None:
        return -1
    values = state.problem.values(point[None])
    stages = state.problem.stages[:-1]
    pre = np.concatenate([np.empty(0), *(stage.pre(values)[0] for stage in stages)])
    low, high = batch.lower[row], batch.upper[row]
    over = np.where(low >= 0.0, -pre, np.where(high <= 0.0, pre, 0.0))
    over[batch.phase[row] != 0] = 0.0
    worst = int(np.argmax(over)) if len(over) else -1
    return worst if worst >= 0 and over[worst] > 1e-9 else -1


def settled(
    state: State, exact: ExactLeaves, batch: Block, row: int, point: Vector | None
) -> Answer:
    """What rationals say of a node whose phases are all known; without an answer it is given up."""
    with state.lock:
        answer = exact.settle(batch, row, point)
        if answer == "empty":
            state.tracker.empty("closing in rationals", batch, np.array([row]))
            state.statistics.exact += 1
            if state.hooks.recorder is not None:
                state.hooks.recorder.rational = True
        elif answer == "open":
            state.statistics.numerical += 1
            state.doubtful = (
                min(state.doubtful[0], float(batch.value[row])),
                min(state.doubtful[1], float(batch.radius[row])),
            )
    return answer


def _same(one: Bounds, other: Bounds) -> bool:
    return np.array_equal(one.lower, other.lower) and np.array_equal(one.upper, other.upper)
