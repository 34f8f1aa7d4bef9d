"""Nodes without a known split: an LP decides them or names a unit.

What the LP leaves open goes on, or to rational arithmetic, or is given up as numerical.
"""

from __future__ import annotations

import numpy as np

from ...compiler.base.arrays import Bounds, Vector
from ...compiler.base.untrusted import attempt
from ..bound_batch import measure
from ..bounds.node_lp import NO_GAP, LeafResult, inner_point, solve_leaf
from ..nodes.batch import Block
from ..nodes.forms import spread
from ..state import State
from .rational import Answer, ExactLeaves


def close_leaves(state: State, exact: ExactLeaves, batch: Block) -> Block | None:
    """What is open of the nodes that have no known split, with the units that their LPs name; None
    when a candidate settled the question.
    """
    kept: list[int] = []
    for row in np.flatnonzero((batch.split_on < 0) & ~batch.pending.any(axis=1)).tolist():
        if state.clock.stop():
            kept.append(row)
            continue
        box = state.candidates.box()
        with state.lock:
            state.statistics.lps += 1
        alone = batch.take(np.array([row]))
        result = solved(state, alone, box)
        if closed(state, alone, result):
            continue
        batch.value[row] = max(batch.value[row], result.value)
        # those of an emptiness that was not proven have no weight on the objective
        if result.gamma is not None and result.status == "optimal":
            batch.gamma[row] = np.where(batch.atoms[row], result.gamma, 0.0)
        if result.found is not None:
            measure(state, alone, result.found)
            batch.proven_distance[row] = alone.proven_distance[0]
        if result.point is not None and state.accept(result.point[None]):
            return None
        named = (rule.after_lp(alone, result) for rule in state.rules)
        unit = next((unit for unit in named if unit >= 0), -1)
        if unit < 0 and result.status == "optimal" and state.problem.objective is not None:
            point = inner(state, alone, box)
            if point is not None and state.accept(point[None]):
                return None
            if closed(state, alone, result):
                continue
        if unit >= 0:
            batch.split_on[row] = unit
        elif not state.clock.stop() and _same(box, state.candidates.box()):
            answer = settled(state, exact, batch, row, result.point)
            if answer == "accepted":
                return None
            continue
        # out of time, or looked at again in the region that shrank
        kept.append(row)
    return batch.take(np.array(kept, dtype=np.int64))


def closed(state: State, alone: Block, result: LeafResult) -> bool:
    """Whether a node's LP closes it."""
    if not result.value > state.candidates.cutoff():
        return False
    state.tracker.empty("closing by a linear program", alone, np.arange(1))
    if state.listeners.recorder is not None and result.multipliers is not None:
        assert result.gamma is not None
        state.listeners.recorder.leaf(alone, result.gamma, result.multipliers)
    return True


def solved(state: State, alone: Block, box: Bounds) -> LeafResult:
    """The LP of a single node, which has failed where anything was raised."""
    nodes, atoms = spread(alone, state.units, box), np.flatnonzero(alone.atoms[0])
    return attempt(
        lambda: solve_leaf(
            state.problem, state.magnitudes, nodes, atoms,
            state.settings.oracle, state.clock.remaining,
        ),
        LeafResult(-np.inf, None, NO_GAP, "failed"),
    )  # fmt: skip


def inner(state: State, alone: Block, box: Bounds) -> Vector | None:
    """A nearly best point of a single node within its conditions; None where anything failed."""
    nodes, atoms = spread(alone, state.units, box), np.flatnonzero(alone.atoms[0])
    with state.lock:
        state.statistics.lps += 1
    return attempt(
        lambda: inner_point(
            state.problem, nodes, atoms, state.settings.oracle, state.clock.remaining
        ),
        None,
    )


def settled(
    state: State, exact: ExactLeaves, batch: Block, row: int, point: Vector | None
) -> Answer:
    """What rationals say of a node whose phases are all known; without an answer it is given up."""
    with state.lock:
        answer, proof = exact.settle(batch, row, point)
        if answer == "empty":
            state.tracker.empty("closing in rationals", batch, np.array([row]))
            state.statistics.exact += 1
            if state.listeners.recorder is not None:
                state.listeners.recorder.refuted(int(batch.mark[row]), exact.remaining.units, proof)
        elif answer == "open":
            state.statistics.numerical += 1
            state.doubtful = (
                min(state.doubtful[0], float(batch.value[row])),
                min(state.doubtful[1], float(batch.proven_distance[row])),
            )
    return answer


def _same(one: Bounds, other: Bounds) -> bool:
    return np.array_equal(one.lower, other.lower) and np.array_equal(one.upper, other.upper)
