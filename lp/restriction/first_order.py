"""Approximate duals of the restriction's LP, by first-order steps: cheap where simplex is not.

Primal-dual steps (Chambolle and Pock 2011) with diagonal steps (Pock and Chambolle 2011) and
restarts from averages, as solvers of large LPs take them (Applegate et al. 2021).  Any duals give a
valid radius below which no example is, so steps that are a percent off refute nearly as well as the
optimum, and the rows with weight at the end are those that an exact solve needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...compiler.base.arrays import Indices, Mask, Vector
from ...compiler.base.kernel import kernel
from ...compiler.base.later import sparse
from ...compiler.question.region import InputRegion

STEPS = 100
"""Steps between two looks at the rows."""

WEIGHT = 1e-3
"""The least share of the largest dual with which a row goes on to the exact solve."""


@dataclass(slots=True)
class Duals:
    """Least row @ x over a ball's boxes where rows @ x >= lower: a point (D,) and duals (M,).

    They go on from each other's end when rows are added or the box grows.
    """

    row: Vector
    ball: InputRegion
    point: Vector | None = None
    duals: Vector = field(default_factory=lambda: np.zeros(0))

    def improve(self, rows: sparse.csr_array, lower: Vector, eps: float) -> tuple[Vector, Vector]:
        """The averages of some steps in the box of radius eps: a point, and duals."""
        low, high = self.ball.within(eps).near_box()
        size = abs(rows)
        columns = np.asarray(size.sum(axis=0)).reshape(-1)
        sums = np.asarray(size.sum(axis=1)).reshape(-1)
        duals = np.append(self.duals, np.zeros(len(lower) - len(self.duals)))
        start = np.where(self.row > 0.0, low, high) if self.point is None else self.point
        point = np.clip(start, low, high)
        # how much larger duals are than coordinates: the rows' largest coefficients are 1
        scale = float(np.abs(self.row).mean()) / eps
        mean_point, mean_duals = np.zeros(len(point)), np.zeros(len(duals))
        _steps(
            rows.indptr.astype(np.int64), rows.indices.astype(np.int64), rows.data, lower,
            self.row, low, high, point, duals,
            1.0 / (scale * np.maximum(columns, 1e-12)), scale / np.maximum(sums, 1e-12),
            STEPS, mean_point, mean_duals,
        )  # fmt: skip
        self.point, self.duals = point, duals
        return mean_point, mean_duals


def heavy(duals: Vector) -> Mask:
    """The rows that hold the point: those with some weight."""
    mask: Mask = duals > WEIGHT * duals.max(initial=0.0)
    return mask


@kernel(interpretable=False)
def _steps(
    start: Indices,
    index: Indices,
    value: Vector,
    lower: Vector,
    row: Vector,
    low: Vector,
    high: Vector,
    point: Vector,
    duals: Vector,
    tau: Vector,
    sigma: Vector,
    count: int,
    mean_point: Vector,
    mean_duals: Vector,
) -> None:
    """`count` primal-dual steps, in place; the means of their ends into the last two.

        x+ = clip(x - tau (row - A' y), low, high)     y+ = max(y + sigma (lower - A (2 x+ - x)), 0)

    (Chambolle and Pock 2011, algorithm 1); `priced` holds row - A' y, `ahead` holds 2 x+ - x.
    """
    priced = row.copy()
    for i in range(len(lower)):
        if duals[i] > 0.0:
            for e in range(start[i], start[i + 1]):
                priced[index[e]] -= duals[i] * value[e]
    ahead = np.empty(len(row))
    for _ in range(count):
        for j in range(len(row)):
            moved = min(max(point[j] - tau[j] * priced[j], low[j]), high[j])
            ahead[j] = 2.0 * moved - point[j]
            point[j] = moved
            mean_point[j] += moved / count
            priced[j] = row[j]
        for i in range(len(lower)):
            short = lower[i]
            for e in range(start[i], start[i + 1]):
                short -= value[e] * ahead[index[e]]
            dual = max(duals[i] + sigma[i] * short, 0.0)
            duals[i] = dual
            if dual > 0.0:
                mean_duals[i] += dual / count
                for e in range(start[i], start[i + 1]):
                    priced[index[e]] -= dual * value[e]
