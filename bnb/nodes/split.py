"""The children of nodes: both phases of a unit, or both halves of an input's range."""

from __future__ import annotations

import numpy as np

from .batch import Block


def children(block: Block) -> Block:
    """Both phases of every node's chosen unit, active first, then inactive; or both halves of its
    chosen input's range.
    """
    units = block.phase.shape[1]
    halved = np.flatnonzero(block.split_on >= units)
    if len(halved):
        split = block.take(np.flatnonzero(block.split_on < units))
        return Block.join([children(split), halves(block.take(halved))])
    rows = np.arange(len(block))
    both = []
    for phase in (1, -1):
        child = block.take(rows)
        child.phase[rows, block.split_on] = phase
        bound = child.lower if phase > 0 else child.upper
        cut = np.maximum if phase > 0 else np.minimum
        bound[rows, block.split_on] = cut(bound[rows, block.split_on], 0.0)
        child.side[:] = phase < 0
        child.depth += 1
        both.append(child)
    return Block.join(both)


def halves(block: Block) -> Block:
    """Both halves of every node's box along its chosen input."""
    rows, axis = np.arange(len(block)), block.split_on - block.phase.shape[1]
    middle = 0.5 * (block.low[rows, axis] + block.high[rows, axis])
    left, right = block.take(rows), block.take(rows)
    left.high[rows, axis] = middle
    right.low[rows, axis] = middle
    left.side[:], right.side[:] = 0, 1
    left.depth += 1
    right.depth += 1
    return Block.join([left, right])
