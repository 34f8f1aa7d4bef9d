"""Python's own logic on formulas: an error, or what it says; no constraint is lost."""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from rhobust.compiler.base.arrays import exact
from rhobust.compiler.base.errors import LanguageError
from rhobust.compiler.language.concatenation import concatenated
from rhobust.compiler.language.evaluator import holds, value
from rhobust.compiler.language.expressions import Expression, Variable
from rhobust.compiler.language.formulas import (
    And,
    Formula,
    Or,
    Relation,
    all_of,
    any_of,
    implies,
    negated,
)
from rhobust.compiler.language.norms import norm1, norm2, norm_inf
from rhobust.queries.objective.formulation import maximize
from rhobust.queries.problem import Problem

X: Any = Variable(2, -1, 1, "x")  # of any type: what is tested here, a type checker refuses
A: Any = X[0] <= 0.0
B: Any = X[1] <= 0.0
POINTS = [exact([a, b]) for a in (-0.75, 0.0, 0.25, 0.75) for b in (-0.25, 0.0, 0.75)]


@pytest.mark.parametrize(
    "ask",
    [
        lambda: A and B,
        lambda: A or B,
        lambda: not A,
        lambda: bool(A),
        lambda: bool(all_of(A)),
        lambda: bool(all_of()),
        lambda: bool(any_of(A, B)),
        lambda: bool(norm1(X) <= 1),
        lambda: bool(norm1(X)),
        lambda: bool(X),
        lambda: bool(X[0]),
        lambda: 1 if X[0] > 5 else 0,
        lambda: max(X[0], X[1]) <= 0,
        lambda: min(X[0], X[1]) >= 0.5,
        lambda: 0.25 <= X <= 0.5,
        lambda: 0.25 <= X[0] < 0.5,
        lambda: sorted(X),
        lambda: sorted([X[0], X[1]]),
        lambda: X[0] in [X[1]],
        lambda: 0.5 in X,
        lambda: A in all_of(A),
        lambda: any([A, B]),
        lambda: all([A, B]),
        lambda: [a for a in (A, B) if a],
        lambda: bool(X[0] == X[1]),
    ],
)
def test_nothing_has_a_truth_value(ask: Callable[[], object]) -> None:
    with pytest.raises(LanguageError, match=r"rb\.And\(a, b\) or a & b"):
        ask()


@pytest.mark.parametrize(
    "ask",
    [
        lambda: X[0] <= 0 & X[1] <= 0,
        lambda: X[0] <= 0 | X[1] <= 0,
        lambda: A & X[1] <= 0,
        lambda: A | X,
        lambda: X | A,
        lambda: True & A,
        lambda: ~X,
    ],
)
def test_joining_needs_brackets(ask: Callable[[], object]) -> None:
    with pytest.raises(LanguageError, match="brackets"):
        ask()


def test_operators_of_formulas_mean_and_or_and_negation() -> None:
    for left, right in ((A, B), (X <= 0.25, X >= 0.0), (norm1(X) <= 0.75, norm_inf(X) <= 0.5)):
        for point in POINTS:
            at = {X: point}

            def true(formula: Formula, at: Any = at) -> bool:
                return holds(formula, at)

            assert true(left & right) == (true(left) and true(right))
            assert true(left | right) == (true(left) or true(right))
    chain = A & B & A & B
    assert isinstance(chain, And) and len(chain.parts) == 4
    choice = A | B | A
    assert isinstance(choice, Or) and len(choice.parts) == 3
    for wrong in (True, None, 1.0):
        with pytest.raises(LanguageError, match="is no formula"):
            A & wrong


@pytest.mark.parametrize(
    "formula",
    [A, X <= 0.25, X < 0.25, X[0].equals(0.25), A & B, A | B, norm_inf(X) <= 0.5]
    + [norm_inf(X) < 0.5, norm_inf(X) >= 0.25, norm_inf(X) > 0.25, norm_inf(X) == 0.75],
)
def test_a_negation_holds_where_its_formula_does_not(formula: Formula) -> None:
    for point in POINTS:
        assert holds(~formula, {X: point}) != holds(formula, {X: point})


