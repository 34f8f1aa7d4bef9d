"""Halving the range of an input, for problems of few inputs while many units are unstable."""

from __future__ import annotations

import numpy as np

from ...compiler.base.arrays import Indices, Matrix, Vector
from ..bounds.crown import Nodes, Pass
from ..nodes.batch import Block
from ..state import BranchingRule, State, wide_inputs

WIDEST = 16
"""Inputs of some width beyond which halving does not compete with splitting units."""

POWER = 0.5
"""How far past gains correct an input's effect: 0 not at all, 1 fully; between them is best."""

FEW, SHARE = 8, 0.08
"""Units are split once no more than FEW + SHARE * (those unstable at the root) are left."""


class Halving(BranchingRule):
    """The input of the largest coefficient times width, corrected by what halving it gained before.

    The bound of a node far from closing says little about what matters inside; an input that
    promises more than it keeps loses its turn (pseudo-costs: Benichou et al. 1971). What was learnt
    is the state's, for a checkpoint keeps it.
    """

    @staticmethod
    def applies(state: State) -> bool:
        return state.boxes and wide_inputs(state.problem) <= WIDEST

    def after_ascent(self, block: Block, nodes: Nodes, found: Pass) -> None:
        units = self.state.units.count
        width = np.abs(found.input_rows) * (block.high - block.low)
        middle = 0.5 * (block.low + block.high)
        width = np.where((block.low < middle) & (middle < block.high), width, 0.0)
        axis, block.promise = chosen(self.state.learnt, width)
        many = block.free().sum(axis=1) > few_left(units)
        halve = (block.split_on >= 0) & (width.max(axis=1) > 0.0) & many
        block.split_on = np.where(halve, units + axis, block.split_on)

    def learn(self, parents: Block, children: Block) -> None:
        """What halving gained: the mean rise of the children's bounds, a closed one's to the
        cutoff.
        """
        cutoff, units = self.state.candidates.cutoff(), self.state.units.count
        gain = np.maximum(cutoff - parents.value, 0.0)
        mine = np.flatnonzero(children.parent >= 0)
        np.subtract.at(gain, children.parent[mine], 0.5 * (cutoff - children.value[mine]))
        halved = np.flatnonzero(parents.split_on >= units)
        with self.state.lock:
            axis = parents.split_on[halved] - units
            learn(self.state.learnt, axis, parents.promise[halved], gain[halved])


def chosen(learnt: Vector, effect: Matrix) -> tuple[Indices, Vector]:
    """The input of each node, and its effect; effect (B, D): coefficient times width."""
    known = np.nan_to_num(learnt, nan=2.0 * np.nanmax(learnt, initial=0.5))
    axis = np.argmax(effect * known**POWER, axis=1)
    return axis, effect[np.arange(len(effect)), axis]


def learn(learnt: Vector, axis: Indices, promise: Vector, gain: Vector) -> None:
    """What halving some inputs gained, beside what it promised, into learnt (D,)."""
    shares = gain / np.maximum(promise, 1e-300)
    for j, share in zip(axis.tolist(), shares.tolist(), strict=True):
        old = learnt[j]
        learnt[j] = max(share if np.isnan(old) else 0.9 * old + 0.1 * share, 1e-6)


def few_left(root_units: int) -> float:
    """Unstable units up to which a node is split on them rather than on its inputs.

    Learning the better kind from the gains of single splits did worse than this rule: a phase gains
    at once, and halving pays only later.
    """
    return FEW + SHARE * root_units
