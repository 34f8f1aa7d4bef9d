"""Atoms that hold by themselves where units are 0, as relu(a) <= relu(b) does where a <= 0.

Below such a tie the best multipliers make the whole bound 0, which closes nothing and tells nothing
about what to split: the node is empty only if its units cannot all be inactive. So the multiplier
of one of them is held, and the bound becomes that unit's pre-activation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..compiler.arrays import Indices, Mask, Matrix
from ..compiler.problem import Problem
from .bounds.backward import Multipliers
from .node import Block, Units


@dataclass(frozen=True, slots=True)
class Ties:
    """read (A, U): the units' coefficients in the atoms; plain (A,): atoms of nothing else."""

    units: Units
    read: Matrix
    plain: Mask

    @classmethod
    def of(cls, problem: Problem, units: Units) -> Ties | None:
        """None where no atom can be tied.  problem: reduced, its outputs are the atoms."""
        stage = problem.stages[-1]
        read = np.zeros((stage.size, units.count))
        plain = stage.bias == 0.0
        for operator, source in stage.terms:
            rows = operator.rows(np.arange(stage.size)).toarray()
            if source == 0:
                plain &= ~rows.any(axis=1)
            else:
                read[:, units.part(source - 1)] = rows
        return cls(units, read, plain) if units.count and plain.any() else None

    def held(self, block: Block) -> Indices:
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

    def hold(self, held: Indices, block: Block, slopes: Multipliers) -> None:
        """Sets the held units' multipliers, in place: the slope of a free one, or its split's."""
        for row in np.flatnonzero(held >= 0).tolist():
            unit = int(held[row])
            stage = int(np.searchsorted(self.units.first, unit, side="right")) - 1
            place = unit - self.units.first[stage]
            if block.phase[row, unit] == 0:
                slopes.alpha[stage][row, place] = 1.0
            else:
                beta = slopes.beta[stage]
                beta[row, place] = max(float(beta[row, place]), 1.0)
