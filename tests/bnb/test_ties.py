"""Networks that end in activations: relu(a) <= relu(b) holds on its own where a <= 0."""

from __future__ import annotations

import numpy as np
import pytest

import rhobust as rb
from rhobust.bnb.settings import Settings
from rhobust.compiler.importers.plain import dense_network

SPLITS = Settings(boxes=False)  # splits of units alone


def layers(rng: np.random.Generator, shift: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """4-12-8-2; the first output plus `shift`, the second far below 0."""
    sizes = [4, 12, 8, 2]
    found = [
        (rng.normal(size=(b, a)), rng.normal(size=b))
        for a, b in zip(sizes[:-1], sizes[1:], strict=True)
    ]
    found[-1][0][1] = 0.1 * rng.normal(size=8)
    found[-1][1][:] = shift, -50.0
    return found


def least(seed: int) -> float:
    """Of the first output over the unit box, without a shift."""
    x = rb.Variable(4, lower=0, upper=1)
    y = dense_network(layers(np.random.default_rng(seed), 0.0))(x)
    return rb.Problem(rb.minimize(y[0]), []).solve(timeout=600).value


def status(seed: int, shift: float) -> tuple[str, int]:
    x = rb.Variable(4, lower=0, upper=1)
    y = rb.relu(dense_network(layers(np.random.default_rng(seed), shift))(x))
    solution = rb.Problem(None, [y[0] <= y[1]]).solve(timeout=600, settings=SPLITS)
    return solution.status, solution.statistics.lps


@pytest.mark.parametrize("seed", range(6))
def test_a_tie_is_refuted_where_the_first_output_stays_above_0(seed: int) -> None:
    bottom = least(seed)
    assert status(seed, -bottom + 0.01)[0] == "unsat"
    assert status(seed, -bottom - 0.01)[0] == "sat"


def test_branching_refutes_it_and_not_programs_of_all_units() -> None:
    counts = [status(seed, -least(seed) + 0.01)[1] for seed in range(6)]
    # 20 where no multiplier is held
    assert sum(counts) <= 5
