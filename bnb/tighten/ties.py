"""Atoms that hold on their own where units are 0, as relu(a) <= relu(b) does where a <= 0.

Below such a tie the best multipliers make the whole bound 0, which closes nothing and tells nothing
about what to split: the node is empty only if its units cannot all be inactive. So the multiplier
of one of them is held, and the bound becomes that unit's pre-activation.
"""

from __future__ import annotations

import numpy as np

from ...compiler.base.arrays import Indices, Mask, Matrix
from ...compiler.base.later import sparse
from ..bounds.crown import Multipliers
from ..nodes.batch import Block
from ..state import State, Tightener


class Ties(Tightener):
    """Of no cost beside a pass.

    read (A, U): the units' coefficients in the atoms; plain (A,): atoms of nothing else.
    """

    step = "holding one unit of a tie"
    changes = ("multipliers",)

    def __init__(self, state: State) -> None:
        super().__init__(state)
        rows, count = state.rows, state.units.count
        shape = (len(rows.bias), count)
        read = sparse.csr_array((rows.u_value, rows.u_index, rows.u_start), shape=shape)
        self.read: Matrix = read[count:].toarray()
        self.plain = reads_units_alone(state)

    @staticmethod
    def applies(state: State) -> bool:
        tied = state.problem.objective is None and state.units.count
        return bool(tied and reads_units_alone(state).any())

    def before_pass(self, block: Block, multipliers: Multipliers) -> None:
        """Sets the multiplier of one unit of each tied node, in place: a free unit's slope, or its
        split's.
        """
        held = self._held(block)
        for number in range(self.state.units.stages):
            part = self.state.units.part(number)
            rows = np.flatnonzero((part.start <= held) & (held < part.stop))
            k = held[rows] - part.start
            unsplit = block.phase[rows, held[rows]] == 0
            multipliers.alpha[number][rows[unsplit], k[unsplit]] = 1.0
            rows, k = rows[~unsplit], k[~unsplit]
            beta = multipliers.beta[number]
            beta[rows, k] = np.maximum(beta[rows, k], 1.0)

    def _held(self, block: Block) -> Indices:
        """The unit to hold at each node (B,), -1 where the bound can be more than a tie."""
        lam = block.gamma @ self.read
        inactive = (block.phase < 0) | (block.upper <= 0.0)
        active = (block.phase > 0) | (block.lower >= 0.0)
        zero = (lam == 0.0) | inactive | (~active & (lam > 0.0))
        tied = zero.all(axis=1) & ~((block.gamma > 0.0) & ~self.plain).any(axis=1)
        known_zero = (block.upper <= 0.0) & (block.phase == 0)
        level = np.where((lam != 0.0) & ~known_zero, block.lower + block.upper, -np.inf)
        unit = np.argmax(level, axis=1)
        return np.where(tied & (level.max(axis=1) > -np.inf), unit, -1)


def reads_units_alone(state: State) -> Mask:
    """The atoms (A,) that no input and no constant enters."""
    atoms, rows = slice(state.units.count, None), state.rows
    found: Mask = (rows.bias[atoms] == 0.0) & (np.diff(rows.x_start)[atoms] == 0)
    return found
