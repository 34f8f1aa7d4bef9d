"""Kernels answer alike, to the last bit, whether Python interprets them or numba compiled them.

A search must not depend on what its process did before: a checkpoint's roots are computed again and
compared, and rules of branching compare numbers.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rhobust
from rhobust.compiler.base.kernel import Kernel, Use
from rhobust.compiler.operators import kernels as patches

FILES = [
    import_module(f"rhobust.bnb.bounds.kernels.{name}")
    for name in ("balls", "crown", "multi_neuron", "propagation", "sparse_rows")
] + [patches, import_module("rhobust.lp.restriction.first_order")]

Draw = np.random.Generator

SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e308, -1e308, 5e-324])


def numbers(rng: Draw, *shape: int) -> Any:
    """Of many sizes, and in a third of all draws some that are none or at the ends of floats."""
    drawn = rng.normal(size=shape) * 10.0 ** rng.integers(-3, 4, size=shape)
    if rng.random() < 0.3:
        drawn = np.where(rng.random(shape) < 0.2, rng.choice(SPECIAL, size=shape), drawn)
    return drawn


def units(rng: Draw) -> dict[str, Any]:
    """Nodes B, queries Q, units N, and what kernels are given of them."""
    b, q, n = rng.integers(1, 5, size=3)
    lower = numbers(rng, b, n)
    split = rng.choice([-1, 0, 0, 1], size=(b, n)).astype(np.int8)
    beta = np.abs(numbers(rng, q, n)) if rng.random() < 0.5 else np.zeros((1, 0))
    return {
        "lam": numbers(rng, q, n), "pre": numbers(rng, q, n), "mu": numbers(rng, q, n),
        "lower": lower, "upper": lower + np.abs(numbers(rng, b, n)), "split": split,
        "owner": rng.integers(0, b, size=q), "alpha": rng.random((q, n)), "beta": beta,
        "bias": numbers(rng, n), "magnitude": np.abs(numbers(rng, n)),
        "bias_radius": np.abs(numbers(rng, n)), "constant": numbers(rng, q),
        "size": numbers(rng, q), "extra": numbers(rng, q), "vertex": np.empty((q, n)),
        "alpha_grad": np.empty((q, n)), "beta_grad": np.empty((q, n)), "post": np.empty((q, n)),
        "value": rng.random((q, n)), "grad": numbers(rng, q, n), "first": numbers(rng, q, n),
        "second": np.abs(numbers(rng, q, n)), "rate": rng.random(q),
        "step": int(rng.integers(1, 30)), "ceiling": float(rng.choice([1.0, np.inf])),
    }  # fmt: skip


def groups(rng: Draw) -> dict[str, Any]:
    q, units, many, members = rng.integers(1, 6, size=4)
    lower = numbers(rng, q, units)
    return {
        "lam": numbers(rng, q, units), "origin": rng.integers(0, 2, size=q),
        "phase": rng.choice([-1, 0, 0, 1], size=(q, units)).astype(np.int8),
        "lower": lower, "upper": lower + np.abs(numbers(rng, q, units)),
        "groups": rng.integers(-1, units, size=(2, many, members)),
        "share": numbers(rng, q, units), "gain": numbers(rng, q, many), "out": numbers(rng, q),
    }  # fmt: skip


def convolutions(rng: Draw) -> dict[str, Any]:
    batch, channels, height, width, kh, kw = rng.integers(1, 4, size=6)
    sh, sw, dh, dw = rng.integers(1, 3, size=4)
    top, left = rng.integers(0, 2, size=2)
    oh, ow = rng.integers(1, 4, size=2)
    geometry = np.array([channels, height, width, oh, ow, kh, kw, sh, sw, top, left, dh, dw])
    shape = (batch, 1, channels * kh * kw, oh * ow)
    position = rng.integers(0, oh * ow, size=5)
    sizes = np.zeros(5, dtype=np.int64)
    patches.row_sizes(position, int(channels), geometry, sizes)
    images = batch, channels, height, width
    return {
        "values": numbers(rng, *images), "patches": numbers(rng, *shape), "geometry": geometry,
        "position": position, "terms": int(channels), "groups": 1,
        "weight": numbers(rng, 2, channels, kh, kw), "channel": rng.integers(0, 2, size=5),
        "starts": np.concatenate([[0], np.cumsum(sizes)]), "sizes": sizes,
        "index": np.zeros(sizes.sum(), dtype=np.int64), "coefficients": np.zeros(sizes.sum()),
        "gathered": np.empty(shape), "scattered": np.zeros(images),
    }  # fmt: skip


UNITS = {
    "plain_slopes": "lower upper owner alpha",
    "relax": "lam lower upper split owner alpha beta bias magnitude bias_radius mu constant size "
    "extra",
    "passthrough": "mu bias magnitude bias_radius constant size extra",
    "relaxed_forward": "pre lam lower upper split owner alpha beta alpha_grad beta_grad post",
    "adam_step": "value grad first second rate step ceiling",
    "least_over_box": "lam lower upper owner magnitude constant size vertex",
}
CONVOLUTIONS = {
    "gather_patches": "values geometry gathered",
    "scatter_patches": "patches geometry scattered",
    "row_sizes": "position terms geometry sizes",
    "fill_rows": "weight channel position groups geometry starts index coefficients",
}
DRAWN: dict[str, tuple[Callable[[Draw], dict[str, Any]], str]] = {
    **{name: (units, text) for name, text in UNITS.items()},
    **{name: (convolutions, text) for name, text in CONVOLUTIONS.items()},
    "add_gains": (groups, "lam origin phase lower upper groups share gain out"),
}


ALL = {
    name: value
    for module in FILES
    for name, value in vars(module).items()
    if isinstance(value, Kernel) and value.interpretable
}


def test_all_are_drawn() -> None:
    assert set(ALL) == set(DRAWN)


@pytest.mark.parametrize("name", DRAWN)
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_interpreted_and_compiled_alike(name: str, seed: int) -> None:
    make, wanted = DRAWN[name]
    with np.errstate(all="ignore"):
        drawn = make(np.random.default_rng(seed))
    one, other = ([_copied(drawn[key]) for key in wanted.split()] for _ in range(2))
    assert ALL[name].interpreted(*one) is None
    ALL[name].compiled()(*other)
    for left, right in zip(one, other, strict=True):
        np.testing.assert_array_equal(left, right)  # and what is no number in the same places


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def test_the_call_beyond_the_allowance_is_compiled() -> None:
    use = Use(allowance=100)
    assert use.small(60) and use.small(40)
    assert not use.small(1)
    assert not use.small(0) and use.compiles


def test_listeners_are_told_once() -> None:
    told = []

    class Listens:
        def begin(self) -> None:
            told.append("begin")

        def end(self) -> None:
            told.append("end")

    use = Use()
    use._listeners.append(Listens())
    for _ in range(2):
        use.numba()
    assert told == ["begin", "end"] and use.compiles
    use.listen(Listens())
    assert told == ["begin", "end"] * 2


SCRIPT = """
import sys, numpy as np, rhobust as rb
from rhobust.compiler.base import kernel
from rhobust.bnb.bounds.kernels import crown, sparse_rows
alpha, bounds = np.ones((1, 4)), np.ones((1, 4))
plain = crown.plain_slopes
plain(-bounds, 2 * bounds, np.zeros(1, dtype=np.int64), alpha)
print("numba" in sys.modules, alpha.sum(), end=" ")
kernel.use.left = 10
plain(-bounds, bounds, np.zeros(1, dtype=np.int64), alpha)
print("numba" in sys.modules, alpha.sum(), end=" ")
print(type(sparse_rows.row_bound).__name__, end=" ")
sparse_rows.bound_below_splits.compiled()
print(type(sparse_rows.row_bound).__name__, type(sparse_rows.bound_below_splits).__name__)
"""


def test_numba_is_loaded_when_it_pays() -> None:
    root = Path(rhobust.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.split() == [
        "False", "4.0", "True", "0.0", "Kernel", "CPUDispatcher", "Kernel",
    ]  # fmt: skip
