"""The children of nodes, in batches: an open disjunction first, then the unit or the input."""

from __future__ import annotations

import numpy as np

from ..compiler.base.arrays import Indices
from .bound_batch import bound
from .nodes.batch import Block
from .nodes.split import children
from .nodes.weights import ask_more
from .state import State


def split(state: State, batch: Block) -> Block | None:
    """The open children of all nodes that have a choice to make or a unit to split; None when a
    candidate settled the question.
    """
    undecided = batch.pending.any(axis=1)
    parts = [choose(state, batch.take(np.array([r]))) for r in np.flatnonzero(undecided)]
    ready = np.flatnonzero(~undecided & (batch.split_on >= 0))
    chosen = batch.take(ready)
    chosen.parent = np.arange(len(ready))
    recorder = state.listeners.recorder
    if len(ready):
        parts.append(children(chosen))
        state.tracker.covered("a split", state.tracker.held(chosen), parts[-1])
        if recorder is not None:
            recorder.split(chosen.mark, chosen.split_on)
        if state.listeners.splits is not None:
            with state.lock:
                state.listeners.splits(*named(state, chosen.split_on))
    if not parts:
        return chosen
    block = Block.join(parts)
    if recorder is not None:
        block.mark = recorder.add(block.mark, block.side, block.origin, True)
    block, accepted = bound(state, block, state.settings.node_steps)
    if accepted:
        return None
    for rule in state.rules:
        rule.learn(chosen, block)
    return block


def named(state: State, split_on: Indices) -> tuple[Indices, Indices]:
    """(stage, unit) in the compiled problem of what nodes are split on, (B,) each; the stage of an
    input is -1.
    """
    stage, unit = np.full(len(split_on), -1), split_on - state.units.count
    for k, (number, kept) in enumerate(state.remaining.units):
        part = state.units.part(k)
        mine = (part.start <= split_on) & (split_on < part.stop)
        stage[mine], unit[mine] = number, kept[split_on[mine] - part.start]
    return stage, unit


def choose(state: State, node: Block) -> Block:
    """One open choice of a node, made in all its ways."""
    number = state.tree.next_choice(node.pending[0])
    atoms, pending = state.tree.made(node.atoms[0], node.pending[0], number)
    block = node.take(np.zeros(len(atoms), dtype=np.int64))
    ask_more(block, atoms & ~block.atoms, state.problem.objective)
    block.atoms, block.pending = atoms, pending
    block.parent[:] = -1
    block.split_on[:] = -1
    block.side = np.arange(len(block))
    block.depth += 1
    state.tracker.covered("a disjunction's branches", state.tracker.held(node), block)
    if state.listeners.recorder is not None:
        state.listeners.recorder.split(node.mark, np.array([-2 - number]))
    return block
