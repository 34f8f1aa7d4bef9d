"""Bounds: in their order, and below every exact value whatever the multipliers and the scale."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhobust.bnb.bounds.crown import (
    Ascent,
    Multipliers,
    Nodes,
    ascend,
    crown,
    heuristic_slopes,
    with_beta,
)
from rhobust.bnb.bounds.interval import propagate
from rhobust.bnb.bounds.magnitudes import Magnitudes
from rhobust.bnb.bounds.region_bounds import tighten, unit_bounds
from rhobust.bnb.nodes.batch import Block
from rhobust.bnb.nodes.forms import Units, spread
from rhobust.bnb.nodes.split import children
from rhobust.bnb.presolve.sparse_rows import SparseRows
from rhobust.bnb.presolve.substitute_stable import reduce, unstable_units
from rhobust.bnb.tighten.below_split import bound_below_split
from rhobust.compiler.base.arrays import Bounds, Vector, exact
from rhobust.compiler.problem import Problem
from rhobust.lp.oracle.highs import highs
from rhobust.lp.relaxation.duals_to_slopes import from_duals
from rhobust.lp.relaxation.node_lp import Relaxation
from rhobust.lp.restriction.region import Region

from ..reference import twins
from ..reference.strategies import Case, random_case
from .problems import (
    compiled,
    each_atom,
    exact_points,
    exact_pre,
    exact_row,
    gaussian_case,
    least_lead,
    never,
    rooted,
    tied_case,
    tree_of,
    unread_problem,
)

seeds = st.integers(0, 2**32 - 1)


def drawn(rng: np.random.Generator) -> tuple[Case, float]:
    """A case, its scale from 1e-6 to 1e6, and a radius."""
    kind, scale = rng.random(), float(rng.choice([1.0, 1e6, 1e-6, 1e3 / 7]))
    eps = float(rng.choice([1e-3, 0.05, 0.25, 1.0]))
    if kind < 0.4:
        return random_case(rng), eps
    if kind < 0.6:
        return tied_case(rng, scale), eps * 0.1
    if kind < 0.8:
        return gaussian_case(rng, scale), eps
    return gaussian_case(rng, scale, [6, 6, 5, 3], keep=1), eps


def any_multipliers(
    rng: np.random.Generator, problem: Problem, nodes: Nodes, count: int, start: int
) -> Multipliers:
    """Random multipliers, their ends included; beta up to far beyond what helps."""
    alpha, beta = [], []
    for number in range(start):
        relu = problem.stages[number].relu
        shape = (count, problem.stages[number].size if relu else 0)
        values = rng.random(shape)
        alpha.append(np.where(rng.random(shape) < 0.4, np.round(values), values))
        split = np.zeros(shape, dtype=bool)
        if relu:
            split = np.repeat(nodes.splits[number][:1] != 0, count, axis=0)
        size = 10.0 ** rng.uniform(-3, 3)
        beta.append(np.where(split & (rng.random(shape) < 0.7), size * rng.random(shape), 0.0))
    return Multipliers(alpha, beta)


# ---- intermediate bounds ---------------------------------------------------------------------


@settings(max_examples=12, deadline=None)
@given(seeds)
def test_bounds_hold_for_every_exact_input(seed: int) -> None:
    rng = np.random.default_rng(seed)
    case, eps = drawn(rng)
    if rng.random() < 0.4:
        case = gaussian_case(rng, float(rng.choice([1.0, 1e6, 1e-6])), sizes=[4, 8, 6, 2], keep=2)
    problem, box = compiled(case, eps)
    interval = propagate(problem, box)
    nodes, magnitudes = rooted(problem, box)
    better, far = rooted(problem, box)
    tighten(problem, better, far, 4, never)
    for number, stage in enumerate(problem.stages):
        for tight in (nodes, better):
            own, wide = tight.bounds[number], interval[number]
            slack = 1e-12 * (1.0 + wide.magnitude)  # midpoints round to either side
            assert (own.lower >= wide.lower - slack).all()
            assert (own.upper <= wide.upper + slack).all()
        asked = np.arange(stage.size)
        found = unit_bounds(problem, magnitudes, nodes, number, asked, never, steps=2)
        assert found is not None
        # the corners where the bounds are tight, and others
        both = np.concatenate([np.eye(stage.size), -np.eye(stage.size)])
        owner = np.zeros(len(both), dtype=np.int64)
        slopes = heuristic_slopes(problem, nodes, owner, number)
        least = crown(
            problem, magnitudes, nodes, owner, number, both, np.zeros(len(both)), slopes
        ).vertex
        for point in [*exact_points(rng, box, 4), *(exact(corner) for corner in least)]:
            pre = exact_pre(problem, point)[number]
            for some in (interval[number], nodes.bounds[number], better.bounds[number]):
                enclosed(some.lower[0].tolist(), pre, some.upper[0].tolist())
            enclosed(found[0].tolist(), pre, found[1].tolist())


def enclosed(lower: list[float], values: list[Fraction], upper: list[float]) -> None:
    for low, value, high in zip(lower, values, upper, strict=True):
        assert (low == -np.inf or Fraction(low) <= value) and (
            high == np.inf or value <= Fraction(high)
        )


def test_bounds_stop_when_told() -> None:
    case = gaussian_case(np.random.default_rng(2), 1.0)
    problem, box = compiled(case, 1.0)
    nodes, magnitudes = rooted(problem, box)
    asked = np.arange(problem.stages[1].size)
    assert unit_bounds(problem, magnitudes, nodes, 1, asked, lambda: True) is None
    before = nodes.bounds[1]
    tighten(problem, nodes, magnitudes, 4, lambda: True)
    assert nodes.bounds[1] is before


# ---- the order of the ladder -----------------------------------------------------------------


@settings(max_examples=12, deadline=None)
@given(seeds)
def test_ladder(seed: int) -> None:
    """interval <= backward <= optimised <= LP over the same bounds <= exact <= any input's."""
    rng = np.random.default_rng(seed)
    case, eps = random_case(rng), float(rng.choice([0.05, 0.25, 1.0]))
    problem, box = compiled(case, eps)
    nodes, magnitudes = rooted(problem, box)
    rows, offset = problem.rows, problem.offset
    last, owner = len(problem.stages) - 1, np.zeros(len(rows), dtype=np.int64)
    output = propagate(problem, box)[-1]
    multipliers = heuristic_slopes(problem, nodes, owner, last)
    first = crown(problem, magnitudes, nodes, owner, last, rows, offset, multipliers)
    assert np.all(box.lower <= first.vertex) and np.all(first.vertex <= box.upper)
    best, ascent = first.value, Ascent()
    for _ in range(15):
        found = crown(problem, magnitudes, nodes, owner, last, rows, offset, multipliers, keep=True)
        best = np.fmax(best, found.value)
        ascend(problem, nodes, owner, last, found, multipliers, ascent)
    rivals = [k for k in range(case.network.output_size) if k != case.label]
    asked = np.arange(len(rows))
    small, root, _ = reduce(problem, magnitudes, nodes, tree_of(problem), asked)
    relaxation = Relaxation(small, root.view(), highs)
    sampled = [exact_pre(problem, point)[-1] for point in exact_points(rng, box, 8)]
    for k, rival in enumerate(rivals):
        answer, _ = relaxation.least(asked[k : k + 1], None, 10.0)
        assert answer.optimal
        middle = 0.5 * (output.lower[0] + output.upper[0])
        width = 0.5 * (output.upper[0] - output.lower[0])
        interval = float(rows[k] @ middle - np.abs(rows[k]) @ width + offset[k])
        exact = least_lead(case, box, rival)
        slack = 1e-7 * (1.0 + abs(float(exact)) + float(width.max()))
        assert interval <= answer.value + slack
        assert first.value[k] <= best[k] <= answer.value + slack
        assert answer.value <= float(exact) + slack
        assert Fraction(float(best[k])) <= exact, "proven, so without any slack"
        assert all(exact <= exact_row(rows[k], float(offset[k]), values) for values in sampled)


