"""The metrics: by hand, and as bounds on what the true distances would give."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhobust import metrics
from rhobust.compiler.base.errors import InputError
from rhobust.metrics.intervals import distances
from rhobust.report.row import estimated, measured, verified
from rhobust.results import Estimate, RhoResult, Verdict, VerifyResult

Floats = npt.NDArray[np.float64]

HATS = np.array([0.0, 0.1, 0.3, math.inf])


def estimate(rho: float, label: int = 1) -> Estimate:
    status = "found" if math.isfinite(rho) else "none_in_region"
    return Estimate(rho, status, None, 2, label, 1, 0, 0, 0.1)


def interval(lower: float, upper: float) -> RhoResult:
    return RhoResult(lower, upper, None, "", 0.5, 0.5, 1, 1, 0.1, 1, 1)


# ---- by hand ---------------------------------------------------------------------------------


def test_estimates_by_hand() -> None:
    share = metrics.frequency(HATS, 0.1)
    assert (share.lower, share.upper, share.images) == (0.5, 1.0, 4)
    size = metrics.severity(HATS, 0.1)
    assert size.estimate == pytest.approx(0.05) and size.reason == ""
    assert (size.found, size.possible) == (2, 4)
    assert size.lower == 0.0 and size.upper == pytest.approx((0.1 + 2 * 0.1) / 4)
    assert metrics.frequency(HATS, 0.3).lower == 0.75
    assert metrics.severity(HATS, 0.3).estimate == pytest.approx(0.4 / 3)


def test_exact_distances_have_two_equal_sides() -> None:
    rho = np.column_stack([HATS, HATS])
    share, size = metrics.frequency(rho, 0.2), metrics.severity(rho, 0.2)
    assert share.lower == share.upper == 0.5
    assert size.lower == size.estimate == size.upper == pytest.approx(0.05)


def test_intervals_by_hand() -> None:
    # one surely within 0.2, two perhaps, one surely not
    found = [interval(0.1, 0.15), interval(0.05, 0.3), interval(0.18, 0.4), interval(0.25, 0.3)]
    share = metrics.frequency(found, 0.2)
    assert (share.lower, share.upper) == (0.25, 0.75)
    size = metrics.severity(found, 0.2)
    assert size.estimate == pytest.approx(0.15) and (size.found, size.possible) == (1, 3)
    assert size.lower == pytest.approx((0.1 + 0.05) / 2)  # 0.18 would raise the mean
    assert size.upper == pytest.approx((0.15 + 0.2 + 0.2) / 3)


def test_a_severity_that_is_not_defined_says_why() -> None:
    none = metrics.severity([math.inf, 0.4], 0.1)
    assert none.estimate is None and none.reason == "no example within eps was found"
    assert (none.lower, none.upper) == (0.0, 0.1)
    never = metrics.severity(np.array([[0.2, 0.3], [math.inf, math.inf]]), 0.1)
    assert (never.estimate, never.lower, never.upper) == (None, None, None)
    assert never.reason == "every image is proven to hold no example within eps"


def test_the_curve_by_hand() -> None:
    found = metrics.curve(np.array([[0.1, 0.2], [0.1, math.inf], [0.3, 0.3]]))
    assert found.eps.tolist() == [0.1, 0.2, 0.3]
    assert found.lower.tolist() == pytest.approx([0.0, 1 / 3, 2 / 3])
    assert found.upper.tolist() == pytest.approx([2 / 3, 2 / 3, 1.0])
    assert found(0.05).upper == 0.0 and found(9.0).lower == pytest.approx(2 / 3)


def test_misclassified_images_count_unless_left_out() -> None:
    found = [estimate(0.0, label=0), estimate(0.1), estimate(math.inf)]
    assert metrics.frequency(found, 0.0).lower == pytest.approx(1 / 3)
    assert metrics.frequency(found, 0.0, correct_only=True).lower == 0.0
    with pytest.raises(InputError, match="classified correctly"):
        metrics.severity(found[:1], 0.1, correct_only=True)


def test_a_misclassified_image_has_no_distance_whatever_a_single_rival_has(tmp_path: Path) -> None:
    """Proven robust against rivals other than the label that it is given."""
    proven = VerifyResult(Verdict.ROBUST, "", None, 0.1, 1, 3, 0.1, 0.1, 1, 1)
    far = RhoResult(0.2, 0.3, None, "", 0.5, 0.5, 1, 3, 0.1, 1, 1)
    guess = estimate(0.4, label=3)
    path = tmp_path / "out.jsonl"
    for result, row in (
        (proven, verified(0, proven)),
        (far, measured(0, far)),
        (guess, estimated(0, guess)),
    ):
        path.write_text(row.line() + "\n")
        for found in (distances([result]), distances(str(path))):
            assert (found.lower[0], found.upper[0], found.correct[0]) == (0.0, 0.0, False)
            assert not found.begins[0]


# ---- where results come from -----------------------------------------------------------------


def test_lines_mean_what_the_results_do(tmp_path: Path) -> None:
    estimates = [estimate(0.1), estimate(math.inf), estimate(0.0, label=0)]
    intervals = [interval(0.1, 0.2), interval(math.inf, math.inf), interval(0.1, math.inf)]
    verdicts = [
        VerifyResult(verdict, "", None, 0.1, 1, 1, 0.1, 0.1, 1, 1)
        for verdict in (Verdict.ROBUST, Verdict.UNKNOWN)
    ]
    for results, rows in (
        (estimates, [estimated(0, one) for one in estimates]),
        (intervals, [measured(0, one) for one in intervals]),
        (verdicts, [verified(0, one) for one in verdicts]),
    ):
        path = tmp_path / "out.jsonl"
        path.write_text("".join(row.line() + "\n" for row in rows))
        given_, read = distances(results), distances(str(path))
        assert given_.lower.tolist() == read.lower.tolist()
        assert given_.upper.tolist() == read.upper.tolist()
        assert given_.correct.tolist() == read.correct.tolist()
    assert distances(intervals).lower.tolist() == [0.1, math.inf, 0.1]
    assert distances(verdicts).lower.tolist() == [0.1, 0.0]


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ([], "no results"),
        ([0.1, math.nan], "not a number"),
        ([-0.1], "negative"),
        ([[0.2, 0.1]], "lies above"),
        (np.zeros((2, 3)), "should be"),
        ([object()], "neither"),
        ([estimate(0.1), "x"], "neither"),
    ],
)
def test_what_is_no_distance_is_refused(results: metrics.Results, message: str) -> None:
    with pytest.raises(InputError, match=message):
        metrics.frequency(results, 0.1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no results"),
        ("{", "line 1: is not JSON"),
        ("[1]", "line 1: is no result"),
        ('{"label": 1, "predicted": 1, "rho_upper": "x"}', "line 1: rho_upper is 'x'"),
        ('{"label": 1, "predicted": 1, "rho_upper": true}', "no number"),
    ],
)
def test_lines_that_are_no_results_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        metrics.curve(path)


def test_a_missing_file_and_a_bad_radius_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        metrics.curve(tmp_path / "none.jsonl")
    for eps in (-1.0, math.nan):
        with pytest.raises(InputError, match="eps"):
            metrics.frequency(HATS, eps)


# ---- as bounds -------------------------------------------------------------------------------

steps = st.integers(0, 8).map(lambda k: k / 8) | st.just(math.inf)


@st.composite
def known(draw: st.DrawFn) -> tuple[Floats, Floats, float]:
    """True distances, intervals around them, and a radius; ties are common."""
    three = draw(st.lists(st.tuples(steps, steps, steps), min_size=1, max_size=6))
    ordered = np.array([sorted(one) for one in three])
    return ordered[:, 1], ordered[:, [0, 2]], draw(st.integers(0, 9).map(lambda k: k / 8))


@given(known())
def test_both_metrics_lie_between_their_sides(case: tuple[Floats, Floats, float]) -> None:
    rho, intervals, eps = case
    share, size = metrics.frequency(intervals, eps), metrics.severity(intervals, eps)
    assert share.lower <= np.mean(rho <= eps) <= share.upper
    hat = metrics.frequency(intervals[:, 1], eps)
    assert hat.lower == share.lower and hat.upper == 1.0
    inside = rho[rho <= eps]
    assert (size.estimate is None) == bool(size.reason) == (not (intervals[:, 1] <= eps).any())
    if len(inside):
        assert size.lower is not None and size.upper is not None
        assert size.lower <= inside.mean() + 1e-12 and inside.mean() <= size.upper + 1e-12


@given(known())
def test_the_sides_of_the_severity_are_attained(case: tuple[Floats, Floats, float]) -> None:
    """By trying both ends, and eps, for every image."""
    _, intervals, eps = case
    choices = [
        [x for x in (low, high, eps, math.inf) if low <= x <= high] for low, high in intervals
    ]
    means = []
    for picked in itertools.product(*choices):
        inside = [x for x in picked if x <= eps]
        if inside:
            means.append(sum(inside) / len(inside))
    size = metrics.severity(intervals, eps)
    assert (size.lower is None) == (size.upper is None) == (not means)
    if means:
        assert size.lower == pytest.approx(min(means)) and size.upper == pytest.approx(max(means))


@given(known(), st.integers(0, 9).map(lambda k: k / 8))
def test_curves_rise_and_are_the_frequency(
    case: tuple[Floats, Floats, float], other: float
) -> None:
    _, intervals, eps = case
    found = metrics.curve(intervals)
    assert (np.diff(found.eps) > 0.0).all()
    for side in (found.lower, found.upper):
        assert (np.diff(side) >= 0.0).all()
    assert (found.lower <= found.upper).all()
    assert found(eps) == metrics.frequency(intervals, eps)
    least, most = sorted((eps, other))
    assert found(least).lower <= found(most).lower and found(least).upper <= found(most).upper


@given(known())
def test_knowing_more_narrows(case: tuple[Floats, Floats, float]) -> None:
    rho, intervals, eps = case
    wide = metrics.frequency(intervals, eps)
    narrow = metrics.frequency(np.column_stack([rho, rho]), eps)
    assert wide.lower <= narrow.lower == narrow.upper <= wide.upper
