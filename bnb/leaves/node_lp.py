"""LPs at single nodes: exact where nothing is unstable, and a source of multipliers and points
elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...compiler.base.arrays import Indices, Vector
from ...compiler.problem import Problem
from ...lp.oracle.highs import Oracle
from ...lp.relaxation.duals_to_slopes import from_duals
from ...lp.relaxation.l2_projection import applies, nearest
from ...lp.relaxation.node_lp import Relaxation
from ..bounds.crown import Multipliers, Nodes, Pass, crown
from ..bounds.magnitudes import Reach
from ..nodes.batch import Units, view

ZERO = np.zeros(1, dtype=np.int64)


@dataclass(slots=True)
class LeafResult:
    """value: the proven bound from the duals (inf for an empty node); point: the LP's own, if any.

    violated: the unit whose relaxation the point uses most, -1 when it uses none.
    found: the pass with the duals, from which a least distance can be told; gamma (A,) and
    multipliers: its atoms' weights and its slopes.
    """

    value: float
    point: Vector | None
    violated: int
    status: str
    found: Pass | None = None
    gamma: Vector | None = None
    multipliers: Multipliers | None = None


def solve_leaf(
    problem: Problem,
    reach: Reach,
    units: Units,
    nodes: Nodes,
    atoms: Indices,
    oracle: Oracle,
    remaining: Callable[[], float],
) -> LeafResult:
    """Bound of the only node of `nodes`, where `atoms` must hold, by its LP."""
    node = view(nodes)
    relaxation = Relaxation(problem, node, oracle)
    if applies(relaxation):
        answer, duals = nearest(relaxation, atoms, remaining())
    else:
        answer, duals = relaxation.least(atoms, problem.objective, remaining())
    empty = answer.status == "infeasible"
    if empty:
        answer, duals = relaxation.emptiness(atoms[atoms != problem.objective], remaining())
    if not answer.optimal:
        return LeafResult(-np.inf, None, -1, answer.status)
    row = duals.atoms
    alpha, beta = from_duals(problem, node, row, duals)
    multipliers = Multipliers([a[None] for a in alpha], [b[None] for b in beta])
    last = len(problem.stages) - 1
    found = crown(problem, reach, nodes, ZERO, last, row[None].copy(), np.zeros(1), multipliers)
    value = float(found.value[0])
    if empty:
        # 0 >= value > 0 for every input of the node: there is none
        value = np.inf if value > 0.0 else -np.inf
        return LeafResult(value, None, -1, "infeasible", found, row, multipliers)
    point = np.clip(answer.point[: problem.input_size], node.lower, node.upper)
    violated = _violated(problem, units, relaxation, answer.point)
    return LeafResult(value, point, violated, "optimal", found, row, multipliers)


def _violated(problem: Problem, units: Units, relaxation: Relaxation, point: Vector) -> int:
    """The free unit whose relaxed post-activation lies farthest from the true one at the LP's
    point.
    """
    values = problem.values(point[None, : problem.input_size])
    best, worst = -1, 1e-9
    for number, free in enumerate(relaxation.unstable):
        if not len(free):
            continue
        first = int(relaxation.first_column[number])
        gap = np.abs(point[first : first + len(free)] - values[number + 1][0, free])
        k = int(np.argmax(gap))
        if gap[k] > worst:
            best, worst = units.first[number] + int(free[k]), float(gap[k])
    return best
