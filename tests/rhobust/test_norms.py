"""rho and verify in l1 and l2, against all activation patterns of small networks."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize

import rhobust as rb
from rhobust.attacks.pgd import DIRECTIONS, SHORTER
from rhobust.bnb.bounds.crown import LEAST_OVER
from rhobust.bnb.checker import statement
from rhobust.bnb.checker.exact import root as exact
from rhobust.bnb.checker.rounded import ball
from rhobust.compiler.base import norms
from rhobust.compiler.base.arrays import Matrix, Vector
from rhobust.compiler.base.errors import InputError
from rhobust.compiler.importers.plain import dense_network
from rhobust.compiler.problem import Ball
from rhobust.compiler.question.claim import Claim
from rhobust.compiler.question.region import FORMULAS
from rhobust.lp.oracle.ball import SOLVES, solve_within
from rhobust.lp.oracle.highs import Highs, Program
from rhobust.lp.restriction.distance import LEAST, STEPS
from rhobust.lp.restriction.restrict import NEAREST
from rhobust.witness.label import Validator

Layers = list[tuple[Matrix, Vector]]


def random_layers(rng: np.random.Generator) -> Layers:
    sizes = [int(rng.integers(1, 4)), 3, 2, 3]
    return [
        (np.round(rng.normal(size=(b, a)), 2), np.round(rng.normal(size=b), 2))
        for a, b in zip(sizes, sizes[1:], strict=False)
    ]


def regions(layers: Layers) -> list[tuple[Matrix, Vector, Matrix, Vector]]:
    """Of every pattern: rows @ x <= levels where it holds, and the affine output."""
    found = []
    hidden = [len(bias) for _, bias in layers[:-1]]
    for signs in itertools.product([1.0, -1.0], repeat=sum(hidden)):
        matrix, shift = np.eye(layers[0][0].shape[1]), np.zeros(layers[0][0].shape[1])
        rows, levels, left = [], [], list(signs)
        for number, (weight, bias) in enumerate(layers):
            matrix, shift = weight @ matrix, weight @ shift + bias
            if number == len(hidden):
                break
            sign, left = np.array(left[: len(bias)]), left[len(bias) :]
            rows.append(-sign[:, None] * matrix)
            levels.append(sign * shift)
            on = sign > 0
            matrix, shift = matrix * on[:, None], shift * on
        found.append((np.concatenate(rows), np.concatenate(levels), matrix, shift))
    return found


def least(rows: Matrix, levels: Vector, image: Vector, norm: str) -> float:
    """The distance of rows @ x <= levels, 0 <= x <= 1 from the image; inf where that is empty."""
    size = len(image)
    above = np.concatenate([rows, -rows], axis=1)
    bounds = [(0, 1 - v) for v in image] + [(0, v) for v in image]
    found = linprog(np.ones(2 * size), above, levels - rows @ image, bounds=bounds)
    if found.status != 0:
        return np.inf
    if norm == "l1":
        return float(found.fun)
    start = found.x[:size] - found.x[size:]
    limits: Any = [{"type": "ineq", "fun": lambda d: levels - rows @ (image + d)}]
    close = minimize(
        lambda d: d @ d, start, jac=lambda d: 2 * d, constraints=limits, method="SLSQP",
        bounds=[(-v, 1 - v) for v in image], options={"ftol": 1e-15, "maxiter": 300},
    )  # fmt: skip
    return float(np.sqrt(max(close.fun, 0.0)))


def distance(layers: Layers, image: Vector, label: int, norm: str) -> float:
    best = np.inf
    for rows, levels, matrix, shift in regions(layers):
        for target in {0, 1, 2} - {label}:
            row = np.concatenate([rows, (matrix[label] - matrix[target])[None]])
            level = np.append(levels, shift[target] - shift[label])
            best = min(best, least(row, level, image, norm))
    return best


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["l1", "l2"]))
def test_rho_is_that_of_all_patterns(seed: int, norm: str) -> None:
    rng = np.random.default_rng(seed)
    layers = random_layers(rng)
    network, image = dense_network(layers), np.round(rng.random(layers[0][0].shape[1]), 2)
    label = int(np.argmax(network.forward(image[None])[0]))
    truth = distance(layers, image, label, norm)
    found = rb.rho(network, image, label=label, norm=norm, timeout=600)
    if truth == np.inf:
        assert found.lower == np.inf
        return
    assert found.exact or found.upper - found.lower <= 2e-5 * (1.0 + found.upper)
    assert found.lower - 1e-5 <= truth <= found.upper + 1e-5
    assert found.witness is not None
    assert found.witness.distance == found.upper
    if truth > 1e-3:
        below = rb.verify(network, image, 0.99 * found.lower, label=label, norm=norm, timeout=600)
        above = rb.verify(
            network, image, 1.01 * found.upper + 1e-4, label=label, norm=norm, timeout=600
        )
        assert (below.verdict, above.verdict) == ("ROBUST", "NOT_ROBUST")


@pytest.mark.parametrize(("norm", "inside"), [("l1", False), ("l2", False), ("linf", True)])
def test_a_witness_is_in_the_ball(norm: str, inside: bool) -> None:
    """(0.3, 0.3) is 0.3 from the origin in linf only."""
    network = dense_network([([[1.0, 1.0], [0.0, 0.0]], [0.0, 0.1])])
    claim = Claim.make(network, np.zeros(2), 1, norm=norm)
    found = Validator(claim.within(0.3)).check(np.full(2, 0.3))
    assert found is not None or not inside
    if found is not None:
        size = np.linalg.norm(found.point, {"l1": 1, "l2": 2, "linf": np.inf}[norm])
        assert size <= 0.3


def test_hand_computed() -> None:
    """x + y >= 1/2 is 1/2 from the origin in l1, sqrt(1/8) in l2 and 1/4 in linf."""
    network = dense_network([([[1.0, 1.0], [0.0, 0.0]], [0.0, 0.5])])
    for norm, radius in (("l1", 0.5), ("l2", 8**-0.5), ("linf", 0.25)):
        found = rb.rho(network, np.zeros(2), label=1, norm=norm, timeout=600)
        assert found.exact and found.upper == pytest.approx(radius, abs=2e-6)


def test_an_unknown_norm() -> None:
    network = dense_network([([[1.0], [0.0]], [0.0, 0.5])])
    with pytest.raises(InputError, match="supported: linf, l1, l2"):
        rb.rho(network, np.zeros(1), norm="l3")
    with pytest.raises(InputError, match="supported: linf, l1, l2"):
        rb.verify(network, np.zeros(1), 0.1, norm="l3")


def test_every_table_knows_every_norm() -> None:
    for table in (norms.LENGTHS, norms.ROUNDED, norms.POWERS, FORMULAS, LEAST, STEPS, NEAREST):
        assert set(table) == set(norms.NormKind)
    balls = set(norms.NormKind) - {norms.LINF}  # whose ball is a box
    for of_balls in (LEAST_OVER, SOLVES, SHORTER, DIRECTIONS):
        assert set(of_balls) == balls
    for checked in (ball.DUALS, ball.LENGTHS, ball.PRICES, ball.ENDS, exact.DUALS):
        assert set(checked) == balls
    assert set(statement.NORMS) == set(norms.NormKind) and set(statement.POWERS) == balls


def test_a_norm_without_a_rule_is_not_taken_for_another() -> None:
    box = ball.Ball("linf", np.zeros(2), 1.0)
    row = np.ones((1, 2))
    with pytest.raises(KeyError):
        box.least(row, -row, row, np.zeros((1, 2)))
    program = Program(np.ones(2), -np.ones(2), np.ones(2), np.zeros((0, 2)), *[np.empty(0)] * 2)
    with pytest.raises(KeyError):
        solve_within(Highs, program, Ball(norms.LINF, np.arange(2), np.zeros(2), 1.0), 1.0)
