"""The unit whose relaxation loses most."""

from __future__ import annotations

import numpy as np

from ...compiler.base.arrays import Matrix, Vector
from ..bounds.crown import Nodes, Pass, triangle_loss
from ..nodes.batch import Block
from ..nodes.forms import collect
from ..state import BranchingRule, State


class LargestLoss(BranchingRule):
    """The unit with the largest |lam| u |l| / (u - l), see `triangle_loss`; -1 where none loses
    anything.

    Among equals, in nodes with boxes of their own, the one whose inputs are most tied up.

    A look at both children of the best few first (De Palma et al. 2021) saved a tenth to a quarter
    of the nodes on dense networks and cost twice the time; see bench/RESULTS.md.
    """

    def __init__(self, state: State) -> None:
        super().__init__(state)
        inputs = state.problem.input_size
        # the inputs' absolute coefficients, (U, D)
        self.inputs = state.rows.inputs(state.units.count, inputs) if state.boxes else None

    @staticmethod
    def applies(state: State) -> bool:
        return True

    def after_ascent(self, block: Block, nodes: Nodes, found: Pass) -> None:
        lam = collect(found.rows[:-1], self.state.units, len(block))
        loss = triangle_loss(block.lower, block.upper, block.phase, lam)
        if loss.shape[1] == 0:
            block.split_on = np.full(len(block), -1)
            return
        if self.inputs is not None:
            most = loss.max(axis=1, keepdims=True)
            near = loss >= (1.0 - 1e-6) * most
            tied = tied_up(block, self.inputs, nodes.box.upper - nodes.box.lower)
            loss = np.where(near, loss * (1.0 + tied), 0.0)
        best = np.argmax(loss, axis=1)
        block.split_on = np.where(loss[np.arange(len(block)), best] > 0.0, best, -1)


def tied_up(block: Block, inputs: Matrix, width: Vector) -> Matrix:
    """How much fixing each unit's inputs would tell about other free units, (B, U), in [0, 1].

    inputs (U, D): absolute coefficients; width (B, D): of the nodes' boxes. A unit of a small range
    counts more, as short clauses do when formulas are searched (Jeroslow and Wang 1990).
    """
    span = np.where(block.free(), block.upper - block.lower, np.inf)
    weight = (1.0 / span**2) @ inputs * width
    score: Matrix = np.asarray(weight @ inputs.T)
    found: Matrix = score / np.maximum(score.max(axis=1, keepdims=True), 1e-300)
    return found
