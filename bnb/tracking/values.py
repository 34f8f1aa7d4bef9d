"""Values of tracked points: exact where the problem is small, enclosures elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...compiler.base.arrays import Bounds, Mask, Numbers, exact
from ...compiler.base.rounding import ceil_float, floor_float
from ...compiler.problem import Branch, Problem
from ..bounds.interval import propagate


@dataclass(slots=True)
class Values:
    """Enclosures of P points: inputs (P, D), pre-activations (P, N) of each stage, atoms (P, A)."""

    input: Bounds
    stages: list[Bounds]
    atoms: Bounds


def lies_inside(problem: Problem, point: Numbers) -> bool:
    """Whether a point lies in the region, exactly."""
    if len(point) != problem.input_size:
        return False
    if not bool(((problem.lower <= point) & (point <= problem.upper)).all()):
        return False
    ends = problem.unrounded()
    if not all(low <= Fraction(point[j]) for j, low in ends.lower.items()):
        return False
    if not all(Fraction(point[j]) <= high for j, high in ends.upper.items()):
        return False
    ball = problem.ball
    if ball is None:
        return True
    own = zip(point[ball.index].tolist(), ball.center.tolist(), strict=True)
    return ball.norm.within([Fraction(x) - Fraction(c) for x, c in own], Fraction(ball.radius))


def values_at(problem: Problem, points: Sequence[Numbers], most_products: float) -> Values:
    inputs = _rounded(points, problem.input_size)
    operators = [operator for stage in problem.stages for operator, _ in stage.terms]
    products = sum(max(1, operator.terms) * operator.out_size for operator in operators)
    rows, offset = problem.rows, problem.offset
    if products > most_products or not points:
        count = len(points)
        # a stage that reads nothing has one row for all
        stages = [
            Bounds(*(np.broadcast_to(b, (count, b.shape[1])) for b in (own.lower, own.upper)))
            for own in propagate(problem, inputs)
        ]
        output = stages[-1].rectified() if problem.stages[-1].relu else stages[-1]
        middle = 0.5 * (output.lower + output.upper)
        radius = np.maximum(output.upper - middle, middle - output.lower)
        size = (np.abs(middle) + radius) @ np.abs(rows).T + np.abs(offset)
        doubt = radius @ np.abs(rows).T + (rows.shape[1] + 8) * 2.0**-50 * size + 1e-290
        center = middle @ rows.T + offset
        return Values(inputs, stages, Bounds(center - doubt, center + doubt))
    known: list[Numbers] = [np.stack([exact(point) for point in points])]
    pres: list[Numbers] = []
    for stage in problem.stages:
        pre = stage.pre(known)
        pres.append(pre)
        known.append(np.where(pre > 0, pre, pre * 0) if stage.relu else pre)
    atoms = exact(np.zeros((len(points), len(offset))))
    weights, level = exact(rows), exact(offset)
    for k in range(len(offset)):
        place = np.flatnonzero(rows[k])
        atoms[:, k] = (known[-1][:, place] * weights[k, place]).sum(axis=1) + level[k]
    return Values(inputs, [_outward(pre) for pre in pres], _outward(atoms))


def _rounded(points: Sequence[Numbers], size: int) -> Bounds:
    if not points:
        return Bounds(np.zeros((0, size)), np.zeros((0, size)))
    if all(point.dtype == np.float64 for point in points):
        return Bounds(np.stack(points), np.stack(points))
    return _outward(np.stack([exact(point) for point in points]))


def _outward(numbers: Numbers) -> Bounds:
    """Floats around exact numbers."""
    low, high = np.empty(numbers.shape), np.empty(numbers.shape)
    for place, number in np.ndenumerate(numbers):
        try:
            low[place], high[place] = floor_float(number), ceil_float(number)
        except OverflowError:
            low[place], high[place] = -np.inf, np.inf
    return Bounds(low, high)


def which_hold(problem: Problem, points: Sequence[Numbers], atoms: Bounds) -> Mask:
    """Which atoms hold at which points for certain, (P, A)."""
    strict = problem.strict
    holds: Mask = np.where(strict, atoms.upper < 0.0, atoms.upper <= 0.0)
    exactly = problem.unrounded().offset
    if exactly:
        # the offset of an atom is rounded down: it may hold in floats and not exactly
        for k, number in exactly.items():
            more = number - Fraction(float(problem.offset[k]))
            total = [ceil_float(Fraction(value) + more) for value in atoms.upper[:, k].tolist()]
            holds[:, k] = np.array(total) < 0.0 if strict[k] else np.array(total) <= 0.0
    return holds


def which_options(problem: Problem, holds: Mask) -> list[list[bool]]:
    """Whether some branch of each choice holds at each point, (P, C)."""
    found: list[list[bool]] = []
    for p in range(len(holds)):
        known: dict[int, bool] = {}

        def choice(number: int, p: int = p, known: dict[int, bool] = known) -> bool:
            if number not in known:
                known[number] = any(
                    holds[p, list(branch.atoms)].all() and all(choice(c) for c in branch.choices)
                    for branch in problem.choices[number]
                )
            return known[number]

        found.append([choice(number) for number in range(len(problem.choices))])
    return found


def is_satisfied(branch: Branch, holds: Mask, options: Sequence[bool]) -> bool:
    return bool(holds[list(branch.atoms)].all()) and all(options[c] for c in branch.choices)
