"""Substituting stable units away: a problem in the input and the unstable units alone.

On a region a unit that is active equals its pre-activation and one that is inactive equals 0, so
both are affine in the input and the unstable units before them. What is left is a small dense
problem, whatever the layers were. The substituted coefficients are rounded; how far a row can be
off is a rigorous number and becomes the stage's `bias_radius`, so bounds on the reduced problem are
bounds on the original.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...compiler.base.arrays import Bounds, Indices, Matrix, Vector
from ...compiler.base.late import Stop, in_time, never
from ...compiler.base.later import sparse
from ...compiler.base.rounding import TINY
from ...compiler.language.expressions import Offset
from ...compiler.operators import Dense, LinearOperator, Sparse, identity
from ...compiler.problem import Problem, Stage
from ..bounds.crown import Nodes
from ..bounds.magnitudes import Magnitudes
from ..bounds.region_bounds import LARGEST_BATCH
from ..bounds.sparse_crown import local_rows
from ..nodes.disjunctions import Tree

SMALL, THIN = 20_000, 0.1
"""Coefficients from which rows with no more than a share of nonzeros are kept sparse."""


@dataclass(frozen=True, slots=True)
class Expanded:
    """rows @ pre = input @ x + sum of units[i] @ post_i[unstable] + constant, up to `radius`."""

    input: Matrix | sparse.csr_array
    units: Sequence[Matrix | sparse.csr_array]
    constant: Vector
    radius: Vector


def unstable_units(problem: Problem, nodes: Nodes) -> list[Indices]:
    """Per stage the units that are unstable on the whole region."""
    found = []
    for stage, bounds in zip(problem.stages, nodes.bounds, strict=True):
        open_phase = (bounds.lower[0] < 0.0) & (bounds.upper[0] > 0.0)
        found.append(np.flatnonzero(open_phase) if stage.relu else np.empty(0, dtype=np.int64))
    return found


def expand(
    problem: Problem,
    magnitudes: Magnitudes,
    nodes: Nodes,
    unstable: list[Indices],
    start: int,
    rows: Matrix,
) -> Expanded:
    """Rows on stage `start` (Q, N_start) with all stable units of node 0 substituted."""
    count = len(rows)
    units = [np.zeros((count, len(found))) for found in unstable[:start]]
    constant, size, extra = np.zeros(count), np.zeros(count), np.zeros(count)

    def meet(number: int, lam: Matrix | None) -> Matrix | None:
        nonlocal constant, size, extra
        if lam is None:
            return None
        stage, mu = problem.stages[number], lam
        if number < start and stage.relu:
            units[number] = lam[:, unstable[number]]
            mu = lam * (nodes.bounds[number].lower[0] >= 0.0)
        constant = constant + mu @ stage.bias
        size = size + np.abs(mu) @ magnitudes.stages[number]
        extra = extra + np.abs(mu) @ stage.bias_radius
        return mu

    top = problem.pull_back(start, rows, meet)
    radius = (magnitudes.factor * size + extra) * (1.0 + 1e-9) + TINY
    return Expanded(top, units, constant, radius)


def reduce(
    problem: Problem,
    magnitudes: Magnitudes,
    nodes: Nodes,
    tree: Tree,
    atoms: Indices,
    stop: Stop = never,
) -> tuple[Problem, Nodes, Magnitudes]:
    """The reduced problem, its bounds on the region (one node), and its magnitudes.

    Only `atoms` are kept, with the tree over them; the output of the reduced problem is their
    values, one number each.  Raises Late once `stop` says so.
    """
    unstable = unstable_units(problem, nodes)
    stages: list[Stage] = []
    places: dict[int, int] = {}
    bounds: list[Bounds] = []
    last = len(problem.stages) - 1
    for number, units in enumerate(unstable[:last]):
        if not len(units):
            continue
        in_time(stop)
        found = _rows_of_units(problem, magnitudes, nodes, unstable, number, units, stop)
        name = problem.stages[number].name
        stages.append(_stage(found, places, True, name))
        places[number] = len(stages)
        old = nodes.bounds[number]
        bounds.append(Bounds(old.lower[:, units].copy(), old.upper[:, units].copy()))
    offset = problem.offset[atoms]
    found = expand(problem, magnitudes, nodes, unstable, last, problem.rows[atoms])
    found.constant[:] += offset
    found.radius[:] += 2.0**-52 * (np.abs(found.constant) + np.abs(offset))
    stages.append(_stage(found, places, False, "atoms"))
    count = len(atoms)
    wide = np.full((1, count), np.inf)
    bounds.append(Bounds(-wide, wide))
    objective = None
    if problem.objective is not None:
        objective = int(np.flatnonzero(atoms == problem.objective)[0])
    reduced = Problem(
        problem.lower, problem.upper, tuple(stages), np.eye(count), np.zeros(count),
        problem.strict[atoms], tree.root, tree.choices, problem.ball, objective,
    )  # fmt: skip
    small = Nodes(nodes.box, bounds, [np.zeros((1, s.size), dtype=np.int8) for s in stages])
    return reduced, small, magnitudes_of(reduced, small, stop)


def magnitudes_of(problem: Problem, nodes: Nodes, stop: Stop = never) -> Magnitudes:
    """The magnitudes of a problem whose bounds are known.  Raises Late."""
    magnitudes = Magnitudes.over(problem, nodes.box)
    for stage, bounds in zip(problem.stages, nodes.bounds, strict=True):
        in_time(stop)
        magnitudes.add_stage(problem)
        magnitudes.add_bounds(bounds, stage.relu)
    return magnitudes


def _rows_of_units(
    problem: Problem,
    magnitudes: Magnitudes,
    nodes: Nodes,
    unstable: list[Indices],
    number: int,
    units: Indices,
    stop: Stop,
) -> Expanded:
    local = local_rows(problem, magnitudes, nodes, unstable, number, units, stop)
    if local is not None:
        return Expanded(local.input, list(local.units), local.constant, local.radius)
    width = max([problem.input_size, *(s.size for s in problem.stages[: number + 1])])
    chunk = max(1, LARGEST_BATCH // width)
    parts: list[Expanded] = []
    for begin in range(0, len(units), chunk):
        in_time(stop)
        part = units[begin : begin + chunk]
        rows = np.zeros((len(part), problem.stages[number].size))
        rows[np.arange(len(part)), part] = 1.0
        parts.append(expand(problem, magnitudes, nodes, unstable, number, rows))
    return Expanded(
        np.concatenate([p.input for p in parts]),
        [np.concatenate(group) for group in zip(*(p.units for p in parts), strict=True)],
        np.concatenate([p.constant for p in parts]),
        np.concatenate([p.radius for p in parts]),
    )


def _operator(matrix: Matrix | sparse.csr_array) -> LinearOperator:
    """Rows as they are cheapest to multiply with; without terms where all are 0."""
    size = matrix.shape[0] * matrix.shape[1]
    count = int(np.count_nonzero(matrix)) if isinstance(matrix, np.ndarray) else matrix.nnz
    if count == 0 or (size >= SMALL and count <= THIN * size):
        found = sparse.csr_array(matrix)
        found.eliminate_zeros()
        return Sparse(found)
    full = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
    return Dense(np.ascontiguousarray(full))


def _stage(found: Expanded, places: dict[int, int], relu: bool, name: str) -> Stage:
    terms = [(_operator(found.input), 0)]
    for number, place in places.items():
        operator = _operator(found.units[number])
        if operator.terms:
            terms.append((operator, place))
    whole = Offset(1.0, identity(len(found.constant)), found.constant)
    return Stage(tuple(terms), (whole,), found.constant, found.radius, relu, name)
