"""Every backward walk over stages, on random problems, against exact values at exact points.

The problems skip connections, have stages that nobody reads, rows of zeros and repeated units.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rhobust.bnb.bounds.crown import Multipliers, crown, heuristic_slopes, with_beta
from rhobust.bnb.bounds.sparse_crown import local_rows
from rhobust.bnb.presolve.substitute_stable import expand, reduce, unstable_units
from rhobust.compiler.base.arrays import Bounds, Matrix, Numbers, exact
from rhobust.compiler.problem import Problem
from rhobust.lp.relaxation.node_lp import expand as relaxed_expand
from rhobust.lp.restriction.region import Region

from .problems import exact_points, exact_pre, never, rooted, scattered_problem, tree_of

seeds = st.integers(0, 2**32 - 1)
many = settings(max_examples=30, deadline=None)


def region(problem: Problem) -> Bounds:
    return Bounds(problem.lower[None], problem.upper[None])


def chosen_rows(rng: np.random.Generator, problem: Problem, start: int) -> Matrix:
    rows = rng.integers(-3, 4, size=(4, problem.stages[start].size)) / 4.0
    rows[rng.integers(4)] = 0.0
    return rows


def dot(row: list[float], values: list[Fraction]) -> Fraction:
    return sum((Fraction(a) * v for a, v in zip(row, values, strict=True)), Fraction(0))


@many
@given(seeds)
def test_a_pass_with_a_row_on_the_way_is_a_lower_bound(seed: int) -> None:
    """Rows on the last stage and more rows on an earlier one, any slopes and split multipliers."""
    rng = np.random.default_rng(seed)
    problem = scattered_problem(rng)
    nodes, magnitudes = rooted(problem, region(problem))
    points = exact_points(rng, region(problem), 5)
    values = [exact_pre(problem, point) for point in points]
    for number, own in enumerate(problem.stages):
        signs = [1 if z > 0 else -1 for z in values[0][number]]
        nodes.splits[number][0] = np.where((rng.random(own.size) < 0.3) & own.relu, signs, 0)
    last = len(problem.stages) - 1
    start, number = last, int(rng.integers(last + 1))
    rows, more = chosen_rows(rng, problem, start), chosen_rows(rng, problem, number)
    owner = np.zeros(4, dtype=np.int64)
    slopes = with_beta(heuristic_slopes(problem, nodes, owner, start))
    for several in (slopes.alpha, slopes.beta):
        for part in several:
            if rng.random() < 0.7:
                part[:] = rng.integers(0, 5, size=part.shape) / 4.0
    slopes = Multipliers(slopes.alpha, slopes.beta)
    found = crown(
        problem, magnitudes, nodes, owner, start, rows, np.zeros(4), slopes,
        keep=bool(rng.random() < 0.5), also=(number, more),
    )  # fmt: skip
    for pre in values:
        held = all(
            split * z >= 0
            for splits, exacts in zip(nodes.splits, pre, strict=True)
            for split, z in zip(splits[0].tolist(), exacts, strict=True)
        )
        if not held:
            continue
        for q in range(4):
            exact = dot(rows[q].tolist(), pre[start]) + dot(more[q].tolist(), pre[number])
            assert Fraction(float(found.value[q])) <= exact


def post(pre: list[Fraction], relu: bool) -> list[Fraction]:
    return [max(z, Fraction(0)) for z in pre] if relu else pre


@many
@given(seeds)
def test_substitution_keeps_the_values_of_rows(seed: int) -> None:
    """Full and sparse rows, a reduced problem's stages: equal up to the radius that they tell."""
    rng = np.random.default_rng(seed)
    problem = scattered_problem(rng)
    nodes, magnitudes = rooted(problem, region(problem))
    unstable = unstable_units(problem, nodes)
    start = int(rng.integers(len(problem.stages)))
    rows = chosen_rows(rng, problem, start)
    units = np.arange(problem.stages[start].size)
    full = expand(problem, magnitudes, nodes, unstable, start, rows)
    sparse = local_rows(problem, magnitudes, nodes, unstable, start, units)
    small, _, _ = reduce(
        problem, magnitudes, nodes, tree_of(problem), np.arange(len(problem.offset)), never
    )
    for point in exact_points(rng, region(problem), 3):
        pre = exact_pre(problem, point)
        free = [
            [post(z, stage.relu)[k] for k in chosen]
            for z, stage, chosen in zip(pre, problem.stages, unstable, strict=True)
        ]
        forms = [(full, [dot(row, pre[start]) for row in rows.tolist()])]
        if sparse is not None:
            forms.append((sparse, pre[start]))  # type: ignore[arg-type]
        for found, wanted in forms:
            for q, true in enumerate(wanted):
                value = Fraction(float(found.constant[q]))
                value += dot(np.asarray(_dense(found.input))[q].tolist(), list(point))
                for part, known in zip(found.units, free, strict=False):
                    value += dot(np.asarray(_dense(part))[q].tolist(), known)
                assert abs(value - true) <= Fraction(float(found.radius[q]))
        kept = [k for k, chosen in enumerate(unstable[:-1]) if len(chosen)]
        reduced = exact_pre(small, point)
        for place, k in enumerate(kept):
            slack = small.stages[place].bias_radius.tolist()
            for z, unit, radius in zip(reduced[place], unstable[k].tolist(), slack, strict=True):
                # what came before was off, too: only the first stage's own radius is told here
                if place == 0:
                    assert abs(z - pre[k][unit]) <= Fraction(radius)


