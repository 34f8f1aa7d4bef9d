"""Every compiled loop agrees with its plain twin."""

from __future__ import annotations

import numpy as np
import pytest

from rhobust.bnb.bounds.kernels import balls, crown
from rhobust.compiler.base.arrays import Matrix, Phases
from rhobust.compiler.operators.kernels import gather_patches, scatter_patches

from ..reference import twins

SEEDS = pytest.mark.parametrize("seed", range(8))


def bounds(rng: np.random.Generator, *shape: int) -> tuple[Matrix, Matrix]:
    """Units of all kinds: unstable, active, inactive, at a kink, of no width."""
    lower = rng.normal(-0.5, 1.0, size=shape)
    upper = lower + np.abs(rng.normal(size=shape))
    special = rng.integers(0, 8, size=shape)
    lower = np.where(special == 0, 0.0, lower)
    upper = np.where(special == 1, 0.0, upper)
    return np.minimum(lower, upper), np.maximum(lower, upper)


def phases(rng: np.random.Generator, *shape: int) -> Phases:
    return rng.choice([-1, 0, 0, 1], size=shape).astype(np.int8)


@SEEDS
def test_plain_slopes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lower, upper = bounds(rng, 3, 6)
    owner = rng.integers(0, 3, size=5)
    alpha = np.empty((5, 6))
    crown.plain_slopes(lower, upper, owner, alpha)
    assert np.array_equal(alpha, twins.plain_slopes(lower, upper, owner))


@SEEDS
@pytest.mark.parametrize("with_beta", [False, True])
def test_relax(seed: int, with_beta: bool) -> None:
    rng = np.random.default_rng(seed)
    lower, upper = bounds(rng, 3, 6)
    split, owner = phases(rng, 3, 6), rng.integers(0, 3, size=5)
    if not with_beta:
        # without multipliers a phase is known through the bounds alone
        split = np.where((split > 0) & (lower < 0) | (split < 0) & (upper > 0), 0, split)
        split = split.astype(np.int8)
    lam = np.where(rng.random((5, 6)) < 0.2, 0.0, rng.normal(size=(5, 6)))
    alpha = rng.random((5, 6))
    beta = rng.random((5, 6)) if with_beta else np.zeros((1, 0))
    bias, magnitude, radius = rng.normal(size=6), rng.random(6), rng.random(6)
    constant, size, extra = rng.normal(size=5), rng.random(5), rng.random(5)
    mu = np.full((5, 6), np.nan)
    expected, intercept = twins.relax(
        lam, lower[owner], upper[owner], split[owner], alpha, beta if with_beta else None
    )
    more = twins.accounting(expected, bias, magnitude, radius)
    wanted = [constant + more[0] + intercept.sum(axis=1), size + more[1], extra + more[2]]
    crown.relax(
        lam, lower, upper, split, owner, alpha, beta, bias, magnitude, radius,
        mu, constant, size, extra,
    )  # fmt: skip
    for got, want in zip([mu, constant, size, extra], [expected, *wanted], strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-14)
    # the upper slope is rounded up: coefficients below 0 are no larger than the exact chord's
    assert (mu[lam < 0] <= expected[lam < 0]).all()


