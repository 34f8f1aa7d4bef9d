"""Bounds of nodes, in batches: tightened, then raised by a few steps of their multipliers.

A node closes when a weighted sum of its atoms is proven positive, or its objective above the
cutoff.
"""

from __future__ import annotations

import numpy as np

from ..compiler.base.arrays import Indices, Mask
from .bounds.crown import Ascent, Multipliers, Nodes, Pass, ascend, crown
from .bounds.kernels.balls import least_radius
from .branching.relu import largest_loss
from .nodes.batch import Block, collect, multipliers, spread
from .nodes.weights import reweigh
from .state import State
from .tighten.below_split import propagate, refine
from .tighten.input_boxes import few_left, rebound, shrink, shrink_by_atoms, shrink_by_splits
from .tighten.objective_cut import tighten_inside

MOST_INSIDE = 256
"""Free units up to which all of a node's are bounded over what can still matter."""
SHORT = 1e-9
"""What a node is short of closing at least, relative to the cutoff: a scale of weights."""


def bound(state: State, block: Block, steps: int) -> tuple[Block, bool]:
    """The nodes still open after `steps` ascent steps, with new values, multipliers and
    choices.
    """
    with state.lock:
        state.statistics.nodes += len(block)
    deep = block.depth.max(initial=0) > 0
    if deep:
        tighten_nodes(state, block)
    # an empty node (crossed bounds of a unit) holds no input
    empty = block.crossed()
    state.tracker.empty("crossed bounds", block, np.flatnonzero(empty))
    block = block.take(np.flatnonzero(~empty))
    if deep and state.problem.objective is not None and len(block):
        block = cut_by_objective(state, block)
    if not len(block):
        return block, False
    rate, decay = (0.1, 0.9) if deep else (0.2, 0.95)
    block, accepted = ascended(state, block, steps, Ascent(rate, decay))
    if accepted or not deep or not len(block) or state.boxes:
        return block, accepted
    # a few steps settle most nodes; more pay where the bound is about to close or nothing is
    # left to split
    short = state.hooks.cutoff() - block.value
    hopeful = (short < state.scale * state.settings.hope) | (block.choice < 0)
    if not hopeful.any():
        return block, False
    rest = block.take(np.flatnonzero(~hopeful))
    again, accepted = ascended(
        state, block.take(np.flatnonzero(hopeful)), state.settings.extra_steps, Ascent(rate, decay)
    )
    return Block.join([rest, again]), accepted


def tighten_nodes(state: State, block: Block) -> None:
    """Bounds of the units that depend on the last split, and the joint groups they stand in."""
    held = state.tracker.held(block)
    if state.boxes:
        above = state.above()
        shrink_by_splits(state.problem, state.reach, state.units, block)
        state.tracker.kept("cutting boxes by splits", held, block)
        shrink_by_atoms(state.problem, state.reach, state.units, block, above)
        state.tracker.kept("cutting boxes by rows of the output", held, block)
        if state.propagates:
            propagate(state.rows, state.reach, block, above)
            state.tracker.kept("propagating rows", held, block)
    if state.boxes or state.problem.ball is not None:
        rebound(state.problem, state.reach, state.units, block, state.hooks.box(), state.hooks.stop)
        state.tracker.kept("bounding a node's units again", held, block)
        return
    low, high = block.lower.copy(), block.upper.copy()
    if state.refines:
        refine(state.rows, state.reach, state.hooks.box(), block, block.choice)
        state.tracker.kept("bounding units below a split", held, block)
    changed = (low != block.lower) | (high != block.upper)
    split = np.flatnonzero(block.choice >= 0)
    changed[split, block.choice[split]] = True
    join_again(state, block, changed)


def join_again(state: State, block: Block, changed: Mask) -> None:
    """What groups gain, where units (B, U) changed: it is what triangles lose with one pair of
    bounds, and too much beside the triangles of tighter ones.
    """
    if state.joint is not None:
        touched = state.joint.touched(block, changed)
        state.joint.update(block, state.hooks.box(), touched, state.hooks.stop)


def cut_by_objective(state: State, block: Block) -> Block:
    """The nodes that unit bounds over what can still matter leave open, with these bounds.

    Their effort is that of many nodes: it is spent while it closes a good part of them.
    """
    cutoff = state.hooks.cutoff()
    few = (block.free().sum(axis=1) <= MOST_INSIDE) & np.isfinite(block.value)
    if not (state.inside.worthwhile and np.isfinite(cutoff) and few.any()):
        return block
    rest, block = block.take(np.flatnonzero(~few)), block.take(np.flatnonzero(few))
    held, low, high = state.tracker.held(block), block.lower.copy(), block.upper.copy()
    nodes = spread(block, state.units, state.hooks.box())
    alpha = multipliers(block, state.units).alpha
    above = state.above()
    short = np.maximum(cutoff - block.value, SHORT * (1.0 + abs(cutoff)))
    for number in range(state.units.stages):
        tighten_inside(
            state.problem, state.reach, nodes, number, alpha, block.atoms, above, short,
            state.settings.inside_steps, state.hooks.stop,
        )  # fmt: skip
        part, bounds = state.units.part(number), nodes.bounds[number]
        block.lower[:, part], block.upper[:, part] = bounds.lower, bounds.upper
    state.tracker.kept("bounding units over what betters the objective", held, block)
    left = np.flatnonzero(~(block.lower > block.upper).any(axis=1))
    with state.lock:
        state.inside.tried += len(block)
        state.inside.closed += len(block) - len(left)
    changed = (low != block.lower) | (high != block.upper)
    block = block.take(left)
    join_again(state, block, changed[left])
    return Block.join([rest, block])


