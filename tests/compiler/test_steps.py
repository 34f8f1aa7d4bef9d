"""Compile steps: what each takes out of a system, and the way back for its solutions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rhobust.compiler.arrays import Numbers, exact
from rhobust.compiler.claim import Claim
from rhobust.compiler.errors import LanguageError
from rhobust.compiler.evaluator import holds, value
from rhobust.compiler.language import (
    Affine,
    And,
    Formula,
    Or,
    Relation,
    Variable,
    absolute,
    as_affine,
    leaky_relu,
    maximum,
    relu,
    requirements,
)
from rhobust.compiler.operators import Dense, Select, scaled
from rhobust.compiler.problem import Problem
from rhobust.compiler.steps import cases as steps_cases
from rhobust.compiler.steps.cases import cases as split_cases
from rhobust.compiler.steps.flatten import flatten
from rhobust.compiler.steps.recognise import recognise
from rhobust.compiler.steps.region import region
from rhobust.compiler.steps.system import Lift, Solution, System, chain, substitute

from .. import oracles
from ..strategies import Case, cases


def compiled(x: Variable, *formulas: Formula) -> tuple[Problem, Lift]:
    """All steps after another; the lift takes {x: exact input}."""
    final, back = chain(System(x, formulas), (recognise, region, split_cases))
    problem, forward = flatten(final)

    def lift(solution: Solution) -> Solution:
        return back(forward(solution))

    return problem, lift


def satisfied(problem: Problem, point: Numbers) -> bool:
    """Whether some case of the problem holds at an exact input inside its box."""
    output = problem.values(point[None])[-1][0]
    for case in problem.cases:
        left = case.rows.shape[0] * [Fraction(0)]
        for i, row in enumerate(case.rows.tolist()):
            left[i] = Fraction(float(case.offset[i])) + sum(
                (Fraction(w) * v for w, v in zip(row, output, strict=True)), Fraction(0)
            )
        if all(v < 0 if s else v <= 0 for v, s in zip(left, case.strict.tolist(), strict=True)):
            return True
    return False


def inside(data: st.DataObject, case: Case) -> Numbers:
    """An exact input of the domain."""
    pairs = zip(*case.bounds, strict=True)
    shares = st.fractions(0, 1, max_denominator=8)
    point = [low + data.draw(shares) * (high - low) for low, high in pairs]
    return np.array(point, dtype=object)


# ---- the whole way ---------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(cases(), st.sampled_from([0.0, 0.1, 0.5, 3.0]), st.data())
def test_compiled_and_source_claim_agree_on_exact_inputs(
    case: Case, eps: float, data: st.DataObject
) -> None:
    """One network, compiled and as formulas: the same values everywhere, the same verdict."""
    margin = data.draw(st.sampled_from([0.0, 0.125, 0.1]))
    claim = Claim.make(case.network, case.image, case.label, "any", margin, case.domain)
    x = Variable(case.network.input_size, case.lower, case.upper, "x")
    near, broken = claim.formulas(x, case.network(x), eps)
    network_part = requirements(broken)
    problem, lift = compiled(x, near, *network_part, broken)
    point = inside(data, case)
    assignment = lift({x: point})
    assert all(holds(formula, assignment) for formula in network_part)
    logits = oracles.evaluate(case.exact, tuple(point))
    rivals = [t for t in range(len(logits)) if t != case.label]
    worst = min(logits[case.label] + Fraction(margin) - logits[t] for t in rivals)
    assert holds(broken, assignment) == (worst <= 0)
    if worst <= 0:
        assert satisfied(problem, point), "a compiled case holds wherever the source does"
    elif worst > Fraction(1, 10**12):
        assert not satisfied(problem, point)
    # the compiled box covers the source's region
    if holds(near, assignment):
        lower, upper = problem.lower.tolist(), problem.upper.tolist()
        assert all(
            Fraction(a) <= v <= Fraction(b) for a, v, b in zip(lower, point, upper, strict=True)
        )


@settings(max_examples=40, deadline=None)
@given(cases(), st.data())
def test_a_claim_lifts_inputs_to_assignments_of_its_own_source(
    case: Case, data: st.DataObject
) -> None:
    claim = Claim.make(case.network, case.image, case.label, domain=case.domain)
    problem, lift = claim.compile(0.25)
    point = inside(data, case)
    assignment = lift({Variable.free(len(point)): point})
    logits = oracles.evaluate(case.exact, tuple(point))
    output = problem.values(point[None])[-1][0]
    targets = [t for t in range(len(logits)) if t != case.label]
    assert len(problem.cases) == len(targets)
    for compiled_case, target in zip(problem.cases, targets, strict=True):
        row = [Fraction(w) for w in compiled_case.rows[0].tolist()]
        lead = sum((w * v for w, v in zip(row, output, strict=True)), Fraction(0))
        assert (
            lead + Fraction(float(compiled_case.offset[0])) == logits[case.label] - logits[target]
        )
    assert any(tuple(numbers) == logits for numbers in assignment.values())
    variable, formula = claim.source(0.25)
    assert variable.size == len(point)
    assert isinstance(formula, And)


# ---- recognise -------------------------------------------------------------------------------

Z = Dense(np.array([[1.0, -1.0], [0.5, 0.25], [0.0, 2.0]]))


def affine(x: Variable) -> Affine:
    return x.affine.through(Z) + np.array([0.5, 0.0, -1.0])


def by_hand(x: Variable, y: Variable, kind: str) -> tuple[Formula, Affine]:
    """The formula of an activation written out, and the sugar's value for comparison."""
    z = affine(x)
    if kind == "relu":
        parts = And((z >= 0.0, y.affine.equals(z))), And((z <= 0.0, y.affine.equals(0.0)))
        return Or(parts, elementwise=True), relu(z)
    if kind == "leaky":
        parts = And((z >= 0.0, y.affine.equals(z))), And((z <= 0.0, y.affine.equals(z * 0.25)))
        return Or(parts, elementwise=True), leaky_relu(z, 0.25)
    if kind == "abs":
        # the sides swapped: the second disjunct is the active one
        parts = And((z <= 0.0, y.affine.equals(-z))), And((z >= 0.0, y.affine.equals(z)))
        return Or(parts, elementwise=True), absolute(z)
    other = as_affine(np.array([0.25, -1.0, 3.0]), 3)
    parts = And((z >= other, y.affine.equals(z))), And((z <= other, y.affine.equals(other)))
    return Or(parts, elementwise=True), maximum(z, other)


