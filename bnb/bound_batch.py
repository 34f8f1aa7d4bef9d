"""Bounds of nodes, in batches: tightened, then raised by a few steps of their multipliers.

A node closes when a weighted sum of its atoms is proven positive, or its objective above the
cutoff.
"""

from __future__ import annotations

import numpy as np

from ..compiler.base.arrays import Bounds, Indices, Mask
from .bounds.crown import Ascent, Multipliers, Nodes, Pass, ascend, crown
from .bounds.kept import DECAY, Kept
from .bounds.kernels.balls import least_radius
from .nodes.batch import Block
from .nodes.forms import collect, multipliers, spread
from .nodes.weights import reweigh
from .state import State

BOUNDS = frozenset({"boxes", "units"})
"""Changes after which tracked solutions are looked for."""


def bound(state: State, block: Block, steps: int) -> tuple[Block, bool]:
    """The nodes still open after `steps` ascent steps, with new values, multipliers and
    choices.
    """
    with state.lock:
        state.statistics.nodes += len(block)
    deep = block.depth.max(initial=0) > 0
    if deep:
        tighten(state, block)
    # an empty node (crossed bounds of a unit) holds no input
    empty = block.crossed()
    state.tracker.empty("crossed bounds", block, np.flatnonzero(empty))
    block = block.take(np.flatnonzero(~empty))
    if not len(block):
        return block, False
    ascent = Ascent(block.rate, DECAY) if deep else Ascent(0.2, 0.95)
    block, accepted = ascended(state, block, steps, ascent)
    if accepted or not deep or not len(block) or state.boxes:
        return block, accepted
    # a few steps settle most nodes; more pay where the bound is about to close or nothing is
    # left to split
    short = state.candidates.cutoff() - block.value
    hopeful = (short < state.scale * state.settings.hope) | (block.split_on < 0)
    if not hopeful.any():
        return block, False
    rest, again = (block.take(np.flatnonzero(part)) for part in (~hopeful, hopeful))
    extra, ascent = state.settings.extra_steps, Ascent(again.rate, DECAY)
    again, accepted = ascended(state, again, extra, ascent)
    return Block.join([rest, again]), accepted


def tighten(state: State, block: Block) -> None:
    """Tighter bounds of children, in place, by all tighteners; an empty node's bounds cross."""
    held, known = state.tracker.held(block), Bounds(block.lower.copy(), block.upper.copy())
    for tightener in state.tighteners:
        tightener.below_split(block, known)
        if BOUNDS.intersection(tightener.changes):
            state.tracker.kept(tightener.step, held, block)


def ascended(state: State, block: Block, steps: int, ascent: Ascent) -> tuple[Block, bool]:
    """What is open after some steps, and whether a candidate settled the question.

    Nodes below the roots keep the best multipliers, not the last ones; not so where nodes have
    boxes of their own, in which all units are bounded again after every split.
    """
    nodes = spread(block, state.units, state.candidates.box())
    slopes = multipliers(block, state.units)
    owner = np.arange(len(block))
    noted = np.zeros(len(block), dtype=bool)
    deep = block.depth.max(initial=0) > 0
    kept = Kept.of(slopes, len(block)) if deep and not state.boxes else None
    for step in range(steps + 1):
        for tightener in state.tighteners:
            tightener.before_pass(block, slopes)
        found = node_pass(state, block, nodes, owner, slopes)
        if kept is not None:
            kept.hear(step, found.value, slopes)
        block.value = np.fmax(block.value, found.value)
        measure(state, block, found)
        closed = block.value > state.candidates.cutoff()
        state.tracker.valued("a pass from the output", block)
        state.tracker.empty("closing by a bound", block, np.flatnonzero(closed))
        still = np.flatnonzero(~closed)
        last = step == steps or state.clock.stop()
        noted = note_closed(state, closed, noted, block, slopes, found, last)
        if len(still) == 0:
            return block.take(still), False
        if last or len(still) < 0.75 * len(block):
            block, nodes, slopes = block.take(still), nodes.take(still), slopes.take(still)
            ascent, found = ascent.take(still), found.take(still)
            owner, noted = np.arange(len(still)), noted[still]
            kept = None if kept is None else kept.take(still)
        if last:
            break
        output = ascend(state.problem, nodes, owner, state.last, found, slopes, ascent)
        reweigh(block, output, step, state.problem.objective)
    if kept is not None:
        slopes, block.rate = kept.multipliers, kept.rate(block.rate, steps)
    block.alpha = collect(slopes.alpha, state.units, len(block))
    block.beta = collect(slopes.beta, state.units, len(block))
    held = state.tracker.held(block)
    for tightener in state.tighteners:
        tightener.after_ascent(block, found)
    state.tracker.kept("cutting boxes by the nodes' bounds", held, block)
    for rule in state.rules:
        rule.after_ascent(block, nodes, found)
    return block, state.accept(found.vertex)


def note_closed(
    state: State,
    closed: Mask,
    noted: Mask,
    block: Block,
    slopes: Multipliers,
    found: Pass,
    last: bool,
) -> Mask:
    """Notes the multipliers of nodes that closed just now, and of all whose boxes they cut.

    Slopes that the pass did not use, of units without a positive coefficient, are noted as 0: alike
    ones take less room in a certificate.
    """
    recorder = state.listeners.recorder
    if recorder is None:
        return noted
    fresh = ~noted & (closed | (last and state.boxes))
    rows = np.flatnonzero(fresh)
    if len(rows):
        some = slopes.take(rows)
        alpha, beta = (collect(s, state.units, len(rows)) for s in (some.alpha, some.beta))
        used = collect(found.rows[:-1], state.units, len(block))[rows] > 0.0
        recorder.rows(block.take(rows), np.where(used, alpha, 0.0), beta)
    return noted | fresh


def node_pass(
    state: State, block: Block, nodes: Nodes, owner: Indices, slopes: Multipliers
) -> Pass:
    """A pass from the nodes' weighted atoms, with what tighteners gain."""
    found = crown(
        state.problem, state.magnitudes, nodes, owner, state.last,
        block.gamma, np.zeros(len(block)), slopes, keep=True,
    )  # fmt: skip
    # nothing is asked of some nodes yet, and so nothing is proven of them
    found.value[~block.atoms.any(axis=1)] = -np.inf
    for tightener in state.tighteners:
        tightener.after_pass(block, found)
    return found


def measure(state: State, block: Block, found: Pass) -> None:
    """Raises the proven least distances of violations to what the pass shows."""
    if state.candidates.distance_from is None:
        return
    center, low, high = state.candidates.distance_from
    box = state.candidates.box()
    limit = float(np.maximum(box.upper - center, center - box.lower).max())
    radius = np.empty(len(block))
    least_radius(
        found.input_rows, found.base, found.slack,
        center, center - low, high - center, limit, radius,
    )  # fmt: skip
    block.proven_distance = np.fmax(block.proven_distance, radius * (1.0 - 1e-12))
