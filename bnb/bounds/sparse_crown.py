"""Sparse rows: units of early layers depend on few inputs and few unstable units before them.

The same substitution as in `reduce`, with sparse rows instead of dense ones; a convolution is met
only through the rows that are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...compiler.base.arrays import Bounds, Indices, Vector
from ...compiler.base.late import Stop, in_time, never
from ...compiler.base.later import sparse
from ...compiler.base.rounding import TINY
from ...compiler.operators import LinearOperator, times
from ...compiler.problem import Problem
from .crown import Nodes
from .kernels.sparse_rows import bound_units
from .magnitudes import Magnitudes

DENSE = 0.3
"""Share of nonzeros beyond which products of whole arrays are faster."""

MANY = 4096
"""Rows made between two looks at the clock."""

CHUNK = 256
"""Rows bounded between two looks at the clock, at most."""
PRODUCTS = 20_000_000
"""Numbers that these rows may look at."""


@dataclass(slots=True)
class LocalRows:
    """rows @ pre = input @ x + sum of units[i] @ post_i[unstable] + constant, up to `radius`."""

    input: sparse.csr_array
    units: list[sparse.csr_array]
    constant: Vector
    radius: Vector

    def take(self, keep: Indices) -> LocalRows:
        units = [sparse.csr_array(part[keep]) for part in self.units]
        return LocalRows(
            sparse.csr_array(self.input[keep]), units, self.constant[keep], self.radius[keep]
        )


def local_rows(
    problem: Problem,
    magnitudes: Magnitudes,
    nodes: Nodes,
    unstable: list[Indices],
    start: int,
    units: Indices,
    stop: Stop = never,
) -> LocalRows | None:
    """Pre-activations of some units of stage `start`; None where the rows are not sparse.

    Raises Late once `stop` says so.
    """
    parts: list[LocalRows] = []
    for begin in range(0, max(1, len(units)), MANY):
        some = units[begin : begin + MANY]
        part = _local_rows(problem, magnitudes, nodes, unstable, start, some, stop)
        if part is None:
            return None
        parts.append(part)
    return parts[0] if len(parts) == 1 else joined(parts)


def joined(parts: list[LocalRows]) -> LocalRows:
    """The rows of all parts, one below the other."""
    units = [
        sparse.csr_array(sparse.vstack(several))
        for several in zip(*(part.units for part in parts), strict=True)
    ]
    return LocalRows(
        sparse.csr_array(sparse.vstack([part.input for part in parts])),
        units,
        np.concatenate([part.constant for part in parts]),
        np.concatenate([part.radius for part in parts]),
    )


class _TooDense(Exception):
    """Rows for which sparse arithmetic does not pay."""


def _local_rows(
    problem: Problem,
    magnitudes: Magnitudes,
    nodes: Nodes,
    unstable: list[Indices],
    start: int,
    units: Indices,
    stop: Stop,
) -> LocalRows | None:
    count = len(units)
    parts = [sparse.csr_array((count, len(found))) for found in unstable[:start]]
    stage = problem.stages[start]
    constant = stage.bias[units].copy()
    size = magnitudes.stages[start][units].copy()
    extra = stage.bias_radius[units].copy()
    # stands for the rows of `units`, which operators give themselves
    chosen = sparse.csr_array((count, stage.size))

    def meet(number: int, lam: sparse.csr_array | None) -> sparse.csr_array | None:
        nonlocal constant, size, extra
        if lam is chosen:
            return lam
        in_time(stop)
        if lam is None or lam.nnz == 0:
            return None
        if lam.nnz > DENSE * count * lam.shape[1]:
            raise _TooDense
        stage = problem.stages[number]
        mu = lam
        if stage.relu:
            parts[number] = sparse.csr_array(lam[:, unstable[number]])
            mu = lam.copy()
            mu.data = mu.data * (nodes.bounds[number].lower[0] >= 0.0)[mu.indices]
            mu.eliminate_zeros()
        constant = constant + mu @ stage.bias
        size = size + abs(mu) @ magnitudes.stages[number]
        extra = extra + abs(mu) @ stage.bias_radius
        return mu

    def through(operator: LinearOperator, rows: sparse.csr_array) -> sparse.csr_array:
        return operator.rows(units) if rows is chosen else times(rows, operator)

    try:
        top = problem.pull_back(start, chosen, meet, through, sparse.csr_array)
    except _TooDense:
        return None
    if top.nnz > DENSE * count * problem.input_size and problem.input_size > 64:
        return None
    radius = (magnitudes.factor * size + extra) * (1.0 + 1e-9) + TINY
    return LocalRows(top, parts, constant, radius)


@dataclass(slots=True)
class LocalStages:
    """The sparse rows of the unstable units of the stages so far, in the form of the kernels."""

    box: Bounds
    rows: list[LocalRows] = field(default_factory=list)
    lower: list[Vector] = field(default_factory=list)
    upper: list[Vector] = field(default_factory=list)

    def bound(self, found: LocalRows, stop: Stop = never) -> tuple[Vector, Vector]:
        """Backward bounds (lower, upper) of new rows, with the plain slopes.  Raises Late."""
        before = sum(len(part.constant) for part in self.rows)
        magnitude = np.maximum(np.abs(self.box.lower[0]), np.abs(self.box.upper[0]))
        every = [*self.rows, found]
        in_time(stop)
        x = sparse.csr_array(sparse.vstack([part.input for part in every]))
        wide = [
            sparse.hstack(
                [*part.units, sparse.csr_array((len(part.constant), self._missing(part, before)))]
            )
            for part in every
        ]
        in_time(stop)
        u = sparse.csr_array(sparse.vstack(wide))
        in_time(stop)
        bias = np.concatenate([part.constant for part in every])
        lower, upper = (
            np.concatenate([np.empty(0), *self.lower]),
            np.concatenate([np.empty(0), *self.upper]),
        )
        post = np.maximum(np.abs(lower), np.abs(upper))
        row_magnitude = 4.0 * (abs(x) @ magnitude + abs(u) @ post + np.abs(bias))
        # sums of at most D + U products each
        factor = 2.0**-53 * (2.0 * (x.shape[1] + u.shape[1]) + 64.0)
        given = (
            lower, upper,
            np.ascontiguousarray(self.box.lower[0]), np.ascontiguousarray(self.box.upper[0]),
            x.indptr.astype(np.int64), x.indices.astype(np.int64), x.data,
            u.indptr.astype(np.int64), u.indices.astype(np.int64), u.data,
            bias, np.concatenate([part.radius for part in every]), row_magnitude, magnitude,
            factor * 1.01,
        )  # fmt: skip
        parts: list[tuple[Vector, Vector]] = []
        # a unit costs about as much as there are units before it
        chunk = max(1, min(CHUNK, PRODUCTS // (before + x.shape[1] + 1)))
        for begin in range(before, len(bias), chunk):
            in_time(stop)
            parts.append(bound_units(before, begin, min(chunk, len(bias) - begin), *given))
        low, high = zip(*parts, strict=True) if parts else ((), ())
        return np.concatenate([np.empty(0), *low]), np.concatenate([np.empty(0), *high])

    def _missing(self, part: LocalRows, width: int) -> int:
        return width - sum(int(unit.shape[1]) for unit in part.units)

    def append(self, rows: LocalRows, lower: Vector, upper: Vector) -> None:
        """A stage's unstable units, with their final bounds."""
        self.rows.append(rows)
        self.lower.append(lower)
        self.upper.append(upper)
