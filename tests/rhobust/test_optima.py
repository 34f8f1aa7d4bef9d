"""Optima that an earlier release got wrong: stages that nobody reads beside an objective."""

from __future__ import annotations

import numpy as np
import pytest

import rhobust as rb


def test_an_output_weight_of_zero_leaves_the_optimum() -> None:
    """The second layer's first unit has weight 0; the maximum is 2.7173 at (1/11, 1)."""
    first = np.array([[-1.25, -1.125], [1.375, 0.25], [1.375, 1.5]])
    second = np.array([[0, 1.25, 0.125], [0.125, -0.625, -0.25]])
    row = np.array([[-0.875, 1.25, 1.25, -1.25, 1.375, 0.0, 0.125]])
    x = rb.Variable(2, -1, 1)
    h = rb.relu(first @ x + np.array([-0.625, -0.375, -0.5]))
    g = rb.relu(second @ h + np.array([0, -1.25]))
    objective = row[:, :2] @ x + row[:, 2:5] @ h + row[:, 5:] @ g
    found = rb.Problem(rb.maximize(objective)).solve(timeout=60)
    assert found.status == "optimal"
    assert found.bound >= 2.71732 and found.value == pytest.approx(2.71733, abs=1e-3)


@pytest.mark.parametrize("seed", [1, 4, 6, 13, 21])
def test_an_idle_network_leaves_the_optimum(seed: int) -> None:
    rng = np.random.default_rng(seed)

    def drawn(*shape: int) -> np.ndarray:
        return np.round(rng.normal(size=shape), 1)

    weight, idle, out = drawn(4, 3), drawn(4, 3), drawn(4)
    bias, level, side, most = drawn(4), drawn(4), drawn(3), float(drawn(1)[0])
    values = []
    for with_idle in (False, True):
        x = rb.Variable(3, -1, 1)
        objective = out @ rb.relu(weight @ x + bias)
        if with_idle:
            objective = objective + 0.0 * rb.relu(idle @ x + level).sum()
        found = rb.Problem(rb.maximize(objective), [side @ x <= most]).solve(timeout=60)
        values.append((found.status, found.value))
    assert values[0][0] == values[1][0]
    assert values[0][1] == pytest.approx(values[1][1], rel=1e-3, abs=1e-3, nan_ok=True)
