"""Functions that jump are disjunctions that the search branches on."""

from __future__ import annotations

import numpy as np
import pytest

import rhobust as rb
from rhobust.compiler.base.arrays import Matrix, Vector
from rhobust.compiler.base.errors import LanguageError
from rhobust.compiler.steps import disjunctions as cases

GRID = np.stack(np.meshgrid(*[np.linspace(-1, 1, 401)] * 2), axis=-1).reshape(-1, 2)


def drawn(seed: int) -> tuple[Matrix, Vector, Matrix, float]:
    rng = np.random.default_rng([seed, 5])
    weight, bias = rng.integers(-2, 3, (5, 2)).astype(float), rng.normal(size=5).round(1)
    return weight, bias, rng.integers(-2, 3, (1, 5)).astype(float), rng.integers(-4, 5) + 0.5


@pytest.mark.parametrize("seed", range(12))
def test_sums_of_signs_are_decided_as_on_a_fine_grid(seed: int) -> None:
    weight, bias, last, level = drawn(seed)
    x = rb.Variable(2, -1, 1, "x")
    solution = rb.Problem([last @ rb.sign_of(weight @ x + bias) >= level]).solve()
    found = (np.sign(GRID @ weight.T + bias) @ last.T >= level).any()
    assert solution.status == ("sat" if found else "unsat")
    if found:
        assert x.value is not None
        assert last @ np.sign(weight @ x.value + bias) >= level


def test_a_step_counts_its_edge_as_beyond() -> None:
    x = rb.Variable(1, -1, 1, "x")
    y = rb.step(x - 0.5)
    assert rb.Problem([y >= 1.0, x <= 0.5]).solve().status == "sat"
    assert rb.Problem([y >= 1.0, x <= 0.25]).solve().status == "unsat"
    assert rb.Problem([y <= 0.0, x >= 0.75]).solve().status == "unsat"


def test_too_many_units_that_jump_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    x = rb.Variable(2, -1, 1, "x")
    problem = rb.Problem([rb.sign_of(np.ones((9, 2)) @ x).sum() >= 1])
    monkeypatch.setattr(cases, "LARGEST", 91)
    problem.compile()  # 10 relations a unit, and the comparison
    monkeypatch.setattr(cases, "LARGEST", 90)
    with pytest.raises(LanguageError, match="layer that jumps, such as Sign, has 10"):
        problem.compile()
