"""First-order duals: a valid bound always, a near one soon, and rows that come again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import linprog

from rhobust.compiler.base.arrays import Matrix, Vector
from rhobust.compiler.question.region import InputRegion
from rhobust.lp.restriction.first_order import Duals, heavy


def program(seed: int, size: int, count: int) -> tuple[Vector, Matrix, Vector, InputRegion]:
    """A row of absolute coefficients that sum up to 1, and rows that hold at a ball's center."""
    rng = np.random.default_rng(seed)
    row = rng.normal(size=size)
    rows = rng.normal(size=(count, size)) * (rng.random((count, size)) < 0.4)
    rows /= np.maximum(np.abs(rows).max(axis=1, keepdims=True), 1e-12)
    center = rng.random(size)
    lower = rows @ center - 0.1 * rng.random(count)
    return row / np.abs(row).sum(), rows, lower, InputRegion(center, np.zeros(size), np.ones(size))


def exact(row: Vector, rows: Matrix, lower: Vector, ball: InputRegion, eps: float) -> float:
    bounds = np.column_stack(ball.within(eps).near_box())
    found = linprog(row, A_ub=-rows, b_ub=-lower, bounds=bounds, method="highs")
    assert found.status == 0
    return float(found.fun)


def bound(
    row: Vector, rows: Matrix, lower: Vector, ball: InputRegion, eps: float, y: Vector
) -> float:
    """Least of the Lagrangian over the box."""
    low, high = ball.within(eps).near_box()
    priced = row - y @ rows
    return float(np.where(priced > 0.0, priced * low, priced * high).sum() + y @ lower)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 20), st.floats(0.01, 1.0))
def test_duals_bound_the_optimum(seed: int, size: int, count: int, eps: float) -> None:
    row, rows, lower, ball = program(seed, size, count)
    steps = Duals(row, ball)
    least = exact(row, rows, lower, ball, eps)
    for _ in range(3):
        point, duals = steps.improve(sparse.csr_array(rows), lower, eps)
        assert (duals >= 0.0).all()
        assert bound(row, rows, lower, ball, eps, duals) <= least + 1e-9
        low, high = ball.within(eps).near_box()
        assert ((low - 1e-12 <= point) & (point <= high + 1e-12)).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_thousand_steps_come_near(seed: int) -> None:
    row, rows, lower, ball = program(seed, 40, 60)
    steps, eps = Duals(row, ball), 0.3
    least = exact(row, rows, lower, ball, eps)
    free = bound(row, rows, lower, ball, eps, np.zeros(60))
    for _ in range(10):
        _, duals = steps.improve(sparse.csr_array(rows), lower, eps)
    near = bound(row, rows, lower, ball, eps, duals)
    assert least - near <= 0.03 * (least - free)


def test_rows_may_be_added_and_the_box_may_grow() -> None:
    row, rows, lower, ball = program(0, 10, 12)
    steps = Duals(row, ball)
    for count, eps in ((3, 0.1), (7, 0.1), (12, 0.4)):
        part = sparse.csr_array(rows[:count])
        _, duals = steps.improve(part, lower[:count], eps)
        assert duals.shape == (count,)
        least = exact(row, rows[:count], lower[:count], ball, eps)
        assert bound(row, rows[:count], lower[:count], ball, eps, duals) <= least + 1e-9


def test_heavy_rows() -> None:
    assert heavy(np.array([0.0, 1e-4, 0.5, 1.0])).tolist() == [False, False, True, True]
    assert heavy(np.zeros(2)).tolist() == [False, False]
