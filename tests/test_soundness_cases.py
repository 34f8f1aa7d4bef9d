"""Ways in which verifiers have been unsound, each as a question that such a tool answers wrongly.

One test (or a few of one name) for each; docs/design/soundness.md lists them. What is true is
known by hand or by enumeration in rationals, and never by the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from onnx import helper
from scipy.optimize import LinearConstraint, milp

import rhobust as rb
from rhobust import Verdict
from rhobust.bnb.search import Settings
from rhobust.compiler.base.errors import ModelError, RhobustError
from rhobust.compiler.importers.plain import dense_network
from rhobust.compiler.vnnlib.parse import parse_vnnlib
from rhobust.lp.oracle.highs import NOTHING, Answer, Program, Solver, highs, no_answer
from rhobust.selftest.judge import DECIDED, UNKNOWN
from rhobust.selftest.planted import planted_problem
from rhobust.selftest.problem import Problem, random_problem
from rhobust.selftest.questions import asked, by_verify

from .compiler.onnx_models import model, read

pytestmark = pytest.mark.slow

Layers = Sequence[tuple[Sequence[Sequence[float]], Sequence[float]]]


def problem(layers: Layers, image: Sequence[float]) -> Problem:
    """A claim that the enumeration can answer, label 0."""
    x = np.array(image, dtype=np.float64)
    arrays = tuple((np.array(w, dtype=float), np.array(b, dtype=float)) for w, b in layers)
    return Problem(arrays, x, np.zeros(len(x)), np.ones(len(x)), 0)


def verdict(of: Problem, eps: float, settings: Settings | None = None) -> str:
    """The program's, judged by the enumeration; UNKNOWN is allowed."""
    judgement = by_verify(asked(of, eps, settings))
    assert judgement in (DECIDED, UNKNOWN), judgement
    return judgement


def solved(layers: Layers, text: str, outputs: int = 1) -> str:
    """The status of a property of dense layers; declarations are put in front."""
    inputs = len(layers[0][0][0])
    names = [f"X_{k}" for k in range(inputs)] + [f"Y_{k}" for k in range(outputs)]
    head = "".join(f"(declare-const {name} Real)\n" for name in names)
    found = rb.solve(dense_network([*layers], "case"), parse_vnnlib(head + text))
    return found.status


BOX = "(assert (>= X_0 0))(assert (<= X_0 1))"
IDENTITY: Layers = [([[1.0]], [0.0])]


# ---- 1 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [Settings(nodes=1), Settings(root_steps=0, tighten_steps=0)])
def test_verdicts_from_preprocessing_alone(settings: Settings) -> None:
    """Nothing is unstable, so that the root's bounds settle all: they have to be exact proofs."""
    # x0 + x1 / 3 rounds differently in every order; the label is lost at eps = rho exactly
    layers: Layers = [
        ([[1.0, 1 / 3], [0.1, 0.7]], [3.0, 4.0]),
        ([[0.3, 0.7], [0.9, 0.2]], [0.3, 0.0]),
    ]
    of = problem(layers, [0.5, 0.25])
    assert of.rho is not None and of.rho > 0
    for gap in (0.0, 1e-16, 1e-15, 1e-13, 1e-9):
        for sign in (-1, 1):
            verdict(of, float(of.rho * (1 + sign * Fraction(gap))), settings)
    assert verdict(of, float(of.rho * (1 - Fraction(1, 10**9))), settings) == DECIDED
    assert verdict(of, float(of.rho * (1 + Fraction(1, 10**3))), settings) == DECIDED


def test_a_property_that_simplification_settles_is_settled_rightly() -> None:
    """No output is read, or an assertion is true or false on its own: boxes still count."""
    assert solved(IDENTITY, BOX) == "sat"
    assert solved(IDENTITY, BOX + "(assert (<= Y_0 Y_0))") == "sat"
    assert solved(IDENTITY, BOX + "(assert (< Y_0 Y_0))") == "unsat"
    assert solved(IDENTITY, BOX + "(assert (>= X_0 2))") == "unsat"
    assert solved(IDENTITY, BOX + "(assert (or false (<= 1 2)))") == "sat"


# ---- 2 ---------------------------------------------------------------------------------------


