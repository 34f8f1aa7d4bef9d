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
    """A batch of B nodes, one row each."""

    mark: Indices  # (B,) its number in a record, or its parent's at birth
    side: Indices  # (B,) which child of its parent it is
    origin: Indices  # (B,) the root node it comes from
    parent: Indices  # (B,) the row of the batch it was split from
    promise: Vector  # (B,) how much the input to halve seemed to matter
    value: Vector  # (B,) proven lower bound on the atoms' weighted sum, or on the objective
    proven_distance: Vector  # (B,) of a violation, at least
    rate: Vector  # (B,) of the next steps of the multipliers, see `bounds.kept`
    split_on: Indices  # (B,) the unit to split, or U + the input to halve; -1: none known
    depth: Indices  # (B,)
    atoms: Mask  # (B, A) which are asked for
    gamma: Matrix  # (B, A) their weights, 0 for the others
    pending: Mask  # (B, C) the choices not made yet
    low: Matrix  # (B, D) input boxes of their own; (B, 0) where the region is shared
    high: Matrix
    phase: Phases  # (B, U) +1 split to be active, -1 to be inactive, 0 not split
    lower: Matrix  # (B, U) bounds of pre-activations
    upper: Matrix
    alpha: Matrix  # (B, U) multipliers
    beta: Matrix
    gain: Matrix  # (B, G) what groups of units add, see `tighten.multi_neuron`
    share: Matrix  # (B, U) for which coefficients they do

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