# ---- any multipliers -------------------------------------------------------------------------


@settings(max_examples=12, deadline=None)
@given(seeds)
def test_bounds_are_sound_for_all_multipliers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    case, eps = drawn(rng)
    problem, box = compiled(case, eps)
    nodes, magnitudes = rooted(problem, box)
    rows, offset = problem.rows, problem.offset
    last, count = len(problem.stages) - 1, len(rows)
    owner = np.zeros(count, dtype=np.int64)
    multipliers = any_multipliers(rng, problem, nodes, count, last)
    if rng.random() < 0.5:
        multipliers = with_beta(Multipliers(multipliers.alpha, [np.zeros((1, 0))] * last))
    found = crown(problem, magnitudes, nodes, owner, last, rows, offset, multipliers)
    rivals = [k for k in range(case.network.output_size) if k != case.label]
    for value, rival in zip(found.value.tolist(), rivals, strict=True):
        assert Fraction(value) <= least_lead(case, box, rival)


@settings(max_examples=12, deadline=None)
@given(seeds)
def test_bounds_with_splits_are_sound_for_the_inputs_that_have_these_phases(seed: int) -> None:
    rng = np.random.default_rng(seed)
    case, eps = drawn(rng)
    problem, box = compiled(case, eps)
    nodes, magnitudes = rooted(problem, box)
    rows, offset = problem.rows, problem.offset
    last, count = len(problem.stages) - 1, len(rows)
    (point,) = exact_points(rng, box, 1)
    pre = exact_pre(problem, point)
    for number, stage in enumerate(problem.stages[:-1]):
        if not stage.relu:
            continue
        signs = np.array(
            [1 if z > 0 else -1 if z < 0 else int(rng.choice([-1, 1])) for z in pre[number]]
        )
        chosen = rng.random(stage.size) < 0.5
        nodes.splits[number][0] = np.where(chosen, signs, 0)
    multipliers = any_multipliers(rng, problem, nodes, count, last)
    owner = np.zeros(count, dtype=np.int64)
    found = crown(problem, magnitudes, nodes, owner, last, rows, offset, multipliers)
    for k, value in enumerate(found.value.tolist()):
        assert Fraction(value) <= exact_row(rows[k], float(offset[k]), pre[-1])


