"""Questions that are written for other solvers are answered as our own search answers them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import highspy
import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint
from scipy.optimize import milp as scipy_milp

from rhobust.attacks.conjunctions import attack_conjunctions, conjunctions
from rhobust.bnb.search import Settings
from rhobust.clock import Deadline
from rhobust.compiler.base.arrays import Indices, Numbers, Vector, exact
from rhobust.compiler.base.errors import InputError, LanguageError, PropertyError
from rhobust.compiler.importers.plain import dense_network
from rhobust.compiler.language.evaluator import holds, value
from rhobust.compiler.language.expressions import Variable
from rhobust.compiler.language.formulas import And, Formula, Or
from rhobust.compiler.language.norms import norm1, norm2
from rhobust.compiler.network.graph import Network
from rhobust.compiler.problem import Problem
from rhobust.compiler.question.claim import Claim
from rhobust.compiler.question.property import Property
from rhobust.compiler.steps.compile import Compiled, compile_formulas
from rhobust.compiler.vnnlib.parse import parse_vnnlib
from rhobust.export.milp import milp
from rhobust.export.mps import MixedProgram, write_mps
from rhobust.export.questions import FORMATS, mps, smtlib, vnnlib
from rhobust.export.smtlib import write_smtlib
from rhobust.lp.oracle.highs import highs
from rhobust.queries.engine import FirstFound, ask
from rhobust.queries.solve import solve

from ..compiler.smtlib_texts import Script
from ..compiler.test_compiled import inside
from ..compiler.test_steps import satisfied
from ..reference.questions import question
from ..reference.strategies import bent_case, random_case, tangled_case

pytestmark = pytest.mark.slow

AWAY = 1e-6
"""How much a level may move without changing the answer: nearer ones are left out."""

# ---- solvers ---------------------------------------------------------------------------------


def by_scipy(program: MixedProgram) -> tuple[str, float]:
    """sat or unsat, and the optimum."""
    found = scipy_milp(
        program.cost,
        integrality=program.integral.astype(int),
        bounds=Bounds(program.lower, program.upper),
        constraints=LinearConstraint(program.rows, program.row_lower, program.row_upper),
        options={"mip_rel_gap": 0.0},
    )
    assert found.status in (0, 2), found.message
    return ("sat", found.fun + program.constant) if found.status == 0 else ("unsat", np.inf)


def read_by_highs(text: str, folder: Path) -> Any:
    file = folder / "question.mps"
    file.write_text(text)
    model: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    model.setOptionValue("output_flag", False)
    model.setOptionValue("mip_rel_gap", 0.0)
    assert model.readModel(str(file)) == highspy.HighsStatus.kOk
    return model


def by_highs(text: str, folder: Path) -> tuple[str, float]:
    model = read_by_highs(text, folder)
    model.run()
    status = model.getModelStatus()
    if status == highspy.HighsModelStatus.kInfeasible:
        return "unsat", np.inf
    assert status == highspy.HighsModelStatus.kOptimal, status
    return "sat", model.getInfo().objective_function_value


@dataclass
class Exactly:
    """Takes points that satisfy a problem in rational arithmetic."""

    problem: Problem

    def check(self, point: Vector) -> Numbers | None:
        return self.check_exact(exact(point))

    def check_exact(self, point: Numbers) -> Numbers | None:
        return point if inside(self.problem, point) and satisfied(self.problem, point) else None


def by_search(compiled: Compiled) -> str:
    problem = compiled.problem
    found = FirstFound(problem, Exactly(problem))

    def attack(atoms: Indices) -> bool:
        cases, rng = conjunctions(found.tree, atoms), np.random.default_rng(0)
        attack_conjunctions(problem, cases, found.accept, Deadline(None), rng, highs)
        return found.witness is not None

    outcome = ask(problem, found, lambda: np.inf, Settings(nodes=10_000), attack=attack)
    return {"accepted": "sat", "closed": "unsat"}.get(outcome.status, outcome.reason)


def agreed(questions: Sequence[Compiled], folder: Path) -> str | None:
    """What all solvers say of the middle one; None where the two beside it are no clear case."""
    before, middle, after = questions
    clear = {by_scipy(milp(one))[0] for one in (before, after)}
    if len(clear) > 1:
        return None
    program = milp(middle)
    answer = {by_scipy(program)[0], by_highs(write_mps(program), folder)[0], by_search(middle)}
    assert answer == clear
    return answer.pop()


# ---- MPS -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [random_case, bent_case, tangled_case])
def test_claims_are_decided_alike(kind: Any, tmp_path: Path) -> None:
    answers = []
    for seed in range(12):
        case = kind(np.random.default_rng(seed))
        eps = [0.1, 0.3, 0.6, 1.5][seed % 4]

        def shifted(margin: float, case: Any = case, eps: float = eps) -> Compiled:
            domain = (case.lower, case.upper)
            claim = Claim.make(case.network, case.image, case.label, "any", margin, domain)
            x = Variable(case.network.input_size, case.lower, case.upper, "x")
            return compile_formulas(claim.within(eps).formulas(x, case.network(x)), inputs=(x,))

        margin = 0.01 * seed
        answers.append(agreed([shifted(margin + s) for s in (-AWAY, 0.0, AWAY)], tmp_path))
    assert answers.count(None) < 3 and {"sat", "unsat"} <= set(answers)


def test_formulas_are_decided_alike(tmp_path: Path) -> None:
    """Disjunctions in each other, choices for elements, balls and strict relations."""
    answers = []
    for seed in range(22):

        def shifted(slack: float, seed: int = seed) -> Compiled:
            rng = np.random.default_rng(seed)
            return compile_formulas(
                question(rng, jumps=False, levels=(), slack=slack, kinds=("<=", "<"))
            )

        answers.append(agreed([shifted(s) for s in (-AWAY, 0.0, AWAY)], tmp_path))
    assert answers.count(None) < 4 and answers.count("sat") > 3 and answers.count("unsat") > 3


@pytest.mark.parametrize("seed", range(6))
def test_the_text_is_read_back_as_the_arrays(seed: int, tmp_path: Path) -> None:
    """Every number to its last digit: coefficients, both bounds, costs and their constant."""
    x = Variable(2, -1, 0.7, "x.1")
    formulas = question(np.random.default_rng(seed), jumps=seed > 2)
    program = milp(compile_formulas([*formulas, x.sum() <= 0.3], x[0] - x[1] + 0.1))
    assert program.integral.any()
    model = read_by_highs(write_mps(program), tmp_path)
    lp = model.getLp()
    matrix = lp.a_matrix_
    columns = sparse.csc_array((matrix.value_, matrix.index_, matrix.start_), program.rows.shape)
    assert (columns.toarray() == program.rows.toarray()).all()
    for read, written in (
        (lp.col_cost_, program.cost), (lp.col_lower_, program.lower),
        (lp.col_upper_, program.upper), (lp.row_lower_, program.row_lower),
        (lp.row_upper_, program.row_upper),
    ):  # fmt: skip
        assert np.array_equal(np.array(read), written)
    whole = [kind == highspy.HighsVarType.kInteger for kind in lp.integrality_]
    assert whole == program.integral.tolist()
    assert (list(lp.col_names_), list(lp.row_names_)) == (
        [*program.columns], [*program.row_names]
    )  # fmt: skip
    assert lp.offset_ == program.constant == 0.1


def test_a_program_by_hand() -> None:
    x = Variable(2, [-1.0, 0.0], 1, "x")
    y = dense_network([([[1.0, -0.5]], [0.25]), ([[2.0]], [0.0])])(x)
    formulas = [Or((y <= 0.5, And((x[0] <= 0.0, x[1] <= 0.25))))]
    text = write_mps(milp(compile_formulas(formulas, y + 1.0, inputs=(x,))))
    lines = text.splitlines()
    assert lines[:3] == ["NAME rhobust", "ROWS", " N objective"] and lines[-1] == "ENDATA"
    # relu1 = max(x_0 - x_1 / 2 + 1 / 4, 0), unstable on -5/4 .. 5/4
    for line in (
        " E relu1_0", " x_0 relu1_0 1.0", " x_1 relu1_0 -0.5", " relu1_0 relu1_0 -1.0",
        " RHS relu1_0 -0.25", " BV BOUND relu1_phase_0", " BV BOUND choice_0",
        " LO BOUND x_0 -1.0", " UP BOUND x_1 1.0", " RHS objective -1.0", " RHS some_0 1.0",
    ):  # fmt: skip
        assert line in lines, line


def test_stable_units_take_no_binary() -> None:
    x = Variable(2, 0, 1, "x")
    weight = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
    y = dense_network([(weight, [0.5, -0.5, 0.0]), ([[1.0, 1.0, 1.0]], [0.0])])(x)
    program = milp(compile_formulas([y <= 1.0]))
    assert program.integral.sum() == 1
    # an active unit is its pre-activation, an inactive one is not there at all
    assert sum(name.startswith("relu1_") and "phase" not in name for name in program.columns) == 3


@pytest.mark.parametrize("seed", range(8))
def test_an_optimum_is_reached_and_by_no_sample_undercut(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    x = Variable(3, -1, 1, "x")
    layers = [(rng.normal(size=(4, 3)), rng.normal(size=4)) for _ in range(1)]
    y = dense_network([*layers, (rng.normal(size=(3, 4)), rng.normal(size=3))])(x)
    objective = y[0] - y[1] * 0.3 + 0.7
    formulas: list[Formula] = [
        norm1(x - rng.uniform(-0.5, 0.5, size=3)) <= 1.2,
        Or((y[2] <= 0.0, x[0] + x[1] >= 0.4, And((x[2] <= -0.2, Or((x[1] <= 0.0, y[1] >= 0.5)))))),
    ]
    compiled = compile_formulas(formulas, objective, inputs=(x,))
    assert compiled.problem.ball is not None
    program = milp(compiled)
    status, best = by_scipy(program)
    assert status == "sat"
    model = read_by_highs(write_mps(program), tmp_path)
    model.run()
    assert model.getInfo().objective_function_value == pytest.approx(best, abs=1e-6)
    # the solver's own input leads to its optimum
    columns = dict(zip(program.columns, model.getSolution().col_value, strict=True))
    point = np.array([columns[f"x_{k}"] for k in range(3)])
    known = compiled.assignment(exact(point))
    assert float(value(objective, known)[0]) == pytest.approx(best, abs=1e-6)
    for _ in range(200):
        some = exact(rng.uniform(-1, 1, size=3))
        known = compiled.assignment(some)
        if all(holds(formula, known) for formula in formulas):
            assert float(value(objective, known)[0]) >= best - 1e-6


def test_what_is_empty_or_says_nothing(tmp_path: Path) -> None:
    x, w = Variable(2, -1, 1, "x"), Variable(1, 0, 1, "w")
    crossed: list[Formula] = [x[0] >= 0.5, x[0] <= 0.25]
    far: list[Formula] = [norm1(x - 3.0) <= 1.0, x + w >= -5.0]
    told: list[tuple[list[Formula], str]] = [
        ([Or(())], "unsat"),
        ([And(())], "sat"),
        (crossed, "unsat"),
        (far, "unsat"),
        ([x <= 0.5], "sat"),
        ([Or((And(()), x <= -2.0)), w >= 0.5], "sat"),
        ([Or((x <= -2.0, And((w >= 0.5, Or(()))))), w >= 0.5], "unsat"),
    ]
    for formulas, answer in told:
        program = milp(compile_formulas(formulas))
        assert by_scipy(program)[0] == answer
        assert by_highs(write_mps(program), tmp_path)[0] == answer


def test_a_strict_relation_is_written_as_one_that_is_not(tmp_path: Path) -> None:
    x = Variable(1, 0, 1, "x")
    compiled = compile_formulas([x + x < 0.0])
    assert by_search(compiled) != "sat"
    assert by_highs(write_mps(milp(compiled)), tmp_path)[0] == "sat"


def test_what_a_program_cannot_say() -> None:
    x = Variable(2, -1, 1, "x")
    with pytest.raises(LanguageError, match="ball of the l2 norm is not linear"):
        milp(compile_formulas([norm2(x) <= 1.0, x.sum() <= 0.5]))
    wide = Variable(2, -1e200, 1e200, "x")
    with pytest.raises(LanguageError, match="too large for float64; scale"):
        milp(compile_formulas([Or(((wide * 1e200) <= 1.0, wide <= 0.0))]))


# ---- networks and property files -------------------------------------------------------------

TEXT = """
(declare-const X_0 Real) (declare-const X_1 Real) (declare-const Y_0 Real) (declare-const Y_1 Real)
(assert (or (and (>= X_0 0.1) (<= X_0 0.4) (>= X_1 -1) (<= X_1 0))
            (and (>= X_0 -0.9) (<= X_0 -0.5) (>= X_1 0.3) (<= X_1 0.8))))
