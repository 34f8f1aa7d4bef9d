"""Trees of single units, as in `small_trees`: whether and how far they are grown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from ...compiler.base.arrays import Bounds, Indices, Phases
from ...compiler.base.late import Stop
from ...compiler.problem import Problem
from ..bounds.crown import Multipliers, Nodes
from ..bounds.magnitudes import Magnitudes
from ..state import State, Tightener
from .small_trees import FIRST_STEPS, STEPS, Trees

ROUNDS = 10
"""Splits of each tree at most: every one costs the passes of two more leaves."""
PROBE, GAIN = 16, 0.05
"""Units of a stage that are tried first, and the share of their width that has to go."""
EFFORT = 1e11
"""Multiplications that all trees of a question may cost, about ten seconds of one core."""

Listener: TypeAlias = Callable[[int, Indices, int, Indices, Sequence[Phases], Multipliers], None]
"""Hears of the leaves that gave some units of a stage better bounds; see `Recorder.grown`."""


class UnitTrees(Tightener):
    """Up to ten seconds of one core; the root begins again where it gains."""

    step = "trees of single units"
    changes = ("region",)

    @staticmethod
    def applies(state: State) -> bool:
        return state.settings.trees and not state.boxes and state.problem.ball is None

    @staticmethod
    def at_region(state: State) -> bool:
        recorder = state.listeners.recorder
        listener = None if recorder is None else recorder.grown
        passes = state.rows.multiplications(state.units, state.problem.input_size)
        return grow(state.problem, state.magnitudes, state.root, passes, state.clock.stop, listener)


def grow(
    problem: Problem,
    magnitudes: Magnitudes,
    nodes: Nodes,
    cost: Indices,
    stop: Stop,
    listener: Listener | None,
) -> bool:
    """Tightens the bounds of the only node, stage by stage, in place; whether anything was done.

    cost (S,): multiplications of a backward pass from a unit of each stage.  Trees end at the first
    stage where they gain little, or cost too much; bounds of later stages are raised without them.
    """
    spent, grown, rounds = 0.0, False, ROUNDS
    passes = 2.0 * (2 * FIRST_STEPS + 1 + 2 * ROUNDS * (2 * STEPS + 1))
    for number, stage in enumerate(problem.stages[:-1]):
        known = nodes.bounds[number]
        units = np.flatnonzero((known.lower[0] < 0.0) & (known.upper[0] > 0.0))
        deep = any(source != 0 for _, source in stage.terms)
        if not (stage.relu and deep and len(units)):
            continue
        spent += passes * len(units) * float(cost[number])
        rounds = rounds if spent <= EFFORT else 0
        if stop() or not (grown or rounds):
            break
        few = units[np.linspace(0, len(units) - 1, min(PROBE, len(units))).astype(int)]
        if not grown and _narrowed(problem, magnitudes, nodes, number, few, rounds, stop)[1] < GAIN:
            break
        nodes.bounds[number], share = _narrowed(
            problem, magnitudes, nodes, number, units, rounds, stop, listener
        )
        grown, rounds = True, rounds if share >= GAIN else 0
    return grown


def _narrowed(
    problem: Problem,
    magnitudes: Magnitudes,
    nodes: Nodes,
    number: int,
    units: Indices,
    rounds: int,
    stop: Stop,
    listener: Listener | None = None,
) -> tuple[Bounds, float]:
    """A stage's bounds with better ones of some units, and by which share these became narrower."""
    known = nodes.bounds[number]
    lower, upper = known.lower.copy(), known.upper.copy()
    for sign in (1.0, -1.0):
        trees = Trees(problem, magnitudes, nodes, number, units, sign)
        trees.grow(rounds, stop)
        before = lower[0, units] if sign > 0 else -upper[0, units]
        better = trees.found > before
        if listener is not None:
            leaves = trees.proof(better)
            listener(number, units, int(sign), leaves.owner, leaves.phases, leaves.multipliers)
        found = np.where(better, trees.found, before)
        (lower if sign > 0 else upper)[0, units] = sign * found
    width = (known.upper - known.lower)[0, units]
    share = float(np.mean(1.0 - (upper - lower)[0, units] / width))
    return Bounds(lower, upper), share