@pytest.mark.parametrize("scale", [1.0, 1e6, 1e-6, 1e3 / 7])
def test_equal_logits_are_never_told_apart(scale: float) -> None:
    """The least margin is exactly 0; what is left of it is rounding, which must not help."""
    bounds = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        case = tied_case(rng, scale)
        problem, box = compiled(case, 1e-4)
        nodes, magnitudes = rooted(problem, box)
        rows, offset = problem.rows, problem.offset
        last, owner = len(problem.stages) - 1, np.zeros(1, dtype=np.int64)
        slopes = heuristic_slopes(problem, nodes, owner, last)
        found = crown(problem, magnitudes, nodes, owner, last, rows, offset, slopes)
        assert found.value[0] <= 0.0
        if all((b.lower * b.upper >= 0).all() for b in nodes.bounds[:-1]):
            bounds.append(float(found.value[0]))
    assert len(bounds) > 10 and min(bounds) > -1e-11, "rigorous, and no looser than rounding is"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_close_nothing(bad: float) -> None:
    rng = np.random.default_rng(5)
    case = gaussian_case(rng, 1.0)
    problem, box = compiled(case, 0.5)
    nodes, magnitudes = rooted(problem, box)
    rows, offset = problem.rows, problem.offset
    last, owner = len(problem.stages) - 1, np.zeros(len(rows), dtype=np.int64)
    units = [(i, k) for i in range(last) for k in range(problem.stages[i].size)]
    offset = offset + 1e6  # without the bad number every case is closed
    clean = heuristic_slopes(problem, nodes, owner, last)
    sound = crown(problem, magnitudes, nodes, owner, last, rows, offset, clean)
    assert (sound.value > 0).all()
    spoiled = 0
    with np.errstate(all="ignore"):
        for number, unit in units:
            low, high = nodes.bounds[number].lower[0, unit], nodes.bounds[number].upper[0, unit]
            for kind in ("alpha", "beta"):
                slopes = with_beta(heuristic_slopes(problem, nodes, owner, last))
                splits = [np.zeros_like(s) for s in nodes.splits]
                if kind == "alpha":
                    slopes.alpha[number][:, unit] = bad
                else:
                    slopes.beta[number][:, unit] = bad
                    splits[number][0, unit] = 1
                changed = Nodes(nodes.box, nodes.bounds, splits)
                found = crown(problem, magnitudes, changed, owner, last, rows, offset, slopes)
                if kind == "beta":
                    assert not (found.value > 0).any()
                elif np.isnan(bad):
                    # an alpha counts where the unit is unstable and its coefficient is not negative
                    used = np.isnan(found.value)
                    assert np.array_equal(found.value[~used], sound.value[~used])
                    assert low < 0 < high or not used.any()
                    spoiled += int(used.sum())
        rows_bad = rows.copy()
        rows_bad[:, 0] = bad
        found = crown(problem, magnitudes, nodes, owner, last, rows_bad, offset, clean)
        assert not (found.value > 0).any()
    assert spoiled or not np.isnan(bad)