(assert (or (<= Y_0 (* 0.3 Y_1)) (and (> Y_0 LEVEL) (< X_1 0.7))))
"""


def small(seed: int) -> tuple[Network, Property]:
    """A network whose third output the property does not declare."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(6, 2)), rng.normal(size=6)
    last = rng.normal(size=(3, 6)), rng.normal(size=3) + 2.0
    level = str(2.0 + 0.5 * seed)
    return dense_network([hidden, last]), parse_vnnlib(TEXT.replace("LEVEL", level))


def test_an_exported_property_has_the_answer_that_it_has_here(tmp_path: Path) -> None:
    answers = set()
    for seed in range(8):
        network, asked = small(seed)
        result = solve(network, asked, timeout=600)
        assert by_highs(mps([network], asked), tmp_path)[0] == result.status
        answers.add(result.status)
        script = Script(smtlib([network], asked))
        assert script.names[:2] == ["X_0", "X_1"] and script.names[-2:] == ["Y_0", "Y_1"]
        rng = np.random.default_rng(seed)
        found = [] if result.witness is None else [np.array(result.witness.inputs, dtype=object)]
        for point in [*found, *(exact(rng.uniform(-1, 0.5, size=2)) for _ in range(8))]:
            values = network.values(point[None])
            names = {"X": point, "Y": values[network.output][0]}
            hidden = np.concatenate([v[0] for n, v in values.items() if n.startswith("relu")])
            rest = [name for name in script.names if name.startswith("relu")]
            known = dict(zip(rest, hidden, strict=True))
            for name in script.names:
                side, _, element = name.rpartition("_")
                if name not in known:
                    known[name] = names["X" if side == "X" else "Y"][int(element)]
            assert script.holds(known) == asked.holds(list(point), names["Y"][:2].tolist())
    assert answers == {"sat", "unsat"}


