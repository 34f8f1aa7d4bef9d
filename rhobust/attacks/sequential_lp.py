"""Sequential linear programming on several atoms at once.

A gradient follows the largest atom alone and turns to and fro where two of them meet; an LP over
the linear maps of all atoms at the point finds the step that lowers them together.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..compiler.base.arrays import Indices, Matrix, Vector
from ..compiler.problem import Problem
from ..lp.oracle.guard import Guarded
from ..lp.oracle.highs import Oracle, Program
from ..lp.restriction.region import Region

SMALLEST = 1e-6
"""Share of the box's width below which a step is none."""


def descend(
    problem: Problem,
    start: Vector,
    atoms: Indices,
    accept: Callable[[Matrix], bool],
    oracle: Oracle,
    remaining: Callable[[], float],
    steps: int = 24,
    size: float = 0.25,
) -> bool:
    """Whether `accept` took a point of the descent from `start` (D,) on the largest of some atoms.

    A step stays within `size` widths of the box; the size doubles when the step lowered the
    largest atom, and falls to a quarter when it did not.
    """
    low, high, inputs = problem.lower, problem.upper, problem.input_size
    last, width = len(problem.stages) - 1, problem.upper - problem.lower
    rows, offset = problem.rows[atoms], problem.offset[atoms]

    def largest(point: Vector) -> float:
        return float((problem.values(point[None])[-1] @ rows.T + offset).max())

    point, value = np.clip(start, low, high), largest(start)
    for _ in range(steps):
        if not remaining() > 0.0 or not np.isfinite(value):
            return False
        slope, constant = Region.of(problem, point).rows(last, rows)
        program = Program(
            np.append(np.zeros(inputs), 1.0),
            np.append(np.maximum(low, point - size * width), -np.inf),
            np.append(np.minimum(high, point + size * width), np.inf),
            np.column_stack([slope, -np.ones(len(rows))]),
            np.full(len(rows), -np.inf),
            -constant - offset,
        )
        answer = Guarded(oracle, program).solve(remaining())
        if not answer.optimal:
            return False
        moved = np.clip(answer.point[:inputs], low, high)
        found = largest(moved)
        if found <= 0.0 and accept(moved[None]):
            return True
        if found < value:
            point, value, size = moved, found, min(1.0, 2.0 * size)
        else:
            size *= 0.25
        if size < SMALLEST:
            return False
    return False
