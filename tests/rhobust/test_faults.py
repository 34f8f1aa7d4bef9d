"""What goes wrong outside the proofs leaves a question open, with a reason, without a traceback."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import rhobust
import rhobust.cli.commands.selftest
from rhobust.attacks import conjunctions
from rhobust.bnb import root as rooting
from rhobust.bnb.leaves import close as leaves
from rhobust.bnb.leaves import rational as exact_leaf
from rhobust.bnb.presolve import plain_proof as plain
from rhobust.bnb.search import Settings
from rhobust.cli.app import app
from rhobust.compiler.base import later
from rhobust.compiler.base.untrusted import attempt
from rhobust.compiler.importers.plain import dense_network
from rhobust.compiler.network.graph import Network
from rhobust.compiler.question.claim import Claim
from rhobust.compiler.vnnlib.parse import parse_vnnlib
from rhobust.lp.oracle.guard import Guarded
from rhobust.lp.oracle.highs import Answer, Program, Solver, highs, no_answer
from rhobust.queries import solve as solving
from rhobust.queries import verify as decide
from rhobust.queries.interval import cheap
from rhobust.queries.objective import optimize as optimum
from rhobust.selftest.faults import Trigger, run
from rhobust.selftest.judge import Tally
from rhobust.selftest.kinds import KINDS
from rhobust.selftest.problem import Problem as ExactProblem
from rhobust.selftest.questions import asked, by_objective

LAYERS = [([[1.0, -1.0], [1.0, 1.0]], [0.0, -0.5]), ([[1.0, 0.0], [0.0, 1.0]], [0.25, 0.0])]
IMAGE = np.array([0.5, 0.25])
"""Label 0 leads by 1/4, and loses it between 0.05 and 0.2."""


@pytest.fixture
def network() -> Network:
    return dense_network(LAYERS)


def text(eps: float) -> str:
    bounds = [
        f"(assert (>= X_{k} {v - eps}))(assert (<= X_{k} {v + eps}))" for k, v in enumerate(IMAGE)
    ]
    names = "".join(f"(declare-const {name} Real)" for name in ("X_0", "X_1", "Y_0", "Y_1"))
    return names + "".join(bounds) + "(assert (<= Y_0 Y_1))"


def fails(*given: Any, **named: Any) -> Any:
    raise MemoryError


def lies(problem: Any, box: Any, cases: Any, *given: Any, **named: Any) -> Any:
    return True, np.repeat(box.upper, len(cases), axis=0)


def test_an_attack_that_claims_success_without_a_point_is_not_believed(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (decide, conjunctions, cheap, optimum):
        monkeypatch.setattr(module, "pgd", lies)
    monkeypatch.setattr(decide, "near_miss", lambda *given: given[4])
    assert rhobust.verify(network, IMAGE, 0.05).verdict == rhobust.Verdict.ROBUST
    assert rhobust.solve(network, parse_vnnlib(text(0.05))).status == "unsat"
    assert rhobust.rho(network, IMAGE).exact


@pytest.mark.parametrize("error", [MemoryError, ValueError, RuntimeError])
def test_an_attack_that_fails_is_left_out(
    network: Network, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def breaks(*given: Any, **named: Any) -> Any:
        raise error

    for module in (decide, conjunctions, cheap, optimum):
        monkeypatch.setattr(module, "pgd", breaks)
    assert rhobust.verify(network, IMAGE, 0.05).verdict == rhobust.Verdict.ROBUST
    assert rhobust.verify(network, IMAGE, 0.2).verdict == rhobust.Verdict.NOT_ROBUST
    assert rhobust.solve(network, parse_vnnlib(text(0.05))).status == "unsat"
    assert rhobust.rho(network, IMAGE).exact


def test_without_memory_the_answer_is_unknown(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooting, "root_bounds", fails)
    found = rhobust.verify(network, IMAGE, 0.05)
    assert (found.verdict, found.reason) == (rhobust.Verdict.UNKNOWN, "memory")
    told = rhobust.solve(network, parse_vnnlib(text(0.05)))
    assert (told.status, told.reason) == ("unknown", "memory")
    monkeypatch.setattr(plain, "root_bounds", fails)
    interval = rhobust.rho(network, IMAGE)
    assert interval.lower == 0.0 and interval.reason == "memory"
    x = rhobust.Variable(2, 0, 1)
    solution = rhobust.Problem(rhobust.minimize(network(x)[0]), []).solve()
    assert (solution.status, solution.reason) == ("unknown", "memory")
    assert not solution.bound > -np.inf


def test_without_memory_to_compile_the_answer_is_unknown(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Claim, "compiled", fails)
    assert rhobust.verify(network, IMAGE, 0.05).reason == "memory"
    monkeypatch.setattr(solving, "compile_formulas", fails)
    assert rhobust.solve(network, parse_vnnlib(text(0.05))).reason == "memory"


class Broken:
    """A runtime with something wrong at every call."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(self, inputs: Any) -> Any:
        if self.kind == "raises":
            raise RuntimeError("no such operator")
        if self.kind == "short":
            return np.zeros((len(inputs), 1))
        return np.full((len(inputs), 2), np.nan)