# ---- nodes and the reduced problem -----------------------------------------------------------


@dataclass(frozen=True)
class Reduced:
    """A problem and its reduced form; places: (stage, unit) of each unit that is left."""

    problem: Problem
    box: Bounds
    small: Problem
    root: Nodes
    magnitudes: Magnitudes
    units: Units
    sparse: SparseRows
    places: list[tuple[int, int]]


def reduced(case: Case, eps: float, shift: float | Vector = 0.0) -> Reduced:
    """The claim within eps, its atoms raised by `shift`."""
    problem, box = compiled(case, eps)
    problem = replace(problem, offset=problem.offset + shift)
    nodes, magnitudes = rooted(problem, box)
    small, root, own = reduce(
        problem, magnitudes, nodes, tree_of(problem), np.arange(len(problem.offset))
    )
    units = Units.of(small)
    left = enumerate(unstable_units(problem, nodes)[:-1])
    places = [(number, unit) for number, some in left for unit in some.tolist()]
    assert len(places) == units.count
    sparse = SparseRows.of(small, own, units)
    return Reduced(problem, box, small, root, own, units, sparse, places)


@settings(max_examples=12, deadline=None)
@given(seeds)
def test_bounds_of_the_reduced_problem_are_bounds_of_the_original(seed: int) -> None:
    rng = np.random.default_rng(seed)
    case, eps = drawn(rng)
    problem, box = compiled(case, eps)
    nodes, magnitudes = rooted(problem, box)
    kept = np.flatnonzero(rng.random(len(problem.offset)) < 0.8).astype(np.int64)
    if not len(kept):
        kept = np.zeros(1, dtype=np.int64)
    small, root, own = reduce(problem, magnitudes, nodes, tree_of(problem).renumbered(kept), kept)
    if rng.random() < 0.5:
        # once more, after its bounds were tightened
        tighten(small, root, own, 3, never)
        small, root, own = reduce(small, own, root, tree_of(small), np.arange(len(kept)))
    last, count = len(small.stages) - 1, len(kept)
    assert small.stages[-1].size == count
    owner = np.zeros(count, dtype=np.int64)
    slopes = any_multipliers(rng, small, root, count, last)
    rows, offset = small.rows, small.offset
    found = crown(small, own, root, owner, last, rows, offset, slopes)
    rivals = [k for k in range(case.network.output_size) if k != case.label]
    for value, index in zip(found.value.tolist(), kept.tolist(), strict=True):
        assert Fraction(value) <= least_lead(case, box, rivals[index])
    # every unit left is unstable, and its bounds hold for the original unit
    original, full_offset = problem.rows, problem.offset
    for bounds in root.bounds[:-1]:
        assert (bounds.lower < 0).all() and (bounds.upper > 0).all()
    for point in exact_points(rng, box, 4):
        exact = exact_pre(problem, point)
        for index, column in zip(kept.tolist(), range(count), strict=True):
            lead = exact_row(original[index], float(full_offset[index]), exact[-1])
            stage = small.stages[-1]
            assert Fraction(float(found.value[column])) <= lead
            assert stage.bias_radius[column] >= 0


