"""Compile steps: what each takes out of a system, and the way back for its solutions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rhobust.compiler.base.arrays import Numbers, exact
from rhobust.compiler.base.errors import LanguageError
from rhobust.compiler.language.activations import absolute, leaky_relu, maximum, relu
from rhobust.compiler.language.evaluator import holds, value
from rhobust.compiler.language.expressions import Affine, Variable, as_affine
from rhobust.compiler.language.formulas import And, Formula, Or, Relation, requirements
from rhobust.compiler.language.walk import substitute
from rhobust.compiler.operators import Dense, Select, scaled
from rhobust.compiler.problem import Branch, Problem
from rhobust.compiler.question.claim import Claim
from rhobust.compiler.steps import disjunctions as steps_cases
from rhobust.compiler.steps.disjunctions import cases as split_cases
from rhobust.compiler.steps.flatten import flatten
from rhobust.compiler.steps.recognise import recognise
from rhobust.compiler.steps.region import region
from rhobust.compiler.steps.system import Lift, Solution, System, chain

from ..reference import oracles
from ..reference.strategies import Case, cases


def compiled(x: Variable, *formulas: Formula) -> tuple[Problem, Lift]:
    """All steps after another; the lift takes {x: exact input}."""
    final, back = chain(System(formulas, inputs=(x,)), (recognise, region, split_cases))
    problem, forward, _ = flatten(final)

    def lift(solution: Solution) -> Solution:
        return back(forward(solution))

    return problem, lift


def satisfied(problem: Problem, point: Numbers) -> bool:
    """Whether the root branch holds at an exact input inside the problem's box."""
    output = problem.values(point[None])[-1][0]

    def atom(number: int) -> bool:
        pairs = zip(problem.rows[number].tolist(), output, strict=True)
        left = Fraction(float(problem.offset[number])) + sum(Fraction(w) * v for w, v in pairs)
        return bool(left < 0 if problem.strict[number] else left <= 0)

    def branch(of: Branch) -> bool:
        return all(map(atom, of.atoms)) and all(
            any(map(branch, problem.choices[number])) for number in of.choices
        )

    return branch(problem.root)


def inside(data: st.DataObject, case: Case) -> Numbers:
    """An exact input of the domain."""
    pairs = zip(*case.bounds, strict=True)
    shares = st.fractions(0, 1, max_denominator=8)
    point = [low + data.draw(shares) * (high - low) for low, high in pairs]
    return np.array(point, dtype=object)


# ---- the whole way ---------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(cases(), st.sampled_from([0.0, 0.1, 0.5, 3.0]), st.data())
def test_compiled_and_source_claim_agree_on_exact_inputs(
    case: Case, eps: float, data: st.DataObject
) -> None:
    """One network, compiled and as formulas: the same values everywhere, the same verdict."""
    margin = data.draw(st.sampled_from([0.0, 0.125, 0.1]))
    claim = Claim.make(case.network, case.image, case.label, "any", margin, case.domain)
    x = Variable(case.network.input_size, case.lower, case.upper, "x")
    near, broken = claim.within(eps).formulas(x, case.network(x))
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


@settings(max_examples=12, deadline=None)
@given(cases(), st.data())
def test_a_claim_lifts_inputs_to_assignments_of_its_own_source(
    case: Case, data: st.DataObject
) -> None:
    claim = Claim.make(case.network, case.image, case.label, domain=case.domain)
    problem, lift = claim.within(0.25).compile()
    point = inside(data, case)
    assignment = lift({Variable(len(point)): point})
    logits = oracles.evaluate(case.exact, tuple(point))
    output = problem.values(point[None])[-1][0]
    targets = [t for t in range(len(logits)) if t != case.label]
    assert len(problem.offset) == len(targets)
    for compiled_row, offset, target in zip(
        problem.rows.tolist(), problem.offset.tolist(), targets, strict=True
    ):
        row = [Fraction(w) for w in compiled_row]
        lead = sum((w * v for w, v in zip(row, output, strict=True)), Fraction(0))
        assert lead + Fraction(offset) == logits[case.label] - logits[target]
    assert any(tuple(numbers) == logits for numbers in assignment.values())
    variable, formula = claim.within(0.25).source()
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
    x, y = Variable(2, -2, 2, "x"), Variable(3, name="y")
    formula, sugar = by_hand(x, y, kind)
    system, _ = recognise(System((formula, y.affine[0] <= 1.0), inputs=(x,)))
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
    x, y = Variable(2, -1, 1, "x"), Variable(2, name="y")
    first = (x.affine * 2.0 - y.affine).equals(1.0)
    second = y.affine.equals(0.5)  # y is defined by now: this restricts it
    system, _ = recognise(System((first, second), inputs=(x,)))
    assert [d.variable for d in system.definitions] == [y] and len(system.formulas) == 1
    assert system.inputs == (x,)
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
    x, y = Variable(2, -2, 2, "x"), Variable(3, name="y")
    first, second = build(affine(x), y.affine)  # type: ignore[operator]
    formula = Or((And(first), And(second)), elementwise=True)
    system, back = recognise(System((formula,), inputs=(x,)))
    assert system.formulas == (formula,) and not system.definitions
    assert system.inputs == (x, y), "nothing defines y: it is an input too"
    assert list(back({x: exact([0.0, 0.0])})) == [x]
    with pytest.raises(LanguageError, match="'y' needs a finite lower and upper bound"):
        compiled(x, formula, y.affine <= 0.0)


