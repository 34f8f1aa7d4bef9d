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
from .crown import Multipliers, Nodes, Pass, crown
from .magnitudes import Magnitudes

ZERO = np.zeros(1, dtype=np.int64)
NO_GAP = np.empty(0)
INSET = 1e-9
"""Of an output's size: what `inner_point` leaves to the conditions. LPs miss a row by about 1e-9 of
its size, and an objective that is known within 1e-6 is known."""


@dataclass(slots=True)
class LeafResult:
    """value: the proven bound from the duals (inf for an empty node); point: the LP's own, if any.

    gap (U,): how far each unit's post-activation in the LP's point lies from the true one; 0 where
    the LP has no freedom.
    found: the pass with the duals, from which a least distance can be told; gamma (A,) and
    multipliers: its atoms' weights and its slopes.
    """

    value: float
    point: Vector | None
    gap: Vector
    status: str
    found: Pass | None = None
    gamma: Vector | None = None
    multipliers: Multipliers | None = None


def solve_leaf(
    problem: Problem,
    magnitudes: Magnitudes,
    nodes: Nodes,
    atoms: Indices,
    oracle: Oracle,
    remaining: Callable[[], float],
) -> LeafResult:
    """Bound of the only node of `nodes`, where `atoms` must hold, by its LP."""
    node = nodes.view()
    relaxation = Relaxation(problem, node, oracle)
    if applies(relaxation):
        answer, duals = nearest(relaxation, atoms, remaining())
    else:
        answer, duals = relaxation.least(atoms, problem.objective, remaining())
    empty = answer.status == "infeasible"
    if empty:
        answer, duals = relaxation.emptiness(atoms[atoms != problem.objective], remaining())
    if not answer.optimal:
        return LeafResult(-np.inf, None, NO_GAP, answer.status)
    row = duals.atoms
    alpha, beta = from_duals(problem, node, row, duals)
    multipliers = Multipliers([a[None] for a in alpha], [b[None] for b in beta])
    last = len(problem.stages) - 1
    found = crown(
        problem, magnitudes, nodes, ZERO, last, row[None].copy(), np.zeros(1), multipliers
    )
    value = float(found.value[0])
    if empty:
        # 0 >= value > 0 for every input of the node: there is none
        value = np.inf if value > 0.0 else -np.inf
        return LeafResult(value, None, NO_GAP, "infeasible", found, row, multipliers)
    point = np.clip(answer.point[: problem.input_size], node.lower, node.upper)
    gap = _gap(problem, relaxation, answer.point)
    return LeafResult(value, point, gap, "optimal", found, row, multipliers)


def inner_point(
    problem: Problem,
    nodes: Nodes,
    atoms: Indices,
    oracle: Oracle,
    remaining: Callable[[], float],
) -> Vector | None:
    """A point (D,) of the only node of `nodes` that is nearly the best, and inside the conditions.

    At the best one some hold with equality, but for rounding errors, which a candidate's exact
    evaluation does not forgive.
    """
    node = nodes.view()
    relaxation = Relaxation(problem, node, oracle)
    answer, _ = relaxation.least(atoms, problem.objective, remaining(), INSET)
    if not answer.optimal:
        return None
    return np.clip(answer.point[: problem.input_size], node.lower, node.upper)


def _gap(problem: Problem, relaxation: Relaxation, point: Vector) -> Vector:
    """|relaxed - true post-activation| of every unit at the LP's point, (U,)."""
    values = problem.values(point[None, : problem.input_size])
    gaps = [NO_GAP]
    for number, free in enumerate(relaxation.unstable):
        first = int(relaxation.first_column[number])
        gap = np.zeros(problem.stages[number].size)
        gap[free] = np.abs(point[first : first + len(free)] - values[number + 1][0, free])
        gaps.append(gap)
    return np.concatenate(gaps)