def test_a_property_that_nothing_satisfies(tmp_path: Path) -> None:
    network, _ = small(0)
    declared = TEXT.split("(assert")[0]
    for contradiction in ("(<= 1 0)", "(and (<= X_0 0) (>= X_0 1))"):
        asked = parse_vnnlib(f"{declared}(assert {contradiction})")
        assert by_highs(mps([network], asked), tmp_path)[0] == "unsat"
        assert parse_vnnlib(vnnlib([network], asked)).tree == asked.tree


def test_every_format_has_a_function_that_checks_what_it_is_given() -> None:
    network, asked = small(3)
    assert sorted(FORMATS) == ["mps", "smtlib", "vnnlib"]
    assert parse_vnnlib(FORMATS["vnnlib"]([network], asked)) == asked
    other = dense_network([(np.ones((2, 5)), np.zeros(2))])
    for export in FORMATS.values():
        assert export([network], asked).endswith("\n")
        with pytest.raises(InputError, match="declares 2 inputs"):
            export([other], asked)
        with pytest.raises(InputError, match="1 networks; 2 were given"):
            export([network, network], asked)
    free = parse_vnnlib(TEXT.split("(assert")[0] + "(assert (and (<= X_0 1) (<= Y_0 0)))")
    with pytest.raises(LanguageError, match="'X' needs a finite lower and upper bound"):
        mps([network], free)
    assert Script(smtlib([network], free)).names


