"""Least values over balls, as the checker finds them, and certificates that speak of balls."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from rhobust.bnb.checker.arithmetic import Array, Refused
from rhobust.bnb.checker.exact.root import within
from rhobust.bnb.checker.rounded.ball import DUALS, Ball
from rhobust.bnb.checker.rounded.coefficients import Rows
from rhobust.bnb.checker.rounded.cuts import cut
from rhobust.bnb.checker.rounded.root import Root
from rhobust.bnb.checker.rounded.rows import Reduced

from .certificates import Files, halving, save, splitting
from .test_check import Case

pytestmark = pytest.mark.slow

SEEDS = st.integers(0, 10**9)
NORMS = st.sampled_from(["l1", "l2"])


def case(seed: int, norm: str) -> tuple[Ball, Array, Array, Array]:
    """A ball, rows (4, n) and boxes (4, n), which the center need not be in."""
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 7))
    center = random.integers(-4, 5, count) / 4.0 + random.choice([0.0, 0.1])
    ends = np.sort(random.normal(size=(2, 4, count)) * random.choice([0.1, 1.0, 3.0]), axis=0)
    low, high = (ends + random.choice([0.0, 1.0]) * center).astype(np.float64)
    touched = random.random((4, count)) < 0.3
    low = np.where(touched, center, low)
    high = np.where(touched, np.maximum(center, high), high)
    g = random.normal(size=(4, count)) * 10.0 ** random.integers(-3, 4)
    g[random.random(g.shape) < 0.2] = 0.0
    g[random.random(g.shape) < 0.2] = 1.5
    near = np.clip(center, low, high) - center
    size = np.linalg.norm(near, 1 if norm == "l1" else 2, axis=1).max()
    return Ball(norm, center, float(size + random.choice([1e-3, 0.1, 1.0, 10.0]))), g, low, high


def truth(ball: Ball, g: Array, low: Array, high: Array) -> float:
    """The least value of one row: by an LP, or by the greatest of the l2 dual."""
    count, center = len(g), ball.center
    if ball.norm == "l1":
        # x = center + up - down
        rows, eye = np.ones((1, 2 * count)), np.eye(count)
        rows = np.concatenate([rows, np.hstack([eye, -eye]), np.hstack([-eye, eye])])
        sides = np.concatenate([[ball.radius], high - center, center - low])
        found = linprog(np.append(g, -g), rows, sides, bounds=(0, None))
        assert found.status == 0
        return float(found.fun + g @ center)

    def dual(price: float) -> float:
        x = np.clip(center - g / price, low, high)
        return float(g @ x + price / 2.0 * ((x - center) @ (x - center) - ball.radius**2))

    least, most = -60.0, 60.0
    for _ in range(200):
        ends = np.linspace(least, most, 4)
        values = [dual(float(np.exp(end))) for end in ends]
        if values[1] < values[2]:
            least = ends[1]
        else:
            most = ends[2]
    return dual(float(np.exp(0.5 * (least + most))))


@settings(deadline=None, max_examples=15)
@given(SEEDS, NORMS)
def test_least_values_are_tight(seed: int, norm: str) -> None:
    ball, g, low, high = case(seed, norm)
    found = ball.least(g, low, high, ball.center[None])
    whole = within(ball, g, low, high, ball.center[None])
    exact = np.array([float(Fraction(int(item), 2**whole.power)) for item in whole.values])
    for row in range(len(g)):
        known = truth(ball, g[row], low[row], high[row])
        scale = 1.0 + np.abs(g[row]).sum() * (np.abs([low[row], high[row]]).max() + ball.radius)
        assert abs(found[row] - known) <= 1e-8 * scale
        assert abs(exact[row] - known) <= 1e-8 * scale
        shared = ball.least(g, low[row : row + 1], high[row : row + 1], ball.center[None])
        assert abs(shared[row] - found[row]) <= 1e-12 * scale


@settings(deadline=None, max_examples=15)
@given(SEEDS, NORMS, st.sampled_from([2.0**-300, 2.0**-120, 2.0**120, 2.0**300]))
def test_huge_and_tiny_rows_are_as_tight(seed: int, norm: str, factor: float) -> None:
    ball, g, low, high = case(seed, norm)
    found = ball.least(g, low, high, ball.center[None])
    scaled = ball.least(factor * g, low, high, ball.center[None])
    assert (np.abs(scaled / factor - found) <= 1e-12 * (1.0 + np.abs(found))).all()


def inside(ball: Ball, x: list[Fraction]) -> bool:
    away = [a - Fraction(float(b)) for a, b in zip(x, ball.center, strict=True)]
    if ball.norm == "l1":
        return sum(map(abs, away)) <= Fraction(ball.radius)
    return sum(item * item for item in away) <= Fraction(ball.radius) ** 2


@settings(deadline=None, max_examples=15)
@given(SEEDS, NORMS)
def test_no_point_of_box_and_ball_lies_below(seed: int, norm: str) -> None:
    """Against points in rationals, those where a row is least among them, from any split."""
    ball, g, low, high = case(seed, norm)
    random = np.random.default_rng(seed)
    found = ball.least(g, low, high, ball.center[None])
    whole = within(ball, g, low, high, ball.center[None])
    assert not ball.misses(low, high).any()
    for row in range(len(g)):
        near = np.clip(ball.center, low[row], high[row])
        best = np.where(g[row] >= 0.0, low[row], high[row])
        points = [near, low[row] + random.random(len(near)) * (high[row] - low[row])]
        for price in 10.0 ** random.uniform(-5, 5, 6):
            points.append(np.clip(ball.center - g[row] * price, low[row], high[row]))
            points.append(np.where(np.abs(g[row]) > 1 / price, best, near))
        for point in points:
            step = 1.0
            while step > 1e-9:  # towards the nearest point, until the ball holds it
                mixed = np.clip(near + step * (point - near), low[row], high[row])
                exact = [Fraction(float(item)) for item in mixed]
                if inside(ball, exact):
                    pairs = zip(g[row].tolist(), exact, strict=True)
                    value = sum((Fraction(a) * b for a, b in pairs), Fraction(0))
                    assert Fraction(float(found[row])) <= value
                    assert Fraction(int(whole.values[row]), 2**whole.power) <= value
                    break
                step *= 0.999 if step > 0.9 else 0.5


def test_by_hand() -> None:
    """The least of -x - 2 y within 1 of the origin: -2 in l1, -sqrt 5 in l2, and cut by y <= 0.5
    it is -1.5 and -(sqrt 3 + 2) / 2."""
    g, none = np.array([[-1.0, -2.0]]), np.zeros((1, 2))
    wide, flat = np.full((1, 2), 9.0), np.array([[9.0, 0.5]])
    for norm, high, least in (
        ("l1", wide, -2.0),
        ("l2", wide, -np.sqrt(5.0)),
        ("l1", flat, -1.5),
        ("l2", flat, -1.0 - np.sqrt(0.75)),
    ):
        found = Ball(norm, none[0], 1.0).least(g, -wide, high, none)
        assert least - 1e-12 <= found[0] <= least


@given(SEEDS, NORMS)
def test_what_fails_is_no_bound(seed: int, norm: str) -> None:
    ball, g, low, high = case(seed, norm)
    for wrong in (np.nan, np.inf, -np.inf, 1e308):
        bad = g.copy()
        bad[0, 0] = wrong
        with np.errstate(all="ignore"):
            found = ball.least(bad, low, high, ball.center[None])
        assert found[0] < np.inf if wrong == 1e308 else found[0] == -np.inf
        assert np.all(found[1:] > -np.inf)


@given(SEEDS, NORMS)
def test_boxes_beyond_the_ball(seed: int, norm: str) -> None:
    ball, _, low, high = case(seed, norm)
    near = np.clip(ball.center, low, high) - ball.center
    size = np.linalg.norm(near, 1 if norm == "l1" else 2, axis=1)
    for factor in (1.0 - 1e-9, 1.0, 1.0 + 1e-9):
        for row in np.flatnonzero(size > 0.0):
            small = Ball(norm, ball.center, float(size[row] * factor))
            missed = small.misses(low[row][None], high[row][None])[0]
            assert missed == (factor < 1.0)


def test_an_input_stands_in_a_row_once(tmp_path: Path) -> None:
    """Two coefficients of one input would share its step, and bound their sum too well."""
    case = Case(tmp_path, 8, [2, 3, 3, 3])
    model = case.checker.model
    root = Root(model, np.zeros(2), np.ones(2), Ball("l1", np.full(2, 0.5), 0.1))
    none = np.zeros(1)
    for index in (np.array([[0, 1]]), np.array([[2, 2]])):
        assert np.isfinite(root.least(Rows(np.zeros((1, 2)), index), none, none)).all()
    with pytest.raises(Refused, match="twice"):
        root.least(Rows(np.ones((1, 2)), np.array([[1, 1]])), none, none)


@dataclass
class Region:
    """One node's box."""

    box_low: Array
    box_high: Array
    low: Array
    high: Array
    atoms: Array


