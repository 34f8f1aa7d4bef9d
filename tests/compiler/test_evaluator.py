"""The exact evaluator: every relation at, just above and just below its boundary."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from rhobust.compiler.base.arrays import Numbers
from rhobust.compiler.base.norms import L1, L2, NormKind
from rhobust.compiler.language.evaluator import Assignment, holds, truth, value, within
from rhobust.compiler.language.expressions import Affine, Offset, Term, Variable
from rhobust.compiler.language.formulas import And, Ball, Formula, Or, Relation
from rhobust.compiler.operators import Dense

TINY = Fraction(1, 10**40)
X = Variable(2, -1, [1.0, np.inf], "x")
WEIGHT = Dense(np.array([[1.0, 2.0], [0.5, -1.0]]))


def numbers(*values: object) -> Numbers:
    out = np.empty(len(values), dtype=object)
    out[:] = [Fraction(str(v)) if not isinstance(v, Fraction) else v for v in values]
    return out


def at(*values: object) -> Assignment:
    return {X: numbers(*values)}


def affine(factor: float, offset: float) -> Affine:
    """factor * WEIGHT x + offset * (3, 5), as the language stores it."""
    eye = Dense(np.eye(2))
    return Affine(2, (Term(factor, WEIGHT, X),), (Offset(offset, eye, np.array([3.0, 5.0])),))


@pytest.mark.parametrize("factor", [1.0, -1.0, 2.0, -0.5, 0.25])
@pytest.mark.parametrize("offset", [1.0, -1.0, 3.0, -0.25])
def test_values(factor: float, offset: float) -> None:
    # W (1/3, 2/7) = (19/21, -5/42)
    found = value(affine(factor, offset), at(Fraction(1, 3), Fraction(2, 7)))
    first = Fraction(19, 21) * Fraction(factor) + 3 * Fraction(offset)
    second = Fraction(-5, 42) * Fraction(factor) + 5 * Fraction(offset)
    assert found.tolist() == [first, second]
    assert all(isinstance(v, Fraction) for v in found)


def test_sums_of_terms() -> None:
    for one, other in [
        (1.0, 1.0),
        (1.0, -1.0),
        (-1.0, 1.0),
        (-1.0, -1.0),
        (2.0, -1.0),
        (-3.0, 0.5),
    ]:
        both = Affine(2, (Term(one, WEIGHT, X), Term(other, Dense(np.eye(2)), X)), ())
        x = (Fraction(1, 3), Fraction(2, 7))
        found = value(both, at(*x)).tolist()
        assert found == [
            Fraction(19, 21) * Fraction(one) + x[0] * Fraction(other),
            Fraction(-5, 42) * Fraction(one) + x[1] * Fraction(other),
        ]
    assert value(Affine(2, (), ()), at(1, 1)).tolist() == [0, 0]


IDENTITY = X.affine


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("<=", (True, True, False)), ("<", (True, False, False)), ("=", (False, True, False))],
)
def test_relations_at_their_boundary(kind: str, expected: tuple[bool, bool, bool]) -> None:
    relation = Relation(IDENTITY, kind)
    for number, true in zip((-TINY, Fraction(0), TINY), expected, strict=True):
        assert truth(relation, at(number, 7)).tolist() == [true, False]
        assert truth(relation, at(-7, number)).tolist() == [kind != "=", true]
        assert holds(relation, at(number, number)) == true
    for number in (Fraction(-2), Fraction(3)):
        assert truth(relation, at(number, 0))[0] == (kind != "=" and number < 0)


@pytest.mark.parametrize("norm", [L1, L2])
@pytest.mark.parametrize("radius", [2.5, 5.0])
def test_balls_at_their_boundary(norm: NormKind, radius: float) -> None:
    ball = Ball(IDENTITY, norm, radius)
    half = Fraction(radius) / 5
    # 3, 4, 5 for l2; 2 + 3 for l1
    x, y = (3 * half, -4 * half) if norm is L2 else (-2 * half, 3 * half)
    assert truth(ball, at(x, y)).tolist() == [True]
    assert holds(ball, at(x * (1 - TINY), y))
    assert not holds(ball, at(x * (1 + TINY), y)) and not holds(ball, at(x, y * (1 + TINY)))
    assert holds(ball, at(0, 0)) and not holds(ball, at(radius, radius))


def below(*levels: float) -> Relation:
    """x_k <= level_k, elementwise."""
    return Relation((X - np.array(levels)).affine, "<=")


def one(element: int, level: float) -> Relation:
    return Relation((X[element] - level).affine, "<=")


def test_ands_are_elementwise_where_all_parts_are() -> None:
    both = And((below(0.0, 2.0), below(3.0, 1.0)))
    assert truth(both, at(0, 1)).tolist() == [True, True]
    assert truth(both, at(1, 1)).tolist() == [False, True]
    assert truth(both, at(0, 1.5)).tolist() == [True, False]
    assert truth(And(()), at(0, 0)).tolist() == [True]
    # one element stands for all
    mixed = And((below(0.0, 2.0), one(0, 5.0)))
    assert truth(mixed, at(1, 1)).tolist() == [False, True]
    assert truth(mixed, at(6, 1)).tolist() == [False, False]


def test_ands_of_different_sizes_are_one_truth() -> None:
    three = Variable(3, 0, 1, "z")
    some = And((below(1.0, 1.0), Relation((three - 0.5).affine, "<=")))
    low, high = numbers(0, 0, 0), numbers(0, 0, 1)
    assert truth(some, {**at(0, 0), three: low}).tolist() == [True]
    assert truth(some, {**at(0, 0), three: high}).tolist() == [False]
    assert truth(some, {**at(0, 2), three: low}).tolist() == [False]


def test_ors_choose_for_all_elements_or_for_each() -> None:
    parts: tuple[Formula, ...] = (below(0.0, 0.0), below(-1.0, 5.0))
    whole, each = Or(parts), Or(parts, elementwise=True)
    assert truth(whole, at(0, 0)).tolist() == [True]
    assert truth(whole, at(-1, 3)).tolist() == [True]
    assert truth(whole, at(0, 3)).tolist() == [False]  # neither part holds in both elements
    assert truth(each, at(0, 3)).tolist() == [True, True]
    assert truth(each, at(1, 3)).tolist() == [False, True]
    assert truth(Or(()), at(0, 0)).tolist() == [False]
    assert not holds(Or(()), at(0, 0)) and holds(And(()), at(0, 0))


def test_holds_needs_every_element() -> None:
    assert holds(below(0.0, 0.0), at(0, 0))
    assert not holds(below(0.0, 0.0), at(TINY, 0)) and not holds(below(0.0, 0.0), at(0, TINY))


def test_bounds_of_a_variable() -> None:
    assert within(X, numbers(-1, -1)) and within(X, numbers(1, 10**9))
    assert not within(X, numbers(-1 - TINY, 0)) and not within(X, numbers(1 + TINY, 0))
    assert not within(X, numbers(0, -1 - TINY))
    free = Variable(1, -np.inf, np.inf, "free")
    assert within(free, numbers(-(10**400))) and within(free, numbers(10**400))
    above = Variable(1, 2.0, np.inf, "above")
    assert within(above, numbers(2)) and not within(above, numbers(2 - TINY))
    under = Variable(1, -np.inf, 2.0, "under")
    assert within(under, numbers(2)) and not within(under, numbers(2 + TINY))


def test_values_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter|longer"):
        within(X, numbers(0))
