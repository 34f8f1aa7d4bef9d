"""LPs at nodes: their duals give back the optimum as a bound, and prove empty nodes empty."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhobust.bnb.leaf import LeafResult, solve_leaf
from rhobust.bnb.node import Units, by_stage, collect, multipliers, spread
from rhobust.lp.oracle import Oracle, highs, no_answer, reference

from ..strategies import random_case, tangled_case
from .problems import each_atom, exact_points, exact_pre, exact_row
from .test_bounds import Reduced, reduced

seeds = st.integers(0, 2**32 - 1)


def node(of: Reduced, phases: list[int], atom: int, oracle: Oracle = highs) -> LeafResult:
    """The leaf LP of one node of a reduced problem."""
    block = each_atom(of.units, of.root, np.array([atom]), len(of.small.offset))
    block.phase[0] = phases
    nodes = spread(block, of.units, of.box)
    return solve_leaf(of.small, of.reach, of.units, nodes, np.array([atom]), oracle, lambda: 60.0)


@settings(max_examples=80, deadline=None)
@given(seeds)
def test_a_bound_from_duals_is_the_optimum_and_holds_on_the_node(seed: int) -> None:
    rng = np.random.default_rng(seed)
    case = tangled_case(rng) if rng.random() < 0.7 else random_case(rng)
    of = reduced(case, float(rng.choice([0.1, 0.3, 1.0])))
    original, level = of.problem.rows, of.problem.offset
    points = exact_points(rng, of.box, 5)
    pre = [exact_pre(of.problem, point) for point in points]
    own = [[values[stage][unit] for stage, unit in of.places] for values in pre]
    signs = [1 if z > 0 else -1 if z < 0 else int(rng.choice([-1, 1])) for z in own[0]]
    share = float(rng.choice([0.0, 0.5, 1.0]))
    phases = [sign if rng.random() < share else 0 for sign in signs]
    which = int(rng.integers(len(of.small.offset)))
    found = node(of, phases, which)
    assert found.status == "optimal" and found.point is not None, "the first point is in the node"
    assert (of.box.lower[0] <= found.point).all() and (found.point <= of.box.upper[0]).all()
    for values, mine in zip(pre, own, strict=True):
        if all(s * z >= 0 for s, z in zip(phases, mine, strict=True)):
            lead = exact_row(original[which], float(level[which]), values[-1])
            assert found.value <= lead
    if share == 1.0:
        assert found.violated == -1
        # nothing is unstable, so the LP's point attains the bound
        output = of.problem.values(found.point[None])[-1][0]
        attained = float(original[which] @ output) + float(level[which])
        assert found.value == pytest.approx(attained, abs=1e-5)
    elif found.violated >= 0:
        assert phases[found.violated] == 0
    other = node(of, phases, which, reference)
    assert other.value == pytest.approx(found.value, abs=1e-5)


def test_empty_nodes_are_proven_empty() -> None:
    tally: Counter[str] = Counter()
    for seed in range(60):
        rng = np.random.default_rng([31, seed])
        of = reduced(tangled_case(rng), 0.5)
        if of.units.count < 3:
            continue
        phases = rng.choice([-1, 1], size=of.units.count).tolist()
        found = node(of, phases, 0)
        tally["empty" if found.value == np.inf else found.status] += 1
        if found.value == np.inf:
            for point in exact_points(rng, of.box, 20):
                pre = exact_pre(of.problem, point)
                own = [pre[stage][unit] for stage, unit in of.places]
                assert any(s * z < 0 for s, z in zip(phases, own, strict=True))
    assert tally["empty"] > 20, tally


@pytest.mark.parametrize("status", ["failed", "stopped", "unbounded", "infeasible"])
def test_without_an_answer_nothing_is_proven(status: str) -> None:
    def oracle(program: object) -> object:
        solver = highs(program)  # type: ignore[arg-type]
        solver.solve = lambda seconds: no_answer(status)  # type: ignore[method-assign]
        return solver

    of = reduced(tangled_case(np.random.default_rng(1)), 0.5)
    found = node(of, [0] * of.units.count, 0, oracle)  # type: ignore[arg-type]
    assert (found.value, found.point, found.status) == (-np.inf, None, status)


def test_rows_of_a_block_and_stages() -> None:
    units = Units((0, 2, 2, 5))
    full = np.arange(10.0).reshape(2, 5)
    parts = by_stage(full, units)
    assert [part.shape for part in parts] == [(2, 2), (2, 0), (2, 3)]
    assert np.array_equal(collect(parts, units, 2), full)
    # a stage that a pass did not reach counts as 0
    assert (
        collect([parts[0], parts[1], np.empty((0, 0))], units, 2)[:, 2:].tolist() == [[0.0] * 3] * 2
    )
    of = reduced(tangled_case(np.random.default_rng(2)), 0.5)
    block = each_atom(of.units, of.root, np.zeros(1, dtype=np.int64), len(of.small.offset))
    assert [a.shape[1] for a in multipliers(block, of.units).alpha] == [
        stage.size for stage in of.small.stages[:-1]
    ]