def ascended(state: State, block: Block, steps: int, ascent: Ascent) -> tuple[Block, bool]:
    """What is open after some steps, and whether a candidate settled the question."""
    nodes = spread(block, state.units, state.hooks.box())
    slopes = multipliers(block, state.units)
    owner = np.arange(len(block))
    told = np.zeros(len(block), dtype=bool)
    for step in range(steps + 1):
        if state.ties is not None:
            state.ties.hold(block, slopes)
        found = node_pass(state, block, nodes, owner, slopes)
        block.value = np.fmax(block.value, found.value)
        measure(state, block, found)
        closed = block.value > state.hooks.cutoff()
        state.tracker.valued("a pass from the output", block)
        state.tracker.empty("closing by a bound", block, np.flatnonzero(closed))
        still = np.flatnonzero(~closed)
        last = step == steps or state.hooks.stop()
        told = note_closed(state, closed, told, block, slopes, last)
        if len(still) == 0:
            return block.take(still), False
        if last or len(still) < 0.75 * len(block):
            block, nodes, slopes = block.take(still), nodes.take(still), slopes.take(still)
            ascent, found = ascent.take(still), found.take(still)
            owner, told = np.arange(len(still)), told[still]
        if last:
            break
        output = ascend(state.problem, nodes, owner, state.last, found, slopes, ascent)
        reweigh(block, output, step, state.problem.objective)
    block.alpha = collect(slopes.alpha, state.units, len(block))
    block.beta = collect(slopes.beta, state.units, len(block))
    lam = collect(found.rows[:-1], state.units, len(block))
    block.choice = largest_loss(block, lam, state.inputs)
    if state.boxes:
        halve(state, block, found)
    return block, state.accept(found.vertex)


def note_closed(
    state: State, closed: Mask, told: Mask, block: Block, slopes: Multipliers, last: bool
) -> Mask:
    """Notes the multipliers of nodes that closed just now, and of all whose boxes they cut."""
    recorder = state.hooks.recorder
    if recorder is None:
        return told
    fresh = ~told & (closed | (last and state.boxes))
    rows = np.flatnonzero(fresh)
    if len(rows):
        some = slopes.take(rows)
        alpha, beta = (collect(s, state.units, len(rows)) for s in (some.alpha, some.beta))
        recorder.rows(block.take(rows), alpha, beta)
    return told | fresh


def halve(state: State, block: Block, found: Pass) -> None:
    """Cuts the nodes' boxes by their bounds, and chooses inputs while many units are free."""
    held = state.tracker.held(block)
    shrink(block.low, block.high, found, np.full(len(block), state.hooks.cutoff()))
    state.tracker.kept("cutting boxes by the nodes' bounds", held, block)
    if not state.halving:
        return
    width = np.abs(found.input_rows) * (block.high - block.low)
    middle = 0.5 * (block.low + block.high)
    width = np.where((block.low < middle) & (middle < block.high), width, 0.0)
    axis, promise = state.axes.choose(width)
    block.promise = promise
    free = block.free().sum(axis=1)
    many = free > few_left(state.units.count)
    wide = (block.choice >= 0) & (width.max(axis=1) > 0.0) & many
    block.choice = np.where(wide, state.units.count + axis, block.choice)


def node_pass(
    state: State, block: Block, nodes: Nodes, owner: Indices, slopes: Multipliers
) -> Pass:
    """A pass from the nodes' weighted atoms, with what groups of units gain."""
    found = crown(
        state.problem, state.reach, nodes, owner, state.last,
        block.gamma, np.zeros(len(block)), slopes, keep=True,
    )  # fmt: skip
    # nothing is asked of some nodes yet, and so nothing is proven of them
    found.value[~block.atoms.any(axis=1)] = -np.inf
    if state.joint is not None:
        before = found.value.copy()
        lam = collect(found.rows[:-1], state.units, len(block))
        state.joint.add(block, lam, found.value)
        found.base += (found.value - before) * (1.0 - 1e-15)
    return found


def measure(state: State, block: Block, found: Pass) -> None:
    """Raises the proven least distances of violations to what the pass shows."""
    if state.hooks.radius is None:
        return
    center, low, high = state.hooks.radius
    box = state.hooks.box()
    limit = float(np.maximum(box.upper - center, center - box.lower).max())
    radius = np.empty(len(block))
    least_radius(
        found.input_rows, found.base, found.slack,
        center, center - low, high - center, limit, radius,
    )  # fmt: skip
    block.radius = np.fmax(block.radius, radius * (1.0 - 1e-12))