@pytest.mark.parametrize("kind", ["raises", "short", "nan"])
def test_a_runtime_that_fails_leaves_no_witness(network: Network, kind: str) -> None:
    broken = replace(network, runtime=Broken(kind))
    assert rhobust.verify(broken, IMAGE, 0.05).verdict == rhobust.Verdict.ROBUST
    assert rhobust.verify(broken, IMAGE, 0.2, timeout=1.0).verdict == rhobust.Verdict.UNKNOWN
    assert rhobust.solve(broken, parse_vnnlib(text(0.2)), 1.0).status in ("unknown", "timeout")
    x = rhobust.Variable(2, 0, 1)
    assert rhobust.Problem([broken(x)[0] <= 0.5]).solve(1.0).status != "unsat"


PROGRAM = Program(
    np.array([1.0, 1.0]), np.zeros(2), np.ones(2),
    np.array([[1.0, 1.0]]), np.array([0.5]), np.array([np.inf]),
)  # fmt: skip
RIGHT = Answer("optimal", 0.5, np.array([0.5, 0.0]), np.array([1.0]), np.zeros(2))


class Odd:
    """A solver that gives back what it was made with, or raises it."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def add_rows(self, *given: Any) -> None:
        raise ValueError

    set_columns = set_cost = add_rows

    def solve(self, seconds: float) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def guarded(answer: Any) -> Guarded:
    def oracle(program: Program) -> Solver:
        return Odd(answer)

    return Guarded(oracle, PROGRAM)


def test_solvers_are_met_behind_the_guard_alone() -> None:
    root = Path(rhobust.__file__).resolve().parent.parent
    files = [path for top in ("lp", "bnb", "rhobust") for path in (root / top).rglob("*.py")]
    for path in files:
        if path.name == "guard.py" or "selftest" in path.parts:
            continue
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call):
                named = getattr(call.func, "id", getattr(call.func, "attr", ""))
                assert named not in ("oracle", "highs", "reference"), f"{path}:{call.lineno}"


def test_a_guarded_solver_answers_as_the_solver() -> None:
    assert guarded(RIGHT).solve(1.0) is RIGHT
    alone = Guarded(highs, PROGRAM).solve(1.0)
    assert alone.optimal and alone.value == 0.5


@pytest.mark.parametrize(
    "answer",
    [
        None, RuntimeError("x"), MemoryError(), replace(RIGHT, status="kOptimal"),
        replace(RIGHT, row_duals=np.zeros(0)), replace(RIGHT, point=np.zeros((2, 1))),
        replace(RIGHT, value=np.nan), replace(RIGHT, column_duals=np.array([0.0, np.inf])),
        replace(RIGHT, point=np.array(["a", "b"])),
    ],
)  # fmt: skip
def test_answers_out_of_form_are_failures(answer: Any) -> None:
    assert guarded(answer).solve(1.0).status == "failed"


def test_a_guarded_solver_is_never_late() -> None:
    for seconds in (0.0, -1.0, np.nan):
        assert guarded(RIGHT).solve(seconds).status == "stopped"
    assert guarded(no_answer("infeasible")).solve(1.0).status == "infeasible"


def test_a_program_of_which_a_change_failed_has_no_answer() -> None:
    for change in ("set_cost", "set_columns", "add_rows"):
        solver = guarded(RIGHT)
        given = {"set_cost": 1, "set_columns": 2, "add_rows": 3}[change]
        getattr(solver, change)(*[np.zeros((1, 2))] * given)
        assert solver.solve(1.0).status == "failed"

    def oracle(program: Program) -> Solver:
        raise RuntimeError

    assert Guarded(oracle, PROGRAM).solve(1.0).status == "failed"


def test_no_solver_no_difference(network: Network) -> None:
    def oracle(program: Program) -> Solver:
        raise RuntimeError

    settings = Settings(oracle=oracle)
    assert rhobust.verify(network, IMAGE, 0.05, settings=settings).verdict == "ROBUST"
    assert rhobust.verify(network, IMAGE, 0.2, settings=settings).verdict == "NOT_ROBUST"
    assert rhobust.rho_estimate(network, IMAGE, oracle=oracle).status in ("failed", "found")


def test_interruptions_are_no_failures() -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt(interrupted, 0)


def test_files_and_memory_end_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    runner = CliRunner()
    errors = [OSError(28, "No space left on device", "out.jsonl"), MemoryError(), OSError("odd")]
    for error in errors:

        def broken(*given: Any, failure: Exception = error) -> None:
            raise failure

        monkeypatch.setattr(rhobust.cli.commands.selftest, "show", broken)
        done = runner.invoke(app, ["selftest"])
        assert done.exit_code == 2 and done.stderr.count("\n") == 1
        assert done.stderr.startswith("error: ")


def test_selftest_tells_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def right(rng: np.random.Generator, name: str) -> Tally:
        return Tally(2, 1, 1)

    def wrong(rng: np.random.Generator, name: str) -> Tally:
        return Tally(1, 0, 0, 1, [f"{name}: ROBUST, but it is not"])

    for kind in KINDS:
        monkeypatch.setitem(KINDS, kind, right)
    runner = CliRunner()
    done = runner.invoke(app, ["selftest", "--minutes", "0.001"])
    assert done.exit_code == 0 and "nothing wrong" in done.stdout
    assert done.stdout.splitlines()[0].startswith("problems with known answers")
    monkeypatch.setitem(KINDS, "optima", wrong)
    done = runner.invoke(app, ["selftest", "--minutes", "0.001", "--seed", "7"])
    assert done.exit_code == 1
    assert "wrong: optima: seed 7, round 0: ROBUST, but it is not" in done.stderr
    assert runner.invoke(app, ["selftest", "--minutes", "0"]).exit_code == 2


def test_a_mistaken_infeasible_does_not_weigh_the_objective_with_0() -> None:
    """A node whose emptiness is not proven was split, and its children closed by a bound of 0."""
    layers = (
        (np.array([[-9, 5, 0, -7], [0] * 4, [-10, 9, 1, 11], [-11, 3, -5, 4], [0, -12, 0, 11]]),
         np.array([1.5, 6, 7, 5.25, 3.25])),
        (np.array([[-5, 5, -9, 9, -12], [0] * 5, [4, 12, -2, -2, -1], [4, -4, -2, -11, -2],
                   [-9, 2, 4, -1, -12]]), np.array([3, 3, 4, -3, -8])),
        (np.array([[0] * 5, [-1, 11, -8, 2, 10]]), np.array([-1, 3.9375])),
    )  # fmt: skip
    eighths = tuple((weight / 8.0, bias / 8.0) for weight, bias in layers)
    image = np.array([0.25, 0.5, 1.0, 0.25])
    lower, upper = np.array([-1.75, -3.5, -2.0, 0.25]), np.array([3.25, 0.5, 1.0, 4.25])
    settings = Settings(root_steps=0, tighten_steps=0, node_steps=0, extra_steps=0, joint=False)
    to = asked(ExactProblem(eighths, image, lower, upper, 0), 0.06962187819440191, settings)
    to = replace(to, settings=replace(settings, boxes=False))
    for call in range(6):
        rng = np.random.default_rng(0)
        found = run(by_objective, to, "lp", "infeasible", Trigger(call), rng)
        assert found in ("decided", "unknown"), (call, found)


# ---- libraries within the engine -------------------------------------------------------------

BREAKS = [
    ValueError("array must not contain infs or NaNs"), np.linalg.LinAlgError("singular"),
    OverflowError("too large"), ZeroDivisionError("0"), RuntimeError("a library's own"), None,
]  # fmt: skip
"""What a library raises, or None where it answers with NaN."""


@pytest.fixture(scope="module")
def clean() -> tuple[Network, list[tuple[float, str]], rhobust.RhoResult]:
    """A network whose l2 questions go down to leaves, and right answers."""
    rng = np.random.default_rng(14)
    sizes = [2, 8, 8, 2]
    layers = [
        (rng.normal(size=(b, a)), rng.normal(size=b) * (b > 2))
        for a, b in zip(sizes[:-1], sizes[1:], strict=True)
    ]
    network = dense_network(layers)
    rho = rhobust.rho(network, IMAGE, norm="l2", settings=BARE)
    assert rho.exact
    shares = ((0.5, "ROBUST"), (0.99, "ROBUST"), (1.01, "NOT_ROBUST"))
    return network, [(share * rho.lower, right) for share, right in shares], rho


BARE = Settings(root_steps=0, tighten_steps=0, node_steps=0, extra_steps=0, boxes=False, nodes=100)


@pytest.mark.parametrize("error", BREAKS, ids=lambda error: type(error).__name__)
def test_a_factorisation_that_fails_is_no_more_than_that(
    clean: tuple[Network, list[tuple[float, str]], rhobust.RhoResult],
    error: Exception | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []

    def breaks(factor: Any, right: Any) -> Any:
        calls.append(1)
        if error is None:
            return right * np.nan
        raise error

    monkeypatch.setattr(later.linalg, "cho_solve", breaks)
    network, questions, true = clean
    for eps, right in questions:
        found = rhobust.verify(network, IMAGE, eps, norm="l2", settings=BARE)
        assert found.verdict in (right, "UNKNOWN"), (eps, found)
        assert found.reason in ("numerical", "node_limit") or found.verdict == right
    assert calls
    told = rhobust.rho(network, IMAGE, norm="l2", settings=BARE, timeout=600.0)
    assert told.lower <= true.upper and true.lower <= told.upper


@pytest.mark.parametrize("error", [e for e in BREAKS[:4] if e], ids=lambda e: type(e).__name__)
def test_numbers_that_break_the_search_leave_it_open(
    network: Network, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*given: Any, **named: Any) -> Any:
        raise error

    monkeypatch.setattr(rooting, "root_bounds", breaks)
    found = rhobust.verify(network, IMAGE, 0.05)
    assert (found.verdict, found.reason) == (rhobust.Verdict.UNKNOWN, "numerical")
    told = rhobust.solve(network, parse_vnnlib(text(0.05)))
    assert (told.status, told.reason) == ("unknown", "numerical")


@pytest.mark.parametrize("where", ["solve_leaf", "decide"])
def test_a_leaf_that_fails_is_left_open(
    network: Network, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*given: Any, **named: Any) -> Any:
        raise FloatingPointError

    home = leaves if where == "solve_leaf" else exact_leaf.ExactLeaves
    monkeypatch.setattr(home, where, breaks)
    spent = Settings(root_steps=0, tighten_steps=0, node_steps=0, extra_steps=0, boxes=False)
    for eps, right in ((0.05, "ROBUST"), (0.124, "ROBUST"), (0.126, "NOT_ROBUST")):
        found = rhobust.verify(network, IMAGE, eps, settings=spent)
        assert found.verdict in (right, "UNKNOWN")
        assert found.reason == ("numerical" if found.verdict == "UNKNOWN" else "")


@pytest.mark.parametrize("norm", ["linf", "l1", "l2"])
def test_weights_near_the_largest_float_break_nothing(norm: str) -> None:
    """Their products overflow, and so do float64 witnesses' margins told as floats."""
    for seed in range(3):
        rng = np.random.default_rng([17, seed])
        sizes = [2, 3, 3]
        layers = [
            (10.0 ** rng.uniform(60, 300, size=(b, a)) * rng.normal(size=(b, a)), np.ones(b))
            for a, b in zip(sizes[:-1], sizes[1:], strict=True)
        ]
        huge, image = dense_network(layers), rng.random(2)
        spent = Settings(nodes=5)
        for label in range(3):  # a tie is told in rationals, whose quotients are no floats
            rhobust.verify(huge, image, 0.1, label=label, norm=norm, settings=spent)
        rhobust.rho_estimate(huge, image, label=1, norm=norm)
        y = huge(x := rhobust.Variable(2, 0, 1))
        rhobust.Problem(rhobust.minimize(y[0]), [y[1] <= y[2], x >= 0.25]).solve(settings=spent)


def test_an_interrupted_selftest_tells_what_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    def some(remaining: Any, seed: int, told: Any, kinds: Any, first: int) -> None:
        for _ in range(3):
            told("optima", Tally(1, 1))
        raise KeyboardInterrupt

    monkeypatch.setattr(rhobust.cli.commands.selftest, "rounds", some)
    done = CliRunner().invoke(app, ["selftest"])
    assert done.exit_code == 130 and "nothing wrong in" in done.stdout
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("optima")]
    assert row.split()[1:] == ["3", "3", "0", "0"]
