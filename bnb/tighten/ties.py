"""Atoms that hold on their own where units are 0, as relu(a) <= relu(b) does where a <= 0.

Below such a tie the best multipliers make the whole bound 0, which closes nothing and tells nothing
about what to split: the node is empty only if its units cannot all be inactive. So the multiplier
of one of them is held, and the bound becomes that unit's pre-activation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from ...compiler.base.arrays import Indices, Mask, Matrix
from ..bounds.crown import Multipliers
from ..nodes.batch import Block, Units
from ..presolve.sparse_rows import SparseRows


@dataclass(frozen=True, slots=True)
class Ties:
    """read (A, U): the units' coefficients in the atoms; plain (A,): atoms of nothing else."""

    units: Units
    read: Matrix
    plain: Mask

    @classmethod
    def of(cls, rows: SparseRows, units: Units) -> Ties | None:
        """None where no atom can be tied.  rows: of a reduced problem."""
        atoms = slice(units.count, None)
        plain = (rows.bias[atoms] == 0.0) & (np.diff(rows.x_start)[atoms] == 0)
        if not (units.count and plain.any()):
            return None
        shape = (len(rows.bias), units.count)
        read = sparse.csr_array((rows.u_value, rows.u_index, rows.u_start), shape=shape)
        return cls(units, read[atoms].toarray(), plain)

    def hold(self, block: Block, slopes: Multipliers) -> None:
        """Sets the multiplier of one unit of each tied node, in place: a free unit's slope, or its
        split's.
        """
        units = self._held(block)
        for number in range(self.units.stages):
            part = self.units.part(number)
            rows = np.flatnonzero((part.start <= units) & (units < part.stop))
            k = units[rows] - part.start
            unsplit = block.phase[rows, units[rows]] == 0
            slopes.alpha[number][rows[unsplit], k[unsplit]] = 1.0
            rows, k = rows[~unsplit], k[~unsplit]
            slopes.beta[number][rows, k] = np.maximum(slopes.beta[number][rows, k], 1.0)

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
