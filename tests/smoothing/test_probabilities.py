"""Bounds on normal and binomial probabilities against other series and exact sums."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhobust.smoothing.binomial import LEAST, clopper_pearson, more_often, tail
from rhobust.smoothing.certificate import Theorem
from rhobust.smoothing.normal import cdf, down, quantile, up

SHARES = st.floats(0.001, 0.999)


def taylor(z: Fraction) -> Fraction:
    """Phi(z) to 60 digits and more, by the alternating series, as the engine does not."""
    with localcontext() as context:
        context.prec = 140
        x = Decimal(z.numerator) / Decimal(z.denominator)
        term, total, k = x, x, 0
        while abs(term) > Decimal(10) ** -100:
            k += 1
            term = -term * x * x / (2 * k)
            total += term / (2 * k + 1)
        pi, last = Decimal(0), Decimal(1)  # Machin: pi = 16 atan(1/5) - 4 atan(1/239)
        for factor, base in ((16, 5), (-4, 239)):
            k, last = 0, Decimal(factor) / base
            while abs(last) > Decimal(10) ** -120:
                pi += last / (2 * k + 1)
                last = -last / (base * base)
                k += 1
        return Fraction(Decimal(1) / 2 + total / (2 * pi).sqrt())


def at_least(count: int, n: int, p: Fraction) -> Fraction:
    """P(X >= count), exactly."""
    return sum(
        (math.comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(max(count, 0), n + 1)),
        start=Fraction(0),
    )


@given(st.fractions(-8, 8, max_denominator=1000))
def test_the_normal_distribution_lies_between_its_bounds(z: Fraction) -> None:
    low, high = cdf(z)
    assert low <= taylor(z) <= high
    assert high - low < Fraction(1, 2**150)


def test_far_out_bounds_stay_bounds() -> None:
    for z in (9, 12, 13.9, 16, 17, 40, 1e300):
        low, high = cdf(Fraction(z))
        assert low < high <= 1
        rest = math.erfc(min(z, 16.0) / math.sqrt(2.0)) / 2.0
        assert 0.9999 * rest < float(1 - low) < 1.0001 * rest + 2.0**-150
        assert cdf(Fraction(-z)) == (1 - high, 1 - low)


@given(st.floats(1e-12, 1.0, exclude_max=True))
def test_quantiles_are_never_above_and_hardly_below(p: float) -> None:
    z = quantile(Fraction(p))
    assert cdf(Fraction(z))[1] <= p
    assert cdf(Fraction(z) + Fraction(1e-13) * Fraction(max(1.0, abs(z))))[1] > p or p > 1 - 1e-9


def test_quantiles_of_certainty_and_of_nothing() -> None:
    assert quantile(Fraction(0)) == quantile(Fraction(-1)) == -math.inf
    assert 8.0 < quantile(Fraction(1)) < 8.5


@given(st.fractions())
def test_directed_rounding(value: Fraction) -> None:
    assert down(value) <= value < math.nextafter(down(value), math.inf)
    assert math.nextafter(up(value), -math.inf) < value <= up(value)


@given(st.integers(1, 60), st.integers(-1, 61), st.fractions(0, 1, max_denominator=2**53))
def test_tails_bound_exact_sums(n: int, count: int, p: Fraction) -> None:
    found, exact = tail(count, n, p), at_least(count, n, p)
    assert exact <= found <= max(LEAST, exact * (1 + Fraction(n, 2**100)))


def test_tails_of_many_trials_agree_with_scipy() -> None:
    from scipy.stats import binom

    for n, count, p in ((100_000, 50_500, 0.499), (30_000, 29_000, 0.96), (9_000, 4_500, 0.52)):
        found = float(tail(count, n, Fraction(p)))
        assert found == pytest.approx(binom.sf(count - 1, n, p), rel=1e-9)


@given(st.integers(1, 60), st.data(), st.floats(1e-6, 0.4))
def test_clopper_pearson_is_the_largest_bound(n: int, data: st.DataObject, alpha: float) -> None:
    count = data.draw(st.integers(1, n))
    p = Fraction(clopper_pearson(count, n, alpha))
    assert at_least(count, n, p) <= alpha
    assert at_least(count, n, p * (1 + Fraction(1, 10**12))) > alpha
    assert clopper_pearson(0, n, alpha) == 0.0


@given(st.integers(1, 400), st.data(), SHARES)
def test_more_seen_means_more(n: int, data: st.DataObject, alpha: float) -> None:
    alpha = min(alpha, 0.49)
    count = data.draw(st.integers(1, n))
    here = clopper_pearson(count, n, alpha)
    assert clopper_pearson(count - 1, n, alpha) <= here <= count / n
    assert clopper_pearson(count, n, alpha / 2) <= here
    assert clopper_pearson(count + 1, n + 1, alpha) >= here


@given(st.integers(1, 40), st.fractions(0, 1, max_denominator=97), st.floats(1e-4, 0.3))
def test_the_bound_fails_with_at_most_alpha(n: int, p: Fraction, alpha: float) -> None:
    """Exactly: the probability of all counts whose bound lies above the true probability."""
    wrong = sum(
        (
            math.comb(n, k) * p**k * (1 - p) ** (n - k)
            for k in range(n + 1)
            if clopper_pearson(k, n, alpha) > p
        ),
        start=Fraction(0),
    )
    assert wrong <= alpha


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_two_sided_test(a: int, b: int) -> None:
    from scipy.stats import binomtest

    first, second = max(a, b), min(a, b)
    expected = binomtest(first, first + second, 0.5).pvalue if first else 1.0
    assert float(more_often(first, second)) == pytest.approx(expected, rel=1e-9)


@given(SHARES, st.floats(0.01, 10.0), st.sampled_from([0, Fraction(1, 10**12), Fraction(1, 100)]))
def test_radii_and_probabilities_are_inverse(p: float, sigma: float, off: Fraction) -> None:
    theorem = Theorem(sigma, Fraction(off))
    radius = theorem.radius(p)
    if p - off <= Fraction(1, 2) + off:
        assert radius == 0.0
        return
    # at that distance the theorem leaves the label 1/2 + off, exactly or a little more
    assert theorem.probability(radius) <= Fraction(p) + Fraction(1, 2**45)
    assert theorem.probability(radius * (1 + 1e-9) + 1e-12) > p
    assert theorem.radius(p) <= Theorem(sigma).radius(p)


def test_a_radius_by_hand() -> None:
    """Phi^-1(0.975) = 1.959964 (Cohen et al. 2019, Theorem 1 with p_B = 1 - p_A)."""
    assert Theorem(0.5).radius(0.975) == pytest.approx(0.979982, abs=1e-6)
    assert Theorem(0.5).radius(0.5) == Theorem(0.5).radius(0.2) == 0.0
    assert clopper_pearson(100, 100, 0.001) == pytest.approx(0.001**0.01, rel=1e-14)
