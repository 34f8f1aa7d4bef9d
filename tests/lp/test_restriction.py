"""The convex restriction: three ways to the same least radius, and the exact one."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rhobust.compiler.base.arrays import Numbers, Vector, exact
from rhobust.compiler.base.norms import NormKind
from rhobust.compiler.base.tolerances import Tolerances
from rhobust.compiler.question.claim import Claim
from rhobust.compiler.question.region import InputRegion
from rhobust.lp.oracle.highs import Answer, Oracle, Program, Solver, highs, no_answer, reference
from rhobust.lp.restriction.distance import least_radius_row
from rhobust.lp.restriction.lazy_rows import SignRows
from rhobust.lp.restriction.network_region import NetworkRegion
from rhobust.lp.restriction.region import Region
from rhobust.lp.restriction.restrict import polish, restrict
from rhobust.lp.restriction.task import Restricted, Work

from ..reference import oracles
from ..reference.strategies import Case, cases, random_case, tangled_cases

TOLERANCES = Tolerances()
some_cases = st.one_of(cases(), tangled_cases())


def forever() -> float:
    return 60.0


class Asked:
    """One target of a case: its row on the output, and the ball of the whole domain."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.rival = next(k for k in range(case.network.output_size) if k != case.label)
        claim = Claim.make(case.network, case.image, case.label, self.rival, 0.0, case.domain)
        self.ball = InputRegion(case.image, case.lower, case.upper)
        self.problem, _ = claim.within(self.ball.largest).compile()
        (self.row,), (self.offset,) = self.problem.rows, self.problem.offset.tolist()

    def restrict(
        self, lazy: bool = True, oracle: Oracle = highs, limit: float = np.inf
    ) -> Restricted:
        region = NetworkRegion.of(self.case.network, self.case.image)
        direction = np.zeros((1, self.case.network.output_size))
        direction[0, self.case.label], direction[0, self.rival] = 1.0, -1.0
        rows, levels = region.output_rows(direction)
        work = Work(oracle, forever, TOLERANCES, limit, lazy)
        return restrict(region, rows[0], float(levels[0]), self.ball, work)

    def polish(self, point: Vector, oracle: Oracle = highs) -> Restricted:
        return polish(
            self.problem, point, self.row, self.offset, self.ball, oracle, forever, TOLERANCES
        )

    def exact(self) -> Fraction | None:
        case = self.case
        return oracles.least_distance_on_region(
            case.exact, case.center, case.label, *case.bounds, [self.rival]
        )

    def steady(self) -> bool:
        """Whether rounding leaves every unit its phase at the image."""
        values: list[Numbers] = [exact(self.case.image)[None]]
        for stage in self.problem.stages:
            pre = stage.pre(values)
            if stage.relu and any(0 < abs(z) < Fraction(1, 10**12) for z in pre[0]):
                return False
            values.append(np.where(pre > 0, pre, pre * 0) if stage.relu else pre)
        return True


@settings(max_examples=25, deadline=None)
@given(some_cases)
@example(random_case(np.random.default_rng(253)))  # rounding puts a unit at its kink
def test_all_ways_lead_to_the_exact_radius(case: Case) -> None:
    asked = Asked(case)
    exact = asked.exact()
    if not asked.steady():
        return
    for found in (
        asked.restrict(),
        asked.restrict(lazy=False),
        asked.restrict(oracle=reference),
        asked.polish(case.image),
        asked.polish(case.image, reference),
    ):
        if exact is None:
            assert found.status == "none" and found.point is None
            continue
        assert found.status == "found" and found.point is not None
        assert found.rho == pytest.approx(float(exact), abs=1e-6)
        distance = np.abs(found.point - case.image).max()
        assert distance == pytest.approx(found.rho, abs=1e-7)
        assert (asked.ball.lower <= found.point + 1e-9).all()
        assert (found.point <= asked.ball.upper + 1e-9).all()
        # the example is one, up to the tolerance of the rows
        output = asked.problem.values(found.point[None])[-1][0]
        assert float(asked.row @ output) + asked.offset <= 1e-5


@settings(max_examples=15, deadline=None)
@given(some_cases, st.floats(0.01, 2.0))
def test_a_limit_cuts_off_what_lies_beyond(case: Case, limit: float) -> None:
    asked = Asked(case)
    free, cut = asked.restrict(), asked.restrict(limit=limit)
    if free.status == "found" and free.rho <= limit:
        assert cut.status == "found" and cut.rho == pytest.approx(free.rho, abs=1e-6)
    else:
        assert cut.status == "none" and cut.rho <= limit