@pytest.mark.parametrize("kind", ["relu", "leaky", "abs", "max"])
@given(point=st.lists(st.fractions(-2, 2, max_denominator=8), min_size=2, max_size=2))
def test_activations_written_by_hand_become_definitions(kind: str, point: list[Fraction]) -> None:
    x, y = Variable.within(2, -2, 2, "x"), Variable.free(3, "y")
    formula, sugar = by_hand(x, y, kind)
    system, _ = recognise(System(x, (formula, y.affine[0] <= 1.0)))
    assert [definition.relu for definition in system.definitions] == [True]
    assert len(system.formulas) == 1
    numbers = np.array(point, dtype=object)
    problem, lift = compiled(x, formula, *sugar.requires, y.affine[0] - sugar[0] <= 0.0)
    assert [stage.relu for stage in problem.stages[:2]] == [True, True]
    assignment = lift({x: numbers})
    assert holds(formula, assignment)
    assert list(assignment[y]) == list(value(sugar, assignment))
    assert satisfied(problem, numbers)


def test_an_equality_defines_a_variable_once() -> None:
    x, y = Variable.within(2, -1, 1, "x"), Variable.free(2, "y")
    first = (x.affine * 2.0 - y.affine).equals(1.0)
    second = y.affine.equals(0.5)  # y is defined by now: this restricts it
    system, _ = recognise(System(x, (first, second)))
    assert [d.variable for d in system.definitions] == [y] and len(system.formulas) == 1
    _, lift = compiled(x, first, y.affine <= 0.0)
    assert lift({x: exact([0.5, -1.0])})[y].tolist() == [0, -3]


