"""The reduced problem as sparse rows: what the compiled loops read that bound a unit at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...compiler.base.arrays import Indices, Matrix, Vector
from ...compiler.base.late import Stop, in_time, never
from ...compiler.base.later import sparse
from ...compiler.problem import Problem
from ..bounds.magnitudes import Magnitudes
from ..nodes.forms import Units

NONE = np.empty(0)

NODE = 20_000
"""Multiplications that take as long as a node's share of a batch beside its passes."""


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
    magnitude: Vector
    firsts: Indices

    @classmethod
    def of(
        cls, problem: Problem, magnitudes: Magnitudes, units: Units, stop: Stop = never
    ) -> SparseRows:
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
            np.concatenate([NONE, *magnitudes.stages[: len(stages)]]),
            np.repeat(np.array(units.first, dtype=np.int64), [s.size for s in stages]),
        )  # fmt: skip

    def multiplications(self, units: Units, inputs: int) -> Indices:
        """Multiplications of a backward pass from one unit of each stage, then from an output."""
        before = np.append(0, np.cumsum(np.diff(self.x_start) + np.diff(self.u_start)))
        found: Indices = inputs + before[list(units.first)]
        return found

    def density(self, width: int) -> float:
        """The share of nonzero input coefficients in all rows."""
        return len(self.x_value) / max(1, len(self.bias) * width)

    def inputs(self, units: int, width: int) -> Matrix:
        """The absolute coefficients of the inputs in the units' rows, (U, D)."""
        shape = (len(self.bias), width)
        every = sparse.csr_array((np.abs(self.x_value), self.x_index, self.x_start), shape=shape)
        found: Matrix = every[:units].toarray()
        return found
