"""Optima at which conditions hold with equality, of problems whose leaves are plain LPs."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

import rhobust as rb

PAIRS = ((0, 1), (2, 3), (4, 5), (1, 2), (3, 4))


def best(weight: Any, bias: Any, row: Any) -> float:
    """The largest row @ y, over all choices of which part of each disjunction holds."""
    found = -np.inf
    for choice in itertools.product((0, 1), repeat=len(PAIRS)):
        sides = [
            (weight[i], -3.0 - bias[i]) if first else (-weight[j], bias[j] - 4.0)
            for first, (i, j) in zip(choice, PAIRS, strict=True)
        ]
        upper = np.array([level for _, level in sides])
        matrix = np.array([side for side, _ in sides])
        answer = linprog(-row @ weight, A_ub=matrix, b_ub=upper, bounds=(0.0, 1.0))
        if answer.status == 0:
            found = max(found, float(row @ bias - answer.fun))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_disjunctions_that_are_tight_at_the_optimum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weight, bias = rng.normal(size=(6, 200)), rng.normal(size=6)
    row = np.array([1.0, 0.0, 0.0, 0.0, 0.0, 1.0])
    x = rb.Variable(200, lower=0, upper=1)
    y = weight @ x + bias
    sides = [(y[i] <= -3.0) | (y[j] >= 4.0) for i, j in PAIRS]
    found = rb.Problem(rb.maximize(y[0] + y[5]), sides).solve(timeout=60.0)
    wanted = best(weight, bias, row)
    assert found.status == "optimal", found.reason
    assert found.value <= wanted + 1e-6 and found.bound >= wanted - 1e-6
    assert found.value >= wanted - 2e-4 * abs(wanted)