@settings(max_examples=15, deadline=None)
@given(some_cases, st.integers(0, 2**32 - 1))
@example(random_case(np.random.default_rng(2542)), 0)  # the image itself breaks the claim
def test_polishing_any_point_gives_the_optimum_of_its_own_region(case: Case, seed: int) -> None:
    asked = Asked(case)
    point = np.random.default_rng(seed).uniform(case.lower, case.upper)
    found, again = asked.polish(point), asked.polish(point, reference)
    assert found.status == again.status
    if found.status != "found":
        assert found.status == "none"
        return
    assert found.rho == pytest.approx(again.rho, abs=1e-6) and found.point is not None
    assert all(
        (part <= 1e-5).all() for part in Region.of(asked.problem, point).shortfall(found.point)
    )
    # nothing nearer among points of the region that break the claim
    rng = np.random.default_rng(seed)
    center = case.image
    for other in center + rng.uniform(-1, 1, size=(50, len(center))) * found.rho * 0.999:
        region = Region.of(asked.problem, point)
        inside = all((part <= -1e-6).all() for part in region.shortfall(other))
        output = region.forward(other)[-1]
        within = (case.lower <= other).all() and (other <= case.upper).all()
        nearer = np.abs(other - center).max() < found.rho  # nothing is, where that is 0
        broken = float(asked.row @ output) + asked.offset < -1e-6
        assert not (inside and within and nearer and broken)


# ---- the closed form -------------------------------------------------------------------------


@settings(max_examples=75)
@given(st.integers(0, 2**32 - 1))
def test_closed_form_of_a_row(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 6))
    center = rng.random(size)
    low = np.where(rng.random(size) < 0.2, center, 0.0)
    high = np.where(rng.random(size) < 0.2, center, 1.0)
    row = np.where(rng.random(size) < 0.2, 0.0, rng.normal(size=size))
    offset = float(rng.normal())
    ball = InputRegion(center, low, high)
    found = least_radius_row(row, offset, ball, np.inf)
    # the LP with the radius as a column
    unit = np.eye(size)
    rows = np.block([[unit, -np.ones((size, 1))], [-unit, -np.ones((size, 1))], [row, np.zeros(1)]])
    upper = np.concatenate([center, -center, [-offset]])
    answer = reference(
        Program(
            np.append(np.zeros(size), 1.0),
            np.append(low, 0.0),
            np.append(high, 1.0),
            rows,
            np.full(len(upper), -np.inf),
            upper,
        )  # fmt: skip
    ).solve(10.0)
    assert (found < np.inf) == answer.optimal
    if answer.optimal:
        assert found == pytest.approx(answer.value, abs=1e-8)
        assert least_radius_row(row, offset, ball, found * 0.99 - 1e-12) == (
            0.0 if found == 0 else np.inf
        )
        assert least_radius_row(row, offset, ball, found) == found


def test_closed_form_by_hand() -> None:
    ball = InputRegion(np.array([0.5, 0.25]), np.zeros(2), np.ones(2))
    assert ball.largest == 0.75
    row = np.array([1.0, 1.0])
    assert least_radius_row(row, -0.75, ball, np.inf) == 0.0
    # both move until the second meets its edge at 1/4, then the first alone
    assert least_radius_row(row, -0.35, ball, np.inf) == pytest.approx(0.2)
    assert least_radius_row(row, -0.125, ball, np.inf) == pytest.approx(0.375)
    assert least_radius_row(row, 0.125, ball, np.inf) == np.inf
    low, high = ball.within(0.375).near_box()
    assert low.tolist() == [0.125, 0.0] and high.tolist() == [0.875, 0.625]


