"""The checker reads properties as their text says, and all that our writers write."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhobust.bnb.checker.arithmetic import Refused
from rhobust.bnb.checker.vnnlib import Conjunction, parse
from rhobust.compiler.base.errors import PropertyError
from rhobust.compiler.question.and_or_tree import Place, Tree, atom, conjunction, disjunction
from rhobust.compiler.question.property import Port, Property, Signature
from rhobust.compiler.vnnlib.parse import parse_vnnlib
from rhobust.compiler.vnnlib.writer import write_vnnlib

from ..compiler.vnnlib_texts import INPUTS, OUTPUTS, Point, Stated, points, stated

NUMBERS = st.one_of(
    st.fractions(max_denominator=12, min_value=-9, max_value=9),
    st.floats(allow_nan=False, allow_infinity=False, width=32).map(Fraction),
    st.floats(-1e100, 1e100).map(Fraction),
    st.sampled_from([Fraction(5e-324), Fraction(-1, 3), Fraction(10**40, 7), Fraction(0)]),
)
"""Integers, decimals, quotients, denormals, and large numbers."""


def met(cases: Sequence[Conjunction], values: Sequence[Fraction]) -> bool:
    """Whether a point satisfies a disjunctive normal form, strictness included."""
    return any(
        all(
            (total := sum((k * values[j] for j, k in item.terms), item.offset)) < 0
            or (total == 0 and not item.strict)
            for item in case
        )
        for case in cases
    )


@settings(max_examples=10, deadline=None)
@given(text=stated(), at=st.lists(points(), min_size=1, max_size=8))
def test_texts_mean_what_they_say(text: Stated, at: list[Point]) -> None:
    cases = parse(text.text(), len(INPUTS), len(OUTPUTS))
    again = parse(write_vnnlib(parse_vnnlib(text.text())), len(INPUTS), len(OUTPUTS))
    for point in at:
        values = [point[name] for name in (*INPUTS, *OUTPUTS)]
        assert met(cases, values) == text.holds(point) == met(again, values)


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> Tree:
    kind = draw(st.integers(0, 4 if depth else 2))
    if kind < 3:
        places = st.builds(Place, st.booleans(), st.integers(0, 1))
        form = draw(st.dictionaries(places, NUMBERS, max_size=3))
        return atom(form, draw(NUMBERS), draw(st.booleans()))
    parts = draw(st.lists(trees(depth - 1), min_size=0, max_size=3))
    return conjunction(parts) if kind == 3 else disjunction(parts)


@settings(max_examples=15, deadline=None)
@given(tree=trees(), at=st.lists(st.tuples(*[NUMBERS] * 4), min_size=1, max_size=6))
def test_what_is_written_is_read(tree: Tree, at: list[tuple[Fraction, ...]]) -> None:
    """By the checker as by our own importer, whatever the numbers are."""
    ports = (Port("X", "real", (2,)),), (Port("Y", "real", (2,)),)
    try:
        text = write_vnnlib(Property((Signature("", *ports),), tree))
    except PropertyError as error:
        assert "differ too much in size" in str(error)
        return
    asked, cases = parse_vnnlib(text), parse(text, 2, 2)
    assert asked.tree == tree
    for values in at:
        assert met(cases, values) == asked.holds(values[:2], values[2:])


DECLARED = "(declare-const X_0 Real)(declare-fun Y_0 () Real)"


@pytest.mark.parametrize(
    ("asserted", "point", "holds"),
    [
        ("(<= (/ X_0 4 2) (/ 1 3))", (3, 0), False),
        ("(<= (/ X_0 4 2) (/ 1 3))", (2, 0), True),
        ("(< (* 2 X_0 0) (* Y_0 X_0 (- 1 1)))", (1, 1), False),
        ("(distinct X_0 Y_0)", (1, 1), False),
        ("(not (!= X_0 Y_0))", (1, 1), True),
        ("(== X_0 Y_0 1)", (1, 1), True),
        ("(=> true (< X_0 1) false)", (1, 0), True),
        ("(=> (< X_0 1))", (1, 0), False),
        ("(and true (not false))", (0, 0), True),
        ("(> 1e-400 X_0 -1E+3)", (0, 0), True),
        ("(<= (- (+ X_0 1) 1 (- Y_0)) 0)", (-1, 1), True),
    ],
)
def test_forms(asserted: str, point: tuple[int, int], holds: bool) -> None:
    text = f"(set-logic QF_LRA)(set-info :source |a ( b|)(vnnlib-version <1.0>){DECLARED}"
    text += f"(assert {asserted})(check-sat)"
    values = list(map(Fraction, point))
    assert met(parse(text, 1, 1), values) is holds
    assert parse_vnnlib(text).holds(values[:1], values[1:]) is holds


@pytest.mark.parametrize(
    ("asserted", "reason"),
    [
        ("(<= (/ 1 X_0) 1)", "a quotient by a variable"),
        ("(<= (/ X_0 (- 1 1)) 1)", "by 0"),
        ("(<= (/ X_0) 1)", "of one term"),
        ("(<= (* X_0 Y_0) 1)", "a product of variables"),
        ("(distinct X_0 Y_0 1)", "more than two"),
        ("(<= X_0 1e3000)", "too many digits"),
        (f"(<= X_0 {'1' * 2001})", "too many digits"),
        (f"(<= X_0 (* {'1e2000 ' * 40}))", "too many bits"),
        ("(<= X_0)", "in a formula"),
        ("(ite true true true)", "'ite' in a formula"),
        ("(<= X_0 maybe)", "'maybe' is no number"),
    ],
)
def test_what_is_refused(asserted: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        parse(f"{DECLARED}(assert {asserted})", 1, 1)


def second(text: str) -> str:
    """A text of version 1 in the words of version 2: inputs of shape (1, 3), outputs of (2,)."""
    said = re.sub(r"\(declare-const [^)]*\)", "", text)
    said = re.sub(r"X_(\d+)", r"in_put[0,\1]", said)
    said = re.sub(r"Y_(\d+)", r"Y[\1]", said)
    head = "(vnnlib-version <2.0>)(declare-network N (declare-input in_put float32 [1, 3])"
    return f"{head}(declare-output Y Real [2])){said}"


@settings(max_examples=10, deadline=None)
@given(text=stated(), at=st.lists(points(), min_size=1, max_size=8))
def test_version_2_means_what_it_says(text: Stated, at: list[Point]) -> None:
    said = second(text.text())
    cases, theirs = parse(said, len(INPUTS), len(OUTPUTS)), parse_vnnlib(said)
    for point in at:
        inputs, outputs = ([point[name] for name in names] for names in (INPUTS, OUTPUTS))
        holds = text.holds(point)
        assert met(cases, [*inputs, *outputs]) == holds == theirs.holds(inputs, outputs)


def test_elements_are_in_row_major_order() -> None:
    text = "(declare-network N (declare-input X float32 [2,3]) (declare-output Y float32 [1,2]))"
    (case,) = parse(f"{text}(assert (<= X[1,0] 0))(assert (<= Y[0,1] 0))", 6, 2)
    assert [literal.terms for literal in case] == [((3, Fraction(1)),), ((7, Fraction(1)),)]


PORTS = "(declare-input X float32 [2]) (declare-output Y float32 [1])"
NAMED = PORTS.replace("[1]", '[1] "y"')


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"(declare-network N {PORTS})(assert (<= X[2] 0))", r"the element X\[2\]"),
        (f"(declare-network N {PORTS})(assert (<= X[0,0] 0))", r"the element X\[0,0\]"),
        (f"(declare-network N {PORTS})(assert (<= Z[0] 0))", "'Z' was not declared"),
        (f"(declare-network N {PORTS})(assert (<= X_0 0))", "'X_0' is no number"),
        (f"(declare-network N {PORTS})(declare-const X_0 Real)", "declaration of X_0"),
        (f"(declare-const X_0 Real)(declare-network N {PORTS})", "several networks"),
        (f"(declare-network N {PORTS})(declare-network M {PORTS})", "several networks"),
        (f"(declare-network N (equal-to M) {PORTS})", "'declare-network', or its form"),
        (f"(declare-network N {PORTS} {PORTS})", "'declare-network', or its form"),
        (f"(declare-network N {NAMED})", "the shape of Y"),
        (f"(declare-network N {PORTS.replace('[2]', '[3]')})", "not the 2 numbers"),
        (f"(declare-network N {PORTS.replace('[1]', '[]')})", "the shape of Y"),
        (f"(declare-network N {PORTS.replace('Y float32', 'Y int64')})", "the type int64"),
        (f"(declare-network N {PORTS.replace('Y', 'X')})", "declaration of X"),
        ("(declare-network N (declare-input X) (declare-output Y))", "a tensor's form"),
    ],
)
def test_what_is_refused_of_version_2(text: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        parse(text, 2, 1)
