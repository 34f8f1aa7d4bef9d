"""Bets: exactly how often they are wrong, and how soon they are right."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhobust.compiler.base.arrays import Vector
from rhobust.smoothing import Smoothed
from rhobust.smoothing.certificate import Theorem
from rhobust.smoothing.normal import cdf
from rhobust.smoothing.sequential import HALVINGS, Wealth, _bets, wealth

LIMITS = st.floats(0.5, 0.9999)


def crossing(limit: float, p: float, alpha: float, n: int, above: bool) -> tuple[float, Vector]:
    """(probability that the bet is won within n samples at p, distribution of when), exactly.

    One step of a walk over the counts after another; what crossed leaves it.
    """
    bets, needed = _bets(limit, above), -math.log(alpha)
    walk, when = np.ones(1), np.zeros(n + 1)
    for trials in range(1, n + 1):
        walk = np.append(walk * (1.0 - p), 0.0) + np.append(0.0, walk * p)
        hits = np.arange(trials + 1)
        won = wealth(bets, hits, trials - hits) >= needed
        when[trials] = walk[won].sum()
        walk[won] = 0.0
    return float(when.sum()), when


@given(LIMITS, st.booleans(), st.sampled_from([0.3, 0.01]))
def test_bets_are_won_with_at_most_alpha(limit: float, above: bool, alpha: float) -> None:
    assert crossing(limit, limit, alpha, 300, above)[0] <= alpha
    worse = limit * 0.97 if above else limit + 0.03 * (1.0 - limit)
    assert crossing(limit, worse, alpha, 300, above)[0] <= alpha


@given(LIMITS, st.booleans(), st.integers(1, 40))
def test_each_bet_is_fair_at_the_limit(limit: float, above: bool, n: int) -> None:
    """In rationals: no factor of any bet is above what a fair game pays."""
    share, success, failure = _bets(limit, above)
    assert len(share) == 2 * HALVINGS and sum(np.exp(share)) <= 1.0
    for won, lost in zip(success.tolist(), failure.tolist(), strict=True):
        pays = Fraction(limit) * Fraction(math.exp(won))
        pays += (1 - Fraction(limit)) * Fraction(math.exp(lost))
        assert pays <= 1
        assert won >= lost if above else won <= lost  # so p beyond the limit only loses
    hits = np.arange(n + 1)
    weights = [math.comb(n, k) * limit**k * (1.0 - limit) ** (n - k) for k in hits.tolist()]
    mean = float(np.dot(weights, np.exp(wealth((share, success, failure), hits, n - hits))))
    assert mean <= 1.0 + 1e-12


def test_an_answer_comes_early_where_it_is_clear() -> None:
    limit, alpha = float(Theorem(0.5).probability(0.5)), 0.001
    for p, above in ((1.0, True), (0.97, True), (0.5, False), (0.7, False)):
        won, when = crossing(limit, p, alpha, 400, above)
        assert won > 0.99
        assert np.dot(when, np.arange(401)) < 160


def test_wealth_is_counted_sample_by_sample() -> None:
    """However the samples are cut, the answer and the place are the same."""
    hits = np.random.default_rng(0).random(4000) < 0.95
    whole = Wealth(Fraction(0.9), 0.001)
    whole.add(hits)
    assert whole.answer is True and whole.samples == 4000 and whole.count == int(hits.sum())
    single = Wealth(Fraction(0.9), 0.001)
    for hit in hits:
        single.add(np.array([hit]))
        if single.answer is not None:
            break
    assert single.answer is True and single.samples < 1000
    portions = Wealth(Fraction(0.9), 0.001).portions(100)
    assert next(portions) == 16


def test_a_limit_of_one_is_never_passed() -> None:
    assert Wealth(Fraction(1), 0.01).answer is False
    assert list(Wealth(Fraction(1), 0.01).portions(1000)) == []


@pytest.mark.parametrize("grid", [None, 8])
def test_yes_and_no_of_a_known_radius(grid: int | None) -> None:
    """The half space x_0 < 1: its radius at the origin is 1, whatever the noise."""
    half = Smoothed(lambda rows: (rows[:, 0] < 1.0).astype(np.int64), 0.5, 2, grid=grid)
    near = half.certify_at(np.zeros(3), 0.7)
    far = half.certify_at(np.zeros(3), 1.3)
    assert (near.certified, near.label, near.reason) == (True, 1, "")
    assert far.certified is False and near.samples < 5000
    open_ = half.certify_at(np.zeros(3), 0.999 if grid is None else 0.94, n=500, label=1)
    assert open_.certified is None and open_.reason == "samples" and open_.samples == 500
    other = half.certify_at(np.zeros(3), 0.1, label=0)
    assert other.certified is False and other.label == 0


def test_samples_are_few_beside_a_fixed_number() -> None:
    """Of 300 points whose radii are spread around the one asked for; 10,000 is the usual number."""
    rng, alpha, limit = np.random.default_rng(5), 0.001, Theorem(0.5).probability(0.5)
    radii = rng.uniform(0.0, 1.5, 300)
    shares = [float(cdf(Fraction(radius) * 2)[0]) for radius in radii.tolist()]
    used, wrong = 0, 0
    for share, radius in zip(shares, radii.tolist(), strict=True):
        game = Wealth(limit, alpha)
        for part in game.portions(10_000):
            game.add(rng.random(part) < share)
        used += game.samples
        wrong += game.answer is not None and game.answer != (radius > 0.5)
    assert used <= 0.2 * 10_000 * len(radii)
    assert wrong == 0