def test_norms_from_below() -> None:
    """max |x| and |x0| + |x1| at the vertices of what is left of the box."""
    for formula, best in (
        (norm_inf(X) >= 0.5, 2.0),
        (~(norm1(X) <= 1.5), 2.0),
        ((norm1(X) >= 1.0) & (X <= 0.25), -0.5),
        ((norm1(X) < 0.5) & (X[1] <= 0), 0.5),
        ((norm1(X) == 0.5) & (X[1] <= 0), 0.5),
    ):
        solution = Problem(maximize(X.sum()), [formula]).solve(timeout=600)
        assert abs(solution.value - best) < 1e-3 or abs(solution.bound - best) < 1e-3
        assert solution.status in ("optimal", "unknown")
    asks: list[Any] = [lambda: norm2(X) >= 1, lambda: norm2(X) < 1, lambda: ~(norm2(X) <= 1)]
    for ask in asks:
        with pytest.raises(LanguageError, match="norm2"):
            ask()
    with pytest.raises(LanguageError, match="!="):
        operator.ne(norm1(X), 1.0)


def test_equality_is_a_relation_and_keys_are_objects() -> None:
    y = Variable(2, name="y")
    for relation in (X == y, X.equals(y), X.affine == y):
        assert isinstance(relation, Relation) and relation.kind == "="
    for point in POINTS:
        assert holds(X[0] == X[1], {X: point}) == (point[0] == point[1])
        assert holds(np.array([0.25, 0.75]) == X, {X: point}) == (point.tolist() == [0.25, 0.75])
    with pytest.raises(LanguageError, match="!="):
        operator.ne(X, y)
    for nothing in (None, "x", object()):
        with pytest.raises(LanguageError):
            operator.eq(X, nothing)
    keys: dict[Expression, int] = {X: 1, y: 2, X[0]: 3}
    keys.update({Variable(1): k for k in range(100)})
    assert keys[X] == 1 and keys[y] == 2 and Variable(2) not in keys and len({X, X, y}) == 2


def test_conditions_that_are_no_formulas_are_refused() -> None:
    true: Any = True
    nothing: Any = None
    for ask in (
        lambda: implies(true, A),
        lambda: implies(A, true),
        lambda: all_of(A, true),
        lambda: Problem([A, true]),
        lambda: Problem(true),
        lambda: Problem([A, X]),
        lambda: Problem(None, nothing),
    ):
        with pytest.raises(LanguageError, match="is no formula"):
            ask()
    both, nested = all_of([A, B]), [A]
    assert len(both.parts) == 2 and len(Problem([both, *nested]).formulas) == 2
    assert isinstance(negated(both), Or)


def test_what_numpy_calls_is_an_expression_or_refused() -> None:
    point = {X: exact([0.25, -0.75])}
    matrix = np.array([[1.0, 2.0], [3.0, 4.0], [0.0, 1.0]])
    for made, right in (
        (np.sum(X), [-0.5]),
        (np.add(np.ones(2), X), [1.25, 0.25]),
        (np.ones(2) - X, [0.75, 1.75]),
        (np.float64(2.0) * X, [0.5, -1.5]),
        (np.array([2.0, 4.0]) * X, [0.5, -3.0]),
        (matrix @ X, [-1.25, -2.25, -0.75]),
        (X @ matrix.T, [-1.25, -2.25, -0.75]),
        (X @ np.array([4.0, 1.0]), [0.25]),
        (np.concatenate([X, X[1]]), [0.25, -0.75, -0.75]),
        (concatenated([X[1], 2.0, X + 1.0, np.zeros(2)]), [-0.75, 2.0, 1.25, 0.25, 0.0, 0.0]),
        (sum(X), [-0.5]),
    ):
        assert isinstance(made, Expression)
        assert value(made.affine, point).tolist() == right
    for ask in (
        lambda: np.exp(X),
        lambda: np.ones(2) / X,
        lambda: np.max(X),
        lambda: np.sum(X, axis=0),
        lambda: np.array(X),
        lambda: np.array([X[0], X[1]]),
        lambda: X**2,
        lambda: X * X,
        lambda: X @ X,
        lambda: X @ np.ones(3),
        lambda: float(X[0]),
        lambda: X / [1.0, 2.0, 3.0],
        lambda: X <= "a",
        lambda: X * None,
        lambda: X["a"],
        lambda: X[0, 1],
        lambda: Variable(-1),
        lambda: Variable(X),
        lambda: Variable(2, "a"),
    ):
        with pytest.raises(LanguageError):
            ask()
    with pytest.raises(IndexError):  # so that old loops end
        X[2]
    assert X.shape == (2,) and Variable((2, 3)).shape == (6,) and len(list(X)) == 2


def test_constants_are_never_rounded() -> None:
    assert holds(X[0] == Fraction(1, 4), {X: exact([0.25, 0.0])})
    for number in (Fraction(1, 3), 2**53 + 1, np.array([2**53 + 1, 0])):
        with pytest.raises(LanguageError, match="rounded"):
            X.equals(number)
