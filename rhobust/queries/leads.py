"""What the first bounds of a region prove of a label's lead over each rival, and why.

Bounds of all units (intervals, then CROWN, Zhang et al. 2018), and for each rival a linear lower
bound of the lead over the inputs, with slopes raised by some steps (Xu et al. 2021). No node is
split, so what is unproven here is what the search has to work for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..bnb.bounds.crown import Ascent, Nodes, ascend, crown, heuristic_slopes
from ..bnb.bounds.magnitudes import Magnitudes
from ..bnb.bounds.region_bounds import root_bounds
from ..compiler.base.arrays import Matrix, Vector
from ..compiler.base.late import Late, Stop
from ..compiler.problem import Problem

STEPS = 20
"""Steps in which the slopes of the rivals' bounds are raised."""


@dataclass(frozen=True, slots=True)
class Leads:
    """root, magnitudes: as `root_bounds` gives them. bound (A,): proven of each atom over the
    region, in the order of the problem's atoms. coefficients (A, D): of the inputs, in the linear
    bound that gives it.
    """

    root: Nodes
    magnitudes: Magnitudes
    bound: Vector
    coefficients: Matrix


@np.errstate(all="ignore")
def leads(problem: Problem, stop: Stop) -> Leads | None:
    """The first bounds of a problem's atoms; None where the time was up before there were any."""
    box = problem.box
    found = root_bounds(problem, box, stop)
    if found is None:
        return None
    root, magnitudes = found
    count, last = len(problem.offset), len(problem.stages) - 1
    owner = np.zeros(count, dtype=np.int64)
    slopes = heuristic_slopes(problem, root, owner, last)
    best, rows = np.full(count, -np.inf), np.zeros((count, problem.input_size))
    ascent = Ascent(0.2, 0.95)
    try:
        for step in range(STEPS + 1):
            made = crown(
                problem, magnitudes, root, owner, last, problem.rows, problem.offset, slopes,
                keep=True, stop=stop,
            )  # fmt: skip
            better = made.value > best  # never with NaN
            best[better], rows[better] = made.value[better], made.input_rows[better]
            if step < STEPS:
                ascend(problem, root, owner, last, made, slopes, ascent)
    except Late:
        pass
    return Leads(root, magnitudes, best, rows)
