"""Smoothed classifiers: certificates against known radii, repeatable noise, refusals."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rhobust as rb
from rhobust.compiler.base.arrays import exact
from rhobust.compiler.base.errors import InputError
from rhobust.compiler.importers.plain import dense_network
from rhobust.compiler.network.float32 import float32_error
from rhobust.embedded import embedded_images
from rhobust.smoothing import ABSTAIN, Smoothed, accuracy, certified_radius, each_alpha
from rhobust.smoothing.forward import Forward
from rhobust.smoothing.labels import FINER, NONE, OfReals, largest, leading
from rhobust.smoothing.smoothed import COUNT, GUESS

from ..reference.strategies import bent_case, random_case

Rows = npt.NDArray[Any]
SEEDS = st.integers(0, 10_000)


def linear(weight: list[float], bias: float) -> Any:
    """Label 1 where weight . x + bias > 0, and else 0."""

    def label(rows: Rows) -> Rows:
        return np.asarray(rows.astype(np.float64) @ np.array(weight) + bias > 0.0, dtype=int)

    return label


@pytest.mark.parametrize("grid", [None, 64])
def test_radii_are_seldom_above_the_true_one(grid: int | None) -> None:
    """The half space w . x + b > 0 at distance 0.3: a radius above 0.3 is a failure."""
    weight, alpha, count = [0.6, -0.8, 0.0], 0.02, 1500
    smoothed = Smoothed(linear(weight, 0.3), 0.5, 2, grid=grid)
    radii = [
        certified_radius(smoothed, np.zeros(3), 1, n0=1, n=200, alpha=alpha, index=index)
        for index in range(count)
    ]
    wrong = sum(radius > 0.3 for radius in radii)
    # four standard deviations; a bound that is never wrong would be too careful
    assert 0 < wrong <= count * alpha + 4 * (count * alpha) ** 0.5
    # the median: half of the counts are at least the mean one
    assert 0.15 < float(np.median(radii)) < 0.3


def test_the_samples_that_are_counted_are_fresh() -> None:
    """On the boundary every certificate is false; a count of the guess's own samples favours it."""
    smoothed, alpha, count = Smoothed(linear([1.0, 0.0], 0.0), 0.5, 2), 0.05, 1500
    found = [smoothed.certify(np.zeros(2), 100, 100, alpha, index=k) for k in range(count)]
    wrong = sum(one.label != ABSTAIN for one in found)
    assert 0 < wrong <= count * alpha + 4 * (count * alpha) ** 0.5
    for grid in (None, 64):
        smoothed = Smoothed(linear([1.0, 0.0], 0.0), 0.5, 2, grid=grid)
        for index in range(5):
            votes, counts = (
                smoothed.tally(np.zeros(2), 100, phase, index=index) for phase in (GUESS, COUNT)
            )
            one = smoothed.certify(np.zeros(2), 100, 100, alpha, index=index)
            assert one.guess == np.argmax(votes) and one.count == counts[one.guess]
            assert votes.tolist() != counts.tolist()


def test_large_images_are_made_in_smaller_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[tuple[int, ...]] = []

    def label(rows: Rows) -> Rows:
        shapes.append(rows.shape)
        return np.asarray(rows[:, 0] > 0.0, dtype=int)

    smoothed = Smoothed(label, 0.5, 2)
    whole = smoothed.certify(np.full(50, 0.2), 50, 500)
    answer = smoothed.certify_at(np.full(50, 0.2), 0.1)
    assert max(shapes) == (500, 50)
    shapes.clear()
    monkeypatch.setattr("rhobust.smoothing.smoothed.LARGEST", 400)
    assert smoothed.certify(np.full(50, 0.2), 50, 500) == whole
    assert smoothed.certify_at(np.full(50, 0.2), 0.1).certified is answer.certified
    assert max(shapes) == (8, 50)
    assert repr(smoothed) == "<Smoothed a function: 2 classes, sigma 0.5>"


def test_a_radius_follows_from_its_count() -> None:
    smoothed = Smoothed(linear([1.0], 0.5), 0.25, 2)
    found = smoothed.certify([0.0], 50, 1000, 0.01)
    label, radius = found
    assert label == 1 and 950 < found.count < 1000 and found.n == 1000
    from scipy.stats import beta, norm

    bound = beta.ppf(0.01, found.count, 1000 - found.count + 1)
    assert radius == pytest.approx(0.25 * norm.ppf(bound), rel=1e-9)
    assert found.probability <= bound and radius <= 0.25 * norm.ppf(found.probability)


def test_it_abstains_on_the_boundary() -> None:
    smoothed = Smoothed(linear([1.0, 0.0], 0.0), 0.5, 2)
    found = smoothed.certify(np.zeros(2), 100, 1000, 0.001)
    assert tuple(found) == (ABSTAIN, 0.0) and found.reason == "no label is frequent"
    assert smoothed.predict(np.zeros(2), 1000, 0.001) == ABSTAIN
    assert smoothed.predict(np.array([0.3, 0.0]), 1000, 0.001) == 1
    assert (
        certified_radius(smoothed, np.ones(2), 0) == 0.0 < certified_radius(smoothed, np.ones(2), 1)
    )


