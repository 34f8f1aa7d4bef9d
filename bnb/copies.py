"""Two inputs of one network compared: lower bounds of what the outputs differ by, by halving cells.

A network f of linear layers and units is piecewise linear along the segment from x to z, so

    row @ (f(z) - f(x)) = integral over t in [0, 1] of row @ (d/dt f(x + t (z - x)))

Let cells cover a box that holds x and z. The segment stays in the box, so the integral is at least
the least of the derivative's bounds on the cells, for all directions that z - x can have. Such a
bound is a pass over differences (`bounds.differences`): of a unit, d/dt max(a, 0) = s d/dt a with s
in [0, 1], and 1 or 0 where the cell decides the unit. An open cell is halved, and none has to hold
both inputs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..compiler.base.arrays import Bounds, Matrix, Vector
from ..compiler.base.late import Late, Stop
from ..compiler.problem import Problem
from .bounds.differences import backward, copies, influence
from .bounds.region_bounds import root_bounds

BATCH = 32
"""Cells of a pass: more cost less each, and a candidate ends the search only after all of them."""
LARGEST = 100_000
"""Open cells; beyond it something else has to be tried."""

Candidates = Callable[[Bounds, Matrix], bool]
"""Is told open cells (B, D) and differences (B, D) that may make the row small there; True where
a solution was found, which ends the search."""


def exceeds(
    problem: Problem,
    output: int,
    apart: Bounds,
    row: Vector,
    offset: float,
    candidates: Candidates,
    most: int,
    stop: Stop,
) -> tuple[bool, int]:
    """Whether row @ (f(z) - f(x)) + offset > 0 for all x and z, and how many cells that took.

    problem: the network f, over a box that holds x and z.  output: its stage, from 1, not of units.
    apart: (1, D), of z - x.  most: cells at most.  False where that, `stop` or a candidate ends it.
    """
    try:
        return _exceeds(problem, output - 1, apart, row, offset, candidates, most, stop)
    except Late:
        return False, 0


def _exceeds(
    problem: Problem,
    last: int,
    apart: Bounds,
    row: Vector,
    offset: float,
    candidates: Candidates,
    most: int,
    stop: Stop,
) -> tuple[bool, int]:
    whole = problem.box
    root = root_bounds(problem, whole, stop)
    if root is None:
        return False, 0
    magnitudes, done, waiting = root[1], 0, [whole]
    while waiting:
        cells = waiting.pop()
        if len(cells.lower) > BATCH:
            waiting.append(cells.take(np.arange(BATCH, len(cells.lower))))
            cells = cells.take(np.arange(BATCH))
        count = len(cells.lower)
        done += count
        if done > most or sum(len(other.lower) for other in waiting) > LARGEST:
            return False, done
        same = Bounds(*(np.repeat(end, count, axis=0) for end in (apart.lower, apart.upper)))
        known = copies(problem, magnitudes, cells, same, last, stop)
        rows = np.repeat(row[None], count, axis=0)
        found = backward(problem, magnitudes, known, np.arange(count), last, rows)
        # the last sum rounds far less than the pass is charged with
        total = found.value + offset
        total = total - 2.0**-50 * (np.abs(found.value) + abs(offset))
        left = np.flatnonzero(~(total > 0.0))
        if not len(left):
            continue
        ends = np.where(found.input_rows >= 0.0, same.lower, same.upper)
        if candidates(cells.take(left), ends[left]):
            return False, done
        waiting.append(_halved(cells.take(left), influence(known, found)[left]))
    return True, done


def _halved(cells: Bounds, gain: Matrix) -> Bounds:
    """Both halves of cells (B, D), each where most is gained, else where it is widest."""
    width = cells.upper - cells.lower
    every = np.arange(len(width))
    axis = np.where(width > 0.0, gain + 1e-12 * width, -1.0).argmax(axis=1)
    middle = 0.5 * (cells.lower[every, axis] + cells.upper[every, axis])
    lower, upper = cells.lower.copy(), cells.upper.copy()
    lower[every, axis] = upper[every, axis] = middle
    return Bounds(np.concatenate([cells.lower, lower]), np.concatenate([upper, cells.upper]))
