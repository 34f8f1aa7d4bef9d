"""Projected gradient descent on the margin, from many starts at once (Madry et al. 2018).

The directions of earlier steps count, too (Dong et al. 2018): near a vertex of the box, gradients
of a piecewise-linear margin turn about at every step, and their trend does not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..compiler.base.arrays import Bounds, Mask, Matrix, Vector
from ..compiler.base.norms import L1, L2, NormKind
from ..compiler.problem import Ball, Problem
from .balls import BALLS, costliest
from .passes import forward, gradients

MOMENTUM = 0.75
"""The share of the trend that a step keeps."""


def margins_and_gradients(problem: Problem, points: Matrix, asked: Mask) -> tuple[Vector, Matrix]:
    """The largest atom that each point is asked for, (B,), and its gradient by the input (B, D).

    asked (B, A): which atoms of the problem must hold.
    """
    pres, last = forward(problem, points)
    atoms = np.where(asked, last @ problem.rows.T + problem.offset, -np.inf)
    worst = np.argmax(atoms, axis=1)
    margin = atoms[np.arange(len(points)), worst]
    gradient = gradients(problem, pres, problem.rows[worst])
    return margin, gradient


def pgd(
    problem: Problem,
    box: Bounds,
    cases: Mask,
    accept: Callable[[Matrix], bool],
    stop: Callable[[], bool],
    rng: np.random.Generator,
    restarts: int = 4,
    steps: int = 30,
    start: Vector | None = None,
) -> tuple[bool, Matrix]:
    """Whether `accept` took a point, and each case's best point (C, D).

    box (1, D); cases (C, A): the atoms to bring to 0 together.  `start` is each case's first start
    (the box's center by default); the others are uniform in the box.  The step falls from a quarter
    of the width (of a ball: its radius) to a hundredth of that; a point is offered as soon as its
    margin is at most 0.
    """
    low, high = box.lower, box.upper
    count = len(cases)
    asked = np.repeat(cases, restarts, axis=0)
    # uniform() refuses the width -0.0 of an input between 0.0 and -0.0
    points = low + (high - low) * rng.random((count * restarts, low.shape[1]))
    points[::restarts] = np.clip(0.5 * (low + high) if start is None else start[None], low, high)
    points = inside(points, low, high, problem.ball)
    width = high - low
    best = points.copy()
    best_margin = np.full(len(points), np.inf)
    trend = np.zeros_like(points)
    for step in range(steps + 1):
        margin, gradient = margins_and_gradients(problem, points, asked)
        better = margin < best_margin
        best[better], best_margin[better] = points[better], margin[better]
        hits = np.flatnonzero(better & (margin <= 0.0))
        if len(hits):
            order = hits[np.argsort(margin[hits])][:4]
            if accept(points[order]):
                return True, _best_of(best, best_margin, count)
        if stop() or step == steps:
            break
        rate = 0.25 * 0.01 ** (step / steps)
        size = np.abs(gradient).sum(axis=1, keepdims=True)
        trend = MOMENTUM * trend + gradient / np.maximum(size, 1e-300)
        if problem.ball is None:
            points = np.clip(points - rate * width * np.sign(trend), low, high)
        else:
            points = points - rate * steepest(trend, width, problem.ball)
            points = inside(points, low, high, problem.ball)
    return False, _best_of(best, best_margin, count)


def _best_of(points: Matrix, margin: Vector, count: int) -> Matrix:
    pick = np.argmin(margin.reshape(count, -1), axis=1)
    shaped = points.reshape(count, -1, points.shape[1])
    found: Matrix = shaped[np.arange(count), pick]
    return found


def inside(points: Matrix, low: Matrix, high: Matrix, ball: Ball | None) -> Matrix:
    """Points (B, D) of the box, and of the ball where the box holds its center."""
    if ball is not None:
        points = points.copy()
        step = points[:, ball.index] - ball.center
        points[:, ball.index] = ball.center + SHORTER[ball.norm](step, ball.radius)
    return np.clip(points, low, high)


def steepest(gradient: Matrix, width: Matrix, ball: Ball) -> Matrix:
    """Ascent directions (B, D), as long as the ball's radius in its columns."""
    step = width * np.sign(gradient)
    own, size = DIRECTIONS[ball.norm](gradient[:, ball.index])
    step[:, ball.index] = ball.radius * own / np.maximum(size, 1e-300)
    return step


def _costliest(own: Matrix) -> tuple[Matrix, Matrix]:
    few = costliest(own)
    return few, np.abs(few).sum(axis=1, keepdims=True)


def _straight(own: Matrix) -> tuple[Matrix, Matrix]:
    return own, np.sqrt((own * own).sum(axis=1, keepdims=True))


SHORTER: dict[NormKind, Callable[[Matrix, float], Matrix]] = {
    L1: BALLS[L1].shorter, L2: BALLS[L2].shorter,
}  # fmt: skip
"""Steps (B, D), drawn back into a ball of a radius around 0."""
DIRECTIONS: dict[NormKind, Callable[[Matrix], tuple[Matrix, Matrix]]] = {
    L1: _costliest, L2: _straight,
}  # fmt: skip
"""Of gradients (B, D) the directions of a step, and their lengths (B, 1)."""