@settings(max_examples=12, deadline=None)
@given(seeds)
def test_children_cover_their_node_and_are_no_worse(seed: int) -> None:
    rng = np.random.default_rng(seed)
    case, eps = drawn(rng)
    of = reduced(case, eps)
    small, box, units = of.small, of.box, of.units
    if not units.count:
        return
    last = len(small.stages) - 1
    rows, offset = small.rows, small.offset
    original, level = of.problem.rows, of.problem.offset
    block = each_atom(units, of.root, np.arange(len(small.offset)), len(small.offset))
    for _ in range(min(3, units.count)):
        free = [np.flatnonzero(row == 0) for row in block.phase]
        block.split_on = np.array([int(rng.choice(some)) for some in free])
        parents = block.take(np.arange(len(block)))
        block = children(block)
        check_cover(parents, block)
        before = block.take(np.arange(len(block)))
        bound_below_split(of.sparse, of.magnitudes, box, block, block.split_on)
        assert (block.lower >= before.lower).all() and (block.upper <= before.upper).all()
        owner = np.arange(len(block))
        nodes = spread(block, units, box)
        slopes = any_multipliers(rng, small, nodes, len(block), last)
        found = crown(
            small,
            of.magnitudes,
            nodes,
            owner,
            last,
            rows[block.origin],
            offset[block.origin],
            slopes,
        )
        for point in exact_points(rng, box, 3):
            pre = exact_pre(of.problem, point)
            own = [pre[number][unit] for number, unit in of.places]
            for b in range(len(block)):
                phases = block.phase[b].tolist()
                if any(s * z < 0 for s, z in zip(phases, own, strict=True)):
                    continue
                # the input belongs to this node: all that was proven of the node holds for it
                enclosed(block.lower[b].tolist(), own, block.upper[b].tolist())
                case_row = int(block.origin[b])
                lead = exact_row(original[case_row], float(level[case_row]), pre[-1])
                assert Fraction(float(found.value[b])) <= lead
        block = block.take(np.sort(rng.choice(len(block), min(4, len(block)), replace=False)))


def check_cover(parents: Block, block: Block) -> None:
    """One side holds z >= 0, the other z <= 0 of the chosen unit: together all inputs."""
    half = len(parents)
    rows = np.arange(half)
    at = rows, parents.split_on
    for sign, part in ((1, slice(0, half)), (-1, slice(half, None))):
        assert (block.phase[part][at] == sign).all()
        rest = np.ones_like(parents.phase, dtype=bool)
        rest[at] = False
        for name in ("phase", "lower", "upper"):
            child, parent = getattr(block, name)[part], getattr(parents, name)
            assert np.array_equal(child[rest], parent[rest])
        assert (block.depth[part] == parents.depth + 1).all()
        low, high = parents.lower[at], parents.upper[at]
        assert np.array_equal(block.lower[part][at], np.maximum(low, 0) if sign > 0 else low)
        assert np.array_equal(block.upper[part][at], np.minimum(high, 0) if sign < 0 else high)


