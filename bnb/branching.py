"""Which unit to split: rules from the state of a node to a unit, -1 where no split is known to
help.
"""

from __future__ import annotations

import numpy as np

from ..compiler.arrays import Indices, Matrix
from .node import Block


def relaxation_loss(block: Block, lam: Matrix) -> Matrix:
    """How much the triangle of each unit can cost the bound, (B, U).

    A unit with lam >= 0 stands on the convex side, where max(z, 0) itself is the LP's bound: it
    needs no split. One with lam < 0 loses at most |lam| u |l| / (u - l), at z = 0.
    """
    lower, upper = block.lower, block.upper
    free = (block.phase == 0) & (lower < 0.0) & (upper > 0.0) & (lam < 0.0)
    gap = np.divide(lower * upper, upper - lower, out=np.zeros_like(lower), where=free)
    return np.where(free, lam * gap, 0.0)


def largest_loss(block: Block, lam: Matrix) -> Indices:
    """The unit whose relaxation loses most.

    A look at both children of the best few first (De Palma et al. 2021) saved a tenth to a quarter
    of the nodes on dense networks and cost twice the time; see bench/RESULTS.md.
    """
    loss = relaxation_loss(block, lam)
    if loss.shape[1] == 0:
        return np.full(len(block), -1)
    best = np.argmax(loss, axis=1)
    return np.where(loss[np.arange(len(block)), best] > 0.0, best, -1)
