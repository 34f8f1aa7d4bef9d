"""The least norm of variables: by bisection on the radius of a ball.

A ball narrows the region, which an objective does not: the search has less to bound.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from ...bnb.search import Settings
from ...clock import Deadline
from ...compiler.base.arrays import Vector
from ...compiler.base.errors import Contradiction, LanguageError
from ...compiler.language.evaluator import value
from ...compiler.language.expressions import Variable
from ...compiler.language.norms import Norm
from ..engine import Progress
from .answer import answered
from .formulation import Formulation, largest
from .goal import Goal
from .solution import Solution

Values = dict[Variable, tuple[Vector | None, tuple[Fraction, ...] | None]]


def least_distance(
    source: Formulation,
    norm: Norm,
    deadline: Deadline,
    stops: tuple[float | None, float | None],
    gap: float,
    settings: Settings,
    seed: int,
    progress: Progress,
) -> Solution:
    """The least norm under the problem's formulas."""
    goal = Goal.of(1.0, stops, gap)
    size = largest(norm.affine)
    whole = norm.kind.length(size) * (1.0 + 1e-9)
    if not np.isfinite(whole):
        raise LanguageError("the least norm needs bounds of its variables: give them to Variable")
    if goal.bad > whole:
        goal = replace(goal, bad=np.inf)
    radius, low, best = min(whole, goal.bad), 0.0, np.inf
    values: Values = {}
    nodes, lps, replayed = 0, 0, 0.0
    while True:
        ball = Formulation(None, [*source.formulas, norm <= radius])
        share = Deadline(deadline.share(), deadline.now)
        told = answered(ball, share, (None, None), gap, settings, seed, progress)
        nodes, lps = nodes + told.statistics.nodes, lps + told.statistics.lps
        if told.status == "sat":
            best, replayed = min(radius, _norm(norm)), told.replayed
            if best < low:
                raise Contradiction(
                    f"a solution of norm {best!r} was found within the radius {low!r}, which was "
                    "proven to hold none"
                )
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
    return Solution(*answer, deadline.spent(), counts, replayed=replayed)


def _norm(norm: Norm) -> float:
    """The norm at the solution that the variables have, rounded up."""
    given = {}
    for term in norm.affine.terms:
        known = term.variable.exact
        assert known is not None
        given[term.variable] = np.array(known, dtype=object)
    return norm.kind.exactly_up(value(norm.affine, given).tolist())
