"""The two back ends of the LP oracle, against each other and against what duals promise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from rhobust.compiler.base.arrays import Vector
from rhobust.lp.oracle.guard import checked
from rhobust.lp.oracle.highs import (
    Answer,
    Oracle,
    Program,
    highs,
    highs_unscaled,
    no_answer,
    reference,
)

seeds = st.integers(0, 2**32 - 1)
ORACLES = pytest.mark.parametrize("oracle", [highs, reference])
NONE = np.empty(0)


def program(rng: np.random.Generator) -> Program:
    """Small programs: bounded or not, with one-sided, two-sided, equal and free rows."""
    columns, rows = int(rng.integers(1, 6)), int(rng.integers(0, 7))
    matrix = rng.integers(-3, 4, size=(rows, columns)).astype(np.float64)
    middle = matrix @ rng.integers(-2, 3, size=columns) + rng.integers(-1, 2, size=rows)
    below, above = rng.integers(0, 4, size=rows), rng.integers(0, 4, size=rows)
    low = np.where(rng.random(rows) < 0.4, -np.inf, middle - below)
    high = np.where(rng.random(rows) < 0.4, np.inf, middle + above)
    wide = rng.random(columns) < (0.3 if rng.random() < 0.3 else 0.0)
    return Program(
        rng.integers(-3, 4, size=columns).astype(np.float64),
        np.where(wide, -np.inf, -2.0),
        np.where(wide, np.inf, rng.integers(-2, 4, size=columns).astype(np.float64)),
        sparse.csr_matrix(matrix) if rng.random() < 0.5 else matrix,
        low,
        high,
    )


def dual_value(of: Program, answer: Answer) -> float:
    """What the duals prove: every dual times the bound that its sign points at."""
    total = 0.0
    for duals, low, high in (
        (answer.row_duals, of.row_lower, of.row_upper),
        (answer.column_duals, of.lower, of.upper),
    ):
        for dual, below, above in zip(duals, low, high, strict=True):
            if abs(dual) > 1e-9:
                total += dual * (below if dual > 0 else above)
    return total


def check(of: Program, answer: Answer) -> None:
    """A feasible point, stationary duals of the right signs, and no gap."""
    rows = np.asarray(sparse.csr_matrix(of.rows).todense())
    point = answer.point
    assert (of.lower - 1e-7 <= point).all() and (point <= of.upper + 1e-7).all()
    assert (of.row_lower - 1e-7 <= rows @ point).all() and (
        rows @ point <= of.row_upper + 1e-7
    ).all()
    assert answer.value == pytest.approx(float(of.cost @ point), abs=1e-6)
    # the derivative by a lower bound is at least 0, by an upper one at most 0
    residual = of.cost - rows.T @ answer.row_duals - answer.column_duals
    assert np.abs(residual).max(initial=0.0) < 1e-7
    assert (answer.row_duals[np.isinf(of.row_lower)] <= 1e-9).all()
    assert (answer.row_duals[np.isinf(of.row_upper)] >= -1e-9).all()
    assert dual_value(of, answer) == pytest.approx(answer.value, abs=1e-6)


@settings(max_examples=75, deadline=None)
@given(seeds)
def test_both_agree_on_status_and_optimum(seed: int) -> None:
    of = program(np.random.default_rng(seed))
    answers = [oracle(of).solve(10.0) for oracle in (highs, reference)]
    kinds = {answer.status for answer in answers}
    if kinds & {"infeasible", "unbounded"}:
        assert not any(answer.optimal for answer in answers)
        return
    assert kinds == {"optimal"}
    for answer in answers:
        check(of, answer)
    assert answers[0].value == pytest.approx(answers[1].value, abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_a_program_that_changes_is_the_program_made_anew(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, other = program(rng), program(rng)
    columns = len(first.cost)
    for oracle in (highs, reference):
        solver = oracle(first)
        solver.solve(10.0)
        cost = rng.integers(-3, 4, size=columns).astype(np.float64)
        low = rng.integers(-3, 0, size=columns).astype(np.float64)
        high = low + rng.integers(0, 4, size=columns)
        rows = np.resize(np.asarray(sparse.csr_matrix(other.rows).todense()), (2, columns))
        bounds = np.full(2, -np.inf), np.array([3.0, 1.0])
        solver.set_cost(cost)
        solver.set_columns(low, high)
        solver.add_rows(rows, *bounds)
        changed = Program(
            cost, low, high, sparse.vstack([sparse.csr_matrix(first.rows), rows]).tocsr(),
            np.concatenate([first.row_lower, bounds[0]]),
            np.concatenate([first.row_upper, bounds[1]]),
        )  # fmt: skip
        answer, fresh = solver.solve(10.0), oracle(changed).solve(10.0)
        assert answer.status == fresh.status
        if answer.optimal:
            check(changed, answer)
            assert answer.value == pytest.approx(fresh.value, abs=1e-6)


@ORACLES
def test_programs_without_an_optimum(oracle: Oracle) -> None:
    row = np.ones((1, 1))
    empty = Program(np.ones(1), np.zeros(1), np.ones(1), row, np.array([2.0]), np.array([3.0]))
    assert oracle(empty).solve(1.0).status == "infeasible"
    crossed = Program(np.ones(1), np.zeros(1), np.ones(1), row, np.array([0.75]), np.array([0.5]))
    assert not oracle(crossed).solve(1.0).optimal
    ray = Program(-np.ones(1), np.zeros(1), np.full(1, np.inf), np.zeros((0, 1)), NONE, NONE)
    assert oracle(ray).solve(1.0).status in ("unbounded", "failed")
    assert np.isnan(oracle(empty).solve(1.0).value) and not len(oracle(empty).solve(1.0).point)


@ORACLES
def test_duals_by_hand(oracle: Oracle) -> None:
    # least x + 2 y with x + y >= 1, y <= 1/4 inside the unit square: (1, 0), the row's dual is 1
    rows = np.array([[1.0, 1.0], [0.0, 1.0]])
    of = Program(
        np.array([1.0, 2.0]), np.zeros(2), np.ones(2), rows,
        np.array([1.0, -np.inf]), np.array([np.inf, 0.25]),
    )  # fmt: skip
    answer = oracle(of).solve(1.0)
    check(of, answer)
    assert (answer.value, answer.point.tolist()) == (1.0, [1.0, 0.0])
    solver = oracle(of)
    solver.set_columns(np.zeros(2), np.array([0.5, 1.0]))
    assert not solver.solve(1.0).optimal  # y would have to be 1/2
    solver.set_columns(np.zeros(2), np.array([0.75, 1.0]))
    answer = solver.solve(1.0)
    assert answer.point.tolist() == [0.75, 0.25] and answer.column_duals[0] == pytest.approx(-1.0)


def test_no_time_left_stops_at_once() -> None:
    of = program(np.random.default_rng(1))
    for seconds in (0.0, -1.0, np.nan):
        assert highs(of).solve(seconds).status == "stopped"


@ORACLES
def test_a_limit_holds_for_each_solve_alone(oracle: Oracle) -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(150, 60))
    of = Program(
        rng.normal(size=60), np.zeros(60), np.ones(60), rows, np.full(150, -np.inf),
        rows @ np.full(60, 0.5) + 0.1,
    )  # fmt: skip
    solver = oracle(of)
    for _ in range(4):
        solver.set_cost(rng.normal(size=60))
        assert solver.solve(5.0).optimal


def test_answers_of_the_wrong_form_are_failures() -> None:
    right = Answer("optimal", 1.0, np.zeros(2), np.zeros(3), np.zeros(2))
    assert checked(right, 2, 3) is right
    vectors: list[Vector] = [np.array([0.0, np.nan]), np.array([0.0, np.inf])]
    wrong = [
        *(replace(right, point=v) for v in [*vectors, np.zeros(3)]),
        *(replace(right, column_duals=v) for v in [*vectors, np.zeros(1)]),
        replace(right, row_duals=np.zeros(2)),
        replace(right, row_duals=np.full(3, np.nan)),
        replace(right, value=np.nan),
    ]
    assert [checked(answer, 2, 3).status for answer in wrong] == ["failed"] * len(wrong)
    assert not no_answer("failed").optimal


def test_no_solver_prints(capfd: pytest.CaptureFixture[str]) -> None:
    """Some versions of HiGHS tell their name when they are made, before any option can be set."""
    one = np.ones(2)
    program = Program(-one, 0 * one, one, one[None], np.array([-np.inf]), np.array([1.5]))
    for oracle in (highs, highs_unscaled, reference):
        assert oracle(program).solve(10.0).value == pytest.approx(-1.5)
    assert capfd.readouterr() == ("", "")


def test_threads_that_another_program_began_make_no_difference() -> None:
    """HiGHS has one set of threads a process, and refuses a model that asks for another number."""
    import highspy

    highspy.Highs.resetGlobalScheduler(True)
    other = highspy.Highs()  # type: ignore[no-untyped-call]
    other.setOptionValue("output_flag", False)
    other.setOptionValue("threads", 2)
    other.addVar(0.0, 1.0)
    assert other.run() == highspy.HighsStatus.kOk
    try:
        rng = np.random.default_rng(0)
        for _ in range(20):
            asked = program(rng)
            answers = highs(asked).solve(60.0), reference(asked).solve(60.0)
            assert answers[0].status == answers[1].status != "failed"
    finally:
        highspy.Highs.resetGlobalScheduler(True)