def test_swallowed_assertions() -> None:
    """Each of the assertions is needed for unsat: without any one there is a solution."""
    layers: Layers = [([[1.0, 1.0], [1.0, -1.0]], [0.0, 0.0])]
    needed = [
        "(assert (<= Y_0 1.5))", "(assert (>= (+ X_0 Y_1) 1.25))", "(assert (>= X_1 0.5))",
    ]  # fmt: skip
    box = "".join(f"(assert (and (<= -10 X_{k}) (<= X_{k} 10)))" for k in range(2))
    # y0 = a + b <= 1.5, 2a - b >= 1.25, b >= 0.5: a <= 1 and a >= 0.875
    assert solved(layers, box + "".join(needed), 2) == "sat"
    needed[2] = "(assert (>= X_1 0.6))"  # a <= 0.9 and a >= 0.925
    assert solved(layers, box + "".join(needed), 2) == "unsat"
    assert solved(layers, "".join(needed) + box, 2) == "unsat"
    for left_out in range(3):
        rest = "".join(text for k, text in enumerate(needed) if k != left_out)
        assert solved(layers, box + rest, 2) == "sat"


def test_a_second_bound_of_an_input_does_not_replace_the_first() -> None:
    for order in ([0, 1], [1, 0]):
        bounds = ["(assert (<= X_0 0.5))", "(assert (<= X_0 0.75))"]
        text = "(assert (>= X_0 0))" + "".join(bounds[k] for k in order)
        assert solved(IDENTITY, text + "(assert (>= Y_0 0.6))") == "unsat"
        assert solved(IDENTITY, text + "(assert (>= Y_0 0.5))") == "sat"


# ---- 3 ---------------------------------------------------------------------------------------


def test_nan_taken_as_positive() -> None:
    """inf - inf on the way: comparisons with NaN must not close anything."""
    huge = 1e200
    layers: Layers = [
        ([[huge], [huge]], [0.0, 0.0]),
        ([[huge, -huge], [huge, -huge]], [0.0, 0.0]),
        ([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0]),
    ]
    of = problem(layers, [0.5])
    assert of.rho == 0  # both logits are 0 everywhere
    for eps in (0.0, 0.1):
        with np.errstate(all="ignore"):
            verdict(of, eps)
            found = rb.rho(dense_network(layers), of.image, label=0, timeout=0.5)
        assert found.lower == 0.0


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_refused(odd: float) -> None:
    with pytest.raises(ModelError):
        dense_network([([[odd]], [0.0])])
    network = dense_network([([[1.0], [2.0]], [0.0, 0.0])])
    for image, eps, margin in (([odd], 0.1, 0.0), ([0.5], odd, 0.0), ([0.5], 0.1, odd)):
        with pytest.raises(RhobustError):
            rb.verify(network, np.array(image), eps, margin=margin)


# ---- 4 ---------------------------------------------------------------------------------------


def test_and_or_misparsed() -> None:
    """All trees over four literals on a grid of points, where each literal is true or not."""
    literals = ["(<= Y_0 1)", "(>= Y_0 3)", "(<= Y_1 1)", "(>= Y_1 3)"]
    told: list[tuple[str, Callable[[Sequence[bool]], bool]]] = [
        ("(or (and {0} {2}) (and {1} {3}))", lambda t: (t[0] and t[2]) or (t[1] and t[3])),
        ("(and (or {0} {1}) (or {2} {3}))", lambda t: (t[0] or t[1]) and (t[2] or t[3])),
        ("(or {0} (and {1} {3}) {2})", lambda t: t[0] or (t[1] and t[3]) or t[2]),
        ("(not (or {0} (not {3})))", lambda t: not (t[0] or not t[3])),
        ("(=> {0} (and {2}))", lambda t: not t[0] or t[2]),
        ("(and {0} (or {2}) (or (and {0} (or {3} {2}))))", lambda t: t[0] and t[2]),
    ]
    layers: Layers = [([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0])]
    for a, b in product([0, 2, 4], repeat=2):
        truth = [a <= 1, a >= 3, b <= 1, b >= 3]
        point = "".join(f"(assert (= X_{k} {v}))" for k, v in enumerate((a, b)))
        for text, meaning in told:
            status = solved(layers, f"{point}(assert {text.format(*literals)})", 2)
            assert status == ("sat" if meaning(truth) else "unsat"), (text, a, b)


# ---- 5 ---------------------------------------------------------------------------------------

FAR = 2.0**24
"""Pre-activations far beyond the constants that are customary for big-M."""
STEEP: Layers = [([[FAR], [-FAR]], [0.0, FAR]), ([[0.0, 0.0], [1.0, -1.0]], [0.0, 0.0])]


