"""Attacks: what they offer lies in the box and satisfies all atoms asked for."""

from __future__ import annotations

import numpy as np
import pytest

import rhobust as rb
from rhobust.attacks.pgd import pgd
from rhobust.attacks.sequential_lp import descend
from rhobust.compiler.base.arrays import Bounds, Matrix, Vector
from rhobust.compiler.importers.plain import dense_network
from rhobust.compiler.problem import Problem
from rhobust.compiler.steps.compile import compile_formulas
from rhobust.lp.oracle.highs import highs


def narrow(seed: int, width: float) -> tuple[Problem, Vector]:
    """Two outputs of a random network within `width` of what they are at some input."""
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=shape) / np.sqrt(shape[1]) for shape in ((24, 4), (24, 24), (2, 24))]
    network = dense_network([(w, 0.1 * rng.normal(size=len(w))) for w in weights])
    hidden = rng.uniform(-1.0, 1.0, 4)
    goal = network.forward(hidden[None])[0]
    x = rb.Variable(4, -1.0, 1.0)
    y = network(x)
    asked = [y <= goal + width, y >= goal - width]
    return compile_formulas(asked, inputs=(x,)).problem, hidden


def holds(problem: Problem, points: Matrix) -> bool:
    values = problem.values(points)[-1] @ problem.rows.T + problem.offset
    inside = np.all(problem.lower <= points) and np.all(points <= problem.upper)
    return bool(inside and np.all(values <= 0.0))


@pytest.mark.parametrize("seed", range(6))
def test_descents_meet_several_atoms_at_once_where_gradients_zigzag(seed: int) -> None:
    problem, hidden = narrow(seed, 1e-6)
    offered: list[Matrix] = []

    def accept(points: Matrix) -> bool:
        offered.append(points)
        return True

    atoms = np.arange(len(problem.offset))
    box = Bounds(problem.lower[None], problem.upper[None])
    all_of_them = np.ones((1, len(atoms)), dtype=bool)
    start = np.clip(hidden + 0.1, problem.lower, problem.upper)
    rng = np.random.default_rng(0)
    assert not pgd(problem, box, all_of_them, accept, lambda: False, rng, start=start)[0]
    assert descend(problem, start, atoms, accept, highs, lambda: 60.0)
    assert holds(problem, offered[-1])


def test_no_time_no_descent() -> None:
    problem, hidden = narrow(0, 1.0)
    atoms = np.arange(len(problem.offset))
    assert not descend(problem, hidden, atoms, lambda points: True, highs, lambda: 0.0)
