"""Nodes with input boxes of their own, for problems of few inputs: halved, and shrunk by what
holds.

A linear bound row @ x + base <= 0 that every solution of a node satisfies cuts its box; a smaller
box makes all units' bounds tighter.
"""

from __future__ import annotations

import numpy as np

from ..compiler.arrays import Bounds, Matrix, Vector
from ..compiler.problem import Problem
from .bounds.backward import Nodes, backward, plain
from .bounds.interval import stage_interval
from .bounds.reach import Reach
from .bounds.root import LARGEST_BATCH
from .node import Block, Units, spread

WIDEST = 16
"""Inputs of some width beyond which halving boxes is not tried."""


def worth_halving(problem: Problem) -> bool:
    """Whether the problem has few inputs that are not fixed."""
    return 0 < int((problem.lower < problem.upper).sum()) <= WIDEST


def shrink(low: Matrix, high: Matrix, rows: Matrix, value: Vector) -> None:
    """Cuts boxes (B, D) in place by rows @ x + base <= 0, where value (B,) is the least of that
    over the box, rounded down; a box with value > 0 is crossed.

    An input j can rise from where row_j x_j is least by -value / |row_j|.
    """
    room = np.divide(-value[:, None], np.abs(rows), out=np.full_like(rows, np.inf), where=rows != 0)
    room = room * (1.0 + 1e-9) + 1e-300
    room = np.where(value[:, None] > 0.0, -np.inf, room)
    step = 1e-15 * np.maximum(np.abs(low), np.abs(high))
    np.copyto(high, np.minimum(high, low + room + step), where=(rows > 0) & np.isfinite(room))
    np.copyto(low, np.maximum(low, high - room - step), where=(rows < 0) & np.isfinite(room))
    empty = value > 0.0
    low[empty], high[empty] = 1.0, 0.0


def shrink_by_splits(problem: Problem, reach: Reach, units: Units, block: Block) -> None:
    """Cuts the boxes by the unit that was split last: held active, its pre-activation is >= 0."""
    for number in range(units.stages):
        part = units.part(number)
        mine = np.flatnonzero((block.choice >= part.start) & (block.choice < part.stop))
        if not len(mine):
            continue
        nodes = spread(block.take(mine), units, _all(block))
        unit = block.choice[mine] - part.start
        phase = block.phase[mine, block.choice[mine]].astype(np.float64)
        rows = np.zeros((len(mine), problem.stages[number].size))
        rows[np.arange(len(mine)), unit] = -phase
        owner = np.arange(len(mine))
        slopes = plain(problem, nodes, owner, number)
        found = backward(problem, reach, nodes, owner, number, rows, np.zeros(len(mine)), slopes)
        low, high = block.low[mine], block.high[mine]
        shrink(low, high, found.input_rows, found.value)
        block.low[mine], block.high[mine] = low, high


def rebound(problem: Problem, reach: Reach, units: Units, block: Block) -> None:
    """All unit bounds of the nodes anew, within those they have; in place."""
    nodes = spread(block, units, _all(block))
    sources = [nodes.box]
    for number in range(units.stages):
        stage, known = problem.stages[number], nodes.bounds[number]
        bounds = stage_interval(stage, sources).intersect(known)
        nodes.bounds[number] = bounds
        if any(source != 0 for _, source in stage.terms):
            _backward(problem, reach, nodes, number, bounds)
        sources.append(bounds.rectified())
        part = units.part(number)
        block.lower[:, part], block.upper[:, part] = bounds.lower, bounds.upper


def _all(block: Block) -> Bounds:
    """A box (1, D) that says nothing: the nodes have their own."""
    wide = np.full((1, block.low.shape[1]), np.inf)
    return Bounds(-wide, wide)


def _backward(problem: Problem, reach: Reach, nodes: Nodes, number: int, bounds: Bounds) -> None:
    """Tightens the bounds of a stage's unstable units at all nodes, in place."""
    size = problem.stages[number].size
    free = (bounds.lower < 0.0) & (bounds.upper > 0.0)
    owner, unit = np.nonzero(free)
    widest = max([problem.input_size, *(s.size for s in problem.stages[: number + 1])])
    chunk = max(1, LARGEST_BATCH // widest)
    for begin in range(0, len(owner), chunk):
        part, k = owner[begin : begin + chunk], unit[begin : begin + chunk]
        for sign in (1.0, -1.0):
            rows = np.zeros((len(part), size))
            rows[np.arange(len(part)), k] = sign
            slopes = plain(problem, nodes, part, number)
            value = backward(
                problem, reach, nodes, part, number, rows, np.zeros(len(part)), slopes
            ).value
            if sign > 0:
                bounds.lower[part, k] = np.fmax(bounds.lower[part, k], value)
            else:
                bounds.upper[part, k] = np.fmin(bounds.upper[part, k], -value)


FEW, SHARE = 10, 0.125
"""Units are split once no more than FEW + SHARE * (those unstable at the root) are left."""


def few_left(root_units: int) -> float:
    """Unstable units up to which a node is split on them rather than on its inputs.

    Learning the better kind from the gains of single splits did worse than this rule: a phase gains
    at once, and halving pays only later.
    """
    return FEW + SHARE * root_units