def test_big_m_too_small() -> None:
    """Label 0 is lost where relu(FAR x) >= relu(FAR - FAR x): from x = 0.5 on."""
    of = problem(STEEP, [0.25])
    assert of.rho == Fraction(1, 4)
    assert verdict(of, 0.249) == verdict(of, 0.251) == DECIDED
    x = rb.Variable(1, 0, 1)
    solution = rb.Problem(rb.maximize(dense_network(STEEP)(x)[1])).solve()
    assert solution.status == "optimal" and solution.value == pytest.approx(FAR, rel=1e-6)
    assert solution.bound >= FAR


def test_big_m_of_the_milp_is_from_proven_bounds() -> None:
    from rhobust.export.milp import milp as big_m

    x = rb.Variable(1, 0, 1)
    compiled = rb.Problem(rb.maximize(dense_network(STEEP)(x)[1])).compile()
    program = big_m(compiled)
    found = milp(
        program.cost, integrality=program.integral,
        bounds=(program.lower, program.upper),
        constraints=LinearConstraint(program.rows, program.row_lower, program.row_upper),
    )  # fmt: skip
    assert found.status == 0 and -found.fun == pytest.approx(FAR, rel=1e-6)


# ---- 6 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("pads", [(0, 1), (1, 0), (1, 1), (0, 0)])
@pytest.mark.parametrize("dilation", [1, 2])
def test_ignored_padding_or_attributes(pads: tuple[int, int], dilation: int) -> None:
    """A row of numbers under a kernel: where the padding lies, and the gaps, decide the label."""
    kernel = np.array([[[1.0, -2.0]], [[-1.0, 3.0]]], dtype=np.float32).reshape(2, 1, 1, 2)
    nodes = [
        helper.make_node(
            "Conv", ["x", "w"], ["c"], pads=[0, pads[0], 0, pads[1]], dilations=[1, dilation]
        ),
        helper.make_node("Flatten", ["c"], ["y"]),
    ]
    network = read(model(nodes, [1, 1, 1, 4], {"w": kernel}))
    width = 4 + sum(pads) - dilation
    rows = np.zeros((2 * width, 4))
    for channel, place, tap in product(range(2), range(width), range(2)):
        source = place + tap * dilation - pads[0]
        if 0 <= source < 4:
            rows[channel * width + place, source] = kernel[channel, 0, 0, tap]
    image = np.array([0.5, 0.25, 1.0, 0.125])
    label = int(np.argmax(rows @ image))
    of = Problem(((rows, np.zeros(len(rows))),), image, np.zeros(4), np.ones(4), label)
    rho = of.rho
    assert rho is not None and network.output_size == len(rows)
    for eps in (float(rho) * 0.999, float(rho) * 1.001):
        found = rb.verify(network, image, eps, label=label)
        assert found.verdict == ("NOT_ROBUST" if of.lost_within(eps) else "ROBUST")


def test_attributes_that_are_not_known_are_refused() -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    node.attribute.append(helper.make_attribute("bound", 6.0))
    with pytest.raises(ModelError):
        read(model([node], [1, 4]))


# 7, a proof mode that changes the verdict: with the tests of certificates


# ---- 8 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("constant", [-3.5, 0.0, 0.125, 1e6])
def test_objective_constants_ignored(constant: float) -> None:
    x = rb.Variable(2, -1, 1)
    y = dense_network([([[1.0, 2.0]], [0.25])])(x)
    best = rb.Problem(rb.maximize(y[0] + constant)).solve()
    assert best.status == "optimal" and best.value == pytest.approx(
        3.25 + constant, rel=1e-12, abs=1e-9
    )
    least = rb.Problem(rb.minimize(y[0] + constant)).solve()
    assert least.value == pytest.approx(-2.75 + constant, rel=1e-12, abs=1e-9)
    assert least.bound <= -2.75 + constant
    # thresholds speak of the objective, constant included
    told = rb.Problem(rb.maximize(y[0] + constant)).solve(stop_above=3.0 + constant)
    assert told.value > 3.0 + constant


def test_constants_of_relations_count() -> None:
    assert solved(IDENTITY, BOX + "(assert (>= (+ Y_0 0.5) 1.5))") == "sat"
    assert solved(IDENTITY, BOX + "(assert (>= (- Y_0 0.5) 0.5001))") == "unsat"


# ---- 9 ---------------------------------------------------------------------------------------


