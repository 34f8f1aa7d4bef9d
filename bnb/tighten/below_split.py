"""Tighter pre-activation bounds inside the tree: a split makes all that depends on its unit
tighter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from ...compiler.base.arrays import Bounds, Indices, Matrix, Vector
from ...compiler.base.late import Stop, in_time, never
from ...compiler.problem import Problem
from ..bounds.kernels import propagate_nodes, refine_nodes
from ..bounds.magnitudes import Reach
from ..nodes.batch import Block, Units

NONE = np.empty(0)

WORTH, NODE = 64, 20_000
"""How many passes the bounds of a node's units may cost; multiplications that take as long as a
node's share of a batch beside its passes.
"""


@dataclass(frozen=True, slots=True)
class SparseRows:
    """The reduced problem's units, then its outputs, as sparse rows over inputs and units."""

    x_start: Indices
    x_index: Indices
    x_value: Vector
    u_start: Indices
    u_index: Indices
    u_value: Vector
    bias: Vector
    radius: Vector
    reach: Vector
    firsts: Indices

    @classmethod
    def of(cls, problem: Problem, reach: Reach, units: Units, stop: Stop = never) -> SparseRows:
        """Rows of all stages, the output's last.  Raises Late once `stop` says so."""
        # without unstable units there are no stages, and still arrays
        inputs = [sparse.csr_matrix((0, problem.input_size))]
        earlier = [sparse.csr_matrix((0, units.count))]
        for stage in problem.stages:
            in_time(stop)
            sizes = [problem.input_size, *np.diff(units.first).tolist()]
            none, *parts = (sparse.csr_array((stage.size, size)) for size in (0, *sizes))
            for operator, source in stage.terms:
                parts[source] = operator.rows(np.arange(stage.size))
            inputs.append(sparse.csr_matrix(parts[0]))
            earlier.append(sparse.csr_matrix(sparse.hstack([none, *parts[1:]])))
        x, u = sparse.csr_matrix(sparse.vstack(inputs)), sparse.csr_matrix(sparse.vstack(earlier))
        stages = problem.stages
        return cls(
            x.indptr.astype(np.int64), x.indices.astype(np.int64), x.data.astype(np.float64),
            u.indptr.astype(np.int64), u.indices.astype(np.int64), u.data.astype(np.float64),
            np.concatenate([NONE, *(stage.bias for stage in stages)]),
            np.concatenate([NONE, *(stage.bias_radius for stage in stages)]),
            np.concatenate([NONE, *reach.stages[: len(stages)]]),
            np.repeat(np.array(units.first, dtype=np.int64), [s.size for s in stages]),
        )  # fmt: skip

    def work(self, units: Units, inputs: int) -> Indices:
        """Multiplications of a backward pass from one unit of each stage, then from an output."""
        before = np.append(0, np.cumsum(np.diff(self.x_start) + np.diff(self.u_start)))
        found: Indices = inputs + before[list(units.first)]
        return found

    def worth_refining(self, units: Units, inputs: int) -> bool:
        """Whether bounds inside the tree cost little beside the passes of the nodes themselves.

        Where they cost more they saved few nodes, or none: see bench/RESULTS.md.
        """
        work = self.work(units, inputs)
        sizes = np.diff(units.first)
        cost = 2 * int(sizes[1:] @ work[1:-1])
        return cost <= WORTH * (int(work[-1]) + NODE)

    def density(self, width: int) -> float:
        """The share of nonzero input coefficients in all rows."""
        return len(self.x_value) / max(1, len(self.bias) * width)

    def inputs(self, units: int, width: int) -> Matrix:
        """The absolute coefficients of the inputs in the units' rows, (U, D)."""
        shape = (len(self.bias), width)
        every = sparse.csr_array((np.abs(self.x_value), self.x_index, self.x_start), shape=shape)
        found: Matrix = every[:units].toarray()
        return found


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
