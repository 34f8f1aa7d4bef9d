"""Open nodes as rows of arrays.

A node is the atoms it must satisfy and the choices it has not made, the phases of the units split
so far, the bounds its units have and the multipliers that bounded it. The problem is a reduced one:
all units of its stages are unstable at the root, and they are numbered through, stage after stage.
`forms` tells of the other forms that nodes have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...compiler.base.arrays import Indices, Mask, Matrix, Phases, Vector


@dataclass(slots=True)
class Block:
    """A batch of nodes, one row each: mark, side, origin, value, radius, choice, depth (B,),
    atoms and gamma (B, A), pending (B, C), the rest (B, U).

    mark: its number in a record, or its parent's at birth; side: which child of its parent it is.
    origin: the root node it comes from; parent: the row of the batch it was split from; promise:
    how much the input to halve seemed to matter. value:
    proven lower bound on the atoms' weighted sum, or on the objective; radius: proven least
    distance of a violation. choice: the unit to split next, -1 where no split is known to help.
    gamma: the atoms' weights, 0 for those not asked for. low, high (B, D): input boxes of their
    own, or (B, 0) where the region is shared. gain (B, G), share (B, U): what the joint groups add
    and for which coefficients, see `joint`.
    """

    mark: Indices
    side: Indices
    origin: Indices
    parent: Indices
    promise: Vector
    value: Vector
    radius: Vector
    choice: Indices
    depth: Indices
    atoms: Mask
    gamma: Matrix
    pending: Mask
    low: Matrix
    high: Matrix
    phase: Phases
    lower: Matrix
    upper: Matrix
    alpha: Matrix
    beta: Matrix
    gain: Matrix
    share: Matrix

    def __len__(self) -> int:
        return len(self.origin)

    def free(self) -> Mask:
        """(B, U): the units that are unstable and not split."""
        found: Mask = (self.phase == 0) & (self.lower < 0.0) & (self.upper > 0.0)
        return found

    def crossed(self) -> Mask:
        """(B,): the nodes that hold no input, for bounds of a unit or of an input cross."""
        units: Mask = np.logical_or.reduce(self.lower > self.upper, axis=1)
        inputs: Mask = np.logical_or.reduce(self.low > self.high, axis=1)
        return units | inputs

    def take(self, index: Indices) -> Block:
        return Block(*(getattr(self, name)[index] for name in self.__slots__))

    @staticmethod
    def join(blocks: Sequence[Block]) -> Block:
        return Block(
            *(np.concatenate([getattr(b, name) for b in blocks]) for name in Block.__slots__)
        )

    @property
    def bytes_per_node(self) -> int:
        total: int = sum(getattr(self, name).nbytes for name in self.__slots__)
        return total // max(1, len(self))


def empty_block() -> Block:
    """No nodes of no units."""
    numbers, none, wide = np.empty(0), np.empty(0, dtype=np.int64), np.empty((0, 0))
    mask, phase = np.empty((0, 0), dtype=bool), np.empty((0, 0), dtype=np.int8)
    return Block(
        none,
        none,
        none,
        none,
        numbers,
        numbers,
        numbers,
        none,
        none,
        mask,
        wide,
        mask,
        wide,
        wide,
        phase,
        *[wide] * 6,
    )
