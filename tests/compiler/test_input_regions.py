"""Norms and regions in floats, rounded outwards, against rationals."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhobust.compiler.base.arrays import exact
from rhobust.compiler.base.errors import InputError
from rhobust.compiler.base.norms import L2, LINF, NormKind
from rhobust.compiler.question.region import InputRegion

norms = st.sampled_from(list(NormKind))
numbers = st.floats(-4, 4) | st.sampled_from([0.0, -0.0, 0.1, 1.0, 5e-324, 1e-160, 2.0**-54])
vectors = st.lists(numbers, min_size=3, max_size=3).map(np.array)


@settings(max_examples=200, deadline=None)
@given(norms, vectors)
def test_lengths_are_rounded_up(norm: NormKind, step: np.ndarray) -> None:
    whole = exact(step)
    for up in (norm.length_up(np.abs(step)), norm.exactly_up(whole.tolist())):
        assert norm.within(whole, Fraction(up))
        assert up <= norm.length(step) * (1.0 + 1e-14) + 2e-150
    if norm is not L2:
        least = norm.exactly_up(whole.tolist())
        assert least == 0.0 or not norm.within(whole, Fraction(float(np.nextafter(least, 0.0))))


@settings(max_examples=200, deadline=None)
@given(norms, vectors, vectors, st.sampled_from([0.0, 1e-300, 0.1, 0.7, 3.0]))
def test_boxes_and_membership(
    norm: NormKind, center: np.ndarray, step: np.ndarray, eps: float
) -> None:
    region = InputRegion(center, np.full(3, -8.0), np.full(3, 8.0), norm, eps)
    low, high = exact(region.box())
    inner_low, inner_high = exact(region.inner_box())
    radius, middle = Fraction(eps), exact(center)
    assert (low <= middle - radius).all() and (middle + radius <= high).all()
    assert (middle - radius <= inner_low).all() and (inner_high <= middle + radius).all()
    point = np.clip(center + step * min(eps, 1.0), -8.0, 8.0)
    gaps = exact(point) - middle
    assert region.ball_holds(point) == norm.within(gaps, radius)
    assert norm.within(gaps, Fraction(region.distance(point)))
    if region.ball_holds(point):
        assert (low <= exact(point)).all() and (exact(point) <= high).all()


def test_without_a_radius_it_is_the_domain() -> None:
    region = InputRegion(np.array([0.5]), np.zeros(1), np.ones(1))
    assert region.box() == region.inner_box() == (region.lower, region.upper)
    assert region.ball_holds(np.array([9.0])) and region.largest == 0.5
    assert region.distance(region.center) == 0.0 and region.norm is LINF


def test_a_norm_that_is_none() -> None:
    with pytest.raises(InputError, match="norm 'l3' is not supported; supported: linf, l1, l2"):
        NormKind.of("l3")