def test_a_variable_that_nothing_defines_is_an_input_and_needs_bounds() -> None:
    x, y = Variable(2, -2, 2, "x"), Variable(2, name="y")
    system, _ = recognise(System((y <= 0.0,), inputs=(x,)))
    assert system.inputs == (x, y) and not system.definitions
    with pytest.raises(LanguageError, match="'y' needs a finite lower and upper bound"):
        compiled(x, y <= 0.0)
    problem, lift = compiled(x, y <= 0.0, y >= -1.0)
    assert (problem.lower.tolist(), problem.upper.tolist()) == ([-2, -2, -1, -1], [2, 2, 0, 0])
    assert lift({x: exact([1.0, -1.0]), y: exact([-0.5, 0.0])})[y].tolist() == [Fraction(-1, 2), 0]


def test_definitions_stand_after_those_they_use() -> None:
    x, y, z = Variable(2, -2, 2, "x"), Variable(2, name="y"), Variable(2, name="z")
    # y is stated first, by what is not known yet
    first, second = y.equals(z * 2.0), z.equals(x.affine)
    for formulas in ((first, second), (second, first)):
        system, _ = recognise(System(formulas, inputs=(x,)))
        assert [definition.variable for definition in system.definitions] == [z, y]
        assert system.inputs == (x,) and not system.formulas
        _, lift = compiled(x, *formulas, y <= 0.0)
        assert lift({x: exact([1.0, -1.0])})[y].tolist() == [2, -2]


def test_disjunctions_of_another_shape_stay_formulas() -> None:
    x, y = Variable(2, -2, 2, "x"), Variable(3, name="y")
    z = affine(x)
    whole = Or((And((z >= 0.0, y.affine.equals(z))), And((z <= 0.0, y.affine.equals(0.0)))))
    bare = Or((z >= 0.0, z <= 0.0), elementwise=True)
    single = Or((And((z >= 0.0, y.affine.equals(z))),), elementwise=True)
    system, _ = recognise(System((whole, bare, single), inputs=(x,)))
    assert len(system.formulas) == 3 and not system.definitions


def test_a_chain_of_activations_is_rewritten_in_what_they_equal() -> None:
    x = Variable(2, -2, 2, "x")
    first = leaky_relu(affine(x), 0.5)
    second = absolute(first.through(Dense(np.array([[1.0, -2.0, 0.5]]))) - 0.25)
    formula = Or((second <= 0.5, And((second >= 3.0, first <= 1.0))))
    problem, lift = compiled(x, *requirements(formula), formula)
    point = exact([1.5, -0.75])
    assignment = lift({x: point})
    assert all(holds(part, assignment) for part in requirements(formula))
    assert holds(formula, assignment) == satisfied(problem, point)


def test_substitution_leaves_other_variables_alone() -> None:
    x, y = Variable(2, name="x"), Variable(2, name="y")
    expression = x.affine * 2.0 + y.affine - 1.0
    assert substitute(expression, {}) is expression
    replaced = substitute(expression, {y: x.affine * -1.0 + 0.5})
    assert value(replaced, {x: exact([1.0, 4.0])}).tolist() == [Fraction(1, 2), Fraction(7, 2)]


# ---- region ----------------------------------------------------------------------------------


def box_of(x: Variable, *formulas: Formula) -> tuple[list[float], list[float], int]:
    system, lift = region(System(formulas, inputs=(x,)))
    assert lift({x: exact([0.0])})[x].tolist() == [0] and list(system.boxes) == [x]
    lower, upper = system.boxes[x]
    return lower.tolist(), upper.tolist(), len(system.formulas)


def test_bounding_relations_become_a_box() -> None:
    x = Variable(2, -5, [5.0, 4.0], "x")
    low, high, rest = box_of(x, x.affine <= 3.0, And((x.affine[0] >= -1.0, -x.affine[1] <= 2.0)))
    assert (low, high, rest) == ([-1.0, -2.0], [3.0, 3.0], 0)
    # a strict bound is more than its box
    low, high, rest = box_of(x, x.affine <= 3.0, And((x.affine[0] >= -1.0, -x.affine[1] < 2.0)))
    assert (low, high, rest) == ([-1.0, -2.0], [3.0, 3.0], 1)
    low, high, rest = box_of(x, x.affine.equals(np.array([0.5, -1.0])), (-x.affine[0]).equals(-0.5))
    assert (low, high, rest) == ([0.5, -1.0], [0.5, -1.0], 0)
    swapped = x.affine.through(Select(np.array([1, 0]), 2))
    assert box_of(x, swapped <= np.array([1.0, 2.0]))[1] == [2.0, 1.0]


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(-1, 1))
def test_a_box_is_rounded_outwards_by_one_unit(center: float, eps: float, shift: float) -> None:
    x = Variable(1, -10, 10, "x")
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
    x, y = Variable(2, -1, 1, "x"), Variable(2, name="y")
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
    x = Variable(2, name="x")
    with pytest.raises(LanguageError, match="finite lower and upper"):
        region(System((x.affine <= 1.0,), inputs=(x,)))