def _dense(matrix: object) -> Matrix:
    found: Matrix = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()  # type: ignore[attr-defined]
    return found


@many
@given(seeds)
def test_rows_of_a_linear_region_and_of_a_relaxation(seed: int) -> None:
    """On its own region a point's rows give its values; so do a relaxation's, with units free."""
    rng = np.random.default_rng(seed)
    problem = scattered_problem(rng)
    nodes, _ = rooted(problem, region(problem))
    start = int(rng.integers(len(problem.stages)))
    rows = chosen_rows(rng, problem, start)
    node = nodes.view()
    found = relaxed_expand(problem, node, start, rows)
    for point in exact_points(rng, region(problem), 3):
        floats = point.astype(np.float64)
        inside = [Fraction(v) for v in floats.tolist()]
        pre = exact_pre(problem, np.array(inside, dtype=object))
        wanted = [float(dot(row, pre[start])) for row in rows.tolist()]
        own, constant = Region.of(problem, floats).rows(start, rows)
        np.testing.assert_allclose(own @ floats + constant, wanted, rtol=1e-9, atol=1e-9)
        value = found.input @ floats + found.constant
        for number, part in enumerate(found.units):
            if problem.stages[number].relu:
                z = np.array([float(v) for v in pre[number]])[node.unstable(number)]
                value = value + part @ np.maximum(z, 0.0)
        np.testing.assert_allclose(value, wanted, rtol=1e-9, atol=1e-9)


def dense(problem: Problem, active: list[Matrix]) -> list[Numbers]:
    """Each stage's pre-activations as an exact matrix over the input, its phases being known."""
    size = problem.input_size
    identity: Numbers = exact(np.eye(size))
    known, found = [identity], []
    for stage, mask in zip(problem.stages, active, strict=True):
        matrix: Numbers = exact(np.zeros((stage.size, size)))
        for operator, source in stage.terms:
            weight = exact(operator.rows(np.arange(operator.out_size)).toarray())
            matrix = matrix + weight @ known[source]
        found.append(matrix)
        known.append(exact(mask)[:, None] * matrix)
    return found


@many
@given(seeds)
def test_the_walk_multiplies_matrices(seed: int) -> None:
    """Exactly, with rows that join on the way, also where nobody reads the stage."""
    rng = np.random.default_rng(seed)
    problem = scattered_problem(rng)
    active = [
        rng.integers(0, 2, stage.size).astype(float) if stage.relu else np.ones(stage.size)
        for stage in problem.stages
    ]
    start = int(rng.integers(len(problem.stages)))
    number = int(rng.integers(start + 1))
    rows, more = (exact(chosen_rows(rng, problem, k)) for k in (start, number))
    met = []

    def meet(at: int, lam: Numbers | None) -> Numbers | None:
        met.append(at)
        mu = lam
        if lam is not None and at < start:
            mu = lam * exact(active[at])
        if at == number:
            mu = more if mu is None else mu + more
        return mu

    found = problem.pull_back(start, rows, meet)
    matrices = dense(problem, active)
    expected = rows @ matrices[start] + more @ matrices[number]
    assert met == list(range(start, -1, -1))
    assert found.shape == expected.shape and (found == expected).all()
