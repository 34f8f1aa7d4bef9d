"""VNN-LIB files: what they say, as boxes, as formulas, and written again."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rhobust.compiler.base.arrays import exact
from rhobust.compiler.base.errors import InputError, LanguageError, PropertyError
from rhobust.compiler.language import evaluator
from rhobust.compiler.language.expressions import Affine, Variable
from rhobust.compiler.language.formulas import Relation
from rhobust.compiler.question.and_or_tree import (
    FALSE,
    TRUE,
    AllOf,
    AnyOf,
    Atom,
    Place,
    Tree,
    atom,
    conjunction,
    disjunction,
    holds,
    negated,
)
from rhobust.compiler.question.property import Port, Property, Signature
from rhobust.compiler.question.to_formula import formula, stacked
from rhobust.compiler.vnnlib.parse import parse_vnnlib, read_vnnlib
from rhobust.compiler.vnnlib.writer import write_vnnlib

from .vnnlib_texts import (
    DYADIC,
    INPUTS,
    OUTPUTS,
    Point,
    Stated,
    points,
    stated,
)

DATA = Path(os.environ.get("RHOBUST_DATA", "no-data")) / "vnncomp"
HEAD = "(declare-const X_0 Real) (declare-const X_1 Real) (declare-const Y_0 Real)\n"
X0, X1, Y0 = Place(False, 0), Place(False, 1), Place(True, 0)
SEPARATORS = st.sampled_from([" ", "\n\t", " ; a (comment\n"])


def split(point: Point) -> tuple[list[Fraction], list[Fraction]]:
    return [point[name] for name in INPUTS], [point[name] for name in OUTPUTS]


def in_parts(found: Property, inputs: Sequence[Fraction], outputs: Sequence[Fraction]) -> bool:
    return any(
        all(
            low <= value <= high
            for low, value, high in zip(
                part.lower.tolist(), inputs, part.upper.tolist(), strict=True
            )
        )
        and holds(part.rest, inputs, outputs)
        for part in found.parts
    )


def in_language(
    found: Property, tree: Tree, inputs: Sequence[Fraction], outputs: Sequence[Fraction]
) -> bool:
    x, y = Variable(found.inputs), Variable(found.outputs)
    values = {x: np.array(inputs, dtype=object), y: np.array(outputs, dtype=object)}
    return evaluator.holds(formula(tree, x.affine, y.affine), values)


# ---- random properties -------------------------------------------------------------------------


@given(stated(), st.lists(points(), min_size=1, max_size=8), SEPARATORS)
def test_a_property_holds_where_its_text_does(
    text: Stated, drawn: list[Point], separator: str
) -> None:
    found = parse_vnnlib(text.text(separator))
    for point in drawn:
        assert found.holds(*split(point)) == text.holds(point)


@given(stated(), points())
def test_parts_and_formulas_contain_every_point_of_the_property(text: Stated, point: Point) -> None:
    found = parse_vnnlib(text.text())
    if text.holds(point):
        assert in_parts(found, *split(point))
        assert in_language(found, found.tree, *split(point))


@given(stated(DYADIC), st.lists(points(), min_size=1, max_size=4))
def test_parts_and_formulas_are_exact_where_the_constants_are_floats(
    text: Stated, drawn: list[Point]
) -> None:
    found = parse_vnnlib(text.text())
    for point in drawn:
        assert in_parts(found, *split(point)) == text.holds(point)
        assert in_language(found, found.tree, *split(point)) == text.holds(point)


@given(stated())
def test_what_is_written_reads_as_the_same_tree(text: Stated) -> None:
    found = parse_vnnlib(text.text())
    again = parse_vnnlib(write_vnnlib(found))
    assert again == found
    assert write_vnnlib(again) == write_vnnlib(found)


@given(stated(), st.randoms(use_true_random=False), points())
def test_order_and_repetition_of_assertions_do_not_matter(
    text: Stated, random: st.DataObject, point: Point
) -> None:
    shuffled = [*text.formulas, *text.formulas[:2]]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = parse_vnnlib(text.text()), parse_vnnlib(Stated(tuple(shuffled)).text())
    assert first.holds(*split(point)) == second.holds(*split(point))
    assert (first.lower == second.lower).all() and (first.upper == second.upper).all()
    assert in_parts(first, *split(point)) == in_parts(second, *split(point))


@given(stated(), points())
def test_a_negated_tree_holds_elsewhere(text: Stated, point: Point) -> None:
    tree = parse_vnnlib(text.text()).tree
    assert holds(negated(tree), *split(point)) != holds(tree, *split(point))
    assert negated(negated(tree)) == tree


@given(stated())
def test_boxes_differ_and_are_not_empty(text: Stated) -> None:
    parts = parse_vnnlib(text.text()).parts
    assert all((part.lower <= part.upper).all() and part.rest != FALSE for part in parts)


@given(st.text('()[];"|=<X_01.e-+ assert\n', max_size=60))
@example("(" * 5000)
@example("(assert " + "(not " * 200 + "true" + ")" * 201)
@example('(set-info "')
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_vnnlib(HEAD + text)
    except PropertyError as error:
        assert str(error).startswith(f"property:{error.line or ''}".rstrip(":"))


# ---- normal form -------------------------------------------------------------------------------


def test_equal_half_spaces_are_equal_atoms() -> None:
    texts = ["(<= X_0 0.5)", "(>= 1 (* 2 X_0))", "(<= (- (/ X_0 5) 1e-1) 0)", "(not (> X_0 5e-1))"]
    trees = {parse_vnnlib(HEAD + f"(assert {text})").tree for text in texts}
    assert trees == {Atom(((X0, 1),), Fraction(-1, 2), False)}


def test_coefficients_become_coprime_integers() -> None:
    (found,) = [parse_vnnlib(HEAD + "(assert (< (+ (* 0.1 X_0) (* -0.3 Y_0)) 0.7))").tree]
    assert found == Atom(((X0, 1), (Y0, -3)), Fraction(-7), True)


def test_constants_may_stand_anywhere_in_a_product() -> None:
    found = parse_vnnlib(HEAD + "(assert (<= (* 2 X_0 -0.25) (* 0 X_0 X_1)))").tree
    assert found == Atom(((X0, -1),), Fraction(0), False)


def test_equality_is_two_atoms_and_its_negation_a_choice() -> None:
    less, more = Atom(((X0, 1),), Fraction(-1), False), Atom(((X0, -1),), Fraction(1), False)
    assert parse_vnnlib(HEAD + "(assert (= X_0 1))").tree == AllOf((less, more))
    apart = parse_vnnlib(HEAD + "(assert (not (= X_0 1)))").tree
    assert apart == AnyOf((negated(less), negated(more)))
    assert isinstance(apart, AnyOf)
    assert parse_vnnlib(HEAD + "(assert (!= X_0 1))").tree == AnyOf(apart.parts[::-1])


def test_what_is_true_or_false_vanishes() -> None:
    atoms = [atom({X0: Fraction(1)}, Fraction(k), False) for k in range(2)]
    assert conjunction([atoms[0], TRUE]) == atoms[0] == disjunction([FALSE, atoms[0]])
    assert conjunction([*atoms, FALSE]) == FALSE and disjunction([*atoms, TRUE]) == TRUE
    assert conjunction([conjunction(atoms), atoms[1]]) == AllOf(tuple(atoms))
    assert atom({X0: Fraction(0)}, Fraction(0), True) == FALSE
    for text, tree in [("(<= 1 1)", TRUE), ("(< 1 1)", FALSE), ("(or false true)", TRUE)]:
        found = parse_vnnlib(HEAD + f"(assert {text})")
        assert found.tree == tree and len(found.parts) == (tree == TRUE)
        assert parse_vnnlib(write_vnnlib(found)) == found


# ---- boxes -------------------------------------------------------------------------------------


def test_bounds_are_gathered_in_any_form_and_rounded_outwards() -> None:
    found = parse_vnnlib(
        HEAD
        + """(assert (>= Y_0 0.1)) ; outputs first
        (assert (and (<= 0.1 X_0) (not (>= X_0 0.3)) (<= X_0 5)))
        (assert (>= (* -2 X_1) -0.5))"""
    )
    assert Fraction(found.lower[0]) < Fraction("0.1") < Fraction(np.nextafter(found.lower[0], 1))
    assert Fraction(np.nextafter(found.upper[0], 0)) < Fraction("0.3") < Fraction(found.upper[0])
    assert (found.lower[1], found.upper[1]) == (-np.inf, 0.25)
    (part,) = found.parts
    assert (part.lower == found.lower).all() and (part.upper == found.upper).all()
    strict = Atom(((X0, 1),), Fraction(-3, 10), True)
    assert part.rest == AllOf((Atom(((Y0, -1),), Fraction(1, 10), False), strict))
    assert not found.holds_floats([0.1 - 1e-17, 0], [1]) and found.holds_floats([0.2, 0], [1])


def test_a_disjunction_of_boxes_becomes_parts() -> None:
    found = parse_vnnlib(
        HEAD
        + """(assert (<= X_1 1)) (assert (or
        (and (>= X_0 0) (<= X_0 1) (<= Y_0 2)) (and (>= X_0 3) (<= X_0 4) (<= Y_0 2))
        (and (<= X_0 1) (>= X_0 0.0) (>= Y_0 5)) (and (>= X_0 2) (<= X_0 1) (>= Y_0 5))
        (and (> X_0 7) (<= X_0 7))))
        (assert (or (<= Y_0 9) (>= Y_0 10)))"""
    )
    assert [(p.lower[0], p.upper[0]) for p in found.parts] == [(0, 1), (3, 4)]
    assert all(p.upper[1] == 1 for p in found.parts)
    # what all alternatives say of X_0
    assert found.lower.tolist() == [0, -np.inf] and found.upper.tolist() == [7, 1]
    low, high = Atom(((Y0, 1),), Fraction(-2), False), Atom(((Y0, -1),), Fraction(5), False)
    assert isinstance(found.parts[0].rest, AllOf)
    assert AnyOf((low, high)) in found.parts[0].rest.parts
    assert isinstance(found.parts[1].rest, AllOf) and low in found.parts[1].rest.parts


def test_what_every_alternative_bounds_is_bounded() -> None:
    """Also by disjunctions that no box is made of: here the first alone is taken apart."""
    found = parse_vnnlib(
        HEAD
        + """(assert (or (and (<= X_1 2) (> X_1 1)) (and (>= X_1 5) (<= X_1 6))
        (and (< X_1 9) (>= X_1 9)))) (assert (or (and (< X_0 1) (>= X_0 0) (<= Y_0 0))
        (and (>= X_0 (- 3)) (<= X_0 1) (>= Y_0 7))))"""
    )
    assert [(p.lower[1], p.upper[1]) for p in found.parts] == [(1, 2), (5, 6)]
    assert all((p.lower[0], p.upper[0]) == (-3, 1) for p in found.parts)


@pytest.mark.parametrize(
    "text",
    [
        "(assert (<= X_0 1)) (assert (> X_0 1))",
        "(assert (or (and (<= X_0 0.1) (>= X_0 0.10000000000000000001)) (< X_0 X_0)))",
        "(assert false)",
    ],
)
def test_a_property_of_empty_boxes_has_no_parts(text: str) -> None:
    assert parse_vnnlib(HEAD + text).parts == ()


def test_a_point_is_no_empty_box() -> None:
    (part,) = parse_vnnlib(HEAD + "(assert (= X_0 0.1))").parts
    assert part.lower[0] < 0.1 <= part.upper[0] and part.rest == TRUE


@given(stated(), points())
def test_clipped_points_lie_in_the_rational_box(text: Stated, point: Point) -> None:
    found = parse_vnnlib(text.text())
    tree = found.tree
    bounds = conjunction(filter(is_bound, tree.parts if isinstance(tree, AllOf) else (tree,)))
    start = np.array([float(point[name]) for name in INPUTS])
    for part in found.parts:
        inside = part.clipped(start)
        assert (part.lower <= inside).all() and (inside <= part.upper).all()
        assert holds(bounds, inside.tolist(), [])
        kept = (part.lower < start) & (start < part.upper)
        assert (inside[kept] == exact(start)[kept]).all()


def is_bound(tree: Tree) -> bool:
    match tree:
        case Atom(((place, _),), _, strict):
            return not place.output and not strict
        case _:
            return False


def test_an_equation_with_a_decimal_holds_at_a_rational_point_only() -> None:
    found = parse_vnnlib(HEAD + "(assert (= X_0 0.1)) (assert (<= -1 X_1 Y_0))")
    (part,) = found.parts
    for start in (0.0, 0.1, 5.0):
        inside = part.clipped(np.array([start, -2.0]))
        assert inside.tolist() == [Fraction("0.1"), -1]
        assert found.holds(inside.tolist(), [Fraction(0)])
    assert not found.holds_floats([0.1, 0], [0])


# ---- formulas ----------------------------------------------------------------------------------


def test_atoms_of_one_form_are_one_relation() -> None:
    names = "".join(f"(declare-const Y_{j} Real)" for j in range(50))
    atoms = " ".join(f"(<= Y_{j} (+ Y_0 {j}.5))" for j in range(1, 50))
    found = parse_vnnlib(f"{names} (assert (and {atoms}))")
    language = found.formula(Affine(0), Variable(50).affine)
    (relation,) = language.parts  # type: ignore[union-attr]
    assert isinstance(relation, Relation) and relation.affine.size == 49


@given(st.fractions(), st.fractions(min_value=1), points())
def test_coefficients_of_formulas_are_exact(
    first: Fraction, second: Fraction, point: Point
) -> None:
    tree = atom({Place(False, 0): first, Place(True, 0): second}, Fraction(0), False)
    found = Property(parse_vnnlib(Stated(()).text()).networks, tree)
    # on the border itself, where any error of a coefficient would show
    inputs, outputs = split(point)
    outputs[0] = -first * inputs[0] / second
    assert in_language(found, tree, inputs, outputs)
    assert in_language(found, negated(tree), inputs, outputs) is False


@given(st.fractions(), st.fractions(min_value=1), st.fractions(), points())
def test_constants_of_formulas_are_rounded_to_weaken(
    first: Fraction, second: Fraction, constant: Fraction, point: Point
) -> None:
    tree = atom({Place(False, 0): first, Place(True, 0): second}, constant, False)
    found = Property(parse_vnnlib(Stated(()).text()).networks, tree)
    inputs, outputs = split(point)
    outputs[0] = (-constant - first * inputs[0]) / second
    assert found.holds(inputs, outputs) and in_language(found, tree, inputs, outputs)
    outputs[0] += abs(constant) / 2**51 + Fraction(1, 2**1000)
    assert not in_language(found, tree, inputs, outputs)


def test_expressions_are_stacked_in_order() -> None:
    x, z = Variable(2), Variable(3)
    together = evaluator.value(
        stacked([x.affine, z.affine]), {x: exact([1, 2]), z: exact([3, 4, 5])}
    )
    assert together.tolist() == [1, 2, 3, 4, 5]


def test_formulas_need_as_many_variables_as_the_property_has() -> None:
    found = parse_vnnlib(HEAD + "(assert (<= X_1 Y_0))")
    with pytest.raises(LanguageError, match="more inputs than the 1 given"):
        found.formula(Variable(1).affine, Variable(1).affine)


# ---- points ------------------------------------------------------------------------------------


def test_floats_are_taken_at_their_exact_values() -> None:
    found = parse_vnnlib(HEAD + "(assert (<= X_0 0.1))")
    assert not found.holds_floats([0.1, 0], [0])  # the float64 next to 0.1 is above it
    assert not found.holds_floats(np.array([0.1, 0], dtype=np.float32), [0])
    assert found.holds_floats([np.nextafter(0.1, 0), 0], np.zeros((1, 1)))
    assert not found.holds_floats([np.nan, 0], [0]) and not found.holds_floats([0, 0], [np.inf])
    with pytest.raises(InputError, match="2 inputs and 1 outputs, not of 3 and 1"):
        found.holds_floats([0, 0, 0], [0])


# ---- files -------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_files_are_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.vnnlib{suffix}"
    text = (HEAD + "(assert (<= X_0 1))").encode()
    path.write_bytes(gzip.compress(text) if suffix else b"\xef\xbb\xbf" + text)
    found = read_vnnlib(path)
    assert (found.inputs, found.outputs, found.source) == (2, 1, str(path))
    if suffix:
        path.write_bytes(path.read_bytes()[:-9])
        with pytest.raises(PropertyError, match="truncated"):
            read_vnnlib(str(path))
        path.write_bytes(text)
        with pytest.raises(PropertyError, match="not compressed by gzip"):
            read_vnnlib(path)


def test_what_is_no_text_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PropertyError, match="no such file"):
        read_vnnlib(tmp_path / "none.vnnlib")
    (tmp_path / "b.vnnlib").write_bytes(b"(assert \xff)")
    with pytest.raises(PropertyError, match="is no text"):
        read_vnnlib(tmp_path / "b.vnnlib")
    with pytest.raises(PropertyError, match="cannot be read"):
        read_vnnlib(tmp_path)


DEEP = "(assert " + "(and " * 99 + "(<= X_0 1)" + ")" * 100

REFUSED = [
    ("(assert (<= X_0 1)", 2, "never closed"),
    ("(assert (<= X_0 1)))", 2, "a ) without its ("),
    ("(assert\n(<= X_0\nX_9))", 4, "'X_9' is not declared"),
    ("(assert (<= X_0 Z))", 2, "'Z' is not declared"),
    ("(assert (<= X_0 (* X_0\nX_1)))", 2, "product of two variables"),
    ("(assert (<= X_0 (/ 1 X_1)))", 2, "division by a variable"),
    ("(assert (<= X_0 (/ X_1 0)))", 2, "division by zero"),
    ("(assert (<= X_0 (/ X_1)))", 2, "two terms"),
    ("\n(assert (<= X_0 NaN))", 3, "no finite number"),
    ("(assert (<= X_0 -inf))", 2, "no finite number"),
    ("(assert (<= X_0 1e999999999))", 2, "too large an exponent"),
    ("(assert (<= X_0 1e-999999999999999999999))", 2, "too large an exponent"),
    ("(assert (<= X_0 1e1500))", 2, "more than 4096 bits"),
    ("(assert (<= X_0 1e400))", 2, "differ too much"),
    ("(assert (<= (* 1e-300 X_0) X_1))", 2, "differ too much"),
    ("(assert (<= X_0 " + "7" * 5000 + "))", 2, "too many digits"),
    ("(assert (<= X_0 (* 1e900 1e900)))", 2, "more than 4096 bits"),
    ("(assert (sin X_0))", 2, "'sin' is not supported; supported: +"),
    ("(assert (ite (<= X_0 1) (<= X_0 2) (<= X_0 3)))", 2, "'ite' is not supported"),
    ("(assert (<= X_0))", 2, "two terms"),
    ("(assert (!= X_0 X_1 1))", 2, "more than two terms"),
    ("(assert (not (<= X_0 1) (<= X_0 2)))", 2, "one formula"),
    ("(assert (and))", 2, "takes formulas"),
    ("(assert (and X_0 (<= X_0 1)))", 2, "takes formulas"),
    ("(assert (<= (<= X_0 1) 1))", 2, "relates numbers and terms"),
    ("(assert (= true false))", 2, "relates numbers and terms"),
    ("(assert (<= X_0 1) (<= X_0 2))", 2, "takes one formula, not 2"),
    ("(assert)", 2, "takes formulas"),
    ("(<= X_0 1)", 2, "no statement"),
    ("assert (<= X_0 1)", 2, "outside any list"),
    ("((assert (<= X_0 1)))", 2, "a list begins with the name"),
    ("(assert (<= X_0 [1))", 2, "'[' is never closed"),
    ('(set-info "a)', 2, "is never closed"),
    ("(assert (<= X_0 1]))", 2, "']' is not expected"),
    (DEEP.replace("(<=", "(not (<=") + ")", 2, "deeper than 100"),
    ("\n(declare-const X_0 Real)", 3, "X_0 is declared twice"),
    ("(declare-const X_3 Real)", 2, "X_3 is declared, but X_2 is not"),
    ("(declare-const Y_01 Real)", 2, "neither an input"),
    ("(declare-const Z_1 Real)", 2, "neither an input"),
    ("(declare-const X_2 Int)", 2, "the sort Int"),
    ("(declare-const X_2)", 2, "a declaration is"),
    ("(declare-fun X_2 (Real) Real)", 2, "not supported"),
    ("(declare-fun X_2 Real)", 2, "without arguments"),
    ("(vnnlib-version <3.0>)", 2, "version <3.0>"),
    ("(vnnlib-version)", 2, "takes one word"),
    ("(define-fun f () Real 1.0)", 2, "'define-fun' is not supported"),
    ("(declare-network f (declare-input A real [2]) (declare-output B real [1]))", 2, "together"),
]


@pytest.mark.parametrize(("text", "line", "message"), REFUSED)
def test_what_cannot_be_read_is_refused_with_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(PropertyError) as caught:
        parse_vnnlib(HEAD + text, "a.vnnlib")
    assert caught.value.line == line
    assert str(caught.value).startswith(f"a.vnnlib:{line}: ") and message in str(caught.value)


def test_an_empty_file_is_refused() -> None:
    for text in ["", "; nothing\n", "(assert (<= 0 1))"]:
        with pytest.raises(PropertyError, match="nothing is declared"):
            parse_vnnlib(text)


def test_many_large_denominators_are_refused_early() -> None:
    primes = [p for p in range(2, 40_000) if all(p % q for q in range(2, int(p**0.5) + 1))]
    total = " ".join(f"(/ 1 {p})" for p in primes)
    with pytest.raises(PropertyError, match="more than 4096 bits"):
        parse_vnnlib(HEAD + f"(assert (<= X_0 (+ {total})))")
    names = "".join(f"(declare-const X_{i} Real)" for i in range(len(primes)))
    terms = " ".join(f"(/ X_{i} {p})" for i, p in enumerate(primes))
    with pytest.raises(PropertyError, match="too many digits together"):
        parse_vnnlib(f"{names} (assert (<= (+ {terms}) 1))")


def test_deep_lists_are_read_up_to_the_limit() -> None:
    assert parse_vnnlib(HEAD + DEEP).tree == Atom(((X0, 1),), Fraction(-1), False)
    level = "(<= X_0 1)"
    for depth in range(98):
        level = f"({'and' if depth % 2 else 'or'} {level} (<= X_1 {depth}))"
    found = parse_vnnlib(HEAD + f"(assert {level})")
    assert parse_vnnlib(write_vnnlib(found)) == found and repr(found) and hash(found.tree)
    assert found.holds([Fraction(0), Fraction(-1)], [Fraction(0)])
    assert in_language(found, negated(found.tree), exact([0, -1]).tolist(), [Fraction(0)]) is False


def test_a_neutral_command_is_passed_over() -> None:
    text = '(set-logic QF_LRA)(set-info :source |a (b) "c|)(check-sat)(set-info :x "; no")'
    assert parse_vnnlib(HEAD + text).tree == TRUE


# ---- version 2 ---------------------------------------------------------------------------------

TWO = """(vnnlib-version <2.0>)
(declare-network f
    (declare-input A float32 [2, 3])
    (declare-input S Real [])
    (declare-output B float32 [1,2])
)
(declare-network g (equal-to f)
    (declare-input C float32 [2,3]) (declare-input T real [])
    (declare-output D float32 [1,2])
)
"""


def test_tensors_are_flattened_row_by_row_and_networks_one_after_the_other() -> None:
    found = parse_vnnlib(
        TWO + "(assert (<= A[1,0] 2.5)) (assert (== C[0, 2] S)) (assert (> D[0,1] (- B [0,0] T)))"
    )
    first, second = found.networks
    assert first == Signature(
        "f",
        (Port("A", "float32", (2, 3)), Port("S", "real", ())),
        (Port("B", "float32", (1, 2)),),
    )
    assert second.name == "g" and second.equal_to == "f" and second.isomorphic_to == ""
    assert (first.input_size, first.output_size, found.inputs, found.outputs) == (7, 2, 14, 4)
    assert found.upper[3] == 2.5 and np.isinf(np.delete(found.upper, 3)).all()
    assert isinstance(found.tree, AllOf) and found.tree.parts[1:] == (
        Atom(((Place(False, 6), -1), (Place(False, 9), 1)), Fraction(0), False),
        Atom(((Place(False, 6), 1), (Place(False, 9), -1)), Fraction(0), False),
        Atom(
            ((Place(False, 13), -1), (Place(True, 0), 1), (Place(True, 3), -1)), Fraction(0), True
        ),
    )
    with pytest.raises(PropertyError, match="one network only"):
        write_vnnlib(found)


def test_names_of_nodes_are_kept() -> None:
    found = parse_vnnlib(
        '(declare-network f (declare-input A real [1] "in") (declare-output B real [1] "out"))'
    )
    assert [port.node for port in found.networks[0].inputs + found.networks[0].outputs] == [
        "in",
        "out",
    ]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("(assert (<= A[1,3] 2))", 11, "A of shape [2, 3] has no element [1,3]"),
        ("(assert (<= A[1] 2))", 11, "has no element [1]"),
        ("(assert (<= A 2))", 11, "has no element without an index"),
        ("(assert (<= A[-1,0] 2))", 11, "not of the form"),
        ("(assert (<= A[0 1] 2))", 11, "not of the form"),
        ("(assert (<= E[0] 2))", 11, "'E' is not declared"),
        ("(assert (<= 1[0] 2))", 11, "'1' is not declared"),
        ("(assert (<= X_0 2))", 11, "'X_0' is not declared"),
        ("(declare-const X_0 Real)", 11, "do not go together"),
        ("(declare-network f (declare-input E real [1]) (declare-output F real [1]))", 11,
         "network f is declared twice"),
        ("(declare-network h (declare-input A real [1]) (declare-output F real [1]))", 11,
         "A is declared twice"),
        ("(declare-network h\n(isomorphic-to k)(declare-input E real [1])\n"
         "(declare-output F real [1]))", 11, "network k is not declared before"),
        ("(declare-network h (isomorphic-to f) (declare-input E real [17]) "
         "(declare-output F real [1]))", 11, "differ in shape"),
        ("(declare-network h (equal-to f) (declare-input E float16 [1]) "
         "(declare-output F real [1]))", 11, "differ in type or shape"),
        ("(declare-network h (declare-input E real [1])\n(declare-hidden H real [4]) "
         "(declare-output F real [1]))", 12, "needs the name of its tensor"),
        ("(declare-network h (declare-input E real [1]))", 11, "needs an input and an output"),
        ("(declare-network h (declare-input E real [1] \"e\") (declare-output F real [1]))", 11,
         "names the nodes of some tensors only"),
        ("(declare-network h (declare-input E real [1] e) (declare-output F real [1]))", 11,
         "double quotes"),
        ("(declare-network h (declare-input E int64 [1]) (declare-output F real [1]))", 11,
         "element type int64"),
        ("(declare-network h (declare-input E real [0]) (declare-output F real [1]))", 11,
         "no element"),
        ("(declare-network h (declare-input E real [99999,99999,99999]))", 11, "more than"),
        ("(declare-network h (declare-input E real (1)))", 11, "'1' is not supported"),
        ("(declare-network h (declare-input E real))", 11, "NAME TYPE [SHAPE]"),
        ("(declare-network h (equal-to f) (equal-to g))", 11, "may hold one"),
        ("(declare-network 7)", 11, "no name of a network"),
        ("(declare-network)", 11, "needs a name"),
        ("(declare-network h (declare-input 7 real [1]))", 11, "no name of a tensor"),
        ("(declare-input E real [1])", 11, "no statement"),
        ("(equal-to f g)", 11, "takes one word"),
    ],
)  # fmt: skip
def test_what_version_2_cannot_say_is_refused(text: str, line: int, message: str) -> None:
    with pytest.raises(PropertyError) as caught:
        parse_vnnlib(TWO + text)
    assert caught.value.line == line and message in str(caught.value)


# ---- benchmark files ---------------------------------------------------------------------------

PLAIN = re.compile(r"\(assert\s+\((<=|>=)\s+X_(\d+)\s+(\S+)\)\)")


def check_file(path: Path) -> None:
    """Against a search of the text for plain bounds, which knows nothing of the grammar."""
    rng = np.random.default_rng(1)
    found = read_vnnlib(path)
    text = gzip.decompress(path.read_bytes()).decode()
    assert found.inputs == len(re.findall(r"declare-const X_", text)), path
    assert found.outputs == len(re.findall(r"declare-const Y_", text)), path
    for symbol, index, number in PLAIN.findall(re.sub(";.*", "", text)):
        near, side = float(number), found.upper if symbol == "<=" else found.lower
        outward = np.nextafter(near, np.inf if symbol == "<=" else -np.inf)
        assert side[int(index)] in (near, outward), (path, index)
    for part in found.parts[:2]:
        assert np.isfinite(part.lower).all() and np.isfinite(part.upper).all(), path
        share = rng.uniform(size=found.inputs)
        inputs = exact(np.minimum(part.lower + share * (part.upper - part.lower), part.upper))
        for _ in range(4):
            outputs = exact(rng.normal(size=found.outputs))
            point = inputs.tolist(), outputs.tolist()
            assert not found.holds(*point) or in_parts(found, *point), path


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="RHOBUST_DATA does not name the benchmark data")
def test_a_file_of_each_benchmark_is_read() -> None:
    folders = {path.parent: path for path in sorted(DATA.rglob("*.vnnlib.gz"))}
    assert len(folders) > 20
    for path in folders.values():
        check_file(path)


@pytest.mark.data
@pytest.mark.long
@pytest.mark.skipif(not DATA.is_dir(), reason="RHOBUST_DATA does not name the benchmark data")
def test_every_benchmark_file_is_read() -> None:
    paths = sorted(DATA.rglob("*.vnnlib.gz"))
    assert len(paths) > 1000
    for path in paths:
        check_file(path)


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="RHOBUST_DATA does not name the benchmark data")
@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("acasxu/vnnlib/prop_1", 1),
        ("acasxu/vnnlib/prop_6", 2),
        ("nn4sys/vnnlib/lindex_1000", 1000),
        ("nn4sys/vnnlib/cardinality_0_500_128", 500),
        ("ml4acopf/vnnlib/14_ieee_prop1", 1),
    ],
)
def test_benchmark_files_have_known_boxes(name: str, parts: int) -> None:
    found = read_vnnlib(DATA / f"{name}.vnnlib.gz")
    assert len(found.parts) == parts
    assert parse_vnnlib(write_vnnlib(found)) == found
