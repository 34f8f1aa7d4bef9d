"""What the writers write means what the formulas say, exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhobust.compiler.base.arrays import Numbers, exact
from rhobust.compiler.base.errors import LanguageError
from rhobust.compiler.language.activations import absolute, leaky_relu, relu
from rhobust.compiler.language.evaluator import holds, value, within
from rhobust.compiler.language.exact_rows import applied, entries
from rhobust.compiler.language.expressions import Expression, Variable, as_affine, define
from rhobust.compiler.language.formulas import And, Formula, Or, requirements
from rhobust.compiler.language.norms import norm1, norm2
from rhobust.compiler.language.walk import variables
from rhobust.compiler.network.graph import GraphBuilder, Network
from rhobust.compiler.network.layers import Linear
from rhobust.compiler.operators import (
    Chain,
    Convolution,
    Dense,
    LinearOperator,
    Scale,
    Select,
    Transposed,
)
from rhobust.compiler.question.and_or_tree import AllOf, Place, atom, conjunction
from rhobust.compiler.question.claim import Claim
from rhobust.compiler.question.property import Port, Property, Signature
from rhobust.compiler.steps.compile import compile_formulas
from rhobust.compiler.vnnlib.from_formulas import stated, write_formula_vnnlib
from rhobust.compiler.vnnlib.parse import parse_vnnlib
from rhobust.export.names import Names
from rhobust.export.smtlib import write_property_smtlib, write_smtlib

from ..reference.questions import SEVENTHS, WEIGHT, Asker, question
from ..reference.strategies import Case, bent_cases, cases
from .smtlib_texts import Script

# ---- operators -------------------------------------------------------------------------------


class Odd:
    """An operator that the writers have never met."""

    in_size, out_size, terms, adjoint_terms = 2, 3, 1, 1

    def apply(self, values: Numbers) -> Numbers:
        return np.stack([values[:, 0], values[:, 0] - values[:, 1], 0 * values[:, 1]], axis=1)


rng = np.random.default_rng(7)
PICTURE = Convolution(
    rng.normal(size=(4, 1, 2, 2)) * (rng.random((4, 1, 2, 2)) < 0.7), (2, 3, 4),
    (1, 2), (1, 0, 0, 1), (1, 1), 2,
)  # fmt: skip
THIRDS = Scale(rng.normal(size=6), np.array([3.0, 0.7, 10.0, -7.0, 1e-3, 255.0]))
WIDE = Dense(rng.normal(size=(6, 5)) * (rng.random((6, 5)) < 0.6))
OPERATORS: dict[str, LinearOperator] = {
    "dense": WIDE,
    "convolution": PICTURE,
    "scale": THIRDS,
    "a scale by 0": Scale(np.array([0.0, 1.0]), np.array([3.0, 3.0])),
    "select": Select(np.array([2, -1, 0, 0]), 3),
    "chain": Chain((WIDE, THIRDS, Select(np.array([5, 5, -1, 0]), 6), Dense(np.ones((2, 4))))),
    "transposed": Transposed(PICTURE),
    "transposed chain": Transposed(Chain((WIDE, THIRDS))),
    "unknown": Odd(),  # type: ignore[dict-item]
}


@pytest.mark.parametrize("name", OPERATORS)
def test_rows_of_operators_are_exact(name: str) -> None:
    operator = OPERATORS[name]
    columns = operator.apply(exact(np.eye(operator.in_size)))
    meant = [{j: v for j, v in enumerate(row) if v} for row in columns.T.tolist()]
    assert entries(operator) == meant
    assert all(type(v) is Fraction for row in meant for v in row.values())
    # any forms, not only unit vectors
    forms = [{"a": Fraction(k + 1, 3), "b": Fraction(-k)} for k in range(operator.in_size)]
    numbers = np.array([k["a"] * 5 + k["b"] / 7 for k in forms], dtype=object)
    found = [
        form.get("a", Fraction(0)) * 5 + form.get("b", Fraction(0)) / 7
        for form in applied(operator, forms)
    ]
    assert found == operator.apply(numbers[None])[0].tolist()


def test_rounded_rows_would_not_do() -> None:
    """Why the writers have rows of their own: one over three is no float."""
    (row,) = entries(Scale(np.ones(1), np.array([3.0])))
    assert row == {0: Fraction(1, 3)}
    rounded = Scale(np.ones(1), np.array([3.0])).rows(np.arange(1))
    assert Fraction(rounded.data[0]) != Fraction(1, 3)


def test_names_are_readable_and_differ() -> None:
    names = Names(["objective"])
    given_out = [
        names.fresh(w) for w in ("x", "x", "x_2", "/conv.1/Relu:0", "", "9", "objective", "ß")
    ]
    assert given_out == [
        "x", "x_2", "x_2_2", "v_conv_1_Relu_0", "v", "v9", "objective_2", "v_"
    ]  # fmt: skip
    assert len(names.fresh("n" * 300)) == 60 and names.fresh("n" * 300) != names.fresh("n" * 300)
    assert names.elements("x", 2) == ["x_3_0", "x_3_1"]


# ---- SMT-LIB ---------------------------------------------------------------------------------

Assignment = Mapping[Variable, Numbers]


def spoken(formulas: Sequence[Formula]) -> list[Variable]:
    """The variables in the order of the text."""
    needed = {id(f): f for formula in formulas for f in requirements(formula)}
    every = (*needed.values(), *formulas)
    return list({name: None for formula in every for name in variables(formula)})


def script_of(formulas: Sequence[Formula]) -> tuple[Script, Callable[[Assignment], bool]]:
    """The script, and whether it holds under an assignment."""
    script = Script(write_smtlib(formulas))
    order = spoken(formulas)
    assert script.commands == [
        ["set-option", ":produce-models", "true"], ["set-logic", "QF_LRA"],
        ["check-sat"], ["get-model"], ["exit"],
    ]  # fmt: skip

    def told(assignment: Assignment) -> bool:
        numbers = [v for variable in order for v in assignment[variable].tolist()]
        return script.holds(dict(zip(script.names, numbers, strict=True)))

    return script, told


def meant(formulas: Sequence[Formula], assignment: Assignment) -> bool:
    needed = [f for formula in formulas for f in requirements(formula)]
    return all(holds(f, assignment) for f in (*needed, *formulas)) and all(
        within(variable, assignment[variable]) for variable in spoken(formulas)
    )


numbers = st.fractions(-2, 2, max_denominator=8)
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@settings(max_examples=75, deadline=None)
@given(seeds, st.data())
def test_a_script_holds_where_the_formulas_do(
    rng: np.random.Generator, data: st.DataObject
) -> None:
    """At any values, and at ones where every activation has the value it defines."""
    formulas = question(rng)
    _, told = script_of(formulas)
    free = {
        variable: np.array([data.draw(numbers) for _ in range(variable.size)], dtype=object)
        for variable in spoken(formulas)
    }
    assert told(free) == meant(formulas, free)
    # asking for nothing, so that formulas only say what follows from what
    nothing: list[Formula] = [Or((And(tuple(formulas)), And(())))]
    compiled = compile_formulas(nothing)
    edges = zip(compiled.problem.lower.tolist(), compiled.problem.upper.tolist(), strict=True)
    point = [min(max(data.draw(numbers), Fraction(a)), Fraction(b)) for a, b in edges]
    right = {**free, **compiled.assignment(np.array(point, dtype=object))}
    assert told(right) == meant(formulas, right)
    assert script_of(nothing)[1](right) == meant(nothing, right)


@settings(max_examples=15, deadline=None)
@given(st.one_of(cases(), bent_cases()), st.sampled_from([0.1, 0.5, 3.0]), st.data())
def test_a_claim_and_its_script_agree_on_all_variables_of_the_network(
    case: Case, eps: float, data: st.DataObject
) -> None:
    claim = Claim.make(case.network, case.image, case.label, domain=case.domain)
    x = Variable(case.network.input_size, case.lower, case.upper, "x")
    formulas = [*claim.within(eps).formulas(x, case.network(x))]
    script, told = script_of(formulas)
    compiled = compile_formulas(formulas, inputs=(x,))
    pairs = zip(*case.bounds, strict=True)
    shares = st.fractions(0, 1, max_denominator=8)
    inputs = [low + data.draw(shares) * (high - low) for low, high in pairs]
    right = compiled.assignment(np.array(inputs, dtype=object))
    assert told(right) == meant(formulas, right)
    network_alone, alone = script_of(requirements(formulas[1]) or [And(())])
    assert alone(right), "the network's values satisfy its own formulas"
    # and no others do
    name = data.draw(st.sampled_from(spoken(formulas)))
    wrong = {**right, name: right[name].copy()}
    wrong[name][data.draw(st.integers(0, name.size - 1))] += Fraction(1, 64)
    assert told(wrong) == meant(formulas, wrong)
    assert set(network_alone.names) and len(script.names) == sum(v.size for v in spoken(formulas))


def test_a_script_by_hand() -> None:
    x = Variable(2, 0, [1.0, np.inf], "x")
    z = x.through(Dense(np.array([[1.0, -0.1]]))) - 0.5
    y = relu(z)
    formulas: list[Formula] = [y[0] < x[1] / 3.0, Or((x[0] <= 0.0, And(())))]
    tenth = "3602879701896397 36028797018963968"
    assert (
        write_smtlib(formulas, y[0] * 2.0 - 1.0, minimise=True)
        == """\