def test_a_cut_is_by_the_box() -> None:
    """x + y >= 1 in the l1 ball of radius 1 holds on a whole edge; of the box it cuts a half a
    side. The ball's own least value would leave the corner alone, which no solution has."""
    reduced = Reduced.__new__(Reduced)
    reduced.ball, reduced.inputs = Ball("l1", np.zeros(2), 1.0), 2
    none = np.zeros((1, 0))
    state = Region(np.full((1, 2), -1.0), np.ones((1, 2)), none, none, none)
    g, constant = np.array([[-1.0, -1.0]]), np.ones(1)
    assert abs(reduced.least(g, constant, state.box_low, state.box_high)[0]) < 1e-12
    cut(reduced, state, np.zeros(1, dtype=np.int64), g, constant)
    assert np.all(np.abs(state.box_low) < 1e-12) and np.all(state.box_high == 1.0)


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_claims_about_balls(tmp_path: Path, norm: str) -> None:
    """What holds in the ball alone is proven there, and refused of larger balls, of the box and of
    other images; in floats and in integers."""
    case = Case(tmp_path, 13, [2, 3, 3, 3])
    size = 0.95 * case.widest(norm)
    assert size > case.rho * 1.01  # so that it fails in the box

    def refused(files: Files, exact: bool) -> bool:
        report = case.checker.check(save(case.folder / "ball.npz", files), exact=exact)
        assert report.accepted == (f"in the {norm} norm" in report.statement)
        return report.reason != ""

    header, arrays = halving(case.claim(size, norm), 8, case.random, propagate=norm == "l1")
    assert not refused((header, arrays), False) and not refused((header, arrays), True)
    changed: list[Files] = []
    for key, value in (("norm", "linf"), ("eps", (size * 1.1).hex()), ("eps", (2 * size).hex())):
        other = copy.deepcopy(header)
        other["claim"][key] = value
        changed.append((other, arrays))
    if norm == "l1" and size > 1.01 * case.widest("l2"):
        other = copy.deepcopy(header)
        other["claim"]["norm"] = "l2"
        changed.append((other, arrays))
    changed.append((header, {**arrays, "image": arrays["image"] + np.array([0.1 * size, 0.0])}))
    wider = halving(case.claim(size * 1.15, norm), 8, case.random)
    assert refused(changed[0], True)
    for files in [*changed, wider]:
        assert refused(files, False)


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_units_split_within_a_ball(tmp_path: Path, norm: str) -> None:
    """Bounds are made again at every node, in the region that all nodes share."""
    case = Case(tmp_path, 13, [2, 3, 3, 3])
    for refine in (False, True):
        files = splitting(case.claim(case.eps, norm), case.net, refine)
        files[1]["p0/tighten"] = np.ones_like(files[1]["p0/tighten"])
        assert case.verdict(files) == ""
        wide = splitting(case.claim(1.05 * case.widest(norm), norm), case.net, refine)
        wide[1]["p0/tighten"] = np.ones_like(wide[1]["p0/tighten"])
        assert "not closed" in case.verdict(wide)


@settings(max_examples=15)
@given(SEEDS)
def test_dual_norms_are_rounded_upwards(seed: int) -> None:
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 40))
    s = random.normal(size=(3, count)) * 10.0 ** random.integers(-8, 9)
    found = DUALS["l2"](s)
    for row, dual in zip(s.tolist(), found.tolist(), strict=True):
        square = sum(Fraction(value) ** 2 for value in row)
        assert (
            square
            <= Fraction(dual) ** 2
            <= square * (1 + Fraction(1, 10**12)) + Fraction(1, 10**200)
        )
