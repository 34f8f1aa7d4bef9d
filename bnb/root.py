"""From a question to its root nodes: plain bounds, an attack, the reduced problem, better ones.

Each rung is climbed only if the one below left the question open.
"""

from __future__ import annotations

import numpy as np

from ..compiler.base.arrays import Indices, Matrix, Vector
from ..compiler.base.errors import Contradiction
from ..compiler.base.late import Late
from ..compiler.base.untrusted import attempt
from .bound_batch import ascended, bound
from .bounds.crown import Ascent, heuristic_slopes
from .bounds.region_bounds import root_bounds, tighten
from .branching import rules
from .nodes.batch import Block, empty_block
from .nodes.forms import collect, root_block
from .nodes.weights import first_weights
from .presolve.plain_proof import plain_pass
from .presolve.sparse_rows import SparseRows
from .settings import Outcome
from .state import State
from .tighten import TIGHTENERS, tighteners

FEWER = 0.95
"""Reduced again where tighter bounds leave less than this share of the unstable units."""


def root_nodes(state: State) -> tuple[Block, Outcome | None]:
    """The root nodes that are open, or what is known without them."""
    nothing = empty_block()
    try:
        value, early = region(state)
        if early is not None:
            return nothing, early
        block, early = ascended_roots(state, value)
        for kind in TIGHTENERS:
            if early is None and kind.applies(state) and kind.at_region(state):
                begin_again(state, kind.step)
                block, early = ascended_roots(state, value)
        if early is None:
            state.scale = float(state.candidates.cutoff() - block.value.min())
        for tightener in state.tighteners:
            if early is None and tightener.at_roots(block):
                steps, ascent = state.settings.node_steps, Ascent(0.1, 0.9)
                block, early = answered(state, *ascended(state, block, steps, ascent))
    except Late:
        early = state.outcome("open", "timeout", -np.inf, 0.0)
    return (nothing, early) if early is not None else (block, None)


def region(state: State) -> tuple[Vector, Outcome | None]:
    """The plain bounds (A,) of the atoms that stay open; the problem is reduced to these, and its
    units have tighter bounds.
    """
    none, recorder = np.empty(0), state.listeners.recorder
    found = state.known or root_bounds(state.problem, state.candidates.box(), state.clock.stop)
    if found is None:
        return none, state.outcome("open", "timeout", -np.inf, 0.0)
    state.root, state.magnitudes = found[0], found[1].times(state.settings.slack)
    check_region(state, "bounds of the region")
    state.statistics.nodes += 1
    first = plain_pass(state.problem, state.magnitudes, state.root)
    state.tracker.atoms("bounds of the region", first.value)
    if recorder is not None:
        recorder.plain(first.value, state.above())
    atoms = open_atoms(state, first.value)
    if atoms is None:
        return none, state.outcome("closed", "", float(first.value.min(initial=np.inf)), np.inf)
    candidates, points = state.candidates, np.concatenate([middle(state), first.vertex[atoms]])
    if candidates.accept(points) or attempt(lambda: candidates.attack(atoms), False):
        return none, state.outcome("accepted", "", -np.inf, 0.0)
    state.reduce(atoms)
    if state.settings.tighten_steps:
        tighten(
            state.problem, state.root, state.magnitudes, state.settings.tighten_steps,
            state.clock.stop, None if recorder is None else recorder.tightened,
        )  # fmt: skip
        check_region(state, "tightening the region's bounds")
        unstable = sum(int((b.lower * b.upper < 0.0).sum()) for b in state.root.bounds[:-1])
        if unstable < FEWER * state.units.count:
            state.reduce(np.arange(len(atoms)))
    return first.value[atoms], None


def ascended_roots(state: State, value: Vector) -> tuple[Block, Outcome | None]:
    """The root nodes that some steps of their multipliers leave open; value (A,): of atoms."""
    state.rows = SparseRows.of(state.problem, state.magnitudes, state.units, state.clock.stop)
    state.tighteners, state.rules = tighteners(state), rules(state)
    masks, pending = state.tree.start()
    gamma = first_weights(masks, value, state.problem.objective)
    block = root_block(state.units, state.root, masks, pending, gamma)
    state.roots = len(block)
    note_root(state, block)
    if state.boxes:
        box = state.candidates.box()
        block.low = np.repeat(box.lower, len(block), axis=0)
        block.high = np.repeat(box.upper, len(block), axis=0)
    owner = np.zeros(len(block), dtype=np.int64)
    slopes = heuristic_slopes(state.problem, state.root, owner, state.last)
    block.alpha = collect(slopes.alpha, state.units, len(block))
    state.tracker.started("the root nodes", block)
    return answered(state, *bound(state, block, state.settings.root_steps))


def answered(state: State, block: Block, accepted: bool) -> tuple[Block, Outcome | None]:
    """Root nodes, and the answer where none is left open or a candidate settled the question."""
    if accepted:
        return block, state.outcome("accepted", "", -np.inf, 0.0)
    if not len(block):
        return block, state.outcome("closed", "", state.candidates.cutoff(), np.inf)
    return block, None


def begin_again(state: State, step: str) -> None:
    """The problem reduced once more, by bounds of its region that a step made better."""
    check_region(state, step)
    if state.listeners.recorder is not None:
        state.listeners.recorder.restart()
    state.reduce(np.arange(len(state.problem.offset)))


def check_region(state: State, step: str) -> None:
    """Bounds of the region cross nowhere, and hold what is tracked.

    Raises Contradiction; a region of a box and a ball may be empty.
    """
    state.tracker.region(step, state.root)
    if state.problem.ball is not None:
        return
    for number, bounds in enumerate(state.root.bounds):
        crossed = np.flatnonzero((bounds.lower > bounds.upper)[0])
        if len(crossed):
            unit = int(crossed[0])
            raise Contradiction(
                f"{step}: unit {unit} of stage {number + 1} has no value in a region that is "
                "not empty",
                {"lower": float(bounds.lower[0, unit]), "upper": float(bounds.upper[0, unit])},
            )


def middle(state: State) -> Matrix:
    """A point (1, D) well inside the region."""
    low, high, ball = state.root.box.lower, state.root.box.upper, state.problem.ball
    middle: Matrix = 0.5 * (low + high)
    if ball is not None:
        middle[0, ball.index] = np.clip(ball.center, low[0, ball.index], high[0, ball.index])
    return middle


def open_atoms(state: State, value: Vector) -> Indices | None:
    """The atoms of the tree that bounds (A,) leave possible; None when none of it is."""
    tree = state.tree.without(value > state.above())
    if tree is None:
        return None
    atoms = tree.used()
    state.tree = tree.renumbered(atoms)
    return atoms


def note_root(state: State, block: Block) -> None:
    recorder = state.listeners.recorder
    if recorder is None:
        return
    block.mark = recorder.start(state.tree)
    recorder.flags = {kind.flag: kind.applies(state) for kind in TIGHTENERS if kind.flag}
