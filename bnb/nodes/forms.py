"""The three forms in which nodes are known, and every way from one to another.

A reduced problem has U units in all, stage after stage, and stage i has N of them.

- `Block` (`batch`): every fact of B nodes is one array whose rows are the nodes, and the units of
  all stages stand side by side in it, (B, U). Nodes are kept, taken, joined and split in this form,
  and it is what the compiled loops over sparse rows read, which walk from unit to unit.
- `Nodes` and `Multipliers` (`bounds.crown`): the same numbers stage by stage, (B, N) each. A pass
  multiplies whole stages, and both the products and its compiled loops need matrices without gaps,
  which a slice of (B, U) is not: so these are copies. Nodes have bounds, boxes and splits;
  multipliers belong to queries, of which a node may have several.
- `NodeView` (`lp.relaxation.node_lp`): one node as vectors (N,), for its LP. `Nodes.view` gives it.

Copies are made once for several passes: `spread` and `multipliers` before an ascent, `collect`
after it, and after passes whose coefficients a tightener or a rule looks at. Whoever changes bounds
stage by stage writes them back into the block's slice, `Units.part`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...compiler.base.arrays import Bounds, Mask, Matrix
from ...compiler.problem import Problem
from ..bounds.crown import Multipliers, Nodes
from ..bounds.kept import FIRST
from .batch import Block


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
        proven_distance=np.zeros(count),
        rate=np.full(count, FIRST),
        split_on=np.full(count, -1),
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
