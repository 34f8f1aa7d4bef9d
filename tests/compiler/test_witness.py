"""The validator: the only place where an input becomes a witness."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhobust.compiler.base.arrays import Matrix, Vector
from rhobust.compiler.base.rounding import float32_box
from rhobust.compiler.importers.plain import dense_network
from rhobust.compiler.network.graph import Network
from rhobust.compiler.question.claim import Claim
from rhobust.witness import label as module
from rhobust.witness.label import Validator, inner_box

from ..reference import oracles
from ..reference.strategies import Case, cases

LINE = replace(dense_network([([[1.0], [-1.0]], [0.0, 0.0])]), runtime=None)  # logits (x, -x)


def with_runtime(network: Network, logits: list[float]) -> Network:
    def run(inputs: Matrix) -> Matrix:
        return np.tile(np.array(logits, dtype=np.float32), (len(inputs), 1)).astype(np.float64)

    return replace(network, runtime=run)


def claim(network: Network = LINE, image: float = 0.5, margin: float = 0.0) -> Claim:
    return Claim.make(network, np.array([image]), 0, margin=margin, domain=(-1.0, 1.0))


@settings(max_examples=75, deadline=None)
@given(cases(), st.sampled_from([None, 0.0, 1e-9, 0.1, 0.7]), st.data())
def test_a_witness_is_inside_the_region_and_breaks_the_claim_exactly(
    case: Case, eps: float | None, data: st.DataObject
) -> None:
    margin = data.draw(st.sampled_from([0.0, 0.0, 0.1, -0.25]))
    asked = Claim.make(case.network, case.image, case.label, "any", margin, case.domain)
    validator = Validator(asked if eps is None else asked.within(eps))
    shares = np.array(data.draw(st.lists(st.floats(-1, 2), min_size=4, max_size=4)))
    point = case.lower + np.resize(shares, len(case.image)) * (case.upper - case.lower)
    found = validator.check(point)
    near = validator.snap(point)
    assert near is not None
    snapped = [Fraction(v) for v in near.tolist()]
    lower, upper = case.bounds if eps is None else case.box(eps)
    assert all(a <= v <= b for a, v, b in zip(lower, snapped, upper, strict=True))
    for value, own in zip(snapped, case.center, strict=True):
        assert value in (own, Fraction(float(np.float32(float(value)))))
    exact = oracles.margin_at(case.exact, snapped, case.label, None, Fraction(margin))
    if found is not None:
        assert exact <= 0
        assert [Fraction(v) for v in found.point.tolist()] == snapped
        own = oracles.margin_at(case.exact, snapped, case.label, [found.label], Fraction(margin))
        assert abs(own - Fraction(found.margin)) <= Fraction(found.radius)
        distance = max(abs(v - c) for v, c in zip(snapped, case.center, strict=True))
        assert distance <= Fraction(found.distance) <= distance * (1 + Fraction(1, 2**51))
    elif case.network.runtime is None:
        # small networks are settled in rationals, so nothing is lost but what the runtime refuses
        assert exact > 0


def test_an_exact_tie_breaks_the_claim_and_the_least_lead_keeps_it() -> None:
    found = Validator(claim()).check(np.array([0.0]))
    assert found is not None and (found.margin, found.radius, found.label) == (0.0, 0.0, 1)
    assert Validator(claim()).check(np.array([2.0**-60])) is None
    assert Validator(claim()).check(np.array([-(2.0**-60)])) is not None
    # 2 x + 1/2 <= 0 at -1/4 and not above
    assert Validator(claim(margin=0.5)).check(np.array([-0.25])) is not None
    assert Validator(claim(margin=0.5)).check(np.array([-0.2499999])) is None


def test_a_tie_in_a_network_too_large_for_rationals_is_no_witness(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "EXACT_WORK", 0)
    assert Validator(claim()).check(np.array([0.0])) is None
    assert Validator(claim()).check(np.array([-0.25])) is not None


@pytest.mark.parametrize(
    "point", [np.array([np.nan]), np.array([np.inf]), np.array([-1.0, 0.0]), np.array([[-1.0]])]
)
def test_what_is_no_point_is_refused(point: Vector) -> None:
    assert Validator(claim()).check(point) is None


def test_a_network_that_overflows_has_no_witness() -> None:
    huge, tens, none = np.array([[1e308], [-1e308]]), np.full((2, 2), 10.0), np.zeros(2)
    weights = [(huge, none), (tens, none)]
    asked = Claim.make(replace(dense_network(weights), runtime=None), np.array([0.0]), 0)
    with np.errstate(all="ignore"):
        assert Validator(asked).check(np.array([0.5])) is None


def test_the_runtime_must_agree() -> None:
    point = np.array([-0.5])
    for logits, agreed in (([0.0, 1.0], True), ([1.0, 1.0], True), ([1.0, 0.5], False)):
        found = Validator(claim(with_runtime(LINE, logits))).check(point)
        assert (found is not None) == agreed
    assert Validator(claim(with_runtime(LINE, [np.nan, 0.0]))).check(point) is None
    asked = claim(with_runtime(LINE, [0.0, 0.25]), margin=0.5)
    assert Validator(asked).check(point) is None


def test_any_target_may_confirm() -> None:
    three = replace(dense_network([([[1.0], [-1.0], [-2.0]], [0.0, 0.0, 0.0])]), runtime=None)
    found = Validator(claim(three)).check(np.array([-0.5]))
    assert found is not None and (found.label, found.margin) == (2, -1.5)


# ---- the box ---------------------------------------------------------------------------------

bounds = st.tuples(st.floats(-10, 10), st.floats(0, 1)).map(lambda pair: (pair[0], sum(pair)))


@given(bounds)
def test_float32_numbers_of_a_box(pair: tuple[float, float]) -> None:
    low, high = (float(v[0]) for v in float32_box(np.array([pair[0]]), np.array([pair[1]])))
    assert low == np.float32(low) and high == np.float32(high)
    assert pair[0] <= low and high <= pair[1]
    with np.errstate(under="ignore"):
        below = float(np.nextafter(np.float32(low), np.float32(-np.inf)))
        above = float(np.nextafter(np.float32(high), np.float32(np.inf)))
    assert below < pair[0] and pair[1] < above


def test_an_image_without_float32_numbers_around_stays_what_it_is() -> None:
    image = np.array([1.0 + 2.0**-40, 0.25])
    network = dense_network([(np.ones((2, 2)), np.zeros(2))])
    asked = Claim.make(network, image, domain=(0.0, 2.0))
    low, high = inner_box(asked.region.within(2.0**-45))
    assert low[0] == high[0] == image[0]
    assert low[1] == high[1] == 0.25
    low, high = inner_box(asked.region.within(2.0**-20))
    assert low[0] < image[0] < high[0] and low[1] < 0.25 < high[1]
    low, high = inner_box(asked.region)
    assert low.tolist() == [0.0, 0.0] and high.tolist() == [2.0, 2.0]


def test_a_bound_that_is_no_float_is_kept_exactly() -> None:
    """1/2 - eps lies above 1/4 by less than a float can tell, so 1/4 is outside the region."""
    eps = 0.25 - 2.0**-55
    asked = claim(image=0.5)
    for point, edge in ((-1.0, Fraction(1, 4)), (1.0, Fraction(3, 4))):
        near = Validator(asked.within(eps)).snap(np.array([point]))
        assert near is not None
        (value,) = near.tolist()
        assert abs(Fraction(value) - Fraction(1, 2)) <= Fraction(eps) < abs(edge - Fraction(1, 2))


def test_ties_are_not_settled_once_time_is_up() -> None:
    tie = dense_network([([[1 / 3, 0.0], [0.0, 1 / 3]], [0.0, 0.0])])
    claim = Claim.make(tie, np.array([0.7, 0.7]), 0)
    assert Validator(claim).check(claim.image) is not None
    assert Validator(claim, lambda: True).check(claim.image) is None
    # what floats tell is told all the same
    lost = Claim.make(tie, np.array([0.5, 0.75]), 0)
    assert Validator(lost, lambda: True).check(lost.image) is not None
