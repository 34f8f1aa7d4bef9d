"""Tighter pre-activation bounds inside the tree: a split makes all that depends on its unit
tighter.
"""

from __future__ import annotations

import numpy as np

from ...compiler.base.arrays import Bounds, Indices
from ..bounds.kernels.sparse_rows import bound_below_splits
from ..bounds.magnitudes import Magnitudes
from ..nodes.batch import Block
from ..nodes.forms import Units
from ..presolve.sparse_rows import NODE, SparseRows
from ..state import State, Tightener

WORTH = 64
"""How many passes the bounds of a node's units may cost."""


class BelowSplit(Tightener):
    """Two sparse passes for each free unit behind the split."""

    step = "bounding units below a split"
    changes = ("units",)
    flag = "refine"

    @staticmethod
    def applies(state: State) -> bool:
        return (
            state.settings.refine
            and not state.boxes
            and state.problem.ball is None
            and state.units.stages > 1
            and worth_bounding(state.rows, state.units, state.problem.input_size)
        )

    def below_split(self, block: Block, known: Bounds) -> None:
        state = self.state
        bound_below_split(
            state.rows, state.magnitudes, state.candidates.box(), block, block.split_on
        )


def worth_bounding(rows: SparseRows, units: Units, inputs: int) -> bool:
    """Whether bounds inside the tree cost little beside the passes of the nodes themselves.

    Where they cost more they saved few nodes, or none: see bench/RESULTS.md.
    """
    passes = rows.multiplications(units, inputs)
    sizes = np.diff(units.first)
    cost = 2 * int(sizes[1:] @ passes[1:-1])
    return cost <= WORTH * (int(passes[-1]) + NODE)


def bound_below_split(
    rows: SparseRows, magnitudes: Magnitudes, box: Bounds, block: Block, split: Indices
) -> None:
    """Bounds of the free units that depend on each node's last split, in place.  split (B,)."""
    bound_below_splits(
        block.lower, block.upper, block.phase, split, rows.firsts,
        np.ascontiguousarray(box.lower[0]), np.ascontiguousarray(box.upper[0]),
        rows.x_start, rows.x_index, rows.x_value, rows.u_start, rows.u_index, rows.u_value,
        rows.bias, rows.radius, rows.magnitude, magnitudes.input, magnitudes.factor,
    )  # fmt: skip