(set-option :produce-models true)
(set-logic QF_LRA)
(declare-const x_0 Real)
(declare-const x_1 Real)
(assert (>= x_0 0))
(assert (>= x_1 0))
(assert (<= x_0 1))
(define-fun sum_0 () Real (+ x_0 (* (/ (- 3602879701896397) 36028797018963968) x_1)))
(declare-const relu_0 Real)
(assert (or (and (<= (- sum_0) (/ (- 1) 2)) (= (+ relu_0 (- sum_0)) (/ (- 1) 2))) \
(and (<= sum_0 (/ 1 2)) (= relu_0 0))))
(assert (< (+ relu_0 (* (/ (- 1) 3) x_1)) 0))
(assert (or (<= x_0 0) true))
(define-fun objective () Real (+ (* 2 relu_0) (- 1)))
(minimize objective)
(check-sat)
(get-model)
(exit)
"""
    )
    assert Fraction(0.1) == Fraction(*map(int, tenth.split()))


def test_a_product_is_written_once() -> None:
    """However many formulas share a layer; a scale behind it does not repeat it."""
    x = Variable(24, -1, 1, "x")
    z = x.through(PICTURE)
    half = z.through(Scale(np.full(z.size, 1.0), np.full(z.size, 3.0)))
    text = write_smtlib([relu(z) <= 1.0, leaky_relu(z, 0.25) <= half, z <= 2.0])
    rows = [row for row in entries(PICTURE) if len(row) > 1]
    assert text.count("define-fun") == len(rows)


def test_an_objective_is_defined() -> None:
    x = Variable(2, -1, 1, "x")
    y = absolute(x)
    objective = y.sum() / 3.0 + 0.1
    script = Script(write_smtlib([x[0] <= 0.25], objective))
    point = exact([0.25, -0.75])
    names = dict(zip(script.names, [*point, Fraction(1, 4), Fraction(3, 4)], strict=True))
    assert script.holds(names) and not script.holds(names | {"x_0": Fraction(1)})
    (variable,) = (term.variable for term in y.terms)
    known = {x: point, variable: abs(point)}
    assert script.value("objective", names) == value(objective, known)[0]
    assert ["minimize", "objective"] not in script.commands
    assert ["minimize", "objective"] in Script(write_smtlib([], objective, True)).commands
    constant = Script(write_smtlib([], as_affine(0.1, 1)))
    assert constant.value("objective", {}) == Fraction(0.1)


def test_what_smtlib_cannot_say() -> None:
    x, w = Variable(2, -1, 1, "picture"), Variable(2, -1, 1, "noise")
    with pytest.raises(LanguageError, match="l2 norm .* over 'picture', 'noise' is not linear"):
        write_smtlib([Or((norm2(x + w) <= 1.0, x <= 0.0))])
    with pytest.raises(LanguageError, match="an objective is one number, not 2"):
        write_smtlib([], x.affine)
    with pytest.raises(LanguageError, match="no objective"):
        write_smtlib([x <= 0.0], minimise=True)


def test_an_elementwise_choice_of_parts_of_two_sizes_is_refused() -> None:
    x = Variable(3, -1, 1, "x")
    ragged: list[Formula] = [
        Or((x <= 0.0, x[0] >= 0.5), elementwise=True),
        Or((And((x <= 0.0, x[0] >= -0.5)), x >= 0.5), elementwise=True),
    ]
    for formula in ragged:
        with pytest.raises(LanguageError, match="elementwise Or differ in size"):
            write_smtlib([formula])
    # as a whole they may differ
    mixed: list[Formula] = [Or((And((x <= 0.0, x[0] >= -0.5)), x[1] >= 0.5)), x * 0.0 <= 0.1]
    told = script_of(mixed)[1]
    for k in range(-8, 9):
        point = {x: exact([k / 8, -k / 8, -0.25])}
        assert told(point) == meant(mixed, point)
    assert script_of([Or(())])[0].assertions == ["false"]


def property_of(text: str) -> Property:
    names = "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)"
    return parse_vnnlib(names + text)


def network_of(weight: list[list[float]]) -> Network:
    builder = GraphBuilder((len(weight[0]),))
    node = builder.add("z", Linear(Dense(np.array(weight)), None), len(weight), "input")
    return builder.finish(node)


def test_a_property_is_written_with_the_constants_of_its_file() -> None:
    asked = property_of(
        "(assert (and (>= X_0 0.1) (<= X_0 0.1) (>= X_1 -1) (<= X_1 1)))"
        "(assert (or (<= Y_0 (* 0.3 X_1)) (and (> Y_0 2) (< X_1 0))))"
    )
    network = network_of([[0.5, 1.0], [3.0, 3.0]])  # of two outputs one is declared
    script = Script(write_property_smtlib([network], asked))
    assert script.names[:2] == ["X_0", "X_1"] and {"Y_0"} <= set(script.names)
    assert "Y_1" not in script.names
    outcomes = []
    for k in range(-8, 9):
        x = [Fraction(1, 10), Fraction(k, 8)]
        z = [x[0] / 2 + x[1], 3 * x[0] + 3 * x[1]]
        point = dict(zip(script.names, [*x, *(z * 2)[: len(script.names) - 2]], strict=True))
        point["Y_0"] = z[0]
        outcomes.append(script.holds(point))
        assert outcomes[-1] == asked.holds(x, z[:1])
        assert not script.holds(point | {"X_0": Fraction(0.1)}), "that float is no tenth"
    assert 0 < sum(outcomes) < len(outcomes)


def test_a_property_of_two_networks_numbers_their_tensors_through() -> None:
    ports = [(Port("a", "real", (2,)),), (Port("b", "real", (1,)),)]
    signatures = (Signature("f", ports[0], ports[1]), Signature("g", ports[1], ports[0]))
    tree = conjunction(
        [
            atom({Place(True, 0): Fraction(1), Place(True, 2): Fraction(-1)}, Fraction(0), False),
            atom({Place(False, 2): Fraction(-1), Place(False, 0): Fraction(1)}, Fraction(1), True),
        ]
    )
    networks = [network_of([[1.0, 2.0]]), network_of([[0.25], [-3.0]])]
    script = Script(write_property_smtlib(networks, Property(signatures, tree)))
    assert script.names[:3] == ["X_0", "X_1", "X_2"]
    for x in ([0, 1, 2], [0, -1, 2], [0, -1, 1], [-2, 1, 0], [1, -4, 8]):
        f, g = Fraction(x[0] + 2 * x[1]), (Fraction(x[2], 4), Fraction(-3 * x[2]))
        values = [*(Fraction(v) for v in x), f, *g]
        known = {"X": values[:3], "Y": values[3:]}
        point = {name: Fraction(0) for name in script.names}
        for name in script.names:
            side, _, element = name.partition("_")
            if side in known:
                point[name] = known[side][int(element)]
        rest = [name for name in script.names if name[:2] not in ("X_", "Y_")]
        point |= dict(zip(rest, values[3:], strict=True))
        assert script.holds(point) == (f <= g[1] and x[0] + 1 < x[2])


# ---- VNN-LIB ---------------------------------------------------------------------------------

X = Variable(2, [-1.0, -np.inf], [0.1, np.inf], "x")
Y = define(X.through(WEIGHT), "y")
(OUTPUT,) = (term.variable for term in Y.terms)


@settings(max_examples=75, deadline=None)
@given(seeds, st.data())
def test_a_formula_and_its_vnnlib_text_agree(rng: np.random.Generator, data: st.DataObject) -> None:
    pairs: list[Expression] = [X, Y, Y.through(WEIGHT) - X / 3.0, (Y + X).through(SEVENTHS)]
    single: list[Expression] = [X[1], Y[0] - Y[1], Y.sum() + X[0], as_affine(0.25, 1)]
    formulas = Asker(rng, pairs, single).formulas()
    told = stated(formulas, X, Y)
    assert parse_vnnlib(write_formula_vnnlib(formulas, X, Y)) == told
    point = {
        variable: np.array([data.draw(numbers) for _ in range(2)], dtype=object)
        for variable in (X, OUTPUT)
    }
    right = all(holds(formula, point) for formula in formulas) and within(X, point[X])
    assert told.holds(point[X].tolist(), point[OUTPUT].tolist()) == right


def test_a_claim_in_vnnlib() -> None:
    network = network_of([[1.0, 2.0], [0.0, 1.0], [3.0, 0.0]])
    claim = Claim.make(network, np.array([0.5, 0.25]), 2)
    x = Variable(2, 0, 1, "image")
    y = network(x)
    text = write_formula_vnnlib(claim.within(0.25).formulas(x, y), x, y)
    bounds = "X_0 1.0", "X_1 1.0", "X_0 0.75", "X_1 0.5"
    asserted = [f"(<= {bound})" for bound in bounds]
    asserted += ["(>= X_0 0.0)", "(>= X_1 0.0)", "(>= X_0 0.25)"]
    asserted += ["(or (<= Y_2 Y_0) (<= Y_2 Y_1))"]
    declared = [f"(declare-const {name} Real)" for name in ("X_0", "X_1", "Y_0", "Y_1", "Y_2")]
    assert sorted(text.splitlines()) == sorted(declared + [f"(assert {t})" for t in asserted])
    assert parse_vnnlib(text).parts[0].upper.tolist() == [0.75, 0.5]


def test_what_vnnlib_cannot_say() -> None:
    hidden = relu(X[0] - Y[1], "hidden")
    for formula in (hidden <= 0.5, Or((X <= 0.0, hidden + Y[0] >= 1.0)), X[0] + hidden * 0.0 <= 1):
        with pytest.raises(LanguageError, match="'hidden', which is neither the input nor"):
            write_formula_vnnlib([formula], X, Y)
    # what defines Y is the network's, whatever variables it has
    deep = define(relu(X.through(WEIGHT), "inner") * 2.0, "y")
    assert stated([deep <= 0.5], X, deep) == stated([Y <= 0.5], X, Y)
    with pytest.raises(LanguageError, match="the output must be a variable of its own"):
        write_formula_vnnlib([X <= 0.0], X, Y * 2.0)
    with pytest.raises(LanguageError, match="the input must be a variable of its own"):
        write_formula_vnnlib([X <= 0.0], X - 1.0, Y)
    with pytest.raises(LanguageError, match="l2 norm is not linear"):
        write_formula_vnnlib([norm2(X) <= 1.0], X, Y)
    wide = Variable(13, -1, 1, "wide")
    with pytest.raises(LanguageError, match="l1 norm of 13 elements takes 2\\^13 relations"):
        write_formula_vnnlib([norm1(wide) <= 1.0], wide, Y)
    tree = stated([norm1(wide[:12]) <= 1.0], wide, Y).tree
    assert isinstance(tree, AllOf) and len(tree.parts) == 2**12 + 26
