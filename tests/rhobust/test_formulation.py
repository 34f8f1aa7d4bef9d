"""Problems put together by hand: what is found is exact, and no better one exists."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import rhobust as rb
from rhobust.compiler.base.arrays import Vector, exact
from rhobust.compiler.base.errors import InputError, LanguageError, RhobustError
from rhobust.compiler.importers.plain import from_arrays
from rhobust.compiler.language.evaluator import holds, value, within
from rhobust.compiler.language.formulas import requirements

from ..bnb.formulas import Question, on_edge, random_question, tied
from ..bnb.formulas import stated as in_language
from ..reference import oracles
from ..reference.layers import eighths
from ..reference.oracles import least_margin
from ..reference.strategies import Case, cases

Asked: TypeAlias = Callable[[], rb.Problem]

GAP = 1e-4


def box(size: int = 2, name: str = "x") -> rb.Variable:
    """Numbers from -1 to 1."""
    return rb.Variable(size, -1, 1, name)


def check_solution(problem: rb.Problem, solution: rb.Solution) -> None:
    """The values of the inputs satisfy everything in rationals; the objective is as told."""
    compiled = problem.compile()
    point = []
    for name in compiled.inputs:
        assert name.value is not None and name.value.shape == (name.size,)
        assert name.exact is not None
        assert name.value.tolist() == [float(number) for number in name.exact]
        point.append(np.array(name.exact, dtype=object))
    assignment = compiled.assignment(np.concatenate(point))
    spoken = list(problem.formulas)
    needed = [required for formula in spoken for required in requirements(formula)]
    if problem.objective is not None:
        needed.extend(problem.objective.expression.requires)
    assert all(holds(formula, assignment) for formula in (*needed, *spoken))
    assert all(within(name, numbers) for name, numbers in assignment.items())
    if problem.objective is not None:
        sign = Fraction(problem.objective.sign)
        there = sign * value(problem.objective.expression, assignment)[0]
        told = Fraction(solution.value)
        assert there <= sign * told < there + Fraction(1, 10**9)
        # a search that was stopped early need not know of any bound
        assert problem.objective.sign * solution.bound <= float(there) + 1e-12


def solved(problem: rb.Problem, optimum: float, gap: float = GAP) -> rb.Solution:
    """The solution of a problem whose optimum is known."""
    solution = problem.solve(timeout=600, gap=gap)
    assert (solution.status, solution.reason) == ("optimal", ""), solution
    check_solution(problem, solution)
    assert problem.objective is not None
    sign = problem.objective.sign
    slack = gap * abs(optimum) + 1e-8
    assert sign * solution.bound <= sign * optimum + 1e-12
    assert sign * optimum - 1e-12 <= sign * solution.value <= sign * optimum + slack
    assert abs(solution.value - solution.bound) <= slack
    return solution


# ---- by hand ---------------------------------------------------------------------------------


def relu() -> rb.Problem:
    x = box()
    return rb.Problem(rb.maximize((rb.relu(x) - x / 2).sum()))


def absolute() -> rb.Problem:
    x = box()
    return rb.Problem(rb.minimize(rb.absolute(x[0] - x[1]) + x.sum()))


def maximum() -> rb.Problem:
    x = box()
    return rb.Problem(rb.minimize(rb.maximum(x[0], x[1])), [x.sum() >= 0.5])


def minimum() -> rb.Problem:
    x = box()
    return rb.Problem(rb.maximize(rb.minimum(x[0] - x[1], x[1])))


def max_pool() -> rb.Problem:
    x = box(3)
    return rb.Problem(rb.maximize(rb.max_pool(x, np.array([[0, 1], [1, 2]])).sum() - x.sum()))


def clip() -> rb.Problem:
    x = box()
    return rb.Problem(rb.maximize((rb.clip(2 * x, -0.25, 0.5) - x).sum()))


def leaky_relu() -> rb.Problem:
    return rb.Problem(rb.minimize(rb.leaky_relu(box(), 0.1).sum()))


def step() -> rb.Problem:
    x = box(1)
    return rb.Problem(rb.maximize(rb.step(x - 0.25) - x))


def within_l1() -> rb.Problem:
    x = box()
    return rb.Problem(rb.maximize(x[0] + 2 * x[1]), [rb.norm1(x - 0.25) <= 0.5])


def within_l2() -> rb.Problem:
    x = box()
    return rb.Problem(rb.maximize(3 * x[0] + 4 * x[1]), [rb.norm2(x) <= 0.5])


def of_two_centers() -> rb.Problem:
    """The sum of the two is no float; the maximum is 5/2 + 3 * 0.3 + 4 * 0.4 in their rationals."""
    x = rb.Variable(2, -1, 2, "x")
    away = x - np.array([0.1, 0.3]) - np.array([0.2, 0.1])
    return rb.Problem(rb.maximize(3 * x[0] + 4 * x[1]), [rb.norm2(away) <= 0.5])


def within_linf() -> rb.Problem:
    x = box()
    return rb.Problem(rb.maximize(x[0] + x[1]), [rb.norm_inf(x - 0.125) <= 0.5])


def l1_of_an_expression() -> rb.Problem:
    x = box()
    y = rb.relu(x)
    return rb.Problem(rb.maximize(y.sum() - x[1] / 4), [rb.norm1(y - x[1]) <= 0.5])


def either() -> rb.Problem:
    x = box()
    allowed = rb.Or(x[0] <= -0.5, rb.And(x[0] <= 0.25, x[1] >= 0.75))
    return rb.Problem(rb.maximize(x[0]), [allowed])


def nested() -> rb.Problem:
    x = box()
    first = rb.Or(x[0] <= -0.5, x[0] >= 0.5)
    second = rb.Or(x[1] <= x[0] - 1, rb.And(x[1] >= 0.75, rb.Or(x[1] >= 0.875, x[0] >= 0.75)))
    return rb.Problem(rb.minimize(x.sum()), rb.And(first, second))


def implied() -> rb.Problem:
    x = box()
    return rb.Problem(rb.maximize(2 * x[0] + x[1]), [rb.implies(x[0] >= 0, x[1] <= -0.5)])


def label() -> rb.Problem:
    x = box()
    return rb.Problem(rb.maximize(2 * x[0] - x[1]), [rb.argmax_is(x, 1)])


def label_implies() -> rb.Problem:
    x = box(3)
    named = rb.implies(rb.argmax_is(x[:2], 1), x[2] <= -0.25)
    return rb.Problem(rb.maximize(x[2]), [named, x[1] >= x[0] + 0.25])


def several_variables() -> rb.Problem:
    x, t = box(), rb.Variable(1, 0, 1, "t")
    return rb.Problem(rb.maximize(rb.relu(x[0] - t) + t / 2), [x[0] <= t + 0.25])


HAT = from_arrays([([[1.0], [1.0]], [0.5, -0.5]), ([[1.0, -2.0]], [0.0])], "hat")
"""relu(x + 1/2) - 2 relu(x - 1/2)."""
BEND = from_arrays([([[1.0], [-1.0]], [0.0, 0.0]), ([[1.0, 0.5]], [0.25])], "bend")
"""relu(x) + relu(-x) / 2 + 1/4."""


def two_applications() -> rb.Problem:
    x = box()
    return rb.Problem(rb.maximize(HAT(x[0]) - HAT(x[1])), [x[0] - x[1] <= 0.75, x[1] >= x[0] - 2])


def network_of_a_network() -> rb.Problem:
    return rb.Problem(rb.maximize(HAT(HAT(box(1)) - 1)))


def two_networks() -> rb.Problem:
    x = box(1)
    return rb.Problem(rb.maximize(HAT(x) - BEND(x)))


def parameters() -> rb.Problem:
    theta = rb.Variable(1, 0, 1, "theta")
    x = np.array([0.5, 0.25]) + np.array([[1.0], [-2.0]]) @ theta
    return rb.Problem(rb.maximize(rb.relu(x).sum()))


def parameters_of_a_variable() -> rb.Problem:
    theta, x = rb.Variable(1, 0, 1, "theta"), box()
    along = x.equals(np.array([0.5, 0.25]) + np.array([[1.0], [-2.0]]) @ theta)
    return rb.Problem(rb.maximize(rb.relu(x).sum()), [along])


def frozen() -> rb.Problem:
    x = rb.Variable(2, [0.1, -1.0], [0.1, 1.0], "x")
    return rb.Problem(rb.maximize(rb.relu(x[0] + x[1])))


def nothing_at_best() -> rb.Problem:
    return rb.Problem(rb.minimize(rb.absolute(box()).sum()))


def on_a_line() -> rb.Problem:
    x = box()
    return rb.Problem(rb.maximize(x[1] - 2 * rb.relu(x[0])), [(x[0] + x[1]).equals(0.5)])


BY_HAND: dict[Asked, float] = {
    relu: 1.0, absolute: -2.0, maximum: 0.25, minimum: 0.5, max_pool: 3.0, clip: 1.5,
    leaky_relu: -0.2, step: 1.0, within_l1: 1.75, within_l2: 2.5, of_two_centers: 5.0,
    within_linf: 1.25,
    l1_of_an_expression: 1.75, either: 0.25, nested: -0.5, implied: 1.5, label: 1.0,
    label_implies: -0.25, several_variables: 0.625, two_applications: 0.75,
    network_of_a_network: 0.5, two_networks: 0.25, parameters: 1.5, parameters_of_a_variable: 1.0,
    frozen: 1.1, nothing_at_best: 0.0, on_a_line: 1.0,
}  # fmt: skip


@pytest.mark.parametrize("asked", BY_HAND, ids=lambda asked: asked.__name__)
def test_by_hand(asked: Asked) -> None:
    problem = asked()
    solved(problem, BY_HAND[asked])


# ---- feasibility -----------------------------------------------------------------------------


def check_sat(problem: rb.Problem) -> None:
    solution = problem.solve(timeout=600)
    assert (solution.status, solution.reason) == ("sat", "")
    assert np.isnan(solution.value) and np.isnan(solution.bound)
    check_solution(problem, solution)


def check_unsat(problem: rb.Problem, *names: rb.Variable) -> None:
    solution = problem.solve(timeout=600)
    assert (solution.status, solution.reason) == ("unsat", "")
    assert np.isnan(solution.value) and all(name.value is None for name in names)


def test_a_gap_between_two_functions() -> None:
    x = box()
    high, low = rb.maximum(x[0], x[1]), rb.minimum(x[0], x[1])
    check_sat(rb.Problem([high - low >= 1.75, x.sum() >= 0.125]))
    check_unsat(rb.Problem([high - low >= 1.75, x.sum() >= 0.375]), x)


def test_strict_relations() -> None:
    x = box()
    check_sat(rb.Problem([x[0] > 0.5, x[0] < 0.5 + 2**-20]))
    check_sat(rb.Problem(rb.And(rb.relu(x[0]) > 0, rb.relu(x[1]) <= 0)))
    check_unsat(rb.Problem([x[0] > 0.5, x[0] <= 0.5 - 2**-20]), x)


def test_a_point_that_is_no_float32_number() -> None:
    x = box()
    check_sat(rb.Problem([x.equals(np.array([0.1, -0.7]))]))
    assert x.value is not None and x.value.tolist() == [0.1, -0.7]
    check_unsat(rb.Problem([x.equals(np.array([0.1, -0.7])), x.sum() >= 0.0]), x)


def test_equalities_are_met_exactly() -> None:
    x = box(4)
    check_sat(rb.Problem([x.sum().equals(1), (x[0] - x[2]).equals(0.125)]))
    check_sat(rb.Problem([(x[0] / 4 + x[1]).equals(0.375), rb.relu(x[1]) >= 0.25]))
    check_unsat(rb.Problem([x.sum().equals(1), rb.relu(x).sum() <= 0.875]), x)


def test_a_solution_that_no_floats_are() -> None:
    x = box()
    check_sat(rb.Problem([(3 * x[0]).equals(1), (x[0] + x[1] - 0.1).equals(0.2)]))
    tenth = Fraction(0.1)
    assert x.exact == (Fraction(1, 3), tenth + Fraction(0.2) - Fraction(1, 3))
    check_unsat(rb.Problem([3 * x[0] >= 1, 3 * x[0] < 1]), x)
    # the bound of a single input, which boxes hold rounded
    check_sat(rb.Problem([x[0] - 0.1 <= 0.2, x[0] - 0.1 >= 0.2, rb.relu(x[0]) <= x[1]]))
    assert x.exact is not None and x.exact[0] == tenth + Fraction(0.2)
    check_unsat(rb.Problem([x[0] - 0.1 <= 0.2, x[0] - 0.1 > 0.2]), x)


def test_ties_behind_functions() -> None:
    x = rb.Variable(1, -1, 1, "x")
    hat = rb.relu(x + 0.5) - 2 * rb.relu(x - 0.5)
    check_sat(rb.Problem([hat <= 7 * x, hat >= 7 * x]))
    assert x.exact == (Fraction(1, 12),)
    check_unsat(rb.Problem([hat <= 7 * x, hat > 7 * x]), x)
    # the runtime of a network sees floats, where the two differ: inequalities are asked of it
    meet = rb.Problem([HAT(x) <= 7 * x, HAT(x) >= 7 * x]).solve()
    assert (meet.status, meet.reason) == ("unknown", "numerical")
    equal = rb.Problem([HAT(x).equals(7 * x)]).solve()
    assert equal.status == "sat" and x.exact == (Fraction(1, 12),) and 0 < equal.replayed < 1e-6
    check_sat(rb.Problem([HAT(x).equals(7 * x - 1)]))
    assert x.exact == (Fraction(1, 4),)
    # the largest difference of the two is 1/4, where the hat breaks
    check_sat(rb.Problem([HAT(x) - BEND(x) >= 0.25]))
    check_unsat(rb.Problem([HAT(x) - BEND(x) > 0.25]), x)


def test_an_input_fixed_at_zero() -> None:
    x = box()
    apart = rb.absolute(x[0] - x[1]) >= 0.96875
    check_sat(rb.Problem([x[0].equals(0), rb.Or(x[1] >= 0.9, rb.relu(x).sum() <= 0.1), apart]))
    assert x.value is not None and x.value[0] == 0.0


def test_one_of_several_boxes() -> None:
    """A patch of free place: what lies outside keeps its values."""
    image = np.array([0.3, -0.7, 0.0, 0.5, 0.1])
    x, t = box(5), rb.Variable(1, 0, 1, "t")
    outside = [[k for k in range(5) if k not in (place, place + 1)] for place in range(4)]
    places = rb.Or(*(x[fixed].equals(image[fixed]) for fixed in outside))
    total = rb.absolute(x - image).sum()
    # the first and second pixel can change by 1.3 and 1.7, other neighbours by less together
    check_sat(rb.Problem([places, total >= 2.95 + t]))
    assert x.value is not None and t.value is not None and 0.0 <= t.value[0] <= 0.0625
    check_unsat(rb.Problem([places, total >= 3.05 + t]), x, t)


def patches(sign: int) -> tuple[rb.Problem, rb.Variable]:
    """One of four places is free; the largest change there is 3."""
    image = np.array([0.3, -0.7, 0.0, 0.5, 0.1])
    x = box(5)
    outside = [[k for k in range(5) if k not in (place, place + 1)] for place in (2, 0, 1, 3)]
    total = sign * rb.absolute(x - image).sum()
    goal = rb.maximize(total) if sign > 0 else rb.minimize(total)
    return rb.Problem(goal, [rb.Or(*(x[fixed].equals(image[fixed]) for fixed in outside))]), x


@pytest.mark.parametrize("sign", [1, -1])
def test_the_best_of_several_boxes(sign: int) -> None:
    problem, x = patches(sign)
    solved(problem, sign * 3.0)
    assert x.value is not None and x.value.tolist() == [-1.0, 1.0, 0.0, 0.5, 0.1]
    reached = problem.solve(timeout=600, **good_stop(sign, 2.0))
    assert reached.status == "sat" and sign * reached.value > 2.0
    check_solution(problem, reached)
    missed = problem.solve(timeout=600, **bad_stop(sign, 3.5))
    if missed.status == "unknown":
        assert "threshold" in missed.reason
    assert sign * missed.bound <= 3.5
    at_once = problem.solve(timeout=1e-9)
    assert at_once.status in ("timeout", "optimal") and sign * at_once.bound >= 3.0
    nowhere = rb.Problem(problem.objective, [*problem.formulas, x.sum() >= 5])
    solution = nowhere.solve(timeout=600)
    assert solution.status == "unsat" and x.value is None and sign * solution.bound == -np.inf


@pytest.mark.slow
def test_two_disjunctions_over_boxes() -> None:
    """Each chooses an interval, of which there are too many to multiply out all three."""
    x = box(3)
    ends = [k / 8 for k in range(-8, 8)]

    def some(name: Any, most: float) -> Any:
        return rb.Or(*(rb.And(name >= a, name <= a + 0.0625) for a in ends if a < most))

    goal = rb.maximize(rb.relu(x).sum())
    first, second = some(x[0], 0.75), some(x[1], 0.25)
    solved(rb.Problem(goal, [first, second, x[2] <= 0]), 0.6875 + 0.1875)
    solved(rb.Problem(goal, [first, second, some(x[2], 0.125)]), 0.6875 + 0.1875 + 0.0625)
    check_unsat(rb.Problem([first, second, x[0] - x[1] >= 1.75]), x)


def test_one_formula_needs_no_list() -> None:
    x = box()
    check_sat(rb.Problem(x >= 0.5))
    check_sat(rb.Problem(rb.norm1(x) <= 0.5))
    check_unsat(rb.Problem(x.sum() >= 2.5), x)
    assert rb.Problem().solve().status == "sat"


def test_an_excluded_middle() -> None:
    x = box()
    away = rb.Or(*(side >= 0.5 for k in range(2) for side in (x[k], -x[k])))
    check_sat(rb.Problem([away, rb.norm_inf(x) <= 0.5]))
    check_unsat(rb.Problem([away, rb.norm_inf(x) <= 0.46875]), x)


def test_networks_that_differ() -> None:
    x = rb.Variable(1, -1, 1, "x")
    check_sat(rb.Problem([HAT(x) >= BEND(x) + 0.2]))
    check_unsat(rb.Problem([HAT(x) >= BEND(x) + 0.3]), x)


def test_no_value_of_a_rounded_variable_leaves_its_bounds() -> None:
    """A variable made of others keeps its own bounds, on rationals: 0.1 is not factor * t."""
    for factor in (0.1 + k / 97 for k in range(1, 40)):
        t, x = rb.Variable(1, 0, 1, "t"), rb.Variable(1, -1, 0.1, "x")
        problem = rb.Problem(rb.maximize(t), [x.equals(factor * t)])
        solution = problem.solve(timeout=600)
        assert t.value is not None
        check_solution(problem, solution)


def test_a_function_that_jumps_is_met_exactly() -> None:
    x = box()
    problem = rb.Problem(rb.maximize(rb.sign_of(x[0]) - x[0]))
    solution = problem.solve(timeout=600)
    # the supremum 1 is attained nowhere: sign(0) is 0
    assert solution.value < 1.0 <= solution.bound
    check_solution(problem, solution)


# ---- what a solution tells -------------------------------------------------------------------


def test_statistics_are_a_table() -> None:
    x = box()
    problem = rb.Problem(
        rb.maximize(HAT(x[0])), [rb.Or(x[0] <= 0, x[1] >= x[0]), rb.absolute(x).sum() <= 1.5]
    )
    solution = problem.solve(timeout=600)
    told = solution.statistics
    assert told.variables == 2 and told.disjunctions == 1 and told.relations == 4
    assert sorted(told.units.values()) == [2, 2] and told.nodes > 0 and solution.seconds > 0
    lines = str(told).splitlines()
    assert len(lines) == 5 + len(told.units) and len(set(map(len, lines))) == 1
    assert lines[0].split() == ["input", "variables", "2"]
    assert lines[-2].split() == ["nodes", str(told.nodes)]


def test_an_objective_without_a_solution() -> None:
    x = box()
    x.value = np.zeros(2)
    solution = rb.Problem(rb.maximize(x[0]), [rb.absolute(x).sum() >= 2.5]).solve()
    assert solution.status == "unsat" and np.isnan(solution.value) and x.value is None


def lead(sign: int) -> tuple[rb.Problem, rb.Variable]:
    """A maximum of 3/2 or, with the sign turned, a minimum of -3/2."""
    x = box(3)
    goal = sign * (rb.relu(x).sum() - rb.absolute(x[0] - x[1] / 2) - x[2] / 2)
    return rb.Problem(rb.maximize(goal) if sign > 0 else rb.minimize(goal)), x


def good_stop(sign: int, level: float) -> dict[str, Any]:
    return {"stop_above" if sign > 0 else "stop_below": sign * level}


def bad_stop(sign: int, level: float) -> dict[str, Any]:
    return {"stop_below" if sign > 0 else "stop_above": sign * level}


@pytest.mark.parametrize("sign", [1, -1])
def test_a_search_stops_once_a_threshold_is_settled(sign: int) -> None:
    problem, x = lead(sign)
    solved(problem, sign * 2.0)
    reached = problem.solve(timeout=600, **good_stop(sign, 1.0))
    assert reached.status == "sat" and sign * reached.value > 1.0
    check_solution(problem, reached)
    missed = problem.solve(timeout=600, **bad_stop(sign, 2.25))
    # what was proven is that no value reaches the threshold; one below it may be known or not
    assert 2.0 <= sign * missed.bound <= 2.25
    if missed.status == "unknown":
        assert "threshold" in missed.reason and np.isnan(missed.value) and x.value is None
    else:
        assert missed.status == "sat" and sign * missed.value <= 2.0 + 1e-9
    # the side of the optimum, both ways
    for level in (1.0, 2.25):
        both = problem.solve(timeout=600, **good_stop(sign, level), **bad_stop(sign, level))
        above = level < 2.0
        assert (sign * both.value > level) == above and (sign * both.bound <= level) != above
    # thresholds on the far side change nothing
    assert problem.solve(timeout=600, **good_stop(sign, 2.25)).status == "optimal"
    assert problem.solve(timeout=600, **bad_stop(sign, 1.0)).status == "optimal"


def test_a_gap_is_kept() -> None:
    problem, _ = lead(1)
    for gap in (0.5, 0.01, 1e-8):
        solution = solved(problem, 2.0, gap)
        assert solution.value >= 2.0 / (1.0 + gap) - 1e-9


def wide(size: int = 12) -> rb.Problem:
    """More than a moment's work."""
    rng = np.random.default_rng(1)
    x = rb.Variable(size, -1, 1, "x")
    y = rb.relu(rng.normal(size=(40, size)) @ x)
    z = rb.relu(rng.normal(size=(40, 40)) @ y - 8.0)
    return rb.Problem(rb.maximize(rng.normal(size=(1, 40)) @ z))