# ---- regions and their rows ------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(some_cases, st.integers(0, 2**32 - 1))
def test_rows_of_a_region_are_its_affine_map(case: Case, seed: int) -> None:
    problem = Asked(case).problem
    rng = np.random.default_rng(seed)
    region = Region.of(problem, case.image)
    assert all((part <= 0).all() for part in region.shortfall(case.image))
    other = rng.uniform(case.lower, case.upper)
    forward, shortfall = region.forward(other), region.shortfall(other)
    for number, stage in enumerate(problem.stages):
        rows, constant = region.rows(number, np.eye(stage.size))
        np.testing.assert_allclose(rows @ other + constant, forward[number], atol=1e-9)
        if not stage.relu:
            assert (shortfall[number] == -np.inf).all()
            continue
        own, level = region.unit_rows(number, np.arange(stage.size))
        np.testing.assert_allclose(own @ other + level, -shortfall[number], atol=1e-9)
    if all((part < 0).all() for part in shortfall):
        np.testing.assert_allclose(forward[-1], problem.values(other[None])[-1][0], atol=1e-9)


class Recorder:
    """A solver that only keeps the rows it gets."""

    def __init__(self) -> None:
        self.rows: list[Vector] = []

    def add_rows(self, rows: Any, lower: Vector, upper: Vector) -> None:
        assert rows.shape[0] == len(lower) == len(upper) and (upper == np.inf).all()
        self.rows.extend(rows.toarray())

    def set_columns(self, lower: Vector, upper: Vector) -> None:
        raise AssertionError

    def set_cost(self, cost: Vector) -> None:
        raise AssertionError

    def solve(self, seconds: float) -> Answer:
        raise AssertionError


def test_every_sign_row_is_made_once() -> None:
    for seed in range(20):
        case = random_case(np.random.default_rng([21, seed]))
        problem = Asked(case).problem
        region, solver = Region.of(problem, case.image), Recorder()
        signs = SignRows(region, 1, 1e-7, first=1)
        rng = np.random.default_rng(seed)
        far = case.image + 100.0 * rng.normal(size=len(case.image))
        batches = []
        while count := signs.add_violated(solver, far):
            batches.append(count)
        assert all(size <= 2**k for k, size in enumerate(batches))
        signs.add_violated(solver, far, everything=True)
        units = sum(stage.size for stage in problem.stages if stage.relu)
        assert signs.count == len(solver.rows) == units
        assert signs.add_violated(solver, far, everything=True) == 0
        assert all(row[-1] == 0.0 and np.abs(row).max() <= 1.0 for row in solver.rows)


# ---- a solver that fails ---------------------------------------------------------------------


def failing(status: str) -> Oracle:
    def build(program: Program) -> Solver:
        solver = highs(program)
        solver.solve = lambda seconds: no_answer(status)  # type: ignore[method-assign]
        return solver

    return build


@pytest.mark.parametrize(
    ("status", "expected"),
    [("stopped", "stopped"), ("failed", "failed"), ("unbounded", "failed"), ("infeasible", "none")],
)
def test_a_solver_without_an_answer(status: str, expected: str) -> None:
    seen = 0
    for seed in range(40):
        asked = Asked(random_case(np.random.default_rng([22, seed])))
        found = asked.restrict(lazy=False, oracle=failing(status))
        if found.rounds:
            assert found.status == ("failed" if status == "infeasible" else expected)
            assert found.point is None
            seen += 1
        polished = asked.polish(asked.case.image, failing(status))
        assert polished.status == expected and polished.point is None
    assert seen > 5


def test_no_time_left() -> None:
    asked = Asked(random_case(np.random.default_rng(3)))
    found = polish(
        asked.problem, asked.case.image, asked.row, asked.offset, asked.ball, highs, lambda: 0.0,
        TOLERANCES,
    )  # fmt: skip
    assert found.status == "stopped"


@pytest.mark.parametrize("norm", ["linf", "l1", "l2"])
def test_a_tie_at_the_center_is_an_example_but_for_rounding(norm: str) -> None:
    """The margin is 0 at the center and rises from there; its row comes out 4e-16 above 0."""

    class Everywhere:
        scales: list[Vector] = []

        def shortfall(self, point: Vector) -> list[Vector]:
            return []

        def unit_rows(self, number: int, chosen: Any) -> Any:
            raise AssertionError("there are no conditions")

    ball = InputRegion(np.ones(3), np.array([0.0, 1.0, 1.0]), np.ones(3), NormKind(norm))
    row, level = np.array([-1.80761719, 0.60253906, 2.41015625]), -1.20507812 + 4.4e-16
    work = Work(highs, forever, TOLERANCES)
    found = restrict(Everywhere(), row, level, ball, work, inside=False)
    assert found.status == "found" and found.rho <= 1e-9
    clear = restrict(Everywhere(), row, level + 1e-13, ball, work, inside=False)
    assert clear.status == "none"