@pytest.mark.parametrize(
    "build",
    [
        # the two disjuncts have different edges
        lambda z, y: ((z >= 0.0, y.equals(z)), (z <= 1.0, y.equals(0.0))),
        # neither side's difference is a multiple of the edge
        lambda z, y: ((z >= 0.0, y.equals(z)), (z <= 0.0, y.equals(1.0))),
        # strict signs and inequalities are no function
        lambda z, y: ((z > 0.0, y.equals(z)), (z <= 0.0, y.equals(0.0))),
        lambda z, y: ((z >= 0.0, y <= z), (z <= 0.0, y.equals(0.0))),
        # y is hidden behind an operator, or scaled
        lambda z, y: ((z >= 0.0, (y * 2.0).equals(z)), (z <= 0.0, y.equals(0.0))),
        lambda z, y: (
            (z >= 0.0, y.through(Select(np.array([1, 0, 2]), 3)).equals(z)),
            (z <= 0.0, y.equals(0.0)),
        ),
    ],
)
def test_what_is_no_function_stays_a_formula(build: object) -> None:
    x, y = Variable.within(2, -2, 2, "x"), Variable.free(3, "y")
    first, second = build(affine(x), y.affine)  # type: ignore[operator]
    formula = Or((And(first), And(second)), elementwise=True)
    system, back = recognise(System(x, (formula,)))
    assert system.formulas == (formula,) and not system.definitions
    assert list(back({x: exact([0.0, 0.0])})) == [x]
    with pytest.raises(LanguageError):
        compiled(x, formula, y.affine <= 0.0)


def test_a_variable_that_nothing_defines_is_refused() -> None:
    x, y, z = Variable.within(2, -2, 2, "x"), Variable.free(2, "y"), Variable.free(2, "z")
    with pytest.raises(LanguageError, match="'y' is no function of the inputs"):
        compiled(x, y.affine <= 0.0)
    # in this order y would be defined by what is not known yet
    system, _ = recognise(System(x, (y.affine.equals(z.affine * 2.0), z.affine.equals(x.affine))))
    assert [definition.variable for definition in system.definitions] == [z]
    _, lift = compiled(x, z.affine.equals(x.affine), y.affine.equals(z.affine * 2.0), y.affine <= 0)
    assert lift({x: exact([1.0, -1.0])})[y].tolist() == [2, -2]


def test_disjunctions_of_another_shape_stay_formulas() -> None:
    x, y = Variable.within(2, -2, 2, "x"), Variable.free(3, "y")
    z = affine(x)
    whole = Or((And((z >= 0.0, y.affine.equals(z))), And((z <= 0.0, y.affine.equals(0.0)))))
    bare = Or((z >= 0.0, z <= 0.0), elementwise=True)
    single = Or((And((z >= 0.0, y.affine.equals(z))),), elementwise=True)
    system, _ = recognise(System(x, (whole, bare, single)))
    assert len(system.formulas) == 3 and not system.definitions


def test_a_chain_of_activations_is_rewritten_in_what_they_equal() -> None:
    x = Variable.within(2, -2, 2, "x")
    first = leaky_relu(affine(x), 0.5)
    second = absolute(first.through(Dense(np.array([[1.0, -2.0, 0.5]]))) - 0.25)
    formula = Or((second <= 0.5, And((second >= 3.0, first <= 1.0))))
    problem, lift = compiled(x, *requirements(formula), formula)
    point = exact([1.5, -0.75])
    assignment = lift({x: point})
    assert all(holds(part, assignment) for part in requirements(formula))
    assert holds(formula, assignment) == satisfied(problem, point)


def test_substitution_leaves_other_variables_alone() -> None:
    x, y = Variable.free(2, "x"), Variable.free(2, "y")
    expression = x.affine * 2.0 + y.affine - 1.0
    assert substitute(expression, {}) is expression
    replaced = substitute(expression, {y: x.affine * -1.0 + 0.5})
    assert value(replaced, {x: exact([1.0, 4.0])}).tolist() == [Fraction(1, 2), Fraction(7, 2)]


# ---- region ----------------------------------------------------------------------------------


def box_of(x: Variable, *formulas: Formula) -> tuple[list[float], list[float], int]:
    system, lift = region(System(x, formulas))
    assert system.lower is not None and system.upper is not None
    assert lift({x: exact([0.0])})[x].tolist() == [0]
    return system.lower.tolist(), system.upper.tolist(), len(system.formulas)