@pytest.mark.parametrize("grid", [None, 255])
@pytest.mark.parametrize("model", ["digits", "digits_conv"])
def test_results_repeat_whatever_the_batch(model: str, grid: int | None) -> None:
    images, labels = embedded_images()
    found = [
        Smoothed(model, 0.25, grid=grid, seed=3, batch=batch).certify(images[7], 50, 700, index=7)
        for batch in (1, 100, 4096)
    ]
    assert found[0] == found[1] == found[2] and found[0].label == labels[7]
    more = Smoothed(model, 0.25, grid=grid, seed=3)
    assert more.tally(images[7], 700, index=7).tolist() != more.tally(images[7], 700).tolist()
    other = Smoothed(model, 0.25, grid=grid, seed=4)
    assert (
        other.tally(images[7], 700, index=7).tolist()
        != more.tally(images[7], 700, index=7).tolist()
    )


@given(SEEDS, st.booleans())
def test_the_forward_pass_is_the_network_in_float32(seed: int, bent: bool) -> None:
    rng = np.random.default_rng(seed)
    case = (bent_case if bent else random_case)(rng)
    rows = rng.normal(size=(7, case.network.input_size)).astype(np.float32)
    forward = Forward(case.network)
    found = forward(rows)
    expected = case.network.forward(rows.astype(np.float64))
    if not any(case.network.layer(n).kind == "sign" for n in case.network.order[1:]):
        assert np.allclose(found, expected, rtol=1e-3, atol=1e-3 * (1 + np.abs(expected).max()))
    assert np.array_equal(forward(rows[3:4])[0], forward(rows[3:])[0])


@given(SEEDS, st.booleans())
def test_labels_over_the_reals_are_those_of_rationals(seed: int, bent: bool) -> None:
    rng = np.random.default_rng(seed)
    case = (bent_case if bent else random_case)(rng)
    network = case.network
    image = rng.normal(size=network.input_size)
    rows = (image + rng.uniform(-0.5, 0.5, (12, len(image)))).astype(np.float32)
    found = OfReals(Forward(network), Forward(network, np.float64), image, 0.75)(rows)
    outputs = network.forward(exact(rows.astype(np.float64)))
    for label, values in zip(found.tolist(), outputs, strict=True):
        if label == NONE:  # a tie, or all but one
            assert float(sorted(values)[-1] - sorted(values)[-2]) < 1e-6
        else:
            assert all(values[label] > value for k, value in enumerate(values) if k != label)


def test_scores_that_are_no_numbers_are_no_label() -> None:
    scores = np.array([[1.0, 2.0], [np.nan, 0.0], [np.inf, 0.0], [3.0, 3.0]])
    assert largest(scores).tolist() == [1, NONE, NONE, 0]
    assert leading(scores, np.zeros(2)).tolist() == [1, NONE, NONE, NONE]
    assert leading(scores, np.full(2, np.inf)).tolist() == [NONE] * 4
    assert leading(scores, np.full(2, np.nan)).tolist() == [NONE] * 4
    assert leading(np.array([[1.0, 0.0]]), np.array([0.5, 0.5])).tolist() == [NONE]
    assert leading(np.array([[1.0, 0.0]]), np.array([0.5, 0.25])).tolist() == [0]

    def broken(rows: Rows) -> Rows:
        return np.full((len(rows), 2), np.nan)

    smoothed = Smoothed(broken, 0.5, 2)
    assert smoothed.tally([0.0], 100).tolist() == [0, 0]
    assert tuple(smoothed.certify([0.0], 10, 100)) == (ABSTAIN, 0.0)
    assert smoothed.predict([0.0], 100) == ABSTAIN
    assert smoothed.certify_at([0.0], 0.1, 1000).certified is False


def test_a_deadline_ends_in_an_abstention() -> None:
    smoothed = Smoothed(linear([1.0], 5.0), 0.5, 2, batch=16)
    found = smoothed.certify([0.0], 100, 10_000, timeout=1e-9)
    assert tuple(found) == (ABSTAIN, 0.0) and found.reason == "timeout"
    late = smoothed.certify_at([0.0], 0.5, timeout=1e-9)
    assert late.certified is None and late.reason == "timeout"


