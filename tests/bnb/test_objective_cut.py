"""Unit bounds over inputs at which atoms hold: true there, and tighter than those everywhere."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rhobust as rb
from rhobust.bnb.bounds.crown import Nodes, heuristic_slopes
from rhobust.bnb.caller import Caller, Candidates, Clock
from rhobust.bnb.search import Settings
from rhobust.bnb.state import State
from rhobust.bnb.tighten.objective_cut import ObjectiveCut, cut_by_objective
from rhobust.compiler.base.arrays import Bounds, Vector
from rhobust.compiler.importers.plain import dense_network
from rhobust.compiler.problem import Problem

from ..reference.strategies import random_case
from .problems import compiled, exact_points, exact_pre, gaussian_case, never, rooted, stage


def ending_in_atoms(problem: Problem) -> Problem:
    """The same problem with a last stage whose elements are the atoms."""
    last = stage([(problem.rows, len(problem.stages))], problem.offset.tolist(), False)
    count = len(problem.offset)
    return replace(
        problem, stages=(*problem.stages, last), rows=np.eye(count), offset=np.zeros(count)
    )


def inside(problem: Problem, nodes: Nodes, above: Vector, steps: int) -> list[Bounds]:
    """The bounds of all stages but the last, where every atom is at most `above`."""
    count, last = len(problem.offset), len(problem.stages) - 1
    _, magnitudes = rooted(problem, nodes.box)
    bounds = [Bounds(b.lower.copy(), b.upper.copy()) for b in nodes.bounds]
    found = Nodes(nodes.box, bounds, nodes.splits)
    slopes = heuristic_slopes(problem, nodes, np.zeros(1, dtype=np.int64), last).alpha
    for number in range(last):
        if problem.stages[number].relu:
            cut_by_objective(
                problem, magnitudes, found, number, slopes, np.ones((1, count), dtype=bool),
                above, np.ones(1), steps, never,
            )  # fmt: skip
    return found.bounds[:last]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_bounds_hold_where_the_atoms_do(seed: int) -> None:
    """The level of the atoms is what they reach at a point, which keeps the region from being
    empty; splits are that point's own phases."""
    rng = np.random.default_rng(seed)
    kind = rng.random()
    scale = float(rng.choice([1.0, 1e6, 1e-6]))
    case = random_case(rng) if kind < 0.5 else gaussian_case(rng, scale, [4, 8, 6, 3], keep=1)
    problem, box = compiled(case, float(rng.choice([0.05, 0.25, 1.0])))
    problem = ending_in_atoms(problem)
    nodes, _ = rooted(problem, box)
    points = exact_points(rng, box, 6)
    values = [exact_pre(problem, point) for point in points]
    for number, own in enumerate(problem.stages[:-1]):
        chosen = rng.random(own.size) < 0.3
        signs = [1 if z > 0 else -1 for z in values[0][number]]
        nodes.splits[number][0] = np.where(chosen & own.relu, signs, 0)
    top = [max(Fraction(0), atom) for atom in values[0][-1]]
    above = np.array([float(atom) * (1.0 + 1e-9) + 1e-300 for atom in top])
    found = inside(problem, nodes, above, int(rng.integers(0, 12)))
    for pre in values:
        atoms = zip(pre[-1], above.tolist(), strict=True)
        held = all(value <= Fraction(most) for value, most in atoms)
        for number, splits in enumerate(nodes.splits[:-1]):
            pairs = zip(splits[0].tolist(), pre[number], strict=True)
            held &= all(split * z >= 0 for split, z in pairs)
        if not held:
            continue
        for bounds, exacts in zip(found, pre, strict=False):
            lows, highs = bounds.lower[0].tolist(), bounds.upper[0].tolist()
            for low, z, high in zip(lows, exacts, highs, strict=True):
                assert Fraction(low) <= z <= Fraction(high)


def test_an_output_bounds_the_units_before_it() -> None:
    """y = relu(x) + relu(-x) on [-1, 1]: where y <= 1/4, so is |x|."""
    layers = [
        (np.array([[1.0], [-1.0]]), np.zeros(2)),
        (np.array([[1.0, 1.0]]), np.zeros(1)),
    ]
    x = rb.Variable(1, lower=-1.0, upper=1.0)
    y = dense_network(layers)(x)
    problem = rb.Problem(rb.minimize(y[0])).compile().problem
    problem = ending_in_atoms(problem)
    nodes, _ = rooted(problem, Bounds(problem.lower[None], problem.upper[None]))
    for _ in range(3):
        nodes.bounds[0] = inside(problem, nodes, np.array([0.25]), 60)[0]
    first = nodes.bounds[0]
    assert (first.lower >= -0.5).all() and (first.lower <= -0.25).all()
    assert (first.upper <= 0.5).all() and (first.upper >= 0.25).all()


@pytest.mark.parametrize("steps", [0, 10])
def test_optima_are_the_same(steps: int) -> None:
    """Least values of random networks over boxes and l1 balls, against a fine grid."""
    rng = np.random.default_rng(5)
    for _ in range(4):
        sizes = [2, 12, 12, 1]
        pairs = list(zip(sizes, sizes[1:], strict=False))
        network = dense_network([(rng.normal(size=(b, a)), rng.normal(size=b)) for a, b in pairs])
        x = rb.Variable(2, lower=-1.0, upper=1.0)
        norm = rb.norm1(x - np.zeros(2)) <= 1.0
        problem = rb.Problem(rb.minimize(network(x)[0]), [norm])
        solution = problem.solve(timeout=60, settings=Settings(inside_steps=steps))
        side = np.linspace(-1.0, 1.0, 401)
        grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
        grid = grid[np.abs(grid).sum(axis=1) <= 1.0]
        least = network.forward(grid).min()
        assert solution.status == "optimal"
        assert solution.bound <= least and solution.value <= least + 1e-6
        assert solution.value - solution.bound <= 1e-3 * max(1.0, abs(solution.value))


def test_effort_ends_where_it_closes_nothing() -> None:
    problem, box = compiled(random_case(np.random.default_rng(0)), 0.1)
    state = State.of(
        problem,
        Caller(Clock(lambda: 1.0), Candidates(lambda points: False, lambda: box)),
        Settings(),
    )
    assert ObjectiveCut(state, 50, 0).worthwhile and ObjectiveCut(state, 1000, 400).worthwhile
    assert not ObjectiveCut(state, 100, 3).worthwhile
