"""Expressions and formulas in words: what is written means what is meant, and stays short."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rhobust as rb
from rhobust.compiler.language.expressions import Affine, Expression
from rhobust.compiler.language.formulas import And, Formula, Or, Relation
from rhobust.compiler.language.truth import Undecided
from rhobust.compiler.language.written import LONGEST, stated, written

X = rb.Variable(3, -9, 9, "x")
Y = rb.Variable(1, -9, 9, "y")
numbers = st.integers(-9, 9)
elements = st.sampled_from([X[0], X[1], X[2], Y.affine])
sums = st.lists(st.tuples(numbers, elements), max_size=2)
compared = [operator.le, operator.lt, operator.ge, operator.gt, operator.eq]
points = st.tuples(st.tuples(numbers, numbers, numbers), numbers)


def total(parts: list[tuple[int, Affine]], number: int) -> Affine:
    whole = reduce(operator.add, (part * factor for factor, part in parts), Affine(1))
    return whole + float(number)


def meant(expression: Expression, point: tuple[tuple[int, ...], int]) -> float:
    known = {X: np.array(point[0], dtype=float), Y: np.array([float(point[1])])}
    affine = expression.affine
    of_terms = sum(
        t.factor * t.operator.apply(known[t.variable][None])[0] for t in affine.terms
    ) + np.zeros(affine.size)  # fmt: skip
    of_offsets = sum(o.factor * o.operator.apply(o.vector[None])[0] for o in affine.offsets)
    return float((of_terms + of_offsets)[0])


def read(text: str, point: tuple[tuple[int, ...], int]) -> Any:
    """The text as Python reads it."""
    text = re.sub(r"(?<![<>])=", "==", text)
    return eval(text, {"x": list(point[0]), "y": point[1], "sum": sum})


@given(sums, numbers, points)
def test_an_expression_is_what_is_written(
    parts: list[tuple[int, Affine]], number: int, point: tuple[tuple[int, ...], int]
) -> None:
    expression = total(parts, number)
    assert read(written(expression), point) == pytest.approx(meant(expression, point))


@given(sums, sums, numbers, st.sampled_from(compared), points)
def test_a_relation_is_what_is_written(
    left: list[tuple[int, Affine]],
    right: list[tuple[int, Affine]],
    number: int,
    how: Callable[[Any, Any], Any],
    point: tuple[tuple[int, ...], int],
) -> None:
    one, other = total(left, number), total(right[:1], 0)
    relation = how(one, other)
    assert isinstance(relation, Relation)
    text = stated(relation)
    assert bool(read(text, point)) == how(meant(one, point), meant(other, point)), text


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (X <= 1, "x <= 1"),
        (X >= 1, "x >= 1"),
        (-X <= 3, "x >= -3"),
        (X - np.arange(3.0) < 0.5, "x < c + 0.5"),
        (X[0] - X[1] == 2, "x[0] = x[1] + 2"),
        (2 * Y + 1 >= X[2], "x[2] <= 2*y + 1"),
        (X[1:3] >= 0, "x[1:3] >= 0"),
        (X[[2, 0]] >= 0, "x[2, 0] >= 0"),
        (X.sum() <= 1, "x[0] + x[1] + x[2] <= 1"),
        (np.ones((2, 3)) @ X <= 1, "A @ x <= 1"),
        (rb.norm_inf(X - np.arange(3.0)) <= 0.25, "|x - c| <= 0.25"),
        (rb.norm_inf(X) < 0.25, "|x| < 0.25"),
        (rb.norm1(X - 1) <= 2, "norm1(x - 1) <= 2"),
        (rb.norm2(X) <= 2, "norm2(x) <= 2"),
        (rb.And(X[0] <= 1, X[1] <= 1), "x[0] <= 1 and x[1] <= 1"),
        (rb.Or(X[0] <= 1, rb.And(X[1] <= 1, Y >= 0)), "x[0] <= 1 or (x[1] <= 1 and y >= 0)"),
        (rb.argmax_is(rb.Variable(9, 0, 1, "z"), 4),
         "z[0] <= z[4] and z[1] <= z[4] and z[2] <= z[4] and 5 more"),
        (rb.implies(X[0] <= 1, Y <= 2), "x[0] > 1 or y <= 2"),
        (rb.And(), "true"),
        (rb.relu(Y, "r").requires[0],
         "each element: (y >= 0 and r = y) or (y <= 0 and r = 0)"),
    ],
)  # fmt: skip
def test_formulas_by_hand(formula: Formula, text: str) -> None:
    assert stated(formula) == text
    assert text in repr(formula)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (X, "<Variable x: 3 numbers in [-9, 9]>"),
        (rb.Variable(2), "numbers>"),
        (X * 2 - 1, "<Affine: 2*x - 1, 3 numbers>"),
        (X * np.array([1.0, 2.0, 3.0]), "<Affine: c*x, 3 numbers>"),
        (Affine(1), "<Affine: 0, 1 number>"),
        (sum(rb.Variable(1, 0, 1, f"v{k}") for k in range(9)),
         "<Affine: v0 + v1 + v2 + v3 + ... (5 more), 1 number>"),
        (rb.load("digits")(rb.Variable(64, 0, 1, "x"))[9], "<Affine: digits(x)[9], 1 number>"),
        (rb.load("digits")(rb.Variable(64, 0, 1, "a" * 99)), "digits(aaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        (rb.norm1(X), "<Norm: norm1(x), of 3 numbers>"),
    ],
)  # fmt: skip
def test_expressions_by_hand(expression: Undecided, text: str) -> None:
    assert text in repr(expression)


@given(st.recursive(
    st.sampled_from([X <= 1, Y >= 0, rb.norm1(X) <= 2, X.sum() * 1e-300 < 1]),
    lambda inner: st.lists(inner, min_size=1, max_size=9).flatmap(
        lambda parts: st.sampled_from([And(tuple(parts)), Or(tuple(parts))])
    ),
    max_leaves=60,
))  # fmt: skip
def test_formulas_of_any_size_are_short(formula: And) -> None:
    text = stated(formula)
    assert len(text) <= LONGEST and text.isprintable()
    assert len(repr(formula)) <= 600 and len(formula._repr_html_()) < 2000


def test_large_networks_are_written_at_once() -> None:
    """What is written of a formula does not grow with its size, and nor does its time much."""
    x = rb.Variable(100_000, 0, 1, "x")
    wide: Expression = x
    for _ in range(20):
        wide = rb.relu(wide * 2 - x)
    assert repr(wide) == "<Affine: relu, 100,000 numbers>"
    assert repr(wide.sum() <= 1) == "<Relation: sum(relu) <= 1>"


def test_a_value_is_shown_of_a_variable() -> None:
    x = rb.Variable(40, 0, 1, "x")
    assert "<td" not in x._repr_html_().replace("<td style", "", 1), "one fact, no table"
    solution = rb.Problem([x <= 0.5]).solve()
    assert solution.status == "sat" and "with a value" in repr(x)
    assert "and 24 more" in x._repr_html_()
