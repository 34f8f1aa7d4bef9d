"""The constraint language means what it says, in rational arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhobust.compiler.base.arrays import Numbers, exact
from rhobust.compiler.base.errors import LanguageError
from rhobust.compiler.language.activations import absolute, leaky_relu, maximum, relu
from rhobust.compiler.language.evaluator import holds, truth, value, within
from rhobust.compiler.language.expressions import Affine, Term, Variable, as_affine, define
from rhobust.compiler.language.formulas import (
    And,
    Formula,
    Or,
    all_of,
    any_of,
    argmax_is,
    requirements,
)
from rhobust.compiler.language.norms import norm_inf
from rhobust.compiler.operators import Dense, identity
from rhobust.compiler.problem import Branch
from rhobust.compiler.steps.disjunctions import cases as split_cases
from rhobust.compiler.steps.flatten import flatten
from rhobust.compiler.steps.recognise import recognise
from rhobust.compiler.steps.region import region
from rhobust.compiler.steps.system import System, chain

from ..reference import oracles
from ..reference.strategies import Case, cases

WEIGHT = np.array([[1.0, -0.5], [0.25, 2.0], [0.0, 0.0]])
numbers = st.fractions(-3, 3, max_denominator=16)
vectors = st.lists(numbers, min_size=2, max_size=2).map(lambda some: np.array(some, dtype=object))


def newest(affine: Affine) -> Variable:
    """The variable an expression consists of."""
    (term,) = affine.terms
    return term.variable


# ---- activations -----------------------------------------------------------------------------

ACTIVATIONS: list[tuple[Callable[[Affine], Affine], Callable[[Fraction], Fraction]]] = [
    (relu, lambda z: max(z, Fraction(0))),
    (absolute, abs),
    (lambda z: leaky_relu(z, 0.125), lambda z: z if z > 0 else z / 8),
    (lambda z: leaky_relu(z, -2.0), lambda z: z if z > 0 else -2 * z),
    (lambda z: maximum(z, -z), abs),
    (lambda z: maximum(z, as_affine(0.5, 3)), lambda z: max(z, Fraction(1, 2))),
]


@pytest.mark.parametrize(("activation", "meant"), ACTIVATIONS)
@given(point=vectors, off=st.fractions(-1, 1, max_denominator=64), place=st.integers(0, 2))
def test_an_activation_holds_for_its_value_and_for_no_other(
    activation: Callable[[Affine], Affine],
    meant: Callable[[Fraction], Fraction],
    point: Numbers,
    off: Fraction,
    place: int,
) -> None:
    x = Variable(2, -3, 3)
    z = x.affine.through(Dense(WEIGHT)) + np.array([0.0, -0.5, 0.0])
    y = activation(z)
    levels = [Fraction(0), Fraction(-1, 2), Fraction(0)]
    inputs = [
        sum((Fraction(w) * v for w, v in zip(row, point, strict=True)), level)
        for row, level in zip(WEIGHT.tolist(), levels, strict=True)
    ]
    right = np.array([meant(number) for number in inputs], dtype=object)
    formula = And(tuple(y.requires))
    assert holds(formula, {x: point, newest(y): right})
    wrong = right.copy()
    wrong[place] += off
    assert holds(formula, {x: point, newest(y): wrong}) == (off == 0)


def test_a_formula_is_required_once_however_often_its_variable_is_used() -> None:
    x = Variable(2, 0, 1)
    y = relu(x.affine)
    both = relu(y + y) - y
    assert len(both.requires) == 2
    assert requirements(And((both <= 1.0, Or((y <= 0.0, both >= 2.0))))) == list(both.requires)


def test_a_shared_value_is_one_variable() -> None:
    x = Variable(2, -1, 1)
    y = define(x.affine * 3.0 - 1.0)
    point = exact([0.5, -1.0])
    assert holds(And(tuple(y.requires)), {x: point, newest(y): exact([0.5, -4.0])})
    assert not holds(And(tuple(y.requires)), {x: point, newest(y): exact([0.5, -3.0])})


# ---- expressions and relations ---------------------------------------------------------------


@given(vectors, st.integers(-24, 24))
def test_arithmetic_of_expressions(point: Numbers, eighths: int) -> None:
    x = Variable(2)
    number, constant = eighths / 8, np.array([0.1, -2.0])
    expression = 2.0 * x.affine + number - (1.0 - x.affine) * 0.5 - constant
    meant = [
        2 * p + Fraction(number) - (1 - p) / 2 - Fraction(c)
        for p, c in zip(point, constant.tolist(), strict=True)
    ]
    assert value(expression, {x: point}).tolist() == meant
    assert value(expression[-1], {x: point}).tolist() == meant[1:]
    assert value(-x.affine, {x: point}).tolist() == [-p for p in point]


@given(vectors, numbers)
def test_relations_and_their_strictness(point: Numbers, bound: Fraction) -> None:
    x = Variable(2)
    limit = float(bound)
    compare = Fraction(limit)
    assert truth(x.affine <= limit, {x: point}).tolist() == [p <= compare for p in point]
    assert truth(x.affine < limit, {x: point}).tolist() == [p < compare for p in point]
    assert truth(x.affine >= limit, {x: point}).tolist() == [p >= compare for p in point]
    assert truth(x.affine > limit, {x: point}).tolist() == [p > compare for p in point]
    assert truth(x.affine.equals(limit), {x: point}).tolist() == [p == compare for p in point]


@given(vectors, st.floats(0, 3))
def test_norm(point: Numbers, radius: float) -> None:
    x = Variable(2)
    center = np.array([0.3, -0.7])
    meant = max(abs(p - Fraction(c)) for p, c in zip(point, center.tolist(), strict=True))
    assert holds(norm_inf(x.affine - center) <= radius, {x: point}) == (meant <= Fraction(radius))


def test_formulas_of_formulas() -> None:
    x = Variable(2)
    point = {x: exact([0.5, -1.0])}
    some, empty = any_of(x >= 1.0, x <= -2.0), all_of()
    assert not holds(some, point) and holds(empty, point) and not holds(any_of(), point)
    # a whole Or asks one disjunct of all elements, an elementwise one of each
    sides = (x.affine >= 0.0, x.affine <= 0.0)
    assert holds(Or(sides, elementwise=True), point) and not holds(Or(sides), point)
    assert truth(And(sides), point).tolist() == [False, False]
    mixed = And((x.affine[0] >= 0.0, x.affine <= 1.0))
    assert truth(mixed, point).tolist() == [True, True]


def test_bounds_of_a_variable() -> None:
    x = Variable(2, [0.0, -np.inf], [1.0, np.inf], "x")
    assert within(x, exact([1.0, 1e300])) and within(x, exact([0.0, -5.0]))
    assert not within(x, exact([1.0 + 2**-52, 0.0])) and not within(x, exact([-(2.0**-1074), 0.0]))


def test_what_is_no_expression_is_refused() -> None:
    x = Variable(2, name="x")
    with pytest.raises(LanguageError, match="2 and 3 elements"):
        x.affine + Variable(3)
    with pytest.raises(LanguageError, match="vector of 3"):
        x.affine + np.ones(3)
    with pytest.raises(LanguageError, match="finite"):
        x.affine + np.nan
    with pytest.raises(LanguageError, match="on 3 numbers meets 2"):
        x.affine.through(identity(3))
    with pytest.raises(LanguageError, match="empty or not numbers"):
        Variable(1, 1.0, 0.0)
    with pytest.raises(LanguageError, match="'x'.*empty or not numbers"):
        Variable(1, np.nan, 0.0, "x")
    with pytest.raises(IndexError):
        x.affine[2]


# ---- Bastani et al. 2016, theorem 1 ----------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(cases(), st.data())
def test_a_network_has_a_label_exactly_when_its_formula_holds(
    case: Case, data: st.DataObject
) -> None:
    x = Variable(case.network.input_size, case.lower, case.upper, "x")
    y = case.network(x)
    network_part = requirements(y <= 0.0)
    final, back = chain(System(tuple(network_part), inputs=(x,)), (recognise, region, split_cases))
    assert final.inputs == (x,) and not final.atoms, "the network is a function"
    assert final.root == Branch((), ()) and not (final.formulas or final.choices)
    _, forward, _ = flatten(final)
    place = [data.draw(st.fractions(0, 1, max_denominator=32)) for _ in case.image]
    point = [
        low + share * (high - low) for share, low, high in zip(place, *case.bounds, strict=True)
    ]
    assignment = back(forward({x: np.array(point, dtype=object)}))
    logits = oracles.evaluate(case.exact, point)
    assert value(y, assignment).tolist() == list(logits)
    for label in range(case.network.output_size):
        claim = And((*network_part, argmax_is(y, label)))
        assert holds(claim, assignment) == (logits[label] == max(logits))
    # and no other assignment to the same input is allowed
    variable = data.draw(st.sampled_from([v for v in assignment if v is not x]))
    if variable in {term.variable for part in network_part for term in terms(part)}:
        changed = dict(assignment)
        changed[variable] = changed[variable].copy()
        changed[variable][data.draw(st.integers(0, variable.size - 1))] += Fraction(1, 1000)
        assert not holds(And(tuple(network_part)), changed)


def terms(formula: Formula) -> list[Term]:
    if isinstance(formula, And | Or):
        return [term for part in formula.parts for term in terms(part)]
    return list(formula.affine.terms)