def test_a_timeout_leaves_what_is_known() -> None:
    problem = wide()
    solution = problem.solve(timeout=0.5)
    assert (solution.status, solution.reason) == ("timeout", "timeout")
    assert solution.bound > solution.value
    check_solution(problem, solution)
    at_once = problem.solve(timeout=1e-9)
    assert at_once.status in ("timeout", "unknown") and not at_once.bound < solution.value


def test_the_same_seed_gives_the_same_search() -> None:
    first, second = (lead(1)[0].solve(seed=3) for _ in range(2))
    assert first.statistics == second.statistics and first.value == second.value


# ---- against enumeration ---------------------------------------------------------------------


def check_gap(solution: rb.Solution) -> None:
    """An optimum is known up to the gap; else a leaf's rounding stands in the way."""
    if solution.status == "optimal":
        distance = abs(solution.bound - solution.value)
        assert distance <= 1.01 * GAP * abs(solution.value) + 1e-9
    else:
        assert (solution.status, solution.reason) == ("unknown", "numerical")


@settings(max_examples=15, deadline=None)
@given(cases(), st.integers(0, 3))
def test_the_least_margin_is_that_of_the_enumeration(case: Case, rival: int) -> None:
    rival %= case.network.output_size
    if rival == case.label:
        return
    x = rb.Variable(case.network.input_size, case.lower, case.upper, "x")
    y = case.network(x)
    problem = rb.Problem(rb.minimize(y[case.label] - y[rival]))
    solution = problem.solve(timeout=600)
    low, high = case.bounds
    least = least_margin(case.exact, low, high, case.label, [rival])
    assert Fraction(solution.bound) <= least <= Fraction(solution.value)
    check_gap(solution)
    assert x.value is not None
    there = oracles.margin_at(case.exact, oracles.vector(x.value.tolist()), case.label, [rival])
    assert there <= Fraction(solution.value)


