"""The least Euclidean norm: by bisection on the radius of a ball."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from .bnb.search import Settings
from .clock import Deadline
from .compiler.arrays import Vector
from .compiler.errors import LanguageError
from .compiler.evaluator import value
from .compiler.language import Affine, Ball, Variable
from .decide import Progress
from .formulation import Problem, Solution, largest
from .goal import Goal

Values = dict[Variable, tuple[Vector | None, tuple[Fraction, ...] | None]]


def least_distance(
    source: Problem,
    affine: Affine,
    deadline: Deadline,
    stops: tuple[float | None, float | None],
    gap: float,
    settings: Settings,
    seed: int,
    progress: Progress,
) -> Solution:
    """The least norm of `affine`, elements of one input, under the problem's formulas."""
    goal = Goal.of(1.0, stops, gap)
    whole = float(np.sqrt((largest(affine) ** 2).sum()) * (1.0 + 1e-9))
    if not np.isfinite(whole):
        raise LanguageError("the least norm2 needs bounds of its variables: give them to Variable")
    if goal.bad > whole:
        goal = replace(goal, bad=np.inf)
    radius, low, best = min(whole, goal.bad), 0.0, np.inf
    values: Values = {}
    nodes = lps = 0
    while True:
        ball = Problem(None, [*source.formulas, Ball(affine, "l2", radius)])
        told = ball.solve(max(deadline.remaining(), 1e-3), settings=settings, seed=seed,
                          progress=progress)  # fmt: skip
        nodes, lps = nodes + told.statistics.nodes, lps + told.statistics.lps
        if told.status == "sat":
            best = min(radius, _norm(affine))
            values = {name: (name.value, name.exact) for name in ball.compile().named}
        elif told.status == "unsat":
            low = radius
        else:
            break
        found = best < np.inf
        if not found or goal.reached(best) or low >= best - goal.slack(best) or low >= goal.bad:
            break
        if deadline.stop():
            told = replace(told, reason="timeout")
            break
        radius = low + 0.5 * (best - low)
    for name, known in values.items():
        name.value, name.exact = known
    found = best < np.inf
    closed = told.status == "unsat" and (not found or low >= goal.bad)
    proven = np.inf if closed and not found and goal.bad == np.inf else low
    answer = goal.answer(found, best, proven, closed, told.reason)
    counts = replace(told.statistics, nodes=nodes, lps=lps)
    return Solution(*answer, deadline.spent(), counts)


def _norm(affine: Affine) -> float:
    """The norm at the solution that the variables have, rounded up."""
    given = {}
    for term in affine.terms:
        known = term.variable.exact
        assert known is not None
        given[term.variable] = np.array(known, dtype=object)
    total = sum((v * v for v in value(affine, given)), Fraction(0))
    near = float(np.sqrt(float(total)))
    while Fraction(near) ** 2 < total:
        near = float(np.nextafter(near, np.inf))
    return near
