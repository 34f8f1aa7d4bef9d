"""Every activation: its formula holds for its value and for no other, compiled or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhobust.compiler.base.arrays import Numbers, exact
from rhobust.compiler.base.errors import LanguageError
from rhobust.compiler.language.activations import (
    absolute,
    clip,
    leaky_relu,
    max_pool,
    maximum,
    minimum,
    relu,
    shared,
    sign_of,
    step,
)
from rhobust.compiler.language.evaluator import holds, value, within
from rhobust.compiler.language.expressions import Affine, Variable, define
from rhobust.compiler.language.formulas import And, Or
from rhobust.compiler.operators import Dense, Scale
from rhobust.compiler.steps.multiples import multiple
from rhobust.compiler.steps.recognise import recognise
from rhobust.compiler.steps.system import System

Row = Sequence[Fraction]
INF = np.inf
SLOPES = [0.1, -2.0, 1.5]
LOWER, UPPER = [-0.3, -INF, -INF], [0.7, 0.5, INF]
WINDOWS = np.array([[0, 1, 2, -1], [-1, 2, -1, 3], [3, -1, -1, -1], [3, 1, 0, 2]])

cells = st.fractions(-2, 2, max_denominator=8) | st.sampled_from([-0.3, 0.0, 0.5, 0.7]).map(
    Fraction
)


def clipped(z: Fraction, lower: float, upper: float) -> Fraction:
    raised = z if lower == -INF else max(z, Fraction(lower))
    return raised if upper == INF else min(raised, Fraction(upper))


def each(function: Callable[..., Fraction], *parameters: Sequence[float]) -> Callable[[Row], Row]:
    """A function of one number and its own parameters, for every element."""
    return lambda z: [function(v, *of) for v, *of in zip(z, *parameters, strict=True)]


def larger_of_three(z: Affine) -> Affine:
    return maximum(z, -z, 0.25)


Case = tuple[Callable[[Affine], Affine], Callable[[Row], Row], int]
"""The formula, its meaning, and how many rectifier definitions it is compiled to."""
THREE: dict[str, Case] = {
    "relu": (relu, each(lambda v: max(v, Fraction(0))), 1),
    "leaky": (lambda z: leaky_relu(z, 0.1), each(lambda v: v if v > 0 else v * Fraction(0.1)), 1),
    "slopes": (
        lambda z: leaky_relu(z, SLOPES),
        each(lambda v, s: v if v > 0 else v * Fraction(s), SLOPES),
        1,
    ),
    "abs": (absolute, each(abs), 1),
    "max": (larger_of_three, each(lambda v: max(v, -v, Fraction(1, 4))), 2),
    "max_of_one": (maximum, lambda z: z, 0),
    "max_of_equal": (lambda z: maximum(z, z), lambda z: z, 0),
    "min": (
        lambda z: minimum(z, -z, np.array([0.0, 0.5, -1.0])),
        each(lambda v, c: min(v, -v, Fraction(c)), [0.0, 0.5, -1.0]),
        2,
    ),
    "clip": (lambda z: clip(z, -0.3, 0.7), each(lambda v: clipped(v, -0.3, 0.7)), 2),
    "clip_lower": (lambda z: clip(z, lower=0.5), each(lambda v: clipped(v, 0.5, INF)), 1),
    "clip_upper": (lambda z: clip(z, upper=0.1), each(lambda v: clipped(v, -INF, 0.1)), 1),
    "clip_none": (clip, lambda z: z, 0),
    "clip_point": (lambda z: clip(z, 0.3, 0.3), lambda z: [Fraction(0.3)] * 3, 2),
    "clip_each": (lambda z: clip(z, LOWER, UPPER), each(clipped, LOWER, UPPER), 2),
}


def pooled(z: Row) -> Row:
    return [max(z[k] for k in window if k >= 0) for window in WINDOWS.tolist()]


POOLS: dict[str, Case] = {
    "pool": (lambda z: max_pool(z, WINDOWS), pooled, 2),
    "pool_all": (lambda z: max_pool(z, np.arange(4)[None]), lambda z: [max(z)], 2),
    "pool_one": (
        lambda z: max_pool(z, np.array([[2], [0]])),
        lambda z: [z[2], z[0]],
        0,
    ),
}
JUMPS: dict[str, Case] = {
    "sign": (sign_of, each(lambda v: Fraction((v > 0) - (v < 0))), 0),
    "step": (step, each(lambda v: Fraction(v >= 0)), 0),
}


def known(y: Affine, assignment: dict[Variable, Numbers]) -> None:
    """Adds what the definitions of an expression make of all variables but its own."""
    system, lift = recognise(System(y.requires))
    values = dict(assignment)
    for definition in system.definitions:
        found = value(definition.value, values)
        zero = Fraction(0)
        values[definition.variable] = np.array(
            [max(v, zero) if definition.relu else v for v in found], dtype=object
        )
    assignment.update(lift(values))


def check(case: Case, point: list[Fraction], off: Fraction, place: int) -> None:
    function, meant, rectified = case
    x = Variable(len(point), -3, 3, "x")
    y = define(function(x.affine), "y")
    formula = And(y.requires)
    system, _ = recognise(System(y.requires))
    assert not system.formulas and sum(d.relu for d in system.definitions) == rectified
    assignment: dict[Variable, Numbers] = {x: np.array(point, dtype=object)}
    known(y, assignment)
    assert list(value(y, assignment)) == list(meant(point))
    assert holds(formula, assignment)
    (output,) = (term.variable for term in y.terms)
    wrong = assignment[output].copy()
    wrong[place % len(wrong)] += off
    assert holds(formula, {**assignment, output: wrong}) == (off == 0)


offsets = st.fractions(-1, 1, max_denominator=64)


@pytest.mark.parametrize("name", THREE)
@settings(max_examples=12)
@given(point=st.lists(cells, min_size=3, max_size=3), off=offsets, place=st.integers(0, 2))
def test_an_activation_is_its_function(
    name: str, point: list[Fraction], off: Fraction, place: int
) -> None:
    check(THREE[name], point, off, place)


@pytest.mark.parametrize("name", POOLS)
@settings(max_examples=12)
@given(point=st.lists(cells, min_size=4, max_size=4), off=offsets, place=st.integers(0, 3))
def test_a_pool_is_its_function(
    name: str, point: list[Fraction], off: Fraction, place: int
) -> None:
    check(POOLS[name], point, off, place)


@pytest.mark.parametrize("name", JUMPS)
@settings(max_examples=12)
@given(point=st.lists(cells, min_size=2, max_size=2), off=offsets, place=st.integers(0, 1))
def test_a_jump_is_its_function_and_stays_a_disjunction(
    name: str, point: list[Fraction], off: Fraction, place: int
) -> None:
    function, meant, _ = JUMPS[name]
    x = Variable(2, -3, 3, "x")
    y = function(x.affine)
    (output,) = (term.variable for term in y.terms)
    right = np.array(meant(point), dtype=object)
    assignment = {x: np.array(point, dtype=object), output: right}
    assert holds(And(y.requires), assignment) and within(output, right)
    wrong = right.copy()
    wrong[place] += off
    assert holds(And(y.requires), {**assignment, output: wrong}) == (off == 0)
    system, _ = recognise(System(y.requires))
    assert not any(d.relu for d in system.definitions)
    assert any(isinstance(formula, Or) and formula.elementwise for formula in system.formulas)


def test_by_hand() -> None:
    x = Variable(4, -9, 9, "x")
    at = {x: exact([-2.0, 0.5, 7.0, 1.0])}
    y = clip(x, 0, 6)
    known(y, at)
    assert value(y, at).tolist() == [0, Fraction(1, 2), 6, 1]
    pool = max_pool(x, np.array([[0, 1, 2], [3, 0, -1]]))
    known(pool, at)
    assert value(pool, at).tolist() == [7, 1]
    leaky = leaky_relu(x, [0.5, 0.25, 0.125, -1.0])
    known(leaky, at)
    assert value(leaky, at).tolist() == [-1, Fraction(1, 2), 7, 1]


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1))
def test_random_windows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size, width, count = (int(n) for n in rng.integers(1, [10, 8, 6]))
    rows = [rng.permutation(size)[: rng.integers(1, min(size, width) + 1)] for _ in range(count)]
    windows = np.full((count, width), -1)
    for row, chosen in zip(windows, rows, strict=True):
        row[rng.choice(width, len(chosen), replace=False)] = chosen
    point = [Fraction(int(v), 8) for v in rng.integers(-16, 17, size)]
    x = Variable(size, name="x")
    y = max_pool(x, windows)
    at = {x: np.array(point, dtype=object)}
    known(y, at)
    assert value(y, at).tolist() == [max(point[k] for k in row) for row in rows]
    assert holds(And(y.requires), at)


def test_rounds_of_a_window_pair_neighbours_and_never_an_element_with_itself() -> None:
    x = Variable(5, name="x")
    y = max_pool(x, np.arange(5)[None])
    # (0 1) (2 3) 4, then ((0 1) (2 3)) 4, then both: four maxima in three rounds
    system, _ = recognise(System(y.requires))
    assert [d.variable.size for d in system.definitions if d.relu] == [2, 1, 1]


def test_a_slope_is_recognised_exactly_whatever_its_digits() -> None:
    x = Variable(2, name="x")
    z = x.through(Dense(np.array([[1.0, 2.0], [3.0, 4.0]]))) + np.array([0.1, 0.2])
    below = z.through(Scale(np.array([0.1, 1 / 3]), np.array([3.0, 1.0])))
    factors = multiple(z - below, z)
    assert factors is not None
    total = [Fraction(0), Fraction(0)]
    for factor in factors:
        assert factor.scale is not None
        pairs = zip(factor.scale.multiplier.tolist(), factor.scale.divisor.tolist(), strict=True)
        total = [t + Fraction(m) / Fraction(d) for t, (m, d) in zip(total, pairs, strict=True)]
    assert total == [1 - Fraction(0.1) / 3, 1 - Fraction(1 / 3)]
    # by a number: 1 - 0.1 is the sum of two floats
    numbers = multiple(x - x * 0.1, x.affine)
    assert numbers is not None and sum(Fraction(f.number) for f in numbers) == 1 - Fraction(0.1)
    other = Scale(np.array([2.0, 3.0]), np.ones(2))
    both = multiple(below - z.through(other), z)
    assert both is not None and len(both) == 2
    assert multiple(z - below + 1.0, z) is None and multiple(z, x.affine) is None
    assert multiple(x.affine, x * 3.0) is None and multiple(x * 1e300, x * 1e-300) is None
    steep = z.through(Scale(np.full(2, 1e308), np.ones(2)))
    several = multiple(z - steep, z)
    assert several is not None and [f.number for f in several] == [1.0, -1.0]
    assert multiple(z - z, z) is None and multiple(below + x.affine, z) is None


def test_what_is_shared_is_named_once() -> None:
    x = Variable(2, name="x")
    (one,), (other,) = shared(x, "z").terms, x.affine.terms
    assert one.variable is x and one.operator is other.operator and one.factor == other.factor
    assert not shared(x, "z").requires
    assert len(shared(x + 1.0, "z").requires) == 1 and len(shared(x * 2.0, "z").requires) == 1


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda x: leaky_relu(x, np.nan), "not a finite"),
        (lambda x: leaky_relu(x, [1.0, 2.0, 3.0]), "slope of 3 elements"),
        (lambda x: clip(x, 1.0, 0.0), "the lower one first"),
        (lambda x: clip(x, np.nan, 0.0), "the lower one first"),
        (lambda x: clip(x, INF, INF), "the lower one first"),
        (lambda x: maximum(x, np.ones(3)), "vector of 3"),
        (lambda x: max_pool(x, np.array([0, 1])), "rows of whole numbers"),
        (lambda x: max_pool(x, np.array([[0.0]])), "rows of whole numbers"),
        (lambda x: max_pool(x, np.array([[0, 2]])), "outside of 0..1"),
        (lambda x: max_pool(x, np.array([[0, 1], [-1, -1]])), "no entry"),
        (lambda x: max_pool(x, np.array([[1, -1, 1]])), "an element twice"),
    ],
)
def test_what_means_nothing_is_refused(build: Callable[[Variable], Affine], words: str) -> None:
    with pytest.raises(LanguageError, match=words):
        build(Variable(2, name="x"))
