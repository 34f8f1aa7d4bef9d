"""Intervals with a confidence: published numbers, sums of binomial terms, and their coverage."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhobust import metrics
from rhobust.compiler.base.errors import InputError
from rhobust.metrics.comparison import two_sided
from rhobust.metrics.sampling import between, clopper_pearson, uniform_width


def tail(count: int, images: int, share: float, above: bool) -> float:
    """The chance of at least, or of at most, so many, term by term."""
    terms = range(count, images + 1) if above else range(count + 1)
    return math.fsum(math.comb(images, k) * share**k * (1 - share) ** (images - k) for k in terms)


def test_published_intervals() -> None:
    # 0 of n: 1 - (alpha / 2)^(1 / n); 81 of 263: 0.2527 to 0.3676 (Newcombe 1998, Table I)
    assert clopper_pearson(0, 20) == pytest.approx((0.0, 1.0 - 0.025 ** (1 / 20)))
    assert clopper_pearson(81, 263) == pytest.approx((0.2527, 0.3676), abs=5e-5)
    assert clopper_pearson(20, 20).upper == 1.0
    assert uniform_width(1000) == pytest.approx(math.sqrt(math.log(40.0) / 2000.0))


@given(st.integers(1, 40), st.data(), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_ends_are_where_the_tails_are(images: int, data: st.DataObject, confidence: float) -> None:
    count, half = data.draw(st.integers(0, images)), (1.0 - confidence) / 2.0
    lower, upper = clopper_pearson(count, images, confidence)
    assert lower <= count / images <= upper
    if count:
        assert tail(count, images, lower, above=True) == pytest.approx(half, rel=1e-6)
    if count < images:
        assert tail(count, images, upper, above=False) == pytest.approx(half, rel=1e-6)


@pytest.mark.parametrize(("images", "confidence"), [(10, 0.9), (57, 0.95), (200, 0.99)])
def test_coverage_is_what_was_asked_for(images: int, confidence: float) -> None:
    """Exactly, by summing the chances of all counts whose interval holds the share."""
    ends = [clopper_pearson(count, images, confidence) for count in range(images + 1)]
    for share in np.linspace(0.003, 0.997, 60).tolist():
        chance = math.fsum(
            math.comb(images, count) * share**count * (1 - share) ** (images - count)
            for count, (lower, upper) in enumerate(ends)
            if lower <= share <= upper
        )
        assert chance >= confidence - 1e-12


def test_intervals_of_what_is_open_hold_all_their_counts() -> None:
    for least, most in itertools.combinations(range(13), 2):
        whole = between(least, most, 12)
        for count in range(least, most + 1):
            one = clopper_pearson(count, 12)
            assert whole.lower <= one.lower and one.upper <= whole.upper


def test_the_band_holds_the_whole_curve_as_often_as_promised() -> None:
    """log-normal rho, half of them widened to intervals; the band must hold its distribution."""
    from scipy.stats import lognorm

    draw, held, rounds = np.random.default_rng(5), 0, 400
    truth = lognorm(0.5, scale=0.1).cdf
    for _ in range(rounds):
        rho = draw.lognormal(math.log(0.1), 0.5, 60)
        wide = draw.random((2, 60)) * (draw.random(60) < 0.5)
        found = metrics.curve(np.column_stack([rho * (1 - 0.3 * wide[0]), rho * (1 + wide[1])]))
        band = found.sampling(0.9)
        begin, end = truth(band.eps), truth(np.append(band.eps[1:], np.inf))
        held += bool((band.lower <= begin).all() and (end <= band.upper).all())
    assert held / rounds >= 0.9
    assert band(0.0).upper == pytest.approx(uniform_width(60, 0.9))


def test_sampling_of_a_frequency_joins_both_sides() -> None:
    found = metrics.frequency(np.array([[0.1, 0.1], [0.2, 0.4], [0.5, 0.6], [0.7, math.inf]]), 0.3)
    ends = found.sampling()
    assert ends == (clopper_pearson(1, 4).lower, clopper_pearson(2, 4).upper)


@pytest.mark.parametrize("confidence", [0.0, 1.0, -1.0, math.nan])
def test_confidences_are_checked(confidence: float) -> None:
    with pytest.raises(InputError, match="confidence"):
        clopper_pearson(1, 2, confidence)


def test_counts_are_checked() -> None:
    for count, images in ((3, 2), (-1, 2), (0, 0)):
        with pytest.raises(InputError, match="is no share"):
            clopper_pearson(count, images)
    with pytest.raises(InputError, match="at most"):
        between(2, 1, 3)
    with pytest.raises(InputError, match="no images"):
        uniform_width(0)


# ---- two networks ------------------------------------------------------------------------------


def test_mcnemar_by_hand() -> None:
    # 1 against 5: 2 (1 + 6) / 2^6
    assert two_sided(1, 5) == pytest.approx(14 / 64)
    assert two_sided(0, 0) == two_sided(4, 4) == 1.0
    kept = np.array([1, 1, 1, 1, 1, 0, 0, 1], dtype=bool)
    other = np.array([0, 0, 0, 0, 0, 1, 0, 1], dtype=bool)
    found = metrics.mcnemar((kept, other), (~kept, ~other))
    assert (found.first, found.second, found.open) == (5, 1, 0)
    assert found.p == found.p_worst == pytest.approx(14 / 64)


@given(st.lists(st.tuples(st.sampled_from("plo"), st.sampled_from("plo")), min_size=1, max_size=7))
def test_the_worst_p_is_that_of_some_completion(states: list[tuple[str, str]]) -> None:
    proven = [np.array([one[k] == "p" for one in states]) for k in (0, 1)]
    lost = [np.array([one[k] == "l" for one in states]) for k in (0, 1)]
    found = metrics.mcnemar((proven[0], proven[1]), (lost[0], lost[1]))
    choices = [
        [(a, b) for a in ("pl" if x == "o" else x) for b in ("pl" if y == "o" else y)]
        for x, y in states
    ]
    values = [
        two_sided(one.count(("p", "l")), one.count(("l", "p")))
        for one in map(list, itertools.product(*choices))
    ]
    assert found.p_worst == pytest.approx(max(values))
    assert found.open == sum("o" in one for one in states)


def test_what_cannot_be_compared_is_refused() -> None:
    one, two = np.array([True]), np.array([True, False])
    with pytest.raises(InputError, match="same images"):
        metrics.mcnemar((one, two), (~one, ~two))
    with pytest.raises(InputError, match="at once"):
        metrics.mcnemar((one, one), (one, ~one))
