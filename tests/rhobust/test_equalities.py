"""Equalities on outputs hold over the reals; what runtimes give differs by their rounding."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import rhobust as rb
from rhobust.bnb.search import Settings
from rhobust.compiler.base.arrays import exact
from rhobust.compiler.importers.plain import dense_network
from rhobust.compiler.network.graph import Network
from rhobust.witness.equalities import solved

SINGLE = dense_network([(np.array([[0.3, 0.7]], np.float32), np.zeros(1))])


def deep(seed: int, outputs: int = 3) -> Network:
    rng = np.random.default_rng(seed)
    sizes = [4, 8, 6, outputs]
    return dense_network(
        [
            (rng.normal(size=(n, m)).astype(np.float32), rng.normal(size=n).astype(np.float32))
            for m, n in zip(sizes[:-1], sizes[1:], strict=True)
        ]
    )


def outputs(network: Network, x: rb.Variable) -> list[Fraction]:
    """The exact outputs at the exact solution."""
    assert x.exact is not None
    inside = zip(x.exact, x.lower.tolist(), x.upper.tolist(), strict=True)
    assert all(Fraction(low) <= value <= Fraction(high) for value, low, high in inside)
    found: list[Fraction] = network.forward(np.array([x.exact], dtype=object))[0].tolist()
    return found


@pytest.mark.parametrize("number", [0.55, 0.5, -1.25, 0.1])
def test_an_output_is_tied_to_a_number(number: float) -> None:
    x = rb.Variable(2, -2, 2, "x")
    solution = rb.Problem([SINGLE(x)[0] == number]).solve(timeout=600)
    assert solution.status == "sat" and outputs(SINGLE, x) == [Fraction(number)]
    assert x.exact is not None and x.value is not None
    replay = SINGLE.run(np.array([x.exact], dtype=np.float64))[0, 0]
    assert solution.replayed < 1e-6 and abs(replay - number) <= solution.replayed


def test_numbers_beyond_all_outputs_are_unsat() -> None:
    x = rb.Variable(2, -2, 2, "x")
    y = SINGLE(x)[0]
    for formulas in ([y == 2.5], [y == 0.5, y == 0.25], [y == 0.5, x <= 0.25], [y == x.sum() + 9]):
        assert rb.Problem(formulas).solve(timeout=600).status == "unsat"


@pytest.mark.parametrize("seed", range(4))
def test_behind_rectifiers(seed: int) -> None:
    network = deep(seed)
    values = network.forward(np.random.default_rng(seed).uniform(-1, 1, (1, 4)))[0]
    x = rb.Variable(4, -1, 1, "x")
    y: Any = network(x)
    first, second = (float(round(v, 3)) for v in values[:2])
    solution = rb.Problem([y[0] == first]).solve(timeout=600)
    assert solution.status == "sat" and outputs(network, x)[0] == Fraction(first)
    both = [y[0] == first, y[1] == second]
    if rb.Problem(both).solve(timeout=600).status == "sat":
        assert outputs(network, x)[:2] == [Fraction(first), Fraction(second)]
    same = rb.Problem([y[0] == y[1]]).solve(timeout=600)
    if same.status == "sat":
        assert outputs(network, x)[0] == outputs(network, x)[1]
    assert same.status in ("sat", "unsat")


def test_with_equalities_of_inputs_and_an_objective() -> None:
    x = rb.Variable(2, -2, 2, "x")
    y = SINGLE(x)[0]
    solution = rb.Problem([y == 0.3, x.sum() == 0.1]).solve(timeout=600)
    assert solution.status == "sat" and outputs(SINGLE, x) == [Fraction(0.3)]
    assert x.exact is not None and sum(x.exact) == Fraction(0.1)
    # x0 is largest where x1 is least: 0.3 x0 = 0.55 - 0.7 x1, so x0 = 2
    best = rb.Problem(rb.maximize(x[0]), [y == 0.55]).solve(timeout=600)
    assert best.status == "optimal" and abs(best.value - 2.0) < 1e-3
    assert outputs(SINGLE, x) == [Fraction(0.55)] and best.replayed < 1e-6


def test_with_many_inputs_that_equations_fix() -> None:
    digits = rb.load("digits")
    x = rb.Variable(64, 0, 1, "x")
    fixed = np.linspace(0, 1, 40)
    solution = rb.Problem([x[:40] == fixed, digits(x)[3] - digits(x)[5] == 0.5]).solve(timeout=600)
    assert solution.status == "sat" and x.exact is not None
    assert list(x.exact[:40]) == [Fraction(v) for v in fixed.tolist()]
    y = outputs(digits, x)
    assert y[3] - y[5] == Fraction(0.5)


def test_in_a_disjunction() -> None:
    x = rb.Variable(2, -2, 2, "x")
    y = SINGLE(x)[0]
    solution = rb.Problem([rb.Or(y == 5.0, y == 0.7), x[0] <= 0.5]).solve(timeout=600)
    assert solution.status == "sat" and outputs(SINGLE, x) == [Fraction(0.7)]
    boxes = rb.Or(rb.And(x <= -1, y == 0.7), rb.And(x >= 0.25, y == 0.7))
    solution = rb.Problem([boxes]).solve(timeout=600)
    assert solution.status == "sat" and outputs(SINGLE, x) == [Fraction(0.7)]
    assert solution.replayed < 1e-6


def test_other_formulas_still_hold_as_computed() -> None:
    x = rb.Variable(2, -2, 2, "x")
    y = SINGLE(x)[0]
    # an equation as two relations is asked of the runtime, too
    twice = rb.Problem([y <= 0.55, y >= 0.55]).solve(timeout=600, settings=Settings(nodes=200))
    assert twice.status in ("sat", "unknown") and twice.replayed == 0.0
    if twice.status == "sat":
        assert x.value is not None and SINGLE.run(x.value[None])[0, 0] == 0.55


def test_the_digits() -> None:
    digits = rb.load("digits")
    x = rb.Variable(64, 0, 1, "x")
    solution = rb.Problem([digits(x)[3] == 1.0]).solve(timeout=600)
    assert solution.status == "sat" and outputs(digits, x)[3] == 1
    assert solution.replayed < 1e-5


def test_square_systems_in_rationals() -> None:
    rng = np.random.default_rng(0)
    for size in (1, 2, 5):
        matrix = exact(rng.integers(-9, 10, (size, size)) / 7.0)
        right = exact(rng.normal(size=size))
        found = solved(matrix.tolist(), right.tolist())
        assert found is not None and (matrix @ np.array(found) == right).all()
    assert (
        solved([[Fraction(1), Fraction(2)], [Fraction(2), Fraction(4)]], [Fraction(1)] * 2) is None
    )
