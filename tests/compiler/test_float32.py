"""Float32 evaluations in any order, with FMA and without, stay within the bound."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rhobust as rb
from rhobust.compiler.base.arrays import exact
from rhobust.compiler.importers.plain import dense_network
from rhobust.compiler.network.float32 import float32_error
from rhobust.compiler.network.graph import Network

Singles = npt.NDArray[np.float32]
Layers = list[tuple[Singles, Singles]]


def layers(rng: np.random.Generator, sizes: list[int], scale: float = 1.0) -> Layers:
    return [
        (
            (scale * rng.normal(size=(b, a)) / np.sqrt(a)).astype(np.float32),
            rng.normal(size=b).astype(np.float32),
        )
        for a, b in zip(sizes, sizes[1:], strict=False)
    ]


def network(made: Layers) -> Network:
    return dense_network([(w.astype(np.float64), b.astype(np.float64)) for w, b in made])


def evaluated(made: Layers, x: Singles, rng: np.random.Generator) -> Singles:
    """Rows of inputs to rows of outputs: the order of every sum and the use of FMA are random."""
    for number, (weight, bias) in enumerate(made):
        if number:
            x = np.maximum(x, np.float32(0))
        order = rng.permutation(weight.shape[1])
        parts = np.array_split(order, 1 if rng.random() < 0.5 else min(3, len(order)))
        total = np.zeros((len(x), len(weight)), dtype=np.float32)
        if rng.random() < 0.5:
            total = total + bias
        else:
            parts = [*parts, np.empty(0, dtype=np.int64)]
        fused = rng.random() < 0.5
        sums: list[Singles] = []
        for part in parts:
            value = total if len(sums) == 0 else np.zeros_like(total)
            for k in part:
                if fused:  # the product of two floats is exact in double
                    product = x[:, k, None].astype(np.float64) * weight[:, k].astype(np.float64)
                    value = (value + product).astype(np.float32)
                else:
                    value = value + x[:, k, None] * weight[:, k]
            sums.append(value if len(part) else np.broadcast_to(bias, value.shape))
        x = sums[0]
        for more in sums[1:]:
            x = x + more
    return x


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-20, 0.1, 1.0, 30.0, 1e6]))
def test_every_evaluation_is_within_the_bound(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    made = layers(rng, [*rng.integers(1, 9, size=int(rng.integers(2, 5))).tolist(), 3], scale)
    size = made[0][0].shape[1]
    lower: Singles = np.asarray(rng.normal(size=size), dtype=np.float32)
    upper: Singles = lower + np.asarray(rng.random(size), dtype=np.float32)
    bound = float32_error(network(made), lower.astype(np.float64), upper.astype(np.float64))
    x = np.clip(lower + rng.random((20, size)).astype(np.float32) * (upper - lower), lower, upper)
    truth = network(made).forward(exact(x.astype(np.float64)))
    for _ in range(10):
        away = exact(evaluated(made, x, rng).astype(np.float64)) - truth
        assert all((abs(row) <= bound).all() for row in away)


def test_what_is_not_known() -> None:
    huge = network([(np.full((2, 2), 1e30, np.float32), np.zeros(2, np.float32))] * 2)
    assert np.isinf(float32_error(huge, np.zeros(2), np.full(2, 1e10))).all()
    nothing = float32_error(huge, np.full(2, np.nan), np.ones(2))
    assert np.isinf(nothing).all()


def tight(seed: int) -> tuple[Layers, Singles, float]:
    """A network, an image, and nearly the largest radius at which float32 is proven robust."""
    rng = np.random.default_rng(seed)
    made = layers(rng, [4, 10, 8, 3])
    image = rng.random(4).astype(np.float32)
    model, low, high = network(made), 0.0, 0.5
    for _ in range(12):
        middle = 0.5 * (low + high)
        result = rb.verify(model, image.astype(np.float64), middle, timeout=600, float32=True)
        low, high = (middle, high) if result.level == "float32" else (low, middle)
    return made, image, low


def violations(seed: int, count: int) -> int:
    """Float32 evaluations at corners and elsewhere that give another label, of `count`."""
    made, image, eps = tight(seed)
    rng = np.random.default_rng(seed)
    label = int(np.argmax(network(made).forward(image.astype(np.float64)[None])[0]))
    found = 0
    for _ in range(count // 5000):
        step = rng.uniform(-1, 1, size=(5000, 4))
        corner = rng.random(5000) < 0.7
        step[corner] = np.sign(step[corner])
        exactly = np.clip(image.astype(np.float64) + eps * step, 0.0, 1.0)
        x = exactly.astype(np.float32)
        away = np.abs(x.astype(np.float64) - image.astype(np.float64)).max(axis=1) > eps
        x[away] = np.nextafter(x[away], image)
        inside = np.abs(x.astype(np.float64) - image.astype(np.float64)).max(axis=1) <= eps
        y = evaluated(made, x[inside], rng)
        # its own logit has to lead strictly
        others = np.delete(y, label, axis=1).max(axis=1)
        found += int((~(y[:, label] > others)).sum())
    return found


def test_levels_of_a_verdict() -> None:
    made, image, eps = tight(3)
    assert eps > 0.0
    plain = rb.verify(network(made), image.astype(np.float64), eps, timeout=600)
    assert (plain.verdict, plain.level) == ("ROBUST", "real")
    assert violations(3, 20_000) == 0


@pytest.mark.long
def test_no_evaluation_breaks_a_tight_verdict() -> None:
    assert sum(violations(seed, 500_000) for seed in range(20)) == 0