def test_two_networks_are_exported_but_not_to_version_one(tmp_path: Path) -> None:
    text = """(vnnlib-version <2.0>)
    (declare-network f (declare-input A real [2]) (declare-output B real [1]))
    (declare-network g (isomorphic-to f) (declare-input C real [2]) (declare-output D real [1]))
    (assert (and (<= -1 A[0]) (<= A[0] 1) (<= -1 A[1]) (<= A[1] 1)))
    (assert (and (== A[0] C[0]) (<= -1 C[0]) (<= C[0] 1) (<= 0 C[1]) (<= C[1] 1)))
    (assert (>= B[0] (+ D[0] LEVEL)))
    """
    rng = np.random.default_rng(5)
    pair = [
        dense_network(
            [(rng.normal(size=(4, 2)), rng.normal(size=4)), (rng.normal(size=(1, 4)), [0.0])]
        )
        for _ in range(2)
    ]
    answers = []
    for level in ("-1.03", "2.04", "9.05"):
        asked = parse_vnnlib(text.replace("LEVEL", level))
        answers.append(by_highs(mps(pair, asked), tmp_path)[0])
        assert answers[-1] == solve(pair, asked, timeout=600).status
        assert Script(smtlib(pair, asked)).names[:4] == ["X_0", "X_1", "X_2", "X_3"]
        with pytest.raises(PropertyError, match="one network only"):
            vnnlib(pair, asked)
    assert answers[0] == "sat" and answers[-1] == "unsat"


# ---- another solver over the reals -----------------------------------------------------------


def test_an_smt_solver_decides_as_the_search_does() -> None:
    z3: Any = pytest.importorskip("z3", reason="z3-solver is not installed; this compares with it")

    def by_z3(text: str) -> str:
        solver = z3.Solver()
        solver.from_string(text)
        return str(solver.check())

    answers = []
    for seed in range(60):
        formulas = question(np.random.default_rng(seed), jumps=seed % 4 == 0)
        ours = by_search(compile_formulas(formulas))
        if ours in ("sat", "unsat"):
            assert by_z3(write_smtlib(formulas)) == ours, seed
            answers.append(ours)
    assert answers.count("sat") > 10 and answers.count("unsat") > 10
    for seed in range(16):
        network, asked = small(seed)
        assert by_z3(smtlib([network], asked)) == solve(network, asked, timeout=600).status