def test_a_solver_bound_of_0_999_used_for_1() -> None:
    """The label is lost at x = 1 alone, a corner of the domain: nothing may be cut off there."""
    of = problem([([[0.0], [1.0]], [1.0, 0.0])], [0.5])
    assert of.rho == Fraction(1, 2)
    assert rb.verify(dense_network(of.layers), of.image, 0.5, label=0).verdict == Verdict.NOT_ROBUST
    assert rb.verify(dense_network(of.layers), of.image, 0.499, label=0).verdict == Verdict.ROBUST
    assert solved(IDENTITY, BOX + "(assert (>= Y_0 1.0))") == "sat"
    assert solved(IDENTITY, BOX + "(assert (>= Y_0 1.0000001))") == "unsat"


# ---- 10 --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1e-6, 1e-8, 1e-10, 1e-14])
def test_thresholds_under_the_tolerance(size: float) -> None:
    """All logits are smaller than what solvers call zero; rho is what it is without the factor."""
    rng = np.random.default_rng(3)
    of = planted_problem(rng)
    scaled = (*of.layers[:-1], tuple(a * 2.0 ** np.round(np.log2(size)) for a in of.layers[-1]))
    small = Problem(scaled, of.image, of.lower, of.upper, of.label, of.planted)  # type: ignore[arg-type]
    assert of.planted is not None
    for factor in (0.99, 1.01):
        assert verdict(small, float(of.planted) * factor) == DECIDED
    text = BOX + "(assert (<= (- Y_0 X_0) {}))"
    assert solved([([[1.0]], [size])], text.format(f"{size / 2:.20f}")) == "unsat"


# ---- 11 --------------------------------------------------------------------------------------


def test_float_comparison_with_eps_in_attacks() -> None:
    """0.1 + 0.2 rounds up: the example at that float lies outside the ball of radius 0.2."""
    image, eps = 0.1, 0.2
    edge = image + eps
    assert Fraction(edge) > Fraction(image) + Fraction(eps)
    of = problem([([[0.0], [1.0]], [edge, 0.0])], [image])
    assert not of.lost_within(eps)
    found = rb.verify(dense_network(of.layers), of.image, eps, label=0)
    assert found.verdict != Verdict.NOT_ROBUST
    wider = float(np.nextafter(eps, 1.0))
    assert of.lost_within(wider)
    assert rb.verify(dense_network(of.layers), of.image, wider, label=0).verdict != Verdict.ROBUST


def test_witnesses_lie_inside_exactly() -> None:
    rng = np.random.default_rng(11)
    found = 0
    while found < 10:
        of = random_problem(rng)
        if not of.rho:
            continue
        eps = float(of.rho * (1 + Fraction(1, 1000)))
        result = rb.verify(
            dense_network(of.layers), of.image, eps, label=of.label, domain=(of.lower, of.upper)
        )
        if result.witness is not None:
            assert of.breaks(result.witness.point.tolist(), eps)
            found += 1


# ---- 12, 13 ----------------------------------------------------------------------------------


class Denying:
    """A solver that has a status ready for every program, or for every other one."""

    def __init__(self, program: Program, status: str, calls: list[int], every: int) -> None:
        self.inner, self.status, self.calls, self.every = highs(program), status, calls, every
        self.size = (len(program.cost), program.rows.shape[0])

    def add_rows(self, *given: object) -> None:
        self.inner.add_rows(*given)  # type: ignore[arg-type]

    def set_columns(self, *given: object) -> None:
        self.inner.set_columns(*given)  # type: ignore[arg-type]

    def set_cost(self, *given: object) -> None:
        self.inner.set_cost(*given)  # type: ignore[arg-type]

    def solve(self, seconds: float) -> Answer:
        self.calls.append(1)
        if len(self.calls) % self.every:
            return self.inner.solve(seconds)
        if self.status == "lies":
            rng = np.random.default_rng(len(self.calls))
            zero = np.zeros(self.size[0])
            # a certificate of emptiness that is none
            return Answer("optimal", 1.0, zero, -rng.random((self.size[1],)), zero)
        return Answer(self.status, np.nan, NOTHING, NOTHING, NOTHING)


WEAK = Settings(
    root_steps=0, tighten_steps=0, node_steps=0, extra_steps=0,
    joint=False, boxes=False, refine=False,
)  # fmt: skip


