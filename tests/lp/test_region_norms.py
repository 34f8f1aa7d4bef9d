"""The restriction on regions of all layers and in all norms, against rationals."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhobust.compiler.base.norms import NormKind
from rhobust.compiler.base.tolerances import Tolerances
from rhobust.compiler.network.graph import Network
from rhobust.compiler.question.region import InputRegion
from rhobust.lp.oracle.highs import Oracle, highs_unscaled, reference
from rhobust.lp.restriction.network_region import NetworkRegion
from rhobust.lp.restriction.restrict import restrict
from rhobust.lp.restriction.task import Restricted, Work
from rhobust.selftest.polytopes import ratio

from ..reference.layers import Floats
from ..reference.oracles import Vector, vector
from ..reference.regions import cone, exact_region, least_in_region
from ..reference.strategies import Case, bent_case, bent_cases, cases, random_case, tangled_cases

NORMS = ("linf", "l1", "l2")
MARGINS = (0.0, 0.0, 0.25)


def lead(
    network: Network, region: NetworkRegion, label: int, rival: int, margin: float
) -> tuple[Floats, float]:
    direction = np.zeros((1, network.output_size))
    direction[0, label], direction[0, rival] = 1.0, -1.0
    rows, levels = region.output_rows(direction)
    return rows[0], float(levels[0]) + margin


def solved(
    case: Case, rival: int, norm: str, margin: float, oracle: Oracle = highs_unscaled,
    lazy: bool = True, point: Floats | None = None,
) -> Restricted:  # fmt: skip
    region = NetworkRegion.of(case.network, case.image if point is None else point)
    row, level = lead(case.network, region, case.label, rival, margin)
    ball = InputRegion(case.image, case.lower, case.upper, NormKind(norm))
    work = Work(oracle, lambda: 60.0, Tolerances(), lazy=lazy)
    return restrict(region, row, level, ball, work, point is None)


def check(case: Case, point: Floats | None, norm: str, margin: float, rival: int) -> str:
    """Lazy, eager and the reference against the rationals; returns what was found."""
    base: Vector = case.center if point is None else vector(point.tolist())
    region = exact_region(case.network, base)
    if region.closest is not None and region.closest < Fraction(1, 10**12):
        return "kink"  # rounding may put a unit on its other side
    cell = cone(case.center, *case.bounds, "linf" if norm == "l2" else norm)
    least, part = least_in_region(cell, region, case.label, rival, Fraction(margin))
    ways = [
        solved(case, rival, norm, margin, point=point),
        solved(case, rival, norm, margin, lazy=False, point=point),
        solved(case, rival, norm, margin, oracle=reference, point=point),
    ]
    for found in ways:
        if least is None:
            assert found.status == "none" and found.point is None, found
            continue
        assert found.status == "found" and found.point is not None, found
        place, size = found.point, len(case.image)
        step = place - case.image
        if norm == "l2":
            # the nearest point of a polytope: all of it lies beyond the plane through the point
            assert found.rho == pytest.approx(np.sqrt(step @ step), abs=1e-6)
            for corner, _ in part:
                far = np.array([float(ratio(n, corner)) for n in corner[1 : size + 1]])
                assert step @ (far - place) >= -1e-6
        else:
            assert found.rho == pytest.approx(float(least), abs=1e-6)
            distance = np.abs(step).max() if norm == "linf" else np.abs(step).sum()
            assert distance == pytest.approx(found.rho, abs=1e-6)
        assert (case.lower <= place + 1e-7).all() and (place <= case.upper + 1e-7).all()
        for form in region.example(case.label, rival, Fraction(margin)):
            value = sum(float(c) * place[k - 1] for k, c in form.items() if k)
            assert value + float(form[0]) <= 1e-5
        # on the region the network is what it was taken for: the target leads by the margin
        output = case.network.forward(np.clip(place, case.lower, case.upper)[None])[0]
        assert output[case.label] - output[rival] + margin <= 1e-5
    return ways[0].status


def rival_of(case: Case) -> int:
    return next(k for k in range(case.network.output_size) if k != case.label)


every_case = st.one_of(cases(), bent_cases(), tangled_cases())


@settings(max_examples=15, deadline=None)
@given(every_case, st.sampled_from(NORMS), st.sampled_from(MARGINS))
def test_the_least_radius_is_that_of_the_region(case: Case, norm: str, margin: float) -> None:
    check(case, None, norm, margin, rival_of(case))


@settings(max_examples=12, deadline=None)
@given(every_case, st.sampled_from(NORMS), st.integers(0, 2**32 - 1))
def test_the_center_may_lie_outside_of_the_region(case: Case, norm: str, seed: int) -> None:
    point = np.random.default_rng(seed).uniform(case.lower, case.upper)
    check(case, point, norm, 0.0, rival_of(case))


@pytest.mark.long
@pytest.mark.parametrize("chunk", range(20))
def test_many(chunk: int) -> None:
    seen: Counter[str] = Counter()
    for seed in range(250):
        rng = np.random.default_rng([5, chunk, seed])
        case = bent_case(rng) if rng.random() < 0.6 else random_case(rng)
        norm = NORMS[int(rng.integers(3))]
        point = rng.uniform(case.lower, case.upper) if rng.random() < 0.25 else None
        found = check(case, point, norm, float(rng.choice(MARGINS)), rival_of(case))
        seen[found] += 1
    assert seen["found"] > 50 and seen["none"] > 20, seen
    print(chunk, seen)