@st.composite
def nets(draw: st.DrawFn) -> list[tuple[Vector, Vector]]:
    """Weights and biases of layers with up to 5 ReLUs, and one output row over all of them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    widths = draw(st.sampled_from([[2, 3], [1, 4], [3, 2, 2], [2, 3, 2], [3, 5], [2, 2, 1, 2]]))
    layers = list(zip(widths[:-1], widths[1:], strict=True))
    return [(eighths(rng, out, size), eighths(rng, out)) for size, out in layers] + [
        (eighths(rng, 1, sum(widths)), eighths(rng, 1))
    ]


def stated(layers: list[tuple[Vector, Vector]], x: rb.Variable) -> Any:
    """The objective: a row over the inputs and all units."""
    known: list[Any] = [x]
    for weight, bias in layers[:-1]:
        known.append(rb.relu(weight @ known[-1] + bias))
    row, bias = layers[-1]
    total, start = 0.0 * x[0] + float(bias[0]), 0
    for part in known:
        total = total + row[:, start : start + part.size] @ part
        start += part.size
    return total


def enumerated(layers: list[tuple[Vector, Vector]], size: int) -> float:
    """The largest objective over [-1, 1]^size: a linear program for every pattern of phases."""
    units = [len(bias) for _, bias in layers[:-1]]
    row, constant = layers[-1]
    best = -np.inf
    for phases in product([0.0, 1.0], repeat=sum(units)):
        matrix, shift = np.eye(size), np.zeros(size)
        matrices, shifts = [matrix], [shift]
        signs: list[Vector] = []
        levels: list[Vector] = []
        start = 0
        for (weight, bias), count in zip(layers[:-1], units, strict=True):
            phase = np.array(phases[start : start + count])
            start += count
            matrix, shift = weight @ matrix, weight @ shift + bias
            # active: z >= 0, inactive: z <= 0
            signs.append((1.0 - 2.0 * phase)[:, None] * matrix)
            levels.append((2.0 * phase - 1.0) * shift)
            matrix, shift = phase[:, None] * matrix, phase * shift
            matrices.append(matrix)
            shifts.append(shift)
        cost = (row @ np.concatenate(matrices))[0]
        found = linprog(
            -cost, np.concatenate(signs), np.concatenate(levels), bounds=[(-1.0, 1.0)] * size
        )
        if found.status == 0:
            best = max(best, float((row @ np.concatenate(shifts))[0] + constant[0] - found.fun))
    return best


@settings(max_examples=12, deadline=None)
@given(nets())
def test_the_optimum_lies_between_value_and_bound(layers: list[tuple[Vector, Vector]]) -> None:
    size = layers[0][0].shape[1]
    x = rb.Variable(size, -1, 1, "x")
    problem = rb.Problem(rb.maximize(stated(layers, x)))
    solution = problem.solve(timeout=600)
    true = enumerated(layers, size)
    assert solution.value - 1e-6 <= true <= solution.bound + 1e-6
    check_gap(solution)
    check_solution(problem, solution)


def as_it_is(question: Question) -> Question:
    return question


def answered(question: Question) -> Question:
    return on_edge(question, -1)


def missed(question: Question) -> Question:
    return on_edge(question, 1)


@settings(max_examples=12, deadline=None)
@given(nets(), st.integers(0, 2**32 - 1))
def test_several_boxes_have_the_best_of_all(layers: list[tuple[Vector, Vector]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = layers[0][0].shape[1]
    x = rb.Variable(size, -1, 1, "x")
    lower = rng.integers(-8, 8, size=(int(rng.integers(2, 5)), size)) / 8.0
    boxes = [rb.And(x >= low, x <= low + 0.25) for low in lower]
    goal = rb.minimize(stated(layers, x))
    alone = [rb.Problem(goal, box).solve(timeout=600) for box in boxes]
    problem = rb.Problem(goal, rb.Or(*boxes))
    solution = problem.solve(timeout=600)
    assert solution.status == "optimal"
    check_solution(problem, solution)
    check_gap(solution)
    assert solution.bound <= min(each.value for each in alone)
    assert solution.value >= min(each.bound for each in alone)


edges = st.sampled_from([as_it_is, answered, missed, tied])
"""The last: with a least violation of exactly 0."""


def told(x: rb.Variable) -> tuple[Fraction, ...]:
    """The solution; a variable that no formula speaks of has no value."""
    if x.exact is None:
        return tuple(exact(np.clip(0.0, x.lower, x.upper)))
    assert x.value is not None and x.value.tolist() == [float(number) for number in x.exact]
    return x.exact


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32 - 1), edges, st.integers(0, 2**12))
def test_random_formulas_have_exact_answers(
    seed: int, edge: Callable[[Question], Question], turned: int
) -> None:
    question = edge(random_question(np.random.default_rng(seed), 4))
    formulas, _, x = in_language(question, turned)
    solution = rb.Problem(formulas).solve(timeout=600)
    assert solution.status == ("sat" if question.answered() else "unsat"), solution
    assert solution.status == "unsat" or question.holds(told(x))


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32 - 1), edges)
def test_random_objectives_have_exact_answers(
    seed: int, edge: Callable[[Question], Question]
) -> None:
    question = edge(random_question(np.random.default_rng(seed)))
    formulas, goal, x = in_language(question)
    solution = rb.Problem(rb.minimize(goal), formulas).solve(timeout=600)
    assert solution.status == ("optimal" if question.answered() else "unsat"), solution
    if solution.status == "optimal":
        assert question.holds(told(x))
        assert question.row(question.objective, told(x)) <= Fraction(solution.value)
        least = question.least()
        assert least is not None and Fraction(solution.bound) <= least
        check_gap(solution)


def test_a_mean_is_a_sum_over_the_number_of_elements() -> None:
    x = rb.Variable(3, [0.0, 0.5, 1.0], [1.0, 2.0, 1.5])
    goal = x.mean() + np.mean(x) + x.sum(axis=0)  # type: ignore[call-overload]
    solution = rb.Problem(rb.maximize(goal)).solve(timeout=600)
    assert solution.status == "optimal" and 7.49 <= solution.value <= 7.5 <= solution.bound <= 7.51


# ---- refusals --------------------------------------------------------------------------------

REFUSED: list[tuple[Callable[[Any], object], type[RhobustError], str]] = [
    (lambda x: x[0] * x[1], LanguageError, "product of expressions.*one must be a constant"),
    (lambda x: x / x, LanguageError, "quotient of expressions.*divide by a constant"),
    (lambda x: x / 0.0, LanguageError, "other than 0"),
    (lambda x: 1.0 / x, LanguageError, "quotient of expressions"),
    (lambda x: 2.0**x, LanguageError, "power of an expression"),
    (lambda x: x % 2, LanguageError, "rounding an expression.*not linear"),
    (lambda x: 2 // x, LanguageError, "rounding an expression"),
    (lambda x: divmod(x, 2), LanguageError, "rounding an expression"),
    (lambda x: round(x), LanguageError, "rounding an expression"),
    (lambda x: x.sum(axis=1), LanguageError, "flat and has no axis 1"),
    (lambda x: np.mean(x, axis=0), LanguageError, "mean with options"),
    (lambda x: rb.maximize(rb.norm2(x)), LanguageError, "largest norm2 is not piecewise linear"),
    (
        lambda x: rb.Problem(rb.minimize(rb.norm2(x))).compile(),
        LanguageError,
        "several problems; ask for solutions",
    ),
    (
        lambda x: rb.Problem(rb.minimize(rb.norm2(rb.Variable(2)))).solve(),
        LanguageError,
        "needs bounds of its variables",
    ),
    (lambda x: rb.minimize(x), LanguageError, r"one number, not 2; sum\(\)"),
    (lambda x: rb.maximize(3.0), LanguageError, "3.0 is no expression"),  # type: ignore[arg-type]
    (lambda x: x <= np.ones(3), LanguageError, "3 elements meets an expression of 2"),
    (lambda x: x * np.ones(3), LanguageError, "3 factors meet an expression of 2"),
    (lambda x: np.ones((2, 3)) @ x, LanguageError, "3 numbers meets 2"),
    (lambda x: x + box(3), LanguageError, "2 and 3 elements"),
    (lambda x: HAT(x), InputError, "hat takes 1 numbers, not 2"),
    (lambda x: rb.Variable(2, [0, 0, 0], 1, "w"), LanguageError, "'w' has 2 elements and a bound"),
    (lambda x: rb.Variable(2, 1, 0, "w"), LanguageError, "'w': its bounds are empty"),
    (lambda x: rb.norm1(x) <= x, LanguageError, "norm is compared with a number"),
    (lambda x: rb.norm2(x) <= -1, LanguageError, "at least 0, not -1"),
    (lambda x: rb.implies(rb.norm2(x) <= 1, x <= 1), LanguageError, "of l2 norms only"),
    (lambda x: rb.Or(x), LanguageError, "is no formula; write a relation"),
    (
        lambda x: rb.Problem([rb.norm2(rb.relu(x)) <= 1]).solve(),
        LanguageError,
        "l2 norm of an expression of 2 elements.*use norm1 or norm_inf",
    ),
    (
        lambda x: rb.Problem([rb.norm2(x - rb.Variable(2, 0, 1)) <= 1]).solve(),
        LanguageError,
        "l2 norm of an expression of 2 elements",
    ),
    (
        lambda x: rb.Problem(rb.minimize(rb.Variable(1, 0, name="far") - x[0])).solve(),
        LanguageError,
        "'far' needs a finite lower and upper bound.*give them to Variable",
    ),
    (lambda x: rb.Problem(x <= 1).solve(timeout=0), InputError, "timeout must be a positive"),
    (lambda x: rb.Problem(x <= 1).solve(gap=1.0), InputError, r"gap must be a number in \[0, 1\)"),
    (lambda x: rb.Problem(x <= 1).solve(stop_above=1), InputError, "stop_above needs an obj"),
    (
        lambda x: rb.Problem(rb.minimize(x[0])).solve(stop_below=np.nan),
        InputError,
        "stop_below must be a finite number",
    ),
]


@pytest.mark.parametrize(("build", "kind", "words"), REFUSED, ids=[row[2] for row in REFUSED])
def test_what_means_nothing_is_refused(
    build: Callable[[Any], object], kind: type[RhobustError], words: str
) -> None:
    with pytest.raises(kind) as caught:
        build(box())
    assert re.search(words, str(caught.value)), str(caught.value)


def test_norms_are_objectives() -> None:
    x = box()
    line = 3 * x[0] + 4 * x[1] >= 2.5
    far = rb.relu(x[0]) + rb.relu(x[1]) <= 0.75
    for norm, least in ((rb.norm1(x), 0.625), (rb.norm_inf(x), 2.5 / 7)):
        solution = rb.Problem(rb.minimize(norm), [line]).solve(timeout=600)
        assert solution.status == "optimal"
        assert solution.bound <= least <= solution.value <= least * (1 + 2e-4)
        assert x.exact is not None and 3 * x.exact[0] + 4 * x.exact[1] >= Fraction(5, 2)
        sizes = [abs(number) for number in x.exact]
        assert solution.value >= (sum(sizes) if norm.kind == "l1" else max(sizes))
    # of what is computed from them
    solved(rb.Problem(rb.minimize(rb.norm1(rb.relu(x) - 0.125)), [line]), 0.40625)
    for norm, most in ((rb.norm1(x - 0.25), 2.5), (rb.norm_inf(x - 0.25), 1.25)):
        solved(rb.Problem(rb.maximize(norm), [far]), most)
    solved(rb.Problem(rb.minimize(rb.norm_inf(rb.relu(x) - x[::-1])), [line]), 0.0)


def test_the_least_euclidean_norm() -> None:
    x = box()
    nearest = rb.Problem(rb.minimize(rb.norm2(x)), [3 * x[0] + 4 * x[1] >= 2.5])
    solution = nearest.solve(timeout=600)
    assert solution.status == "optimal" and solution.bound <= 0.5 <= solution.value <= 0.5001
    assert x.value is not None and np.abs(x.value - [0.3, 0.4]).max() < 0.02
    assert 3 * Fraction(x.value[0]) + 4 * Fraction(x.value[1]) >= Fraction(5, 2)
    below = nearest.solve(timeout=600, stop_below=1.0)
    assert below.status == "sat" and below.value < 1.0
    missed = nearest.solve(timeout=600, stop_above=0.25)
    assert missed.status == "unknown" and missed.bound >= 0.25 and x.value is None
    nowhere = rb.Problem(rb.minimize(rb.norm2(x)), [x.sum() >= 2.5]).solve(timeout=600)
    assert nowhere.status == "unsat" and x.value is None and nowhere.bound == np.inf
    inside = rb.Problem(rb.minimize(rb.norm2(x - 0.25)), [rb.relu(x).sum() <= 1.0])
    zero = inside.solve(timeout=600)
    assert zero.status == "optimal" and zero.value <= 1e-9


def test_bounds_may_be_given_as_relations() -> None:
    x = rb.Variable(2, name="x")
    solved(rb.Problem(rb.maximize(rb.relu(x).sum()), [x >= -1, rb.norm1(x) <= 1.5]), 1.5)