def test_certified_accuracy_and_the_chance_of_any_failure() -> None:
    smoothed = Smoothed(linear([1.0], 0.0), 0.5, 2)
    points = [-1.0, -0.2, 0.0, 0.4, 1.0]
    found = [smoothed.certify([x], 50, 1000, 0.001, index=k) for k, x in enumerate(points)]
    got = accuracy(found, [0, 0, 1, 1, 0])
    assert got.images == 5 and len(got.radii) == 3 and got(0.0) == 0.6
    assert got(0.3) == 0.4 and got(0.6) == 0.2 and got(2.0) == 0.0
    assert 0.005 <= got.wrong <= 0.0050001
    assert got.mean == pytest.approx(sum(radius for _, radius in found[:2] + found[3:4]) / 5)
    assert each_alpha(0.01, 4) == 0.0025
    with pytest.raises(InputError, match="as many labels"):
        accuracy(found, [0, 1])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"sigma": 0.0}, "sigma must be a positive number"),
        ({"sigma": float("nan")}, "sigma must be a positive number"),
        ({"sigma": 0.5, "classes": 1}, "classes must be a whole number of at least 2"),
        ({"sigma": 0.5}, "the number of classes"),
        ({"sigma": 0.5, "classes": 2, "batch": 0}, "batch must be"),
        ({"sigma": 0.5, "classes": 2, "grid": 0.5}, "grid must be"),
    ],
)
def test_wrong_settings_are_refused(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        Smoothed(linear([1.0], 0.0), **arguments)


def test_wrong_questions_are_refused() -> None:
    smoothed = Smoothed(linear([1.0], 0.0), 0.5, 2)
    for call in (
        lambda: smoothed.certify([0.0], 0, 100),
        lambda: smoothed.certify([0.0], 10, 100, alpha=1.0),
        lambda: smoothed.certify([0.0], 10, 100, alpha=float("nan")),
        lambda: smoothed.certify([np.nan], 10, 100),
        lambda: smoothed.certify([0.0], 10, 100, index=-1),
        lambda: smoothed.certify_at([0.0], -1.0),
        lambda: smoothed.certify_at([0.0], 1.0, label=2),
        lambda: Smoothed("digits", 0.5, 3),
        lambda: Smoothed("digits", 0.5).certify(np.zeros(5)),
        lambda: Smoothed("digits", 0.5, grid=255).certify(np.full(64, 0.123)),
        lambda: Smoothed(lambda rows: rows, 0.5, 2).certify(np.zeros(3)),
        lambda: Smoothed(lambda rows: np.full(len(rows), 2), 0.5, 2).certify(np.zeros(3)),
    ):
        with pytest.raises(InputError):
            call()


def test_the_public_names() -> None:
    for name in rb.smoothing.__all__:
        assert getattr(rb.smoothing, name) is not None


@given(SEEDS, st.booleans())
def test_float64_is_as_near_as_is_said(seed: int, bent: bool) -> None:
    """Its error beside the bound on float32's, by rationals."""
    rng = np.random.default_rng(seed)
    network = (bent_case if bent else random_case)(rng).network
    centre = rng.normal(size=network.input_size)
    rows = (centre + rng.uniform(-0.5, 0.5, (5, len(centre)))).astype(np.float32)
    bound = float32_error(network, centre - 0.6, centre + 0.6)
    outputs = Forward(network, np.float64)(rows)
    truth = network.forward(exact(rows.astype(np.float64)))
    for output, values in zip(outputs, truth, strict=True):
        for k, error in enumerate(bound.tolist()):
            if np.isfinite(error):
                assert abs(Fraction(float(output[k])) - values[k]) <= Fraction(FINER * error)


def test_labels_over_the_reals_do_not_hang_on_the_reach() -> None:
    """Inputs near the image and far from it, whose bounds are not the same."""
    network = rb.load("digits_conv")
    rng, image = np.random.default_rng(0), rb.data.digits().vector(0)
    away = rng.normal(size=(300, 64)) * np.linspace(0.1, 0.6, 300)[:, None]
    rows = (image + np.clip(away, -2.0, 2.0)).astype(np.float32)
    single, double = Forward(network), Forward(network, np.float64)
    found = OfReals(single, double, image, 2.1)(rows)
    assert found.tolist() == OfReals(single, double, image, 20.0)(rows).tolist()
    assert found.tolist() == np.argmax(double(rows), axis=1).tolist()


@pytest.mark.parametrize("grid", [None, 16])
def test_radii_of_an_affine_network_are_below_what_rho_proves(grid: int | None) -> None:
    """Smoothing changes no affine classifier of two labels, on a grid by less than a step."""
    rng = np.random.default_rng(2)
    network = dense_network([(rng.integers(-8, 9, (2, 3)) / 4.0, rng.integers(-4, 5, 2) / 4.0)])
    smoothed = Smoothed(network, 0.5, grid=grid)
    for index in range(6):
        image = rng.integers(-16, 17, 3) / 16.0
        true = rb.rho(network, image, norm="l2", domain=(-20, 20))
        label, radius = smoothed.certify(image, 50, 2000, 1e-6, index=index)
        assert label in (ABSTAIN, true.label) and radius <= true.upper
        assert true.upper < 0.2 or radius > 0.4 * min(true.upper, 1.0)
