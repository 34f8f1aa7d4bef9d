"""LPs at nodes: their duals give back the optimum as a bound, and prove empty nodes empty."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rhobust.bnb.bounds.node_lp import LeafResult, solve_leaf
from rhobust.bnb.nodes.forms import Units, by_stage, collect, multipliers, spread
from rhobust.compiler.base.arrays import Indices, Vector
from rhobust.lp.oracle.highs import Answer, Oracle, highs, no_answer, reference
from rhobust.lp.relaxation.node_lp import Duals, Relaxation

from ..reference.strategies import random_case, tangled_case
from .problems import each_atom, exact_points, exact_pre, exact_row, gaussian_case
from .test_bounds import Reduced, reduced

pytestmark = pytest.mark.slow

seeds = st.integers(0, 2**32 - 1)


def node(of: Reduced, phases: list[int], atom: int, oracle: Oracle = highs) -> LeafResult:
    """The leaf LP of one node of a reduced problem."""
    block = each_atom(of.units, of.root, np.array([atom]), len(of.small.offset))
    block.phase[0] = phases
    nodes = spread(block, of.units, of.box)
    return solve_leaf(of.small, of.magnitudes, nodes, np.array([atom]), oracle, lambda: 60.0)


@settings(max_examples=12, deadline=None)
@given(seeds)
@example(267606789)
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
        assert not found.gap.any()
        # nothing is unstable, so the LP's point attains the bound
        output = of.problem.values(found.point[None])[-1][0]
        attained = float(original[which] @ output) + float(level[which])
        assert found.value == pytest.approx(attained, abs=1e-5)
        other = node(of, phases, which, reference)
        assert other.value == pytest.approx(found.value, abs=1e-5)
    assert not found.gap[np.array(phases) != 0].any()


# ---- several atoms at once -------------------------------------------------------------------


class Conjunction:
    """A node of a reduced problem of three atoms, and exact inputs of it.

    Some phases are fixed, as they are at the first of the inputs.
    """

    def __init__(self, seed: int, shift: float | Vector = 0.0) -> None:
        rng = np.random.default_rng(seed)
        case = gaussian_case(rng, 1.0, [3, 4, 3, 4])
        self.of = reduced(case, float(rng.choice([0.2, 0.5])), shift)
        points = exact_points(rng, self.of.box, 12)
        pre = [exact_pre(self.of.problem, point) for point in points]
        own = [[values[stage][unit] for stage, unit in self.of.places] for values in pre]
        share = float(rng.choice([0.0, 0.5, 1.0]))
        fixed = rng.random(len(own[0])) < share
        self.phases = [
            (1 if z > 0 else -1) * int(k) for z, k in zip(own[0], fixed.tolist(), strict=True)
        ]
        block = each_atom(self.of.units, self.of.root, np.zeros(1, dtype=np.int64), 3)
        block.phase[0] = self.phases
        self.nodes = spread(block, self.of.units, self.of.box)
        rows, levels = self.of.problem.rows, self.of.problem.offset.tolist()
        self.values = [
            [exact_row(row, level, values[-1]) for row, level in zip(rows, levels, strict=True)]
            for values, mine in zip(pre, own, strict=True)
            if all(s * z >= 0 for s, z in zip(self.phases, mine, strict=True))
        ]

    def solve(self, atoms: Indices, objective: int | None = None) -> LeafResult:
        small = replace(self.of.small, objective=objective)
        return solve_leaf(small, self.of.magnitudes, self.nodes, atoms, highs, lambda: 60.0)

    def optimum(self, atoms: Indices, objective: int | None = None) -> float:
        """That of the LP, by the other solver."""
        relaxation = Relaxation(self.of.small, self.nodes.view(), reference)
        answer, _ = relaxation.least(atoms, objective, 60.0)
        assert answer.optimal
        return answer.value

    def near(self, value: float, atoms: Indices, objective: int | None = None) -> None:
        """A value from duals is the optimum, except for what two sides of a triangle add: together
        they say that z lies in [l, u], and a pass has one slope for a unit.
        """
        relaxation = Relaxation(self.of.small, self.nodes.view(), highs)
        answer, duals = relaxation.least(atoms, objective, 60.0)
        optimum = self.optimum(atoms, objective)
        assert value <= optimum + 1e-6
        assert value >= optimum - 1e-6 or pinned(relaxation, answer, duals)

    def levels(self, point: Vector) -> Vector:
        """The atoms' values at an input."""
        problem = self.of.problem
        levels: Vector = problem.rows @ problem.values(point[None])[-1][0] + problem.offset
        return levels


