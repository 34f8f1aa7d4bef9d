"""What the checker reads of a bend is what the operator computes, and what the engine bounds."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rhobust as rb
from rhobust.bnb.checker.exact.root import ExactRoot
from rhobust.bnb.checker.model import Model
from rhobust.bnb.checker.onnx.reader import read_model
from rhobust.bnb.checker.rounded.root import Root
from rhobust.compiler.base.arrays import Numbers, exact
from rhobust.compiler.language.expressions import Variable
from rhobust.compiler.network.graph import Network
from rhobust.compiler.steps.compile import Compiled, compile_formulas

from ..reference.bends import BENDS, draw

KINDS = [Root, ExactRoot]
seeds = st.integers(0, 2**32 - 1)


def drawn(rng: np.random.Generator, kind: str, eighths: bool) -> tuple[Network, Model]:
    with tempfile.TemporaryDirectory() as folder:
        path = draw(Path(folder) / "model.onnx", rng, kind, eighths)
        return rb.load(path), read_model(path)


def inside(low: Numbers, values: Numbers, high: Numbers) -> bool:
    pairs = zip(low.tolist(), values.tolist(), high.tolist(), strict=True)
    return all(Fraction(a) <= value <= Fraction(b) for a, value, b in pairs)


@pytest.mark.parametrize("kind", BENDS)
@settings(max_examples=10, deadline=None)
@given(seed=seeds, eighths=st.booleans())
def test_values_lie_within_the_bounds(kind: str, seed: int, eighths: bool) -> None:
    """At points, where the bounds almost meet, and over a box."""
    rng = np.random.default_rng(seed)
    network, model = drawn(rng, kind, eighths)
    low = rng.integers(-8, 9, 4) / 8.0
    high = low + rng.random(4)
    points = [low, high, *(low + (high - low) * rng.random((3, 4)))]
    values = network.forward(exact(np.array(points)))
    for which in KINDS:
        root = which(model, low, high)
        root.propagate()
        for value in values:
            assert inside(root.low[model.output], value, root.high[model.output])
        at = which(model, points[-1], points[-1])
        at.propagate()
        assert inside(at.low[model.output], values[-1], at.high[model.output])
        assert np.all(at.high[model.output] - at.low[model.output] < 1e-9)
    given_ = np.array(points).astype(np.float32)
    near = network.forward(given_.astype(np.float64))
    assert np.allclose(network.run(given_.astype(np.float64)), near, atol=1e-4)


def compiled(network: Network) -> Compiled:
    x = Variable(4, -9.0, 9.0, "x")
    y = network(x)
    return compile_formulas([y[0] <= y[1] + y[2]], inputs=(x,))


@pytest.mark.parametrize("kind", BENDS)
@settings(max_examples=10, deadline=None)
@given(seed=seeds, eighths=st.booleans())
def test_units_are_those_of_the_engine(kind: str, seed: int, eighths: bool) -> None:
    """Layers have one name here and there, and their units are the same functions."""
    rng = np.random.default_rng(seed)
    network, model = drawn(rng, kind, eighths)
    stages = compiled(network).problem.stages
    point = rng.integers(-8, 9, 4) / 8.0
    root = Root(model, point, point)
    root.propagate()
    mine = {t.name: t.relu for t in model.tensors if t.relu is not None}
    theirs = [stage.name for stage in stages if stage.relu]
    assert len(set(theirs)) == len(theirs) and set(theirs) == set(mine)
    values = [exact(point)[None]]
    for stage in stages:
        z = stage.pre(values)
        values.append(np.where(z > 0, z, exact(0.0)) if stage.relu else z)
        if stage.relu:
            source = mine[stage.name]
            assert source is not None
            assert inside(root.low[source], z[0], root.high[source])
            assert np.all(root.high[source] - root.low[source] < 1e-9)
