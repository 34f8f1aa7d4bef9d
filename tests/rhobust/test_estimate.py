"""rb.rho_estimate: whole pixels, the iterated restriction, thresholds, norms, refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhobust import rho_estimate
from rhobust.compiler.base.errors import InputError
from rhobust.compiler.importers.plain import dense_network
from rhobust.compiler.network.graph import GraphBuilder, Network
from rhobust.compiler.network.layers import Linear, MaxPool, Rectifier
from rhobust.compiler.operators import Dense
from rhobust.compiler.operators.pooling import Windows

from ..reference import oracles
from ..reference.layers import Floats
from ..reference.strategies import Case, bent_cases, cases, tangled_cases

every_case = st.one_of(cases(), bent_cases(), tangled_cases())
NORMS = st.sampled_from(["linf", "l1", "l2"])


def size(step: Floats, norm: str) -> float:
    return float(np.linalg.norm(step, {"linf": np.inf, "l1": 1, "l2": 2}[norm]))


def lead(case: Case, point: Floats) -> float:
    """What the label has over its best rival, at most 0 at an example."""
    exact = oracles.margin_at(case.exact, oracles.vector(point.tolist()), case.label)
    return float(exact)


@settings(max_examples=12, deadline=None)
@given(every_case, NORMS)
def test_the_descent_only_nears_and_never_beats_the_exact_distance(case: Case, norm: str) -> None:
    found = rho_estimate(
        case.network,
        case.image,
        label=case.label,
        target="any",
        domain=case.domain,
        norm=norm,
        iterate=True,
    )
    further = found.iterated
    assert further is not None and found.norm == norm and found.integer is None
    assert further.rho <= found.rho + 1e-9
    if further.witness is not None:
        assert lead(case, further.witness.point) <= 0.0
        moved = size(further.witness.point - case.image, norm)
        assert moved <= further.distance <= moved + 1e-9
    if norm == "linf":
        least = oracles.least_distance(case.exact, case.center, case.label, *case.bounds)
        assert least is not None or further.rho == np.inf
        if least is not None:
            assert further.rho >= float(least[0]) - 1e-6
            assert further.distance >= float(least[0])


def whole(case: Case) -> Case:
    """The case with an image of whole pixels in the unit box."""
    pixels = np.rint(np.clip(case.image, 0.0, 1.0) * 255.0)
    count = len(pixels)
    return replace(case, image=pixels / 255.0, lower=np.zeros(count), upper=np.ones(count))


@settings(max_examples=12, deadline=None)
@given(every_case, NORMS, st.booleans())
def test_examples_of_whole_pixels(case: Case, norm: str, iterate: bool) -> None:
    case = whole(case)
    label = int(np.argmax(case.network.forward(case.image[None])[0]))
    case = replace(case, label=label)
    found = rho_estimate(
        case.network,
        case.image,
        label=label,
        target="any",
        norm=norm,
        integer=True,
        iterate=iterate,
    )
    grid = found.integer
    assert grid is not None
    if grid.pixels is None:
        assert grid.rho == np.inf and grid.witness is None
        return
    assert grid.pixels.min() >= 0 and grid.pixels.max() <= 255
    step = np.asarray(grid.pixels, dtype=np.float64) - np.rint(case.image * 255.0)
    assert grid.rho == pytest.approx(size(step, norm))
    assert grid.witness is not None
    np.testing.assert_allclose(grid.witness.point, grid.pixels / 255.0, atol=1e-7)
    assert lead(case, grid.witness.point) <= 0.0
    if norm == "linf":  # no nearer than any example
        least = oracles.least_distance(case.exact, case.center, label, *case.bounds)
        assert least is not None and grid.rho >= float(least[0]) * 255.0 - 1e-4


def chain(*layers: tuple[Any, int]) -> Network:
    builder = GraphBuilder((layers[0][0].operator.in_size,))
    node = Network.INPUT
    for layer, count in layers:
        node = builder.add("", layer, count, node)
    return builder.finish(node)


def dense(weight: list[list[float]], bias: list[float]) -> Linear:
    return Linear(Dense(np.array(weight)), np.array(bias))


SLOPE = chain((dense([[1.0], [-1.0]], [0.0, 1.0]), 2))
"""Label 0 above 1/2, label 1 below."""


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("way", [1.0, -1.0])
@pytest.mark.parametrize("norm", ["linf", "l1", "l2"])
def test_of_regions_that_meet_at_the_image_the_one_with_the_example_counts(
    side: float, way: float, norm: Any
) -> None:
    """A pre-activation is 0 at the image: whichever phase the network gives it, the example may lie
    on the other side.
    """
    net = dense_network(
        [
            (np.array([[side], [1.0]]), np.array([-0.5 * side, 0.0])),
            (np.array([[0.0, 0.0], [0.125, way]]), np.array([0.5 * way + 0.1, 0.0])),
        ]
    )
    found = rho_estimate(net, np.array([0.5]), norm=norm)
    assert found.status == "found" and found.witness is not None
    assert found.rho == pytest.approx(0.1 / (1.0 + 0.125 * (side == way)), rel=1e-6)
    assert found.distance == pytest.approx(found.rho, rel=1e-4)


def test_by_hand() -> None:
    image = np.array([200.0 / 255.0])
    found = rho_estimate(SLOPE, image, integer=True, iterate=True)
    assert found.status == "found" and found.rho == pytest.approx(200.0 / 255.0 - 0.5)
    assert found.searched == pytest.approx(found.rho) and found.target == 1
    assert found.integer is not None and found.integer.pixels is not None
    assert found.integer.pixels.tolist() == [127] and found.integer.rho == 73.0
    assert found.iterated is not None and found.iterated.rho == pytest.approx(found.rho)
    assert found.iterated.origin == "region"
    margin = rho_estimate(SLOPE, image, margin=0.5)
    assert margin.rho == pytest.approx(200.0 / 255.0 - 0.25)


def test_a_threshold_and_an_empty_region_are_told_apart() -> None:
    image = np.array([0.9])
    near = rho_estimate(SLOPE, image, max_eps=0.1)
    assert (near.status, near.rho, near.witness) == ("beyond_max_eps", np.inf, None)
    assert near.searched == pytest.approx(0.1)
    assert rho_estimate(SLOPE, image, max_eps=0.4).status == "found"
    # the second unit is inactive at the image, and only it can make the other label win
    hinge = chain(
        (dense([[1.0], [-1.0]], [0.0, 0.5]), 2),
        (Rectifier(), 2),
        (dense([[0.0, 0.0], [0.0, 1.0]], [0.25, 0.0]), 2),
    )
    alone = rho_estimate(hinge, image)
    assert alone.status == "none_in_region" and alone.searched == pytest.approx(0.9)
    further = rho_estimate(hinge, image, iterate=True, integer=True, domain=(0.0, 0.9)).iterated
    assert further is not None and further.origin == "attack"
    assert further.rho == pytest.approx(0.65) and further.witness is not None


def test_the_order_of_a_windows_losers_is_free() -> None:
    # the winner stays ahead of both others, which change places on the way to the example
    pool = chain(
        (dense([[0.0], [1.0], [-1.0]], [1.0, -0.5, -0.25]), 3),
        (MaxPool(Windows(np.array([[0, 1, 2]]), 3)), 1),
        (dense([[1.0], [-1.0]], [0.0, 2.5]), 2),
    )
    line = chain(
        (dense([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [2.0, -0.5, 0.0]), 3),
        (MaxPool(Windows(np.array([[0, 1, 2]]), 3)), 1),
        (dense([[1.0], [0.0]], [0.0, 2.25]), 2),
    )
    assert rho_estimate(pool, np.array([0.5])).status == "none_in_region"
    found = rho_estimate(line, np.array([0.75, 0.5]), domain=(0.0, 1.0))
    assert found.status == "found" and found.rho == pytest.approx(0.5)


def test_what_is_refused() -> None:
    image = np.array([0.9])
    for wrong in ({"norm": "l3"}, {"max_eps": -1.0}, {"max_eps": np.nan}, {"timeout": 0.0}):
        with pytest.raises(InputError):
            rho_estimate(SLOPE, image, **wrong)
    with pytest.raises(InputError, match="whole pixels"):
        rho_estimate(SLOPE, image + 1e-3, integer=True)
    with pytest.raises(InputError, match="positive width"):
        rho_estimate(SLOPE, image, integer=True, domain=(0.9, 0.9))


def test_the_image_itself_may_be_an_example() -> None:
    for norm in ("linf", "l1", "l2"):
        found = rho_estimate(SLOPE, np.array([0.0]), label=0, norm=norm, integer=True, iterate=True)
        assert found.rho == found.distance == found.searched == 0.0 and found.status == "found"
        assert found.integer is not None and found.integer.rho == 0.0
        assert found.iterated is not None and found.iterated.rho == 0.0


def test_all_rows_at_once_agree_with_rows_on_demand() -> None:
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(8, 6)), rng.normal(size=(8, 8)), rng.normal(size=(3, 8))]
    network = chain(
        (Linear(Dense(weights[0]), rng.normal(size=8)), 8), (Rectifier(), 8),
        (Linear(Dense(weights[1]), rng.normal(size=8)), 8), (Rectifier(), 8),
        (Linear(Dense(weights[2]), None), 3),
    )  # fmt: skip
    for norm in ("linf", "l1", "l2"):
        for _ in range(10):
            image = rng.random(6)
            one, other = (
                rho_estimate(network, image, target="any", norm=norm, lazy=lazy)
                for lazy in (True, False)
            )
            assert one.status == other.status and one.rows <= other.rows
            if one.status == "found":
                assert one.rho == pytest.approx(other.rho, abs=1e-6)
