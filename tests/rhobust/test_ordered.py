"""Of a network whose softmax is left out, comparisons are answered and values are refused."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from onnx import helper

import rhobust as rb
from rhobust.compiler.base.errors import InputError, LanguageError
from rhobust.compiler.importers.plain import dense_network
from rhobust.compiler.network.graph import Network

from ..compiler.onnx_models import model, read

WEIGHT = np.array([[1.0, -1.0], [0.5, 2.0]], np.float32)


def softmax() -> Network:
    first = helper.make_node("Gemm", ["x", "W"], ["z"])
    last = helper.make_node("Softmax", ["z"], ["y"], axis=1)
    return read(model([first, last], [1, 2], {"W": WEIGHT}))


NETWORK = softmax()
X = rb.Variable(2, 0, 1, "x")
Y: Any = NETWORK(X)
OTHER: Any = NETWORK(rb.Variable(2, 0, 1))


@pytest.mark.parametrize(
    "ask",
    [
        lambda: [Y[0] >= 1.2],
        lambda: [Y.sum() >= 1.5],
        lambda: [Y[0].equals(0.5)],
        lambda: [Y[0] - Y[1] >= 0.1],
        lambda: [2 * Y[0] >= Y[1]],
        lambda: [Y[0] >= X[0]],
        lambda: [Y[0] >= OTHER[0]],
        lambda: [Y[0] + X[0] >= Y[1] + X[0], Y[1] <= 3],
        lambda: [(X[0] <= 0.5) | (Y[0] >= 0.9)],
        lambda: [rb.norm_inf(Y) <= 1],
        lambda: [rb.norm2(Y) <= 1],
        lambda: [rb.relu(Y[0]) >= 0.5],
        lambda: [rb.maximum(Y) >= 0.5],
        lambda: [dense_network([(np.eye(2), np.zeros(2))])(Y)[0] >= 0],
        lambda: rb.maximize(Y[0]),
        lambda: rb.minimize(Y[0] - Y[1]),
        lambda: rb.minimize(rb.norm2(Y)),
        lambda: rb.maximize(rb.norm1(Y)),
    ],
)
def test_values_are_refused_by_name(ask: Callable[[], Any]) -> None:
    with pytest.raises(LanguageError, match=r"speaks of values of .*softmax.*logits\(\)"):
        rb.Problem(ask())


def test_comparisons_are_answered() -> None:
    for formula, right in (
        (Y[0] >= Y[1], "sat"),
        (rb.argmax_is(Y, 0) & (X[0] <= 0.125) & (X[1] >= 0.5), "unsat"),
        (Y[0].equals(Y[1]) & (X[0] >= 0.5), "sat"),
        (rb.Or(0.5 * Y[0] > 0.5 * Y[1], X[0] >= 2), "sat"),
        (X[0] >= Y[0] - Y[0] + 0.5, "sat"),
    ):
        assert rb.Problem([formula]).solve(timeout=600).status == right
    piece = rb.Problem(rb.maximize(X[0]), [Y[1] >= Y[0]]).restriction({X: [0.0, 1.0]})
    assert piece.solve(timeout=600).status == "optimal"


def test_logits_are_numbers_again() -> None:
    logits = NETWORK.logits()
    assert not logits.ordered and "logits" in logits.name and not logits.onnx
    solution = rb.Problem(rb.maximize(logits(X)[0])).solve(timeout=600)
    assert solution.status == "optimal" and abs(solution.value - 1.5) < 1e-3
    assert rb.verify(logits, np.array([0.0, 1.0]), 0.1, margin=0.5).verdict is not None
    assert NETWORK.logits().logits().name == logits.name


def test_margins_of_probabilities_are_refused() -> None:
    for ask in (
        lambda: rb.verify(NETWORK, np.zeros(2), 0.1, margin=0.3),
        lambda: rb.rho(NETWORK, np.zeros(2), margin=0.3),
        lambda: rb.rho_estimate(NETWORK, np.zeros(2), margin=-0.3),
    ):
        with pytest.raises(InputError, match="margin speaks of values.*softmax"):
            ask()


def test_an_output_that_is_a_rectifier_is_known_too() -> None:
    first = helper.make_node("Relu", ["x"], ["r"])
    last = helper.make_node("Softmax", ["r"], ["y"], axis=1)
    network = read(model([first, last], [1, 2]))
    y = network(X)
    with pytest.raises(LanguageError, match="softmax"):
        rb.Problem([y[0] >= 0.9])
    assert rb.Problem([y[0] >= y[1], X[1] >= 0.5]).solve(timeout=600).status == "sat"
    assert rb.verify(network, np.array([1.0, 0.0]), 0.25).verdict is rb.Verdict.ROBUST
    assert rb.verify(network, np.array([1.0, 0.0]), 0.75).verdict is rb.Verdict.NOT_ROBUST


def test_a_network_says_what_its_outputs_are() -> None:
    assert "softmax" in repr(NETWORK) and "2 outputs" in repr(NETWORK)
    plain = dense_network([(np.eye(2), np.zeros(2))])
    assert "as the model gives them" in repr(plain)
    assert "shape (1, 2)" in repr(replace(plain, input_shape=(1, 2)))


def test_classifiers_of_scikit_learn() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    neural = pytest.importorskip("sklearn.neural_network")
    machines = pytest.importorskip("sklearn.svm")
    rng = np.random.default_rng(0)
    inputs = rng.random((60, 2))
    for classes in (2, 3):
        labels = rng.integers(0, classes, 60)
        for made in (
            linear.LogisticRegression(),
            neural.MLPClassifier((3,), solver="lbfgs", max_iter=20, random_state=0),
        ):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of an optimisation that is cut short
                network = rb.from_sklearn(made.fit(inputs, labels))
            y = network(X)
            assert network.ordered
            with pytest.raises(LanguageError, match="logistic"):
                rb.Problem([y[1] >= 0.5])
            assert rb.Problem([rb.argmax_is(y, 1)]).solve(timeout=600).status in ("sat", "unsat")
        machine = machines.LinearSVC().fit(inputs, labels)
        assert not rb.from_sklearn(machine).ordered  # its outputs are its decision values
