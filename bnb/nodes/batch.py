"""Open nodes as rows of arrays.

A node is the atoms it must satisfy and the choices it has not made, the phases of the units split
so far, the bounds its units have and the multipliers that bounded it. The problem is a reduced one:
all units of its stages are unstable at the root, and they are numbered through, stage after stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...compiler.base.arrays import Bounds, Indices, Mask, Matrix, Phases, Vector
from ...compiler.problem import Problem
from ..bounds.crown import Multipliers, Nodes


@dataclass(frozen=True, slots=True)
class Units:
    """Where each stage's units stand among all: those of stage i are part(i)."""

    first: tuple[int, ...]

    @classmethod
    def of(cls, problem: Problem) -> Units:
        first = [0]
        for stage in problem.stages[:-1]:
            first.append(first[-1] + stage.size)
        return cls(tuple(first))

    @property
    def count(self) -> int:
        return self.first[-1]

    @property
    def stages(self) -> int:
        return len(self.first) - 1

    def part(self, number: int) -> slice:
        """The units of one stage."""
        return slice(self.first[number], self.first[number + 1])


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


def root_block(units: Units, root: Nodes, atoms: Mask, pending: Mask, gamma: Matrix) -> Block:
    """One node over the whole region for each row of atoms (B, A) and open choices (B, C)."""
    count = len(atoms)
    empty = np.zeros((1, 0))
    lower = np.concatenate([empty, *(b.lower for b in root.bounds[:-1])], axis=1)
    upper = np.concatenate([empty, *(b.upper for b in root.bounds[:-1])], axis=1)
    return Block(
        mark=np.zeros(count, dtype=np.int64),
        side=np.zeros(count, dtype=np.int64),
        origin=np.arange(count),
        parent=np.zeros(count, dtype=np.int64),
        promise=np.zeros(count),
        value=np.full(count, -np.inf),
        radius=np.zeros(count),
        choice=np.full(count, -1),
        depth=np.zeros(count, dtype=np.int64),
        atoms=atoms,
        gamma=gamma,
        pending=pending,
        low=np.zeros((count, 0)),
        high=np.zeros((count, 0)),
        phase=np.zeros((count, units.count), dtype=np.int8),
        lower=np.repeat(lower, count, axis=0),
        upper=np.repeat(upper, count, axis=0),
        alpha=np.zeros((count, units.count)),
        beta=np.zeros((count, units.count)),
        gain=np.zeros((count, 0)),
        share=np.zeros((count, 0)),
    )


def children(block: Block) -> Block:
    """Both phases of every node's chosen unit, active first, then inactive; or both halves of its
    chosen input's range.
    """
    units = block.phase.shape[1]
    halved = np.flatnonzero(block.choice >= units)
    if len(halved):
        split = block.take(np.flatnonzero(block.choice < units))
        return Block.join([children(split), halves(block.take(halved))])
    rows = np.arange(len(block))
    both = []
    for phase in (1, -1):
        child = block.take(rows)
        child.phase[rows, block.choice] = phase
        bound = child.lower if phase > 0 else child.upper
        cut = np.maximum if phase > 0 else np.minimum
        bound[rows, block.choice] = cut(bound[rows, block.choice], 0.0)
        child.side[:] = phase < 0
        child.depth += 1
        both.append(child)
    return Block.join(both)


def halves(block: Block) -> Block:
    """Both halves of every node's box along its chosen input."""
    rows, axis = np.arange(len(block)), block.choice - block.phase.shape[1]
    middle = 0.5 * (block.low[rows, axis] + block.high[rows, axis])
    left, right = block.take(rows), block.take(rows)
    left.high[rows, axis] = middle
    right.low[rows, axis] = middle
    left.side[:], right.side[:] = 0, 1
    left.depth += 1
    right.depth += 1
    return Block.join([left, right])


def by_stage(full: Matrix, units: Units) -> list[Matrix]:
    """(B, U) cut into stages, C-contiguous copies."""
    return [np.ascontiguousarray(full[:, units.part(i)]) for i in range(units.stages)]


def collect(stages: Sequence[Matrix], units: Units, count: int) -> Matrix:
    """The stages side by side again, (B, U); an empty one, which the pass did not reach, is 0."""
    full = np.zeros((count, units.count))
    for number, stage in enumerate(stages):
        if stage.size:
            full[:, units.part(number)] = stage
    return full


def spread(block: Block, units: Units, box: Bounds) -> Nodes:
    """The nodes stage by stage; box (1, D) is shared, and cut with the nodes' own."""
    count = len(block)
    lower, upper = by_stage(block.lower, units), by_stage(block.upper, units)
    phases = [np.ascontiguousarray(block.phase[:, units.part(i)]) for i in range(units.stages)]
    region = Bounds(np.repeat(box.lower, count, axis=0), np.repeat(box.upper, count, axis=0))
    if block.low.shape[1]:
        region = region.intersect(Bounds(block.low, block.high))
    return Nodes(region, [Bounds(a, b) for a, b in zip(lower, upper, strict=True)], phases)


def multipliers(block: Block, units: Units) -> Multipliers:
    """The nodes' multipliers stage by stage, one query per node."""
    return Multipliers(by_stage(block.alpha, units), by_stage(block.beta, units))