# ---- cases -----------------------------------------------------------------------------------


def test_nested_properties_become_cases() -> None:
    x = Variable(2, -1, 1, "x")
    a, b = x.affine[0], x.affine[1]
    formula = And(
        (
            Or((a <= 0.5, And((a >= 0.5, Or((b < 0.0, (a + b).equals(1.0))))))),
            Or((b >= 0.25, b <= -0.25)),
        )
    )
    problem, _ = compiled(x, formula)
    assert [len(options) for options in problem.choices] == [2, 2, 2]
    assert problem.root == Branch((), (1, 2)) and problem.strict.sum() == 1
    grid = [Fraction(k, 4) for k in range(-4, 5)]
    for point in (np.array([p, q], dtype=object) for p in grid for q in grid):
        assert satisfied(problem, point) == holds(formula, {x: point})


@settings(max_examples=15)
@given(st.data())
def test_cases_mean_the_formula_they_come_from(data: st.DataObject) -> None:
    x = Variable(2, -1, 1, "x")
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


def test_too_many_relations_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    x = Variable(1, -1, 1, "x")
    monkeypatch.setattr(steps_cases, "LARGEST", 3)
    either = [Or((x * 2.0 <= -level, x * 2.0 >= level)) for level in (1.0, 0.5)]
    compiled(x, either[0], either[0])
    with pytest.raises(LanguageError, match="more than 3 relations"):
        compiled(x, *either)


def test_an_elementwise_choice_that_defines_nothing_is_one_for_each_element() -> None:
    x = Variable(2, -1, 1, "x")
    sides = (x * 2.0 <= -1.0, And((x * 2.0 >= 1.0, x * 4.0 <= 3.0)))
    problem, _ = compiled(x, Or(sides, elementwise=True))
    assert [len(options) for options in problem.choices] == [2, 2]
    for first, second, meant in [
        (-1.0, 0.5, True), (0.75, 0.5, True), (0.0, 1.0, False), (-1.0, 1.0, False)
    ]:  # fmt: skip
        assert satisfied(problem, exact([first, second])) == meant
    with pytest.raises(LanguageError, match="elementwise Or takes relations"):
        compiled(x, Or((sides[0], Or((sides[1], sides[0]))), elementwise=True))


# ---- flatten ---------------------------------------------------------------------------------


@given(st.lists(st.floats(-4, 4), min_size=6, max_size=6), st.floats(-3, 3))
def test_constants_are_enclosed(levels: list[float], factor: float) -> None:
    """bias and bias_radius of a stage enclose the exact sum of its constants."""
    x = Variable(2, -1, 1, "x")
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
    x = Variable(1, -1, 1, "x")
    always, _ = compiled(x, And(()))
    assert always.root == Branch((), ()) and always.rows.shape == (0, 0)
    assert satisfied(always, exact([0.0]))
    never, _ = compiled(x, Or(()))
    assert never.choices == ((),) and not satisfied(never, exact([0.0]))


@given(st.lists(st.floats(-2, 2, allow_subnormal=False), min_size=3, max_size=3))
@example([0.3, -0.1, -0.2])
@example([-0.3, 0.1, 0.2])
def test_offsets_of_a_case_are_rounded_down(levels: list[float]) -> None:
    x = Variable(1, -1, 1, "x")
    y = relu(x.affine)
    total = y[0] + levels[0] + levels[1] + as_affine(levels[2], 1)
    problem, _ = compiled(x, *y.requires, total <= 0.0)
    meant = sum((Fraction(level) for level in levels), Fraction(0))
    (offset,) = problem.offset.tolist()
    assert Fraction(offset) <= meant and meant - Fraction(offset) <= abs(meant) * Fraction(2.0**-52)


def test_an_input_alone_can_be_the_output() -> None:
    x = Variable(2, -1, 1, "x")
    problem, lift = compiled(x, x.affine[0] + x.affine[1] <= -0.5)
    assert [stage.relu for stage in problem.stages] == [False]
    assert satisfied(problem, exact([-1.0, 0.5])) and not satisfied(problem, exact([0.0, 0.0]))
    assert list(lift({x: exact([0.5, 0.25])})[x]) == [Fraction(1, 2), Fraction(1, 4)]
