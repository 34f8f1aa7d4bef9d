"""The point nearest to 0 in a box that satisfies some rows, by a projected Newton method."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from ...compiler.base.arrays import Matrix, Vector
from ...compiler.base.later import linalg
from ...compiler.base.untrusted import attempt

STEPS = 400
"""Newton steps of one projection."""

SETTLED = 1e-10
"""Largest failure of a row, of coefficients of size 1, at which a projection is done."""

ACCEPTED = 1e-8
"""The same where rounding allows no further step."""

LEAST = 1e-12
"""Damping of a step where nothing speaks against it."""

LIFTS = 6
"""Factorisations of one step, each of a matrix with a larger diagonal."""

Projected: TypeAlias = tuple[str, Vector, Vector, float]


def project(
    rows: Matrix,
    level: Vector,
    low: Vector,
    high: Vector,
    duals: Vector,
    enough: float,
    remaining: Callable[[], float],
) -> Projected:
    """Least |x|^2 / 2 with rows @ x >= level and low <= x <= high: (status, duals, x, bound).

    rows (M, D); duals (M,) is where to start.  status: settled, enough (the bound, a lower one
    at any moment, exceeds `enough`; so it ends where no point exists), stopped or failed.

    The dual is max over y >= 0 of min over the box of |x|^2 / 2 - y @ (rows @ x - level), whose
    inner minimiser is rows.T @ y clipped: concave, piecewise quadratic and smooth. Bertsekas 1982.
    """
    failed = "failed", duals, np.clip(np.zeros(len(low)), low, high), -np.inf
    return attempt(lambda: _project(rows, level, low, high, duals, enough, remaining), failed)


def _project(
    rows: Matrix,
    level: Vector,
    low: Vector,
    high: Vector,
    duals: Vector,
    enough: float,
    remaining: Callable[[], float],
) -> Projected:
    point, value = _inner(rows, level, low, high, duals)
    damping = LEAST
    for _ in range(STEPS):
        if value > enough:
            return "enough", duals, point, value
        if not remaining() > 0.0:
            return "stopped", duals, point, value
        slope = level - rows @ point
        moving = (duals > 0.0) | (slope > 0.0)
        worst = float(np.abs(slope[moving]).max(initial=0.0))
        if worst <= SETTLED:
            return "settled", duals, point, value
        pull = rows.T @ duals
        gram = rows[np.ix_(moving, (pull > low) & (pull < high))]
        gram = gram @ gram.T
        while True:
            step = _newton(gram, slope[moving], damping)
            if step is None:
                return "failed", duals, point, value
            tried = duals.copy()
            tried[moving] += step
            tried = np.maximum(tried, 0.0)
            following, reached = _inner(rows, level, low, high, tried)
            gain = reached - value
            if gain > 0.0 and gain >= 1e-4 * float(slope @ (tried - duals)):
                break
            damping *= 30.0
            if damping > 1e12:
                return ("settled" if worst <= ACCEPTED else "failed"), duals, point, value
        damping = max(damping / 100.0, LEAST)
        duals, point, value = tried, following, reached
    return "failed", duals, point, value


def _inner(
    rows: Matrix, level: Vector, low: Vector, high: Vector, duals: Vector
) -> tuple[Vector, float]:
    pull = rows.T @ duals
    point = np.clip(pull, low, high)
    return point, float(0.5 * point @ point - pull @ point + duals @ level)


def _newton(gram: Matrix, slope: Vector, damping: float) -> Vector | None:
    """The Newton step of the quadratic piece; much damping makes it a short step up the slope.

    None of numbers too large for one.
    """
    damped = gram + damping * np.eye(len(slope))
    for _ in range(LIFTS):
        if not (np.isfinite(damped).all() and np.isfinite(slope).all()):
            return None
        try:
            step: Vector = linalg.cho_solve(linalg.cho_factor(damped, check_finite=False), slope)
        except linalg.LinAlgError:
            damped = damped + (1e-10 * float(np.trace(damped))) * np.eye(len(slope))
        else:
            return step if np.isfinite(step).all() else None
    return None
