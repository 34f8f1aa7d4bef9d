"""Outward rounding against rational arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhobust.compiler.base.rounding import (
    LARGEST,
    UNIT,
    add_down,
    add_up,
    ceil_float,
    floor_float,
    gamma,
)

floats = st.floats(allow_nan=False, allow_infinity=False)
pairs = st.one_of(
    st.tuples(floats, floats),
    # near to each other, or to the other's negative: where the sum is exact or cancels
    floats.flatmap(
        lambda a: st.tuples(st.just(a), st.sampled_from([a, -a, a / 3, 2 * a, a + 1.0]))
    ),
)


@given(pairs)
def test_sums_are_rounded_outwards_and_by_little(pair: tuple[float, float]) -> None:
    a, b = pair
    exact = Fraction(a) + Fraction(b) if np.isfinite([a, b]).all() else None
    with np.errstate(over="ignore", invalid="ignore"):
        low, high = (
            add_down(np.array([a]), np.array([b]))[0],
            add_up(np.array([a]), np.array([b]))[0],
        )
    if exact is None or abs(exact) >= Fraction(np.finfo(float).max):
        return
    assert Fraction(low) <= exact <= Fraction(high)
    if float(exact) == exact:
        assert low == high == exact
    with np.errstate(over="ignore"):
        assert high <= np.nextafter(np.nextafter(low, np.inf), np.inf)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_sums_with_what_is_not_finite_are_the_plain_ones(value: float) -> None:
    with np.errstate(invalid="ignore"):
        low, high = add_down(np.array([value]), np.ones(1)), add_up(np.array([value]), np.ones(1))
    assert np.array_equal(low, [value + 1.0], equal_nan=True)
    assert np.array_equal(high, [value + 1.0], equal_nan=True)


@given(st.fractions(min_value=-1000, max_value=1000))
def test_nearest_floats_of_a_fraction(value: Fraction) -> None:
    low, high = floor_float(value), ceil_float(value)
    assert Fraction(low) <= value <= Fraction(high)
    assert high <= np.nextafter(low, np.inf)
    if float(value) == value:
        assert low == high


def test_gamma_bounds_the_error_of_a_dot_product() -> None:
    rng = np.random.default_rng(1)
    for terms in (1, 7, 100):
        a, b = rng.normal(size=terms), rng.normal(size=terms)
        exact = sum(Fraction(x) * Fraction(y) for x, y in zip(a.tolist(), b.tolist(), strict=True))
        size = sum(
            abs(Fraction(x) * Fraction(y)) for x, y in zip(a.tolist(), b.tolist(), strict=True)
        )
        assert abs(Fraction(float(a @ b)) - exact) <= Fraction(gamma(terms)) * size
        assert gamma(terms) >= terms * UNIT


def test_numbers_beyond_all_floats_are_rounded_outwards() -> None:
    large = 2 * Fraction(LARGEST)
    assert (floor_float(large), ceil_float(large)) == (LARGEST, np.inf)
    assert (floor_float(-large), ceil_float(-large)) == (-np.inf, -LARGEST)
