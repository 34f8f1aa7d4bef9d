"""What the plain bounds of a region say on their own: the cheapest proof there is."""

from __future__ import annotations

import numpy as np

from ...compiler.base.arrays import Bounds, Vector
from ...compiler.base.late import Stop
from ...compiler.problem import Problem
from ..bounds.crown import Nodes, Pass, crown, heuristic_slopes
from ..bounds.magnitudes import Magnitudes
from ..bounds.region_bounds import root_bounds
from ..nodes.disjunctions import Tree


def plain_pass(problem: Problem, magnitudes: Magnitudes, root: Nodes) -> Pass:
    """Every atom's bound with the heuristic slopes."""
    owner = np.zeros(len(problem.offset), dtype=np.int64)
    last = len(problem.stages) - 1
    slopes = heuristic_slopes(problem, root, owner, last)
    return crown(problem, magnitudes, root, owner, last, problem.rows, problem.offset, slopes)


def plainly_closed(problem: Problem, box: Bounds, stop: Stop) -> bool:
    """Whether plain bounds prove that nothing in the box (1, D) satisfies the root branch.

    stop: asked on the way; where it says so, nothing is proven.
    """
    value = plain_bounds(problem, box, stop)
    if value is None:
        return False
    return Tree(problem.root, problem.choices, len(value)).without(value > 0.0) is None


def plain_bounds(problem: Problem, box: Bounds, stop: Stop) -> Vector | None:
    """Rigorous lower bounds (A,) of every atom over the box (1, D) and the problem's ball.

    stop: asked on the way; where it says so, nothing is known.
    """
    with np.errstate(all="ignore"):
        found = root_bounds(problem, box, stop)
        if found is None:
            return None
        root, magnitudes = found
        return plain_pass(problem, magnitudes, root).value