def test_bounding_relations_become_a_box() -> None:
    x = Variable.within(2, -5, [5.0, 4.0], "x")
    low, high, rest = box_of(x, x.affine <= 3.0, And((x.affine[0] >= -1.0, -x.affine[1] < 2.0)))
    assert (low, high, rest) == ([-1.0, -2.0], [3.0, 3.0], 0)
    low, high, rest = box_of(x, x.affine.equals(np.array([0.5, -1.0])), (-x.affine[0]).equals(-0.5))
    assert (low, high, rest) == ([0.5, -1.0], [0.5, -1.0], 0)
    swapped = x.affine.through(Select(np.array([1, 0]), 2))
    assert box_of(x, swapped <= np.array([1.0, 2.0]))[1] == [2.0, 1.0]


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(-1, 1))
def test_a_box_is_rounded_outwards_by_one_unit(center: float, eps: float, shift: float) -> None:
    x = Variable.within(1, -10, 10, "x")
    moved = x.affine - center - shift
    (low,), (high,), rest = box_of(x, moved <= eps, moved >= -eps)
    middle = Fraction(center) + Fraction(shift)
    assert rest == 0
    for bound, meant, inner in (
        (low, middle - Fraction(eps), 1),
        (high, middle + Fraction(eps), -1),
    ):
        assert (meant - Fraction(bound)) * inner >= 0
        # two sums, each rounded once
        size = 2 * (abs(center) + abs(shift) + eps)
        assert abs(meant - Fraction(bound)) <= 3 * Fraction(2.0**-52) * Fraction(size) + Fraction(
            2.0**-1000
        )


def test_what_bounds_no_single_input_stays_a_formula() -> None:
    x, y = Variable.within(2, -1, 1, "x"), Variable.free(2, "y")
    kept: list[Relation] = [
        x.affine[0] + x.affine[1] <= 0.0,
        y.affine <= 0.0,
        x.affine * 2.0 <= 1.0,
        x.affine.through(Dense(np.eye(2))) <= 1.0,
        x.affine.through(Select(np.array([0, -1]), 2)) <= 1.0,
        x.affine + as_affine(np.array([0.5, 1.0]), 2) * 0.25 <= 0.0,
        x.affine + as_affine(np.ones(2), 2).through(Dense(np.eye(2))) <= 0.0,
    ]
    low, high, rest = box_of(x, *kept)
    assert (low, high, rest) == ([-1.0, -1.0], [1.0, 1.0], len(kept))


def test_every_input_needs_bounds() -> None:
    x = Variable.free(2, "x")
    with pytest.raises(LanguageError, match="finite lower and upper"):
        region(System(x, (x.affine <= 1.0,)))


# ---- cases -----------------------------------------------------------------------------------


def test_nested_properties_become_cases() -> None:
    x = Variable.within(2, -1, 1, "x")
    a, b = x.affine[0], x.affine[1]
    formula = And(
        (
            Or((a <= 0.5, And((a >= 0.5, Or((b < 0.0, (a + b).equals(1.0))))))),
            Or((b >= 0.25, b <= -0.25)),
        )
    )
    problem, _ = compiled(x, formula)
    assert len(problem.cases) == 3 * 2
    assert [len(case.offset) for case in problem.cases] == [2, 2, 3, 3, 4, 4]
    assert sum(bool(case.strict.any()) for case in problem.cases) == 2
    grid = [Fraction(k, 4) for k in range(-4, 5)]
    for point in (np.array([p, q], dtype=object) for p in grid for q in grid):
        assert satisfied(problem, point) == holds(formula, {x: point})


@settings(max_examples=60)
@given(st.data())
def test_cases_mean_the_formula_they_come_from(data: st.DataObject) -> None:
    x = Variable.within(2, -1, 1, "x")
    y = relu(affine(x))
    some = st.sampled_from([y, x.affine.through(Z), x.affine[0], y[1] - x.affine[1]])
    levels = st.sampled_from([-0.5, 0.0, 0.25])
    relation = st.builds(
        lambda value, level, kind: Relation(value - level, kind),
        some, levels, st.sampled_from(["<=", "<", "="]),
    )  # fmt: skip

    def nested(inner: st.SearchStrategy[Formula]) -> st.SearchStrategy[Formula]:
        parts = st.lists(inner, max_size=3).map(tuple)
        return st.one_of(parts.map(And), parts.map(Or))

    formula = data.draw(st.recursive(relation, nested, max_leaves=4))
    problem, lift = compiled(x, *y.requires, formula)
    point = np.array(
        data.draw(st.lists(st.fractions(-1, 1, max_denominator=4), min_size=2, max_size=2)),
        dtype=object,
    )
    in_box = all(
        Fraction(a) <= v <= Fraction(b)
        for a, v, b in zip(problem.lower.tolist(), point, problem.upper.tolist(), strict=True)
    )
    assert (in_box and satisfied(problem, point)) == holds(formula, lift({x: point}))