def denied(status: str, every: int) -> int:
    """How many of some problems are decided although the solver denies everything."""
    calls: list[int] = []

    def oracle(program: Program) -> Solver:
        return Denying(program, status, calls, every)

    settings = replace(WEAK, oracle=oracle)
    rng, decided = np.random.default_rng(12), 0
    for _ in range(20):
        of = random_problem(rng)
        for factor in (0.9, 1.1):
            eps = 0.5 if not of.rho else float(of.rho) * factor
            decided += verdict(of, eps, settings) == DECIDED
    assert calls
    return decided


@pytest.mark.parametrize("every", [1, 2])
@pytest.mark.parametrize("status", ["unbounded", "kUnboundedOrInfeasible", "failed"])
def test_infeasible_or_unbounded_read_as_infeasible(status: str, every: int) -> None:
    assert denied(status, every) > 20
    assert not no_answer(status).optimal


@pytest.mark.parametrize("every", [1, 2, 3])
@pytest.mark.parametrize("status", ["infeasible", "lies"])
def test_feasible_called_infeasible(status: str, every: int) -> None:
    assert denied(status, every) > 20


# ---- 14 --------------------------------------------------------------------------------------


def test_crossed_bounds_after_noise() -> None:
    """Single points and units at their kinks: bounds touch, and must not be taken as crossed."""
    third = "0.333333333333333333333333333333"
    relu: Layers = [([[3.0]], [-1.0]), ([[1.0]], [0.0])]
    point = f"(assert (>= X_0 {third}))(assert (<= X_0 {third}))"
    assert solved(relu, point + "(assert (<= Y_0 0))") == "sat"
    # 3 x - 1 < 0 in exact numbers, by 1e-30
    assert solved(relu, point + "(assert (> Y_0 0))") != "sat"
    half = "(assert (= X_0 0.5))"
    kink: Layers = [([[2.0], [-2.0]], [-1.0, 1.0]), ([[1.0, 1.0]], [0.0])]
    assert solved(kink, half + "(assert (<= Y_0 0))") == "sat"
    assert solved(kink, half + "(assert (>= Y_0 0))") == "sat"
    assert solved(kink, BOX + "(assert (<= Y_0 0))") != "unsat"


def test_balls_of_radius_0() -> None:
    tie = dense_network([([[1.0], [0.5]], [0.0, 0.25])])
    assert rb.verify(tie, np.array([0.5]), 0.0, label=0).verdict == Verdict.NOT_ROBUST
    lead = dense_network([([[1.0], [0.5]], [0.0, 0.2499999])])
    assert rb.verify(lead, np.array([0.5]), 0.0, label=0).verdict == Verdict.ROBUST


# ---- 15 --------------------------------------------------------------------------------------


def test_constant_inputs() -> None:
    """Inputs of one value stay what they are, in proofs and in witnesses."""
    layers: Layers = [([[1.0, 0.0, -1.0], [0.0, 1.0, 1.0]], [0.0, 0.0]), ([[1, 0], [0, 1]], [0, 0])]
    image = np.array([0.75, 0.25, 0.125])
    low, high = np.array([0.0, 0.25, 0.0]), np.array([1.0, 0.25, 1.0])
    of = Problem(
        tuple((np.array(w, dtype=float), np.array(b, dtype=float)) for w, b in layers),
        image, low, high, 0,
    )  # fmt: skip
    assert of.rho == Fraction(1, 12)  # 0.625 - r - r = 0.375 + r
    network = dense_network(layers)
    for eps, expected in ((0.0833, Verdict.ROBUST), (0.0834, Verdict.NOT_ROBUST)):
        found = rb.verify(network, image, eps, label=0, domain=(low, high))
        assert found.verdict == expected
        if found.witness is not None:
            assert found.witness.point[1] == 0.25 and of.breaks(found.witness.point.tolist(), eps)
    fixed = "(assert (= X_1 0.25))(assert (and (<= 0 X_0) (<= X_0 1) (= X_2 0.5)))"
    assert solved(layers, fixed + "(assert (<= Y_1 0.7499))", 2) == "unsat"
    assert solved(layers, fixed + "(assert (<= Y_1 0.75))", 2) == "sat"


def test_a_network_that_is_constant() -> None:
    network = dense_network([([[0.0], [0.0]], [0.5, 0.25])])
    assert rb.verify(network, np.array([0.5]), 0.5).verdict == Verdict.ROBUST
    assert rb.rho(network, np.array([0.5])).lower == np.inf
    same = dense_network([([[0.0], [0.0]], [0.5, 0.5])])
    assert rb.verify(same, np.array([0.5]), 0.0, label=0).verdict == Verdict.NOT_ROBUST