@SEEDS
def test_passthrough(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mu = np.where(rng.random((4, 5)) < 0.3, 0.0, rng.normal(size=(4, 5)))
    bias, magnitude, radius = rng.normal(size=5), rng.random(5), rng.random(5)
    start = [rng.normal(size=4) for _ in range(3)]
    out = [part.copy() for part in start]
    crown.passthrough(mu, bias, magnitude, radius, *out)
    more = twins.accounting(mu, bias, magnitude, radius)
    for got, before, added in zip(out, start, more, strict=True):
        np.testing.assert_allclose(got, before + added, rtol=1e-13, atol=1e-14)


@SEEDS
def test_least_over_box(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lower, upper = bounds(rng, 3, 4)
    owner = rng.integers(0, 3, size=6)
    lam = np.where(rng.random((6, 4)) < 0.3, 0.0, rng.normal(size=(6, 4)))
    magnitude, constant, size = rng.random(4), rng.normal(size=6), rng.random(6)
    least, vertex = twins.least_over_box(lam, lower[owner], upper[owner])
    wanted = constant + least, size + np.abs(lam) @ magnitude
    found = np.empty((6, 4))
    balls.least_over_box(lam, lower, upper, owner, magnitude, constant, size, found)
    np.testing.assert_allclose([constant, size], wanted, rtol=1e-13, atol=1e-14)
    assert np.array_equal(found, vertex)


@SEEDS
def test_relaxed_forward(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lower, upper = bounds(rng, 3, 6)
    split, owner = phases(rng, 3, 6), rng.integers(0, 3, size=5)
    pre, lam = rng.normal(size=(5, 6)), rng.normal(size=(5, 6))
    alpha, beta = rng.random((5, 6)), rng.random((5, 6))
    out = [np.full((5, 6), np.nan) for _ in range(3)]
    crown.relaxed_forward(pre, lam, lower, upper, split, owner, alpha, beta, *out)
    post, by_alpha, by_beta = twins.relaxed_forward(
        pre, lam, lower[owner], upper[owner], split[owner], alpha
    )
    for got, want in zip(out, [by_alpha, by_beta, post], strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-14)


@SEEDS
def test_ascend(seed: int) -> None:
    rng = np.random.default_rng(seed)
    value, first, second = rng.random((3, 4)), np.zeros((3, 4)), np.zeros((3, 4))
    ceiling, rate = 1.0 if seed % 2 else np.inf, rng.random(3)
    expected = value, first, second
    for step in range(1, 6):
        grad = np.where(rng.random((3, 4)) < 0.2, 0.0, rng.normal(size=(3, 4)))
        each = rate[:, None]
        expected = twins.ascend(expected[0], grad, expected[1], expected[2], each, step, ceiling)
        crown.adam_step(value, grad, first, second, rate, step, ceiling)
        np.testing.assert_allclose([value, first, second], expected, rtol=1e-9, atol=1e-12)
    assert (value >= 0).all() and (value <= ceiling).all()


def test_ascent_stays_within_float32() -> None:
    """A step that would leave float32's numbers, or is none, leaves a multiplier as it is."""
    value = np.array([[1.0, 2.0, 3.0, 4.0]])
    grad = np.array([[1.0, np.nan, np.inf, -1.0]])
    crown.adam_step(value, grad, np.zeros((1, 4)), np.zeros((1, 4)), np.array([1e39]), 1, np.inf)
    assert value.tolist() == [[1.0, 2.0, 3.0, 0.0]]


@SEEDS
def test_least_radius(seed: int) -> None:
    rng = np.random.default_rng(seed)
    center, count = rng.random(5), 12
    down, up = center.copy(), 1.0 - center
    down[0] = up[0] = 0.0  # a coordinate that cannot move
    lam = rng.normal(size=(count, 5))
    lam[0] = 0.0
    # margins at the center from below 0 to beyond what the domain allows
    base = rng.uniform(-0.5, 2.5, size=count) - lam @ center
    slack, limit = np.full(count, 1e-3), 0.6
    found = np.empty(count)
    balls.least_radius(lam, base, slack, center, down, up, limit, found)
    for q in range(count):
        left = base[q] - slack[q]
        want = twins.least_radius(lam[q], left, center, down, up, limit)
        assert found[q] == pytest.approx(want, rel=1e-9, abs=1e-12)
        if found[q] > 0:
            inner = twins.margin_at_radius(lam[q], left, center, down, up, found[q] * (1 - 1e-9))
            assert inner > 0


GEOMETRIES = [
    # kernel, stride, padding (top, left, bottom, right), dilation
    ((1, 1), (1, 1), (0, 0, 0, 0), (1, 1)),
    ((2, 3), (1, 1), (0, 0, 0, 0), (1, 1)),
    ((2, 2), (2, 3), (1, 0, 0, 2), (1, 1)),
    ((3, 2), (1, 2), (2, 1, 1, 1), (1, 2)),
    ((2, 2), (3, 1), (0, 3, 3, 0), (2, 3)),
]


@pytest.mark.parametrize(("kernel", "stride", "padding", "dilation"), GEOMETRIES)
def test_patches(
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int, int, int],
    dilation: tuple[int, int],
) -> None:
    rng = np.random.default_rng(0)
    shape = (2, 3, 5, 6)
    out = tuple(
        (shape[2 + k] + padding[k] + padding[2 + k] - dilation[k] * (kernel[k] - 1) - 1)
        // stride[k] + 1
        for k in (0, 1)
    )  # fmt: skip
    geometry = np.array([*shape[1:], *out, *kernel, *stride, *padding[:2], *dilation])
    values = rng.normal(size=shape)
    expected = twins.patches(values, kernel, (out[0], out[1]), stride, padding[:2], dilation)
    found = np.full((2, 1, 3 * kernel[0] * kernel[1], out[0] * out[1]), np.nan)
    gather_patches(values, geometry, found)
    assert np.array_equal(found, expected.reshape(found.shape))
    # the adjoint: <gather(v), w> = <v, scatter(w)> for every v, so for the unit vectors
    weights = rng.normal(size=found.shape)
    back = np.zeros(shape)
    scatter_patches(weights, geometry, back)
    for index in np.ndindex(*shape):
        unit = np.zeros(shape)
        unit[index] = 1.0
        picked = twins.patches(unit, kernel, (out[0], out[1]), stride, padding[:2], dilation)
        assert back[index] == pytest.approx((picked.reshape(found.shape) * weights).sum())