@settings(max_examples=12, deadline=None)
@given(seeds)
def test_refined_bounds_agree_with_their_plain_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sparse = bool(rng.random() < 0.5)
    case = gaussian_case(rng, 1.0, [6, 6, 5, 3], 1) if sparse else gaussian_case(rng, 1.0)
    of = reduced(case, float(rng.choice([0.1, 0.5])))
    small, box, units = of.small, of.box, of.units
    if units.count < 2:
        return
    inputs = np.zeros((units.count, small.input_size))
    earlier = np.zeros((units.count, units.count))
    bias = np.concatenate([stage.bias for stage in small.stages[:-1]])
    for number, stage in enumerate(small.stages[:-1]):
        part = units.part(number)
        for operator, source in stage.terms:
            matrix = operator.apply(np.eye(operator.in_size)).T
            if source == 0:
                inputs[part] = matrix
            else:
                earlier[part, units.part(source - 1)] = matrix
    block = each_atom(units, of.root, np.zeros(1, dtype=np.int64), len(small.offset))
    block.split_on = np.array([int(rng.integers(units.count))])
    block = children(block)
    before = block.take(np.arange(2))
    bound_below_split(of.sparse, of.magnitudes, box, block, block.split_on)
    edges = box.lower[0], box.upper[0]
    for b in range(2):
        lower, upper = before.lower[b].copy(), before.upper[b].copy()
        touched = {int(block.split_on[b])}
        for unit in range(int(block.split_on[b]) + 1, units.count):
            if not any(earlier[unit, j] for j in touched):
                continue
            touched.add(unit)
            if lower[unit] < 0 < upper[unit]:
                known = lower, upper, before.phase[b], edges, inputs, earlier, bias
                lower[unit] = max(lower[unit], twins.unit_bound(unit, 1.0, *known))
                if lower[unit] < 0:
                    upper[unit] = min(upper[unit], -twins.unit_bound(unit, -1.0, *known))
            if lower[unit] > upper[unit]:
                break
        np.testing.assert_allclose(block.lower[b], lower, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(block.upper[b], upper, rtol=1e-7, atol=1e-9)


# ---- shapes that only compilers make ---------------------------------------------------------


@pytest.mark.parametrize("constant", [False, True])
def test_stages_that_nothing_reads(constant: bool) -> None:
    problem = unread_problem(constant)
    box = Bounds(problem.lower[None], problem.upper[None])
    nodes, magnitudes = rooted(problem, box)
    assert nodes.count == 1
    only = np.zeros(1, dtype=np.int64)
    small = reduce(problem, magnitudes, nodes, tree_of(problem), only)
    for of, at, far in ((problem, nodes, magnitudes), small):
        last, owner = len(of.stages) - 1, np.zeros(1, dtype=np.int64)
        rows, offset = of.rows, of.offset
        slopes, ascent = heuristic_slopes(of, at, owner, last), Ascent()
        for _ in range(60):
            found = crown(of, far, at, owner, last, rows, offset, slopes, keep=True)
            assert found.value[0] <= 0.25
            ascend(of, at, owner, last, found, slopes, ascent)
        assert found.value[0] == pytest.approx(0.25, abs=0.02)
        answer, duals = Relaxation(of, at.view(), highs).least(only, None, 10.0)
        assert answer.value == pytest.approx(0.25) and duals.atoms.tolist() == [1.0]
        alpha, beta = from_duals(of, at.view(), duals.atoms, duals)
        multipliers = Multipliers([a[None] for a in alpha], [b[None] for b in beta])
        found = crown(of, far, at, owner, last, rows, offset, multipliers)
        assert found.value[0] == pytest.approx(0.25) and found.value[0] <= 0.25
    region = Region.of(problem, np.array([0.5, 0.25]))
    row, level = region.rows(2, np.ones((1, 1)))
    assert row.tolist() == ([[0.0, 0.0]] if constant else [[1.0, 1.0]]) and level.tolist() == [0.25]


def test_bounds_of_both_kinds() -> None:
    first = Bounds(np.array([-1.0, 0.5]), np.array([2.0, 1.0]))
    second = Bounds(np.array([-3.0, 0.75]), np.array([1.0, 4.0]))
    both = first.intersect(second)
    assert (both.lower.tolist(), both.upper.tolist()) == ([-1.0, 0.75], [1.0, 1.0])
    assert first.magnitude.tolist() == [2.0, 1.0]
    assert first.rectified().lower.tolist() == [0.0, 0.5]
