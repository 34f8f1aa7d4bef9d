"""VNN-LIB texts in other words: written and read, shuffled, by De Morgan's laws, repeated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

import rhobust as rb
from rhobust.compiler.network.graph import Network
from rhobust.compiler.vnnlib.parse import parse_vnnlib
from rhobust.compiler.vnnlib.writer import write_vnnlib

from . import vnnlib_grammar as grammar
from . import vnnlib_mutants
from .onnx_models import model, read
from .vnnlib_texts import DYADIC, INPUTS, Expression, Stated, stated

pytestmark = pytest.mark.slow

NEGATED = {"<=": ">", ">": "<=", ">=": "<", "<": ">=", "=": "!=", "==": "!=", "!=": "="}
TURNED = {"<=": ">=", ">=": "<=", "<": ">", ">": "<", "=": "=", "==": "==", "!=": "!="}
DUAL = {"and": "or", "or": "and"}


# ---- other words -------------------------------------------------------------------------------


def rewritten(formula: Expression, random: Random) -> Expression:
    """The same truth in other words."""
    assert not isinstance(formula, str)
    symbol, parts = str(formula[0]), formula[1:]
    if symbol in NEGATED:
        return _relation(symbol, parts, random)
    if symbol == "not":
        (part,) = parts
        if random.random() < 0.5 and part[0] in DUAL:
            negations = [("not", inner) for inner in part[1:]]
            return DUAL[str(part[0])], *_mixed(negations, random)
        return "not", rewritten(part, random)
    if symbol == "=>":
        if random.random() < 0.5:
            return "=>", *(rewritten(part, random) for part in parts)
        symbol, parts = "or", (*(("not", part) for part in parts[:-1]), parts[-1])
    inner = _mixed(parts, random)
    choice = random.randrange(4)
    if choice == 0:
        return "not", (DUAL[symbol], *(("not", part) for part in inner))
    if choice == 1 and len(inner) > 2:
        return symbol, inner[0], (symbol, *inner[1:])
    return symbol, *inner


def _mixed(parts: Sequence[Expression], random: Random) -> list[Expression]:
    """In other words and another order, and perhaps one part twice."""
    found = list(parts)
    if found and random.random() < 0.3:
        found.append(random.choice(found))
    random.shuffle(found)
    return [rewritten(part, random) for part in found]


def _relation(symbol: str, terms: Sequence[Expression], random: Random) -> Expression:
    choice = random.randrange(4)
    if len(terms) > 2:  # a chain
        pairs = [(symbol, *pair) for pair in zip(terms, terms[1:], strict=False)]
        return ("and", *pairs) if choice < 2 else (symbol, *terms)
    left, right = terms
    if choice == 0:
        return TURNED[symbol], right, left
    if choice == 1:
        return "not", (NEGATED[symbol], left, right)
    return (symbol, ("-", left, right), "0") if choice == 2 else (symbol, left, right)


def otherwise(text: Stated, random: Random) -> Stated:
    """All that a text states, in another order and in other words."""
    found = _mixed(text.formulas, random)
    if len(found) > 1 and random.random() < 0.3:
        found = [("and", *found[:2]), *found[2:]]
    return Stated(tuple(found))


# ---- the same formula --------------------------------------------------------------------------


def check_formula(text: Stated, random: Random) -> None:
    first = parse_vnnlib(text.text())
    assert parse_vnnlib(write_vnnlib(first)) == first
    second = parse_vnnlib(otherwise(text, random).text())
    assert second == first
    assert (first.lower == second.lower).all() and (first.upper == second.upper).all()
    assert parse_vnnlib(write_vnnlib(second)) == second


RANDOM = st.integers(0, 2**32).map(Random)


@settings(deadline=None)
@given(stated(), RANDOM)
def test_other_words_are_the_same_formula(text: Stated, random: Random) -> None:
    check_formula(text, random)


def drawn(number: int) -> Stated:
    """What one of many random texts asserts; hypothesis would keep them all."""
    statements = grammar.read(vnnlib_mutants.text(Random(number)))
    return Stated(tuple(_tuples(s[1]) for s in statements if s[0] == "assert"))


def _tuples(expression: grammar.Expression) -> Expression:
    return expression if isinstance(expression, str) else tuple(map(_tuples, expression))


@pytest.mark.long
def test_ten_thousand_texts_in_other_words() -> None:
    for number in range(10_000):
        check_formula(drawn(number), Random(number))


def test_repetitions_in_another_order_hide_no_bound() -> None:
    names = "".join(f"(declare-const {name} Real)" for name in ("X_0", "X_1", "Y_0"))
    first = "(and (>= X_0 0) (<= X_0 1))"
    second = "(and (<= X_0 1) (>= X_0 0))"
    found = parse_vnnlib(f"{names} (assert (or {first} {second}))")
    assert (found.lower[0], found.upper[0]) == (0.0, 1.0)
    assert found == parse_vnnlib(f"{names} (assert {second})")


# ---- the same verdict --------------------------------------------------------------------------

BOX: tuple[Expression, ...] = tuple(
    (sign, name, end) for name in INPUTS for sign, end in ((">=", "-1"), ("<=", "1.5"))
)
DECIDED = ("sat", "unsat")


@cache
def network() -> Network:
    """Three inputs, four rectifiers, two outputs."""
    values = {
        "w": [[1.0, -1.0, 0.5], [0.5, 1.0, -1.0], [-1.0, 0.25, 1.0], [1.0, 1.0, 1.0]],
        "b": [0.25, 0.0, -0.5, -1.0],
        "v": [[1.0, -1.0, 0.5, -0.5], [-0.5, 1.0, -1.0, 1.0]],
        "c": [0.0, 0.25],
    }
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["z"], transB=1),
        helper.make_node("Relu", ["z"], ["r"]),
        helper.make_node("Gemm", ["r", "v", "c"], ["y"], transB=1),
    ]
    return read(model(nodes, [1, 3], values))


def verdicts(text: Stated, random: Random) -> list[tuple[str, str]]:
    """The verdict of a text beside those of the same in other words, and of what is written of it.

    A limit of time or of exactness may end in unknown; a decision is never another one.
    """
    bounded = Stated((*text.formulas, *BOX))
    first = parse_vnnlib(bounded.text())
    others = parse_vnnlib(otherwise(bounded, random).text()), parse_vnnlib(write_vnnlib(first))
    told = [rb.solve(network(), asked, timeout=600).status for asked in (first, *others)]
    assert not set(DECIDED) <= set(told)
    return [(told[0], other) for other in told[1:]]


@settings(max_examples=10, deadline=None)
@given(stated(DYADIC), RANDOM)
def test_other_words_have_the_same_verdict(text: Stated, random: Random) -> None:
    assert all(one == other for one, other in verdicts(text, random))


@pytest.mark.long
def test_a_thousand_verdicts_in_other_words() -> None:
    told: Counter[tuple[str, str]] = Counter()
    for number in range(1000):
        told.update(verdicts(drawn(number), Random(number)))
    print(told)
    same = sum(count for (one, other), count in told.items() if one == other)
    assert same >= 0.99 * told.total()
