"""Tighter pre-activation bounds inside the tree: a split makes all that depends on its unit
tighter.
"""

from __future__ import annotations

import numpy as np

from ...compiler.base.arrays import Bounds, Indices, Vector
from ..bounds.kernels.propagation import propagate_nodes
from ..bounds.kernels.sparse_rows import refine_nodes
from ..bounds.magnitudes import Reach
from ..nodes.batch import Block, Units
from ..presolve.sparse_rows import SparseRows

WORTH, NODE = 64, 20_000
"""How many passes the bounds of a node's units may cost; multiplications that take as long as a
node's share of a batch beside its passes.
"""


def worth_refining(rows: SparseRows, units: Units, inputs: int) -> bool:
    """Whether bounds inside the tree cost little beside the passes of the nodes themselves.

    Where they cost more they saved few nodes, or none: see bench/RESULTS.md.
    """
    work = rows.work(units, inputs)
    sizes = np.diff(units.first)
    cost = 2 * int(sizes[1:] @ work[1:-1])
    return cost <= WORTH * (int(work[-1]) + NODE)


def refine(rows: SparseRows, reach: Reach, box: Bounds, block: Block, split: Indices) -> None:
    """Bounds of the free units that depend on each node's last split, in place.  split (B,)."""
    refine_nodes(
        block.lower, block.upper, block.phase, split, rows.firsts,
        np.ascontiguousarray(box.lower[0]), np.ascontiguousarray(box.upper[0]),
        rows.x_start, rows.x_index, rows.x_value, rows.u_start, rows.u_index, rows.u_value,
        rows.bias, rows.radius, rows.reach, reach.input, reach.factor,
    )  # fmt: skip


DENSE = 0.5
"""Share of nonzero input coefficients from which propagation costs more than it tells."""

SWEEPS = 2
"""Rounds of propagation at most; what the first two leave is little."""


def propagate(rows: SparseRows, reach: Reach, block: Block, above: Vector) -> None:
    """Cuts the nodes' own boxes and unit bounds by what every solution satisfies, in place.

    above (A,): what the atoms asked for must not exceed.
    """
    factor = 2.0**-53 * 1.01 * (2.0 * (len(reach.input) + len(rows.bias)) + 64.0)
    propagate_nodes(
        block.atoms, above, block.lower, block.upper, block.low, block.high,
        rows.x_start, rows.x_index, rows.x_value, rows.u_start, rows.u_index, rows.u_value,
        rows.bias, rows.radius, rows.reach, factor, SWEEPS,
    )  # fmt: skip
