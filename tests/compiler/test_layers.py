"""Layers: their values, exactly and in floats, and the enclosure of what rounding leaves open."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhobust.compiler.base.arrays import Numbers, exact
from rhobust.compiler.base.errors import LanguageError
from rhobust.compiler.language.evaluator import holds, value
from rhobust.compiler.language.expressions import And, Variable
from rhobust.compiler.network.forward import VALUES, Enclosed, layer_enclosure, layer_value
from rhobust.compiler.network.graph import GraphBuilder, Network
from rhobust.compiler.network.layers import (
    FORMULAS,
    Absolute,
    Clip,
    Layer,
    Leaky,
    Linear,
    Maximum,
    MaxPool,
    Rectifier,
    Sign,
    Sum,
    rectifiers,
)
from rhobust.compiler.operators.linear import Dense
from rhobust.compiler.operators.pooling import Windows
from rhobust.compiler.question.claim import Claim
from rhobust.compiler.steps.compile import compile_formulas
from rhobust.compiler.steps.system import variables

from ..reference import oracles
from ..reference.strategies import Case, bent_cases

SIZE = 4
INF = np.inf
LAYERS: list[tuple[Layer, int, int]] = [
    (Linear(Dense(np.array([[0.1, -0.3, 2.0, 1.0], [1.0, 1.0, 0.7, -1.0]])), np.ones(2)), 1, 2),
    (Sum((1.0, -1.0)), 2, 4),
    (Rectifier(), 1, 4),
    (Leaky(np.array([0.1, -3.0, 1.7, 0.0])), 1, 4),
    (Clip(np.array([-0.1, -INF, 0.5, -INF]), np.array([0.3, 0.0, INF, INF])), 1, 4),
    (Absolute(), 1, 4),
    (Maximum(3), 3, 4),
    (MaxPool(Windows(np.array([[0, 1, -1], [-1, 3, 1], [2, -1, -1]]), SIZE)), 1, 3),
    (Sign(), 1, 4),
]
"""Each kind with how many inputs it takes and how many numbers it gives."""


def meant(layer: Layer, sources: Sequence[list[Fraction]]) -> list[Fraction]:
    """The layer at one input, by its definition."""
    x = sources[0]
    match layer:
        case Linear(operator, bias):
            assert isinstance(operator, Dense) and bias is not None
            rows = zip(operator.weight.tolist(), bias.tolist(), strict=True)
            return [
                sum((Fraction(w) * v for w, v in zip(row, x, strict=True)), Fraction(b))
                for row, b in rows
            ]
        case Sum(signs):
            return [
                sum((Fraction(s) * v for s, v in zip(signs, each, strict=True)), Fraction(0))
                for each in zip(*sources, strict=True)
            ]
        case Rectifier():
            return [max(v, Fraction(0)) for v in x]
        case Leaky(slope):
            pairs = zip(x, slope.tolist(), strict=True)
            return [v if v >= 0 else v * Fraction(s) for v, s in pairs]
        case Clip(lower, upper):
            out = []
            for v, low, high in zip(x, lower.tolist(), upper.tolist(), strict=True):
                raised = v if low == -INF else max(v, Fraction(low))
                out.append(raised if high == INF else min(raised, Fraction(high)))
            return out
        case Absolute():
            return [abs(v) for v in x]
        case Maximum():
            return [max(each) for each in zip(*sources, strict=True)]
        case MaxPool(windows):
            return [max(x[k] for k in row if k >= 0) for row in windows.index.tolist()]
        case Sign():
            return [Fraction((v > 0) - (v < 0)) for v in x]


def test_every_layer_has_its_lines() -> None:
    kinds = set(get_args(Layer))
    assert kinds == set(FORMULAS) == set(VALUES) == {type(layer) for layer, _, _ in LAYERS}


def draw(rng: np.random.Generator) -> list[float]:
    """Numbers, some of which are kinks."""
    values = rng.normal(size=SIZE)
    kinks = rng.choice([0.0, -0.1, 0.3, 0.5, 1.0], SIZE)
    return [float(v) for v in np.where(rng.random(SIZE) < 0.3, kinks, values)]


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_values_of_layers_are_their_definition_and_lie_in_their_enclosure(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for layer, inputs, size in LAYERS:
        rows = [draw(rng) for _ in range(inputs)]
        exactly: list[Numbers] = [exact([row]) for row in rows]
        right = meant(layer, [[Fraction(v) for v in row] for row in rows])
        found = layer_value(layer, exactly)
        assert found.shape == (1, size) and found[0].tolist() == right
        assert all(isinstance(v, Fraction) for v in found[0])
        near = layer_value(layer, [np.array([row]) for row in rows])
        assert near.dtype == np.float64 and np.allclose(near[0], [float(v) for v in right])
        # numbers known up to a radius, the true ones anywhere within
        radii = [rng.choice([0.0, 1e-17, 1e-3, 0.5], SIZE) for _ in range(inputs)]
        shares = [rng.choice([-1.0, 1.0, 0.5, 0.0], SIZE).tolist() for _ in range(inputs)]
        known = [
            Enclosed(np.array([row]), radius[None]) for row, radius in zip(rows, radii, strict=True)
        ]
        true = [
            [
                Fraction(v) + Fraction(r) * Fraction(s)
                for v, r, s in zip(row, radius.tolist(), share, strict=True)
            ]
            for row, radius, share in zip(rows, radii, shares, strict=True)
        ]
        enclosed = layer_enclosure(layer, known)
        error = abs(exact(enclosed.middle[0]) - np.array(meant(layer, true), dtype=object))
        assert (error <= exact(enclosed.radius[0])).all(), layer


def test_a_sign_in_doubt_may_be_anything() -> None:
    known = Enclosed(np.array([[0.5, -0.5, 0.5, 0.0]]), np.array([[0.5, 0.4, 1.0, 0.0]]))
    found = layer_enclosure(Sign(), [known])
    assert found.middle.tolist() == [[0.0, -1.0, 0.0, 0.0]]
    assert found.radius.tolist() == [[1.0, 0.0, 1.0, 1.0]]


def test_rectified_units_of_layers() -> None:
    counts = [rectifiers(layer, size) for layer, _, size in LAYERS]
    assert counts == [0, 0, 4, 4, 4, 4, 8, 2, 0]


def test_a_sum_of_several_variables_is_named_where_it_is_made() -> None:
    for layer, inputs, size in LAYERS:
        builder = GraphBuilder((SIZE,))
        node = builder.add("bend", layer, size, *[Network.INPUT] * inputs)
        # not the output itself, and read by one layer only
        last = builder.add("last", Linear(Dense(np.ones((2, size))), None), 2, node)
        network = builder.finish(last)
        x = Variable(SIZE, -1, 1, "x")
        formula = network.apply(x)["bend"]
        named = {term.variable for term in formula.terms} != {x}
        assert named == (not isinstance(layer, Linear | Sum))
        if isinstance(layer, Leaky | Absolute | Maximum | MaxPool):
            assert len(formula.terms) == 1 and not formula.offsets


def test_a_claim_about_a_jump_is_refused() -> None:
    builder = GraphBuilder((2,))
    output = builder.add("sign", Sign(), 2, Network.INPUT)
    claim = Claim.make(builder.finish(output, name="steps"), np.array([0.5, 0.25]))
    with pytest.raises(LanguageError, match="steps has a layer that jumps"):
        claim.compile(0.1)


@settings(max_examples=15, deadline=None)
@given(bent_cases(), st.data())
def test_a_compiled_network_is_its_formulas_and_its_twin(case: Case, data: st.DataObject) -> None:
    x = Variable(case.network.input_size, case.lower, case.upper, "x")
    y = case.network(x)
    compiled = compile_formulas([y[0] <= y[1]], inputs=(x,))
    assert compiled.inputs == (x,)
    share = [data.draw(st.fractions(0, 1, max_denominator=8)) for _ in case.image]
    point = [low + s * (high - low) for s, low, high in zip(share, *case.bounds, strict=True)]
    assignment = compiled.assignment(np.array(point, dtype=object))
    logits = oracles.evaluate(case.exact, point)
    assert value(y, assignment).tolist() == list(logits)
    assert holds(And(y.requires), assignment)
    assert sum(stage.size for stage in compiled.problem.stages if stage.relu) == case.network.relus
    # and no other assignment to the same input is allowed
    spoken = [name for part in y.requires for name in variables(part) if name is not x]
    changed = data.draw(st.sampled_from(spoken)) if spoken else None
    if changed is not None:
        wrong = assignment[changed].copy()
        wrong[data.draw(st.integers(0, changed.size - 1))] += Fraction(1, 1000)
        assert not holds(And(y.requires), {**assignment, changed: wrong})
