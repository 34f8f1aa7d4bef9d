"""Which unit to split: rules from the state of a node to a unit, -1 where no split is known to
help.
"""

from __future__ import annotations

import numpy as np

from ...compiler.base.arrays import Indices, Matrix
from ..bounds.crown import triangle_loss
from ..nodes.batch import Block


def largest_loss(block: Block, lam: Matrix, inputs: Matrix | None = None) -> Indices:
    """The unit whose relaxation loses most; among equals the one whose inputs are most tied up.

    inputs (U, D): absolute coefficients of the inputs, for nodes with boxes of their own.

    A look at both children of the best few first (De Palma et al. 2021) saved a tenth to a quarter
    of the nodes on dense networks and cost twice the time; see bench/RESULTS.md.
    """
    loss = triangle_loss(block.lower, block.upper, block.phase, lam)
    if loss.shape[1] == 0:
        return np.full(len(block), -1)
    if inputs is not None:
        most = loss.max(axis=1, keepdims=True)
        loss = np.where(loss >= (1.0 - 1e-6) * most, loss * (1.0 + _tied_up(block, inputs)), 0.0)
    best = np.argmax(loss, axis=1)
    return np.where(loss[np.arange(len(block)), best] > 0.0, best, -1)


def _tied_up(block: Block, inputs: Matrix) -> Matrix:
    """How much fixing each unit's inputs would tell about other free units, (B, U), in [0, 1].

    A unit of a small range counts more, as short clauses do when formulas are searched (Jeroslow
    and Wang 1990).
    """
    span = np.where(block.free(), block.upper - block.lower, np.inf)
    weight = (1.0 / span**2) @ inputs * (block.high - block.low)
    score: Matrix = np.asarray(weight @ inputs.T)
    found: Matrix = score / np.maximum(score.max(axis=1, keepdims=True), 1e-300)
    return found