def pinned(relaxation: Relaxation, answer: Answer, duals: Duals) -> bool:
    """Whether an LP's duals use two sides of some triangle, of which r >= 0 is one."""
    for number, units in enumerate(relaxation.unstable):
        first = int(relaxation.first_column[number])
        zero = answer.column_duals[first : first + len(units)]
        above, below = duals.above[number][units], duals.below[number][units]
        if ((above > 1e-9) & ((below > 1e-9) | (zero > 1e-9))).any():
            return True
    return False


def weighted(gamma: Vector | None, values: list[Fraction]) -> Fraction:
    assert gamma is not None
    pairs = zip(gamma.tolist(), values, strict=True)
    return sum((Fraction(weight) * value for weight, value in pairs), Fraction(0))


@settings(max_examples=12, deadline=None)
@given(seeds, st.sets(st.integers(0, 2), min_size=1))
@example(726373, {0})
def test_the_bound_of_a_conjunction_is_that_of_a_weighted_sum(seed: int, some: set[int]) -> None:
    node, atoms = Conjunction(seed), np.array(sorted(some))
    found = node.solve(atoms)
    assert found.status == "optimal" and found.gamma is not None and found.point is not None
    assert (found.gamma >= 0).all() and found.gamma.sum() == pytest.approx(1.0)
    assert not np.delete(found.gamma, atoms).any(), "an atom that is not asked for has no weight"
    node.near(found.value, atoms)
    for values in node.values:
        assert found.value <= weighted(found.gamma, values)
    if all(node.phases):
        # nothing is unstable: the largest atom at the LP's point is the bound
        largest = node.levels(found.point)[atoms].max()
        assert not found.gap.any() and largest == pytest.approx(found.value, abs=1e-5)
    for k in range(len(atoms)):
        assert node.optimum(atoms[k : k + 1]) <= node.optimum(atoms) + 1e-6


@settings(max_examples=12, deadline=None)
@given(seeds, st.sampled_from([0.0625, 0.25, 1.0]))
def test_an_objective_is_bounded_where_the_other_atoms_can_hold(seed: int, room: float) -> None:
    """Atoms 1 and 2 can hold together, by `room`; atom 0 is the objective."""
    sides, every = np.array([1, 2]), np.array([0, 1, 2])
    level = Conjunction(seed).optimum(sides)
    node = Conjunction(seed, np.array([0.0, -level - room, -level - room]))
    found, free = node.solve(every, 0), node.solve(every[:1], 0)
    assert found.status == "optimal" and found.gamma is not None and found.point is not None
    assert found.gamma[0] == 1.0 and (found.gamma >= 0).all()
    node.near(found.value, every, 0)
    assert free.gamma is not None and free.gamma.tolist() == [1.0, 0.0, 0.0]
    node.near(free.value, every[:1], 0)
    for values in node.values:
        assert found.value <= weighted(found.gamma, values) and free.value <= values[0]
        assert max(values[1:]) > 0 or found.value <= values[0]
    if all(node.phases):
        objective, *others = node.levels(found.point).tolist()
        assert objective == pytest.approx(found.value, abs=1e-5) and max(others) <= 1e-5


@settings(max_examples=12, deadline=None)
@given(seeds, st.sampled_from([0.001, 0.0625, 1.0]))
def test_a_node_is_empty_where_its_atoms_exclude_each_other(seed: int, gap: float) -> None:
    sides, every = np.array([1, 2]), np.array([0, 1, 2])
    level = Conjunction(seed).optimum(sides)
    node = Conjunction(seed, np.array([0.0, gap - level, gap - level]))
    found = node.solve(every, 0)
    assert (found.status, found.point) == ("infeasible", None)
    relaxation = Relaxation(node.of.small, node.nodes.view(), highs)
    answer, duals = relaxation.emptiness(sides, 60.0)
    assert answer.value > 0
    assert found.value == np.inf or (found.value == -np.inf and pinned(relaxation, answer, duals))
    assert all(max(values[1:]) > 0 for values in node.values)
    # without an objective the same is a positive bound
    node.near(node.solve(sides).value, sides)
    assert node.optimum(sides) == pytest.approx(gap, abs=1e-6)
    # atoms that can hold one by one: no single one of them proves it
    alone = [node.solve(np.array([0, k]), 0).status for k in (1, 2)]
    singly = [node.optimum(sides[k : k + 1]) for k in (0, 1)]
    for status, least in zip(alone, singly, strict=True):
        if abs(least) > 1e-6:
            assert status == ("optimal" if least < 0 else "infeasible")


def test_a_node_that_nothing_is_asked_of_is_not_closed() -> None:
    found = Conjunction(5).solve(np.zeros(0, dtype=np.int64))
    assert found.value <= 0.0 and found.gamma is not None and not found.gamma.any()


# ---- empty nodes and faults ------------------------------------------------------------------


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