def test_too_many_cases_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    x = Variable.within(1, -1, 1, "x")
    either = Or((x.affine * 2.0 <= -1.0, x.affine * 2.0 >= 1.0))
    with pytest.raises(LanguageError, match="more than 10000 cases"):
        compiled(x, *[either] * 14)
    monkeypatch.setattr(steps_cases, "LARGEST", 3)
    with pytest.raises(LanguageError, match="more than 3 cases"):
        compiled(x, either, either)


def test_an_elementwise_choice_that_defines_nothing_is_refused() -> None:
    x = Variable.within(2, -1, 1, "x")
    sides = (x.affine * 2.0 <= -1.0, And((x.affine * 2.0 >= 1.0,)))
    with pytest.raises(LanguageError, match="elementwise Or"):
        compiled(x, Or(sides, elementwise=True))
    # of a single element it is the plain one
    single = (x.affine[0] * 2.0 <= -1.0, Or((x.affine[0] * 2.0 >= 1.0,)))
    problem, _ = compiled(x, Or(single, elementwise=True))
    assert len(problem.cases) == 2


# ---- flatten ---------------------------------------------------------------------------------


@given(st.lists(st.floats(-4, 4), min_size=6, max_size=6), st.floats(-3, 3))
def test_constants_are_enclosed(levels: list[float], factor: float) -> None:
    """bias and bias_radius of a stage enclose the exact sum of its constants."""
    x = Variable.within(2, -1, 1, "x")
    first, second = np.array(levels[:2]), np.array(levels[2:4])
    weight = Dense(np.array([[0.1, 0.7], [1.0, levels[4]]]))
    z = x.affine + first - as_affine(second, 2) * factor + as_affine(first, 2).through(weight)
    y = relu(z.through(scaled(Select(np.array([1, 0]), 2), levels[5])))
    problem, _ = compiled(x, *y.requires, y <= 0.5)
    stage = problem.stages[0]
    for middle, radius, meant in zip(
        stage.bias.tolist(), stage.bias_radius.tolist(), stage.exact_bias().tolist(), strict=True
    ):
        assert abs(meant - Fraction(middle)) <= Fraction(radius)
        assert radius <= 1e-13


def test_a_property_that_always_or_never_holds() -> None:
    x = Variable.within(1, -1, 1, "x")
    always, _ = compiled(x, And(()))
    assert [case.rows.shape for case in always.cases] == [(0, 0)]
    assert satisfied(always, exact([0.0]))
    never, _ = compiled(x, Or(()))
    assert never.cases == () and not satisfied(never, exact([0.0]))


@given(st.lists(st.floats(-2, 2, allow_subnormal=False), min_size=3, max_size=3))
@example([0.3, -0.1, -0.2])
@example([-0.3, 0.1, 0.2])
def test_offsets_of_a_case_are_rounded_down(levels: list[float]) -> None:
    x = Variable.within(1, -1, 1, "x")
    y = relu(x.affine)
    total = y[0] + levels[0] + levels[1] + as_affine(levels[2], 1)
    problem, _ = compiled(x, *y.requires, total <= 0.0)
    meant = sum((Fraction(level) for level in levels), Fraction(0))
    (offset,) = problem.cases[0].offset.tolist()
    assert Fraction(offset) <= meant and meant - Fraction(offset) <= abs(meant) * Fraction(2.0**-52)


def test_an_input_alone_can_be_the_output() -> None:
    x = Variable.within(2, -1, 1, "x")
    problem, lift = compiled(x, x.affine[0] + x.affine[1] <= -0.5)
    assert [stage.relu for stage in problem.stages] == [False]
    assert satisfied(problem, exact([-1.0, 0.5])) and not satisfied(problem, exact([0.0, 0.0]))
    assert list(lift({x: exact([0.5, 0.25])})[x]) == [Fraction(1, 2), Fraction(1, 4)]
