"""Random VNN-LIB 1.0 texts with an evaluator of their own, which shares nothing with the reader.

An expression is a number or name as it stands in the text, or a tuple of a symbol and expressions.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import TypeAlias

from hypothesis import strategies as st

Expression: TypeAlias = "str | tuple[Expression, ...]"
Point: TypeAlias = dict[str, Fraction]

INPUTS, OUTPUTS = ("X_0", "X_1", "X_2"), ("Y_0", "Y_1")
DYADIC = ("-1", "-0.5", "0", "0.0", "0.25", "1.0", "1.5E0", "2", "25e-2")
DECIMAL = ("-0.1", "0.1", "1e-05", "0.3", "1.0E-1", ".7", "3.", "0.020000000000000004")
VALUES = sorted({Fraction(text) for text in (*DYADIC, *DECIMAL)} | {Fraction(1, 3)})
RELATIONS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt, "=": operator.eq,
    "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


@dataclass(frozen=True)
class Stated:
    """Formulas that are asserted."""

    formulas: tuple[Expression, ...]

    def text(self, separator: str = " ") -> str:
        lines = [f"(declare-const {name} Real)" for name in (*OUTPUTS[::-1], *INPUTS[::-1])]
        lines += [f"(assert {written(formula, separator)})" for formula in self.formulas]
        return "\n".join(lines)

    def holds(self, point: Point) -> bool:
        return all(truth(formula, point) for formula in self.formulas)


def written(expression: Expression, separator: str = " ") -> str:
    if isinstance(expression, str):
        return expression
    return "(" + separator.join(written(part, separator) for part in expression) + ")"


def value(term: Expression, point: Point) -> Fraction:
    if isinstance(term, str):
        return point[term] if term in point else Fraction(term)
    symbol, *parts = term
    values = [value(part, point) for part in parts]
    if symbol == "-" and len(values) == 1:
        return -values[0]
    functions = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
    return reduce(functions[str(symbol)], values)


def truth(formula: Expression, point: Point) -> bool:
    assert not isinstance(formula, str)
    symbol, *parts = formula
    if symbol in RELATIONS:
        values = [value(part, point) for part in parts]
        return all(itertools.starmap(RELATIONS[str(symbol)], itertools.pairwise(values)))
    truths = [truth(part, point) for part in parts]
    if symbol == "=>":
        return not all(truths[:-1]) or truths[-1]
    if symbol == "not":
        return not truths[0]
    return all(truths) if symbol == "and" else any(truths)


def terms(numbers: Sequence[str]) -> st.SearchStrategy[Expression]:
    constant: st.SearchStrategy[Expression] = st.sampled_from(numbers)
    divisor = st.sampled_from(["2", "-0.5", "4"])
    leaf = st.one_of(constant, st.sampled_from((*INPUTS, *OUTPUTS)))
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.tuples(st.sampled_from("+-"), inner),
            st.tuples(st.sampled_from("+-"), inner, inner, inner),
            st.tuples(st.just("*"), constant, inner),
            st.tuples(st.just("*"), inner, constant, constant),
            st.tuples(st.just("/"), inner, divisor),
            st.tuples(st.just("/"), inner, divisor, divisor),
        ),
        max_leaves=4,
    )


def bounds(numbers: Sequence[str]) -> st.SearchStrategy[Expression]:
    """A bound of one input, the constant on either side."""
    sides = st.tuples(st.sampled_from(INPUTS), st.sampled_from(numbers))
    symbols = st.sampled_from(["<=", ">=", "<=", ">=", "<", ">", "="])
    return st.tuples(symbols, sides, st.booleans()).map(
        lambda drawn: (drawn[0], *(drawn[1] if drawn[2] else drawn[1][::-1]))
    )


def formulas(numbers: Sequence[str]) -> st.SearchStrategy[Expression]:
    term = terms(numbers)
    chained = st.sampled_from(["<=", ">=", "<", ">", "=", "=="])
    leaf: st.SearchStrategy[Expression] = st.one_of(
        bounds(numbers),
        st.tuples(st.sampled_from(list(RELATIONS)), term, term),
        st.tuples(chained, term, term, term),
    )
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: ("and", *parts)),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: ("or", *parts)),
            st.tuples(st.just("not"), inner),
            st.tuples(st.just("=>"), inner, inner),
            st.tuples(st.just("=>"), inner, inner, inner),
        ),
        max_leaves=6,
    )


@st.composite
def stated(draw: st.DrawFn, numbers: Sequence[str] = (*DYADIC, *DECIMAL)) -> Stated:
    """Bounds, a disjunction of boxes with formulas, and any formulas, in any order."""
    bound = bounds(numbers)
    found = draw(st.lists(bound, max_size=4)) + draw(st.lists(formulas(numbers), max_size=2))
    for _ in range(draw(st.integers(0, 2))):
        alternatives = st.lists(st.one_of(bound, formulas(numbers)), min_size=1, max_size=4)
        chosen = draw(st.lists(alternatives, min_size=1, max_size=4))
        found.append(("or", *(("and", *parts) for parts in chosen)))
    return Stated(tuple(draw(st.permutations(found))))


def points() -> st.SearchStrategy[Point]:
    """Values that meet the constants of the texts often."""
    names = (*INPUTS, *OUTPUTS)
    return st.tuples(*(st.sampled_from(VALUES) for _ in names)).map(
        lambda drawn: dict(zip(names, drawn, strict=True))
    )
