"""Tighter pre-activation bounds inside the tree: a split makes all later stages tighter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..compiler.arrays import Bounds
from ..compiler.problem import Problem
from .bounds.backward import Nodes, backward, plain
from .bounds.reach import Reach
from .bounds.root import LARGEST_BATCH
from .node import Block, Units


def worth_refining(problem: Problem, units: Units, block: Block, steps: int) -> bool:
    """Whether bounding the later units again costs little beside the ascent on the margins.

    Both are counted in backward passes a node: two for every unit of a stage after the first, against
    two for every step.
    """
    first = next((i for i in range(len(problem.stages)) if problem.stages[i].relu), 0)
    later = units.stage > first
    if not later.any():
        return False
    part = block.lower[:, later], block.upper[:, later], block.phase[:, later]
    free = ((part[0] < 0.0) & (part[1] > 0.0) & (part[2] == 0)).sum(axis=1).mean()
    return bool(free <= 12 * (steps + 1))


def refine(
    problem: Problem,
    reach: Reach,
    units: Units,
    nodes: Nodes,
    block: Block,
    stop: Callable[[], bool],
) -> None:
    """Backward bounds of every node's unstable units, stage by stage; changes nodes and block in place."""
    first = True
    for number, stage in enumerate(problem.stages[:-1]):
        part = units.part(number)
        if not stage.relu or part.start == part.stop:
            continue
        if first:
            # nothing before it was split, so its bounds cannot change
            first = False
            continue
        low, high = block.lower[:, part], block.upper[:, part]
        owner, unit = np.nonzero((low < 0.0) & (high > 0.0) & (block.phase[:, part] == 0))
        where = units.index[part]
        chunk = max(1, LARGEST_BATCH // max(s.size for s in problem.stages))
        for begin in range(0, len(owner), chunk):
            if stop():
                return
            who, which = owner[begin : begin + chunk], unit[begin : begin + chunk]
            rows = np.zeros((2 * len(who), stage.size))
            rows[np.arange(len(who)), where[which]] = 1.0
            rows[len(who) + np.arange(len(who)), where[which]] = -1.0
            twice = np.concatenate([who, who])
            slopes = plain(problem, nodes, twice, number)
            found = backward(
                problem, reach, nodes, twice, number, rows, np.zeros(len(twice)), slopes
            )
            lower, upper = found.value[: len(who)], -found.value[len(who) :]
            low[who, which] = np.fmax(low[who, which], lower)
            high[who, which] = np.fmin(high[who, which], upper)
        block.lower[:, part], block.upper[:, part] = low, high
        bounds = nodes.bounds[number]
        full_low, full_high = bounds.lower.copy(), bounds.upper.copy()
        full_low[:, where], full_high[:, where] = low, high
        nodes.bounds[number] = Bounds(full_low, full_high)
