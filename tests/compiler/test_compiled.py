"""Formulas over any variables and their compiled problems mean the same, in rational arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhobust.compiler.base.arrays import Numbers, exact
from rhobust.compiler.base.errors import LanguageError
from rhobust.compiler.language.activations import absolute, clip, relu, sign_of, step
from rhobust.compiler.language.evaluator import holds, value, within
from rhobust.compiler.language.expressions import Expression, Variable
from rhobust.compiler.language.formulas import And, Formula, Or, Relation
from rhobust.compiler.language.norms import norm1, norm2, norm_inf
from rhobust.compiler.operators import Convolution, Dense, LinearOperator, Scale, Select
from rhobust.compiler.problem import Branch, Problem
from rhobust.compiler.steps.compile import Compiled, compile_formulas

from .test_steps import satisfied


def inside(problem: Problem, point: Numbers) -> bool:
    """Whether an exact input lies in the box and in the ball of the problem."""
    edges = zip(problem.lower.tolist(), point, problem.upper.tolist(), strict=True)
    if not all(Fraction(low) <= v <= Fraction(high) for low, v, high in edges):
        return False
    ball = problem.ball
    if ball is None:
        return True
    pairs = zip(point[ball.index], ball.center.tolist(), strict=True)
    away = [abs(v - Fraction(center)) for v, center in pairs]
    if ball.norm == "l1":
        return bool(sum(away) <= Fraction(ball.radius))
    return bool(sum(v * v for v in away) <= Fraction(ball.radius) ** 2)


def agree(compiled: Compiled, formulas: Sequence[Formula], point: Numbers) -> bool:
    """Whether the formulas hold where the way back leads: the problem has to say the same."""
    assignment = compiled.assignment(point)
    meant = all(holds(formula, assignment) for formula in formulas) and all(
        within(variable, numbers) for variable, numbers in assignment.items()
    )
    assert (inside(compiled.problem, point) and satisfied(compiled.problem, point)) == meant
    return meant


def everywhere(compiled: Compiled, formulas: Sequence[Formula], count: int = 80) -> int:
    """At how many of `count` inputs on a grid of quarters the formulas hold; see `agree`."""
    rng = np.random.default_rng(0)
    low, high = np.floor(compiled.problem.lower) - 0.25, np.ceil(compiled.problem.upper) + 0.25
    steps = rng.integers(0, 4 * (high - low).astype(np.int64) + 1, size=(count, len(low)))
    return sum(agree(compiled, formulas, exact(low + row / 4.0)) for row in steps)


# ---- any formulas ----------------------------------------------------------------------------

quarters = st.integers(-7, 7).map(lambda k: Fraction(k, 4))
levels = st.sampled_from([-0.5, 0.0, 0.25, 1.0])
kinds = st.sampled_from(["<=", "<", "="])
WEIGHT = Dense(np.array([[1.0, -0.5], [0.25, 2.0]]))


@settings(max_examples=75, deadline=None)
@given(st.data())
def test_random_formulas_and_their_problems_agree(data: st.DataObject) -> None:
    """All constants are dyadic, so that nothing is rounded on the way."""
    x, w = Variable(2, -1, 1, "x"), Variable(1, -1.5, 0.5, "w")
    y = relu(x.through(WEIGHT) - 0.5)
    far = absolute(y[0] - w - x[1])
    pairs: list[Expression] = [x, y, x + w, x.through(WEIGHT), clip(x, -0.25, 0.5)]
    single: list[Expression] = [w, far, x[0], y[1] - x[1] * 0.5, far - w * 2.0]
    some = st.sampled_from([*pairs, *single])
    relation = st.builds(lambda e, level, kind: Relation(e - level, kind), some, levels, kinds)
    ball = st.builds(
        lambda e, level, radius: norm1(e - level) <= radius,
        some, levels, st.sampled_from([0.0, 0.75, 2.0]),
    )  # fmt: skip
    pair = st.builds(
        lambda e, level, kind: Relation(e - level, kind), st.sampled_from(pairs), levels, kinds
    )
    disjuncts = st.lists(st.one_of(pair, st.tuples(pair, pair).map(And)), min_size=1, max_size=3)
    each = disjuncts.map(lambda parts: Or(tuple(parts), elementwise=True))

    def nested(inner: st.SearchStrategy[Formula]) -> st.SearchStrategy[Formula]:
        parts = st.lists(inner, max_size=3).map(tuple)
        return st.one_of(parts.map(And), parts.map(Or))

    formula = st.recursive(st.one_of(relation, relation, ball, each), nested, max_leaves=5)
    formulas = data.draw(st.lists(formula, min_size=1, max_size=3))
    compiled = compile_formulas(formulas, inputs=data.draw(st.sampled_from([(w,), (w, x)])))
    size = compiled.problem.input_size
    for numbers in data.draw(
        st.lists(st.lists(quarters, min_size=size, max_size=size), max_size=4)
    ):
        agree(compiled, formulas, np.array(numbers, dtype=object))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_no_solution_is_lost(data: st.DataObject) -> None:
    """Values that satisfy all equalities are those that their inputs alone lead back to."""
    x, w, v = (Variable(1, -2, 2, name) for name in ("x", "w", "v"))
    positive, far = relu(x), absolute(w - x)
    known = {name: exact([data.draw(st.integers(-8, 8)) / 4]) for name in (x, w, v)}
    (top,), (apart,) = positive.terms, far.terms
    known[top.variable] = np.array([max(known[x][0], Fraction(0))], dtype=object)
    known[apart.variable] = abs(known[w] - known[x])
    some = st.sampled_from([x, w, v, positive, far, w + v, x * 2.0 - v])
    formulas: list[Formula] = []
    for _ in range(data.draw(st.integers(1, 4))):
        one, other = (data.draw(some).affine for _ in range(2))
        shift = value(one, known)[0] - value(other, known)[0]
        formulas.append(one.equals(other + float(shift)))
    compiled = compile_formulas(formulas)
    assert compiled.inputs, "a number is left that determines the others"
    point = np.concatenate([known[name] for name in compiled.inputs])
    found = compiled.assignment(point)
    assert all(np.array_equal(found[name], known[name]) for name in known if name in found)
    assert agree(compiled, formulas, point)


# ---- several inputs --------------------------------------------------------------------------

PICTURE = Convolution(np.array([[[[1.0, -0.5], [0.25, 2.0]]]]), (1, 3, 3))
OPERATORS: dict[str, LinearOperator] = {
    "dense": Dense(np.arange(-9.0, 9.0).reshape(2, 9) / 8),
    "convolution": PICTURE,
    "select": Select(np.array([8, -1, 0, 0]), 9),
    "scale": Scale(np.arange(9.0), np.full(9, 4.0)),
}


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_operators_on_one_of_several_inputs(name: str, place: int) -> None:
    image = Variable((3, 3), -1, 1, "image")
    others = [Variable(2, -0.5, 0.5, "other"), Variable(1, 0, 1, "another")]
    z = image.through(OPERATORS[name])
    hidden = relu(z + others[1])
    formulas: list[Formula] = [
        (hidden.sum() - others[0][1] <= 2.0),
        Or((z[0] <= others[0][0], others[0].sum() > 0.25)),
    ]
    inputs = [*others[:place], image, *others[place:]]
    compiled = compile_formulas(formulas, inputs=inputs)
    assert compiled.inputs == tuple(inputs) and compiled.problem.input_size == 12
    lower = np.concatenate([variable.lower for variable in inputs])
    assert compiled.problem.lower.tolist() == lower.tolist()
    point = exact(np.arange(12.0))
    columns = np.cumsum([0, *(variable.size for variable in inputs)])
    found = compiled.assignment(point)
    for variable, start in zip(inputs, columns, strict=False):
        assert found[variable].tolist() == list(range(start, start + variable.size))
    assert 0 < everywhere(compiled, formulas) < 80


def test_inputs_are_named_in_their_order_used_or_not() -> None:
    x, w, v = (Variable(1, -1, 1, name) for name in ("x", "w", "v"))
    formula = v + x <= 0.5
    assert set(compile_formulas([formula]).inputs) == {x, v}
    compiled = compile_formulas([formula], inputs=(w, v))
    assert compiled.inputs == (w, v, x)
    assert everywhere(compiled, [formula])
    nothing = compile_formulas([And(())])
    assert not nothing.inputs and nothing.problem.input_size == 0
    assert agree(nothing, [And(())], np.zeros(0, dtype=object))


def test_the_objective_is_the_first_atom() -> None:
    x, w = Variable(2, -1, 1, "x"), Variable(1, -1, 1, "w")
    far = absolute(x[0] - w)
    objective = far + x[1] * 0.25 - 3.0
    formulas: list[Formula] = [x[0] + w >= 0.5, Or((x[1] <= 0.0, far <= 0.25))]
    compiled = compile_formulas(formulas, objective)
    problem = compiled.problem
    assert problem.objective == 0 and 0 not in problem.root.atoms
    assert all(0 not in branch.atoms for options in problem.choices for branch in options)
    point = exact([0.5, -0.25, 1.0])
    output = problem.values(point[None])[-1][0]
    row = [Fraction(weight) for weight in problem.rows[0].tolist()]
    level = sum((a * b for a, b in zip(row, output, strict=True)), Fraction(problem.offset[0]))
    assert level == value(objective, compiled.assignment(point))[0]
    assert 0 < everywhere(compiled, formulas) < 80
    # alone it asks nothing, and its variables are inputs too
    alone = compile_formulas([], objective)
    assert (alone.problem.root, alone.problem.objective) == (Branch((), ()), 0)
    assert everywhere(alone, []) and set(alone.inputs) == {x, w}
    assert compile_formulas(formulas).problem.objective is None


# ---- equalities ------------------------------------------------------------------------------


@pytest.mark.parametrize("theta_first", [False, True])
def test_a_variable_that_an_equality_defines_keeps_its_bounds(theta_first: bool) -> None:
    theta = Variable(2, -1, 1, "theta")
    x = Variable(3, [-0.5, -np.inf, 0], 1, "x")
    if not theta_first:
        theta = Variable(2, -1, 1, "theta")
    tilted = np.array([[1.0, 0.5], [0.25, -1.0], [0.0, 0.5]]) @ theta
    base = np.array([0.0, 0.5, 0.25])
    formulas: list[Formula] = [x.equals(tilted + base), absolute(x).sum() <= 1.5]
    compiled = compile_formulas(formulas)
    assert compiled.inputs == (theta,)
    problem = compiled.problem
    # x >= -1/2 and x >= 0 where it is bounded below, x <= 1 for all, and the sum
    assert len(problem.root.atoms) == len(problem.offset) == 2 + 3 + 1
    assert 0 < everywhere(compiled, formulas) < 80
    assert not everywhere(compile_formulas([*formulas, x[2] >= 0.875]), [*formulas, x[2] >= 0.875])


def test_a_bounded_variable_that_equals_a_constant_is_a_box() -> None:
    x = Variable(2, -1, 1, "x")
    formulas: list[Formula] = [x.equals(np.array([0.5, -0.25]))]
    problem = compile_formulas(formulas).problem
    assert problem.lower.tolist() == problem.upper.tolist() == [0.5, -0.25]
    assert everywhere(compile_formulas(formulas), formulas)
    # without bounds it is a definition, and no input is left
    free = Variable(1, name="free")
    constant: list[Formula] = [free.equals(0.5), free <= x[0]]
    compiled = compile_formulas(constant)
    assert compiled.inputs == (x,) and 0 < everywhere(compiled, constant) < 80


def test_circular_equalities_stay_relations() -> None:
    y, z = Variable(1, -4, 4, "y"), Variable(1, -4, 4, "z")
    once: list[Formula] = [y.equals(z + 1.0)]
    twice: list[Formula] = [y.equals(z + 1.0), y.equals(3.0 - z)]
    assert everywhere(compile_formulas(once), once) > everywhere(compile_formulas(twice), twice)
    compiled = compile_formulas(twice)
    assert len(compiled.inputs) == 1
    solution = compiled.assignment(exact([2.0 if compiled.inputs == (y,) else 1.0]))
    assert (solution[y].tolist(), solution[z].tolist()) == ([2], [1])
    assert agree(compiled, twice, solution[compiled.inputs[0]])


def test_a_circle_through_an_activation_stays_a_relation() -> None:
    z = Variable(1, -4, 4, "z")
    # |z| = z / 2 + 3 has the solutions 6, which the bounds exclude, and -2
    formulas: list[Formula] = [z.equals((absolute(z) - 3.0) * 2.0)]
    compiled = compile_formulas(formulas)
    assert compiled.inputs == (z,)
    for k in range(-20, 25):
        assert agree(compiled, formulas, exact([k / 4])) == (k == -8)


def test_definitions_may_come_after_their_use() -> None:
    x = Variable(2, -2, 2, "x")
    a, b, c = (Variable(2, name=name) for name in "abc")

    def rectified(result: Variable, argument: Expression) -> Formula:
        return Or(
            (
                And((argument >= 0.0, result.equals(argument))),
                And((argument <= 0.0, result.equals(0.0))),
            ),
            elementwise=True,
        )

    chain: list[Formula] = [
        c.sum() <= 1.0,
        rectified(c, b - 0.5),
        b.equals(-a),
        rectified(a, x - 0.25),
    ]
    for formulas in (chain, chain[::-1]):
        compiled = compile_formulas(formulas)
        assert compiled.inputs == (x,)
        assert [stage.relu for stage in compiled.problem.stages].count(True) == 2
        assert everywhere(compiled, formulas)
        found = compiled.assignment(exact([1.25, -1.0]))
        assert [found[name].tolist() for name in (a, b, c)] == [[1, 0], [-1, 0], [0, 0]]


# ---- choices ---------------------------------------------------------------------------------


def test_elementwise_disjunctions_of_three_become_choices() -> None:
    x = Variable(2, -2, 2, "x")
    y = Variable(2, -1, 1, "y")
    # y is x, 0 or -x / 2 by three ranges
    definition = Or(
        (
            And((x >= 1.0, y.equals(x - 1.0))),
            And((x <= 1.0, x >= -1.0, y.equals(0.0))),
            And((x <= -1.0, y.equals(x * -0.5))),
        ),
        elementwise=True,
    )
    formulas: list[Formula] = [definition, y.sum() >= 0.5]
    compiled = compile_formulas(formulas)
    assert set(compiled.inputs) == {x, y}
    assert [len(options) for options in compiled.problem.choices] == [3, 3]
    columns = {name: 0 if compiled.inputs[0] is name else 2 for name in (x, y)}
    for first, second, outputs in [
        (1.5, 0.0, (0.5, 0.0)), (1.5, -2.0, (0.5, 1.0)), (0.25, -1.0, (0.0, 0.5)),
        (0.25, -1.0, (0.0, 0.0)), (2.0, 2.0, (1.0, 0.75)), (-1.0, 1.0, (0.5, 0.0)),
    ]:  # fmt: skip
        point = np.zeros(4)
        point[columns[x] : columns[x] + 2] = first, second
        point[columns[y] : columns[y] + 2] = outputs
        meant = outputs not in ((0.0, 0.0), (1.0, 0.75))
        assert agree(compiled, formulas, exact(point)) == meant


@pytest.mark.parametrize(("jump", "sides"), [(sign_of, 3), (step, 2)])
def test_jumps_become_choices(jump: object, sides: int) -> None:
    x = Variable(2, -1, 1, "x")
    y = jump(x - 0.25)  # type: ignore[operator]
    (output,) = (term.variable for term in y.terms)
    formulas: list[Formula] = [*y.requires, y.sum() <= 0.5]
    compiled = compile_formulas(formulas[-1:])
    assert [len(options) for options in compiled.problem.choices] == [sides] * 2
    assert set(compiled.inputs) == {x, output}
    true = 0
    for first in (-0.5, 0.25, 0.5):
        for second in (-1.0, 0.25, 1.0):
            point = exact([first, second])
            for outputs in ((a, b) for a in (-1.0, 0.0, 1.0) for b in (-1.0, 0.0, 1.0)):
                known = {x: point, output: exact(outputs)}
                whole = np.concatenate([known[name] for name in compiled.inputs])
                true += agree(compiled, formulas, whole)
    # each of nine inputs has one pair of outputs, and some pairs have too large a sum
    assert 0 < true < 9


# ---- norms -----------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", [norm1, norm2])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_ball_of_an_input_is_read(norm: object, sign: float) -> None:
    x, w = Variable(3, -1, 1, "x"), Variable(2, -1, 1, "w")
    center = np.array([0.25, -0.5])
    away = w - center if sign > 0 else center - w
    formulas: list[Formula] = [norm(away) <= 0.75, x.sum() + w[0] >= 0.5]  # type: ignore[operator]
    compiled = compile_formulas(formulas, inputs=(x, w))
    problem = compiled.problem
    assert problem.ball is not None and len(problem.root.atoms) == 1 and not problem.choices
    assert problem.ball.norm == ("l1" if norm is norm1 else "l2")
    assert (problem.ball.index.tolist(), problem.ball.radius) == ([3, 4], 0.75)
    assert problem.ball.center.tolist() == center.tolist()
    # the box is cut too
    assert problem.lower.tolist() == [-1.0] * 3 + [-0.5, -1.0]
    assert problem.upper.tolist() == [1.0] * 3 + [1.0, 0.25]
    assert not any(stage.relu for stage in problem.stages)
    assert 0 < everywhere(compiled, formulas) < 80


def test_a_ball_of_some_elements_gives_them_bounds() -> None:
    x = Variable(3, [-np.inf, -1, -np.inf], [np.inf, 1, np.inf], "x")
    ball = norm2(x[[2, 0]] - np.array([1.0, 0.0])) <= 0.5
    problem = compile_formulas([ball]).problem
    assert problem.ball is not None and problem.ball.index.tolist() == [2, 0]
    assert problem.lower.tolist() == [-0.5, -1.0, 0.5]
    assert problem.upper.tolist() == [0.5, 1.0, 1.5]
    assert everywhere(compile_formulas([ball]), [ball])


def test_other_balls_of_the_first_norm_are_absolute_values() -> None:
    x, w = Variable(2, -1, 1, "x"), Variable(1, -1, 1, "w")
    origin = norm1(x) <= 1.0
    others: list[Formula] = [
        norm1(x - 0.5) <= 1.0,  # a second one
        norm1(x + w) <= 0.5,
        norm1(relu(x) - 0.25) <= 0.5,
        norm1(x * 2.0) <= 1.0,
        norm1(x[[0, 0]] - 0.25) <= 0.5,
        norm1(x.through(WEIGHT)) <= 0.75,
        Or((norm1(x - 0.5) <= 0.25, w <= -0.5)),
        And((w <= 0.5, Or((norm1(x) <= 0.25, And((norm1(x - w) <= 0.5, w >= 0.0)))))),
    ]
    for other in others:
        formulas = [origin, other]
        compiled = compile_formulas(formulas, inputs=(x, w))
        assert compiled.problem.ball is not None
        assert compiled.problem.ball.radius == 1.0 and compiled.problem.ball.center.any() == 0
        assert any(stage.relu for stage in compiled.problem.stages)
        assert 0 < everywhere(compiled, formulas, 160) < 160


def test_other_balls_of_the_second_norm_are_refused() -> None:
    x, w = Variable(2, -1, 1, "x"), Variable(1, -1, 1, "w")
    near = norm2(x) <= 1.0
    for other in (near, norm2(x + w) <= 1.0, norm2(relu(x)) <= 1.0, Or((near, w <= 0.0))):
        with pytest.raises(LanguageError, match="l2 norm of an expression of 2 elements"):
            compile_formulas([norm2(w) <= 0.5, other])


def test_a_ball_of_repeated_or_absent_elements_is_no_ball_of_inputs() -> None:
    x = Variable(2, -1, 1, "x")
    for index in ([0, 0], [1, -1]):
        some = x.through(Select(np.array(index), 2)) - 0.25
        compiled = compile_formulas([norm1(some) <= 0.75], inputs=(x,))
        assert compiled.problem.ball is None
        assert 0 < everywhere(compiled, [norm1(some) <= 0.75]) < 80
        with pytest.raises(LanguageError, match="l2 norm"):
            compile_formulas([norm2(some) <= 0.75])


def test_a_largest_element_is_relations() -> None:
    x = Variable(2, -1, 1, "x")
    formulas: list[Formula] = [norm_inf(x - 0.25) <= 0.5, norm_inf(x.through(WEIGHT)) <= 1.0]
    problem = compile_formulas(formulas).problem
    assert problem.lower.tolist() == [-0.25] * 2 and problem.upper.tolist() == [0.75] * 2
    assert problem.ball is None and len(problem.root.atoms) == 4
    assert 0 < everywhere(compile_formulas(formulas), formulas) < 80


# ---- boxes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("crossed", [True, False])
def test_a_box_without_any_input_never_holds(crossed: bool) -> None:
    x, w = Variable(2, -1, 1, "x"), Variable(1, 0, 1, "w")
    limits: list[Formula] = [x[0] >= 0.5, x[0] <= (0.25 if crossed else 0.5)]
    formulas: list[Formula] = [*limits, Or((w <= 0.5, x[1] >= 0.0))]
    compiled = compile_formulas(formulas, inputs=(x, w))
    problem = compiled.problem
    assert (problem.lower <= problem.upper).all()
    assert (() in problem.choices) == crossed
    assert (everywhere(compiled, formulas, 300) == 0) == crossed
    # wherever one looks
    for point in ([0.25, 0, 0], [0.5, 0, 0], [0.375, 1, 1]):
        assert satisfied(problem, exact(np.array(point, dtype=float))) == (not crossed)


def test_strict_bounds_of_inputs_are_kept() -> None:
    x = Variable(2, -1, 1, "x")
    formulas: list[Formula] = [x[0] > 0.25, -x < 0.5]
    problem = compile_formulas(formulas).problem
    assert problem.lower.tolist() == [0.25, -0.5] and problem.strict.tolist() == [True] * 3
    compiled = compile_formulas(formulas)
    for point, meant in ([0.25, 0.0], False), ([0.5, -0.5], False), ([0.5, -0.25], True):
        assert agree(compiled, formulas, exact(point)) == meant
    assert 0 < everywhere(compiled, formulas) < 80


def test_every_input_needs_bounds_and_the_error_says_which() -> None:
    x, w = Variable(2, -1, 1, "x"), Variable(1, name="weight")
    with pytest.raises(LanguageError, match="'weight' needs a finite lower and upper bound"):
        compile_formulas([x + w <= 1.0, w >= 0.0])
    bounded: list[Formula] = [x + w <= 1.0, norm_inf(w) <= 1.0]
    assert 0 < everywhere(compile_formulas(bounded), bounded) < 80
