"""Open nodes as rows of arrays.

A node is a case, the phases of the units split so far, the bounds its units had and the multipliers that
bounded it.  Only units unstable at the root are stored: `Units` maps them to stages and back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..compiler.arrays import Bounds, Indices, Matrix, Phases, Vector
from ..compiler.problem import Problem
from ..lp.relaxation import NodeView
from .bounds.backward import Multipliers, Nodes


@dataclass(frozen=True, slots=True)
class Units:
    """The units that can be split, numbered from 0: stage[u] and index[u] say where each stands."""

    stage: Indices
    index: Indices
    first: Indices

    @classmethod
    def of(cls, problem: Problem, root: Nodes) -> Units:
        stages, indices, first = [], [], [0]
        for number, stage in enumerate(problem.stages):
            bounds = root.bounds[number]
            unstable = (bounds.lower[0] < 0.0) & (bounds.upper[0] > 0.0)
            found = np.flatnonzero(unstable) if stage.relu else np.empty(0, dtype=np.int64)
            stages.append(np.full(len(found), number))
            indices.append(found)
            first.append(first[-1] + len(found))
        return cls(np.concatenate(stages), np.concatenate(indices), np.array(first))

    @property
    def count(self) -> int:
        return len(self.stage)

    def part(self, number: int) -> slice:
        """The units of one stage."""
        return slice(int(self.first[number]), int(self.first[number + 1]))


@dataclass(slots=True)
class Block:
    """A batch of nodes, one row each: case (B,), value (B,), radius (B,), the rest (B, U).

    value: proven lower bound on the case's margin; radius: proven least distance of a violation.
    choice: the unit to split next, -1 where no split is known to help.
    """

    case: Indices
    value: Vector
    radius: Vector
    choice: Indices
    depth: Indices
    phase: Phases
    lower: Matrix
    upper: Matrix
    alpha: Matrix
    beta: Matrix

    def __len__(self) -> int:
        return len(self.case)

    def take(self, index: Indices) -> Block:
        return Block(*(getattr(self, name)[index] for name in self.__slots__))

    @staticmethod
    def join(blocks: Sequence[Block]) -> Block:
        return Block(
            *(np.concatenate([getattr(b, name) for b in blocks]) for name in Block.__slots__)
        )

    @property
    def bytes_per_node(self) -> int:
        return sum(getattr(self, name).nbytes for name in self.__slots__) // max(1, len(self))


def root_block(units: Units, root: Nodes, cases: Indices) -> Block:
    """One node per case over the whole region."""
    count = len(cases)
    stages, where = units.stage.tolist(), units.index.tolist()
    lower = np.array([root.bounds[s].lower[0, i] for s, i in zip(stages, where, strict=True)])
    upper = np.array([root.bounds[s].upper[0, i] for s, i in zip(stages, where, strict=True)])
    zeros = np.zeros((count, units.count))
    return Block(
        case=cases.astype(np.int64),
        value=np.full(count, -np.inf),
        radius=np.zeros(count),
        choice=np.full(count, -1),
        depth=np.zeros(count, dtype=np.int64),
        phase=np.zeros((count, units.count), dtype=np.int8),
        lower=np.tile(lower, (count, 1)),
        upper=np.tile(upper, (count, 1)),
        alpha=zeros,
        beta=zeros.copy(),
    )


def children(block: Block) -> Block:
    """Both phases of every node's chosen unit; active first, then inactive."""
    rows = np.arange(len(block))
    both = []
    for phase in (1, -1):
        child = block.take(rows)
        child.phase[rows, block.choice] = phase
        bound = child.lower if phase > 0 else child.upper
        cut = np.maximum if phase > 0 else np.minimum
        bound[rows, block.choice] = cut(bound[rows, block.choice], 0.0)
        child.depth += 1
        both.append(child)
    return Block.join(both)


def spread(block: Block, units: Units, root: Nodes, box: Bounds) -> Nodes:
    """The nodes' bounds and splits as full stages; box (1, D) is shared."""
    count = len(block)
    lower = np.repeat(box.lower, count, axis=0)
    upper = np.repeat(box.upper, count, axis=0)
    bounds, splits = [], []
    for number, base in enumerate(root.bounds):
        low = np.repeat(base.lower, count, axis=0)
        high = np.repeat(base.upper, count, axis=0)
        split = np.zeros(low.shape, dtype=np.int8)
        part = units.part(number)
        where = units.index[part]
        low[:, where], high[:, where] = block.lower[:, part], block.upper[:, part]
        split[:, where] = block.phase[:, part]
        bounds.append(Bounds(low, high))
        splits.append(split)
    return Nodes(Bounds(lower, upper), bounds, splits)


def multipliers(block: Block, units: Units, problem: Problem) -> Multipliers:
    """The nodes' multipliers as full stages, one query per node."""
    alpha, beta = [], []
    for number, stage in enumerate(problem.stages[:-1]):
        width = stage.size if stage.relu else 0
        for source, target in ((block.alpha, alpha), (block.beta, beta)):
            full = np.zeros((len(block), width))
            part = units.part(number)
            full[:, units.index[part]] = source[:, part]
            target.append(full)
    return Multipliers(alpha, beta)


def collect(stages: Sequence[Matrix], units: Units, count: int) -> Matrix:
    """The splittable units' entries of full stages, (B, U)."""
    out = np.zeros((count, units.count))
    for number, full in enumerate(stages):
        part = units.part(number)
        if full.shape[0] and part.stop > part.start:
            out[:, part] = full[:, units.index[part]]
    return out


def view(block: Block, row: int, units: Units, root: Nodes, box: Bounds) -> NodeView:
    """One node for the LP."""
    nodes = spread(block.take(np.array([row])), units, root, box)
    return NodeView(
        nodes.box.lower[0],
        nodes.box.upper[0],
        [b.lower[0] for b in nodes.bounds],
        [b.upper[0] for b in nodes.bounds],
        [s[0] for s in nodes.splits],
    )
