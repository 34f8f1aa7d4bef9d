"""Networks from arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rhobust.compiler.base.errors import ModelError
from rhobust.compiler.importers.plain import dense_network

from .onnx_models import array, check_network


def test_dense_network_by_hand() -> None:
    network = dense_network([([[1, -1], [2, 0]], [0, -1]), ([[1, 3]], [0.5])])
    inputs = np.array([[1.0, 2.0], [3.0, 1.0]])
    assert network.forward(inputs).tolist() == [[3.5], [17.5]]
    assert (network.input_shape, network.relus) == ((2,), 2)
    assert network.order == ["input", "linear1", "relu1", "linear2"]


def test_dense_network_agrees_with_its_runtime() -> None:
    rng = np.random.default_rng(5)
    sizes = [4, 6, 5, 3]
    pairs = zip(sizes[1:], sizes[:-1], strict=True)
    layers = [(array(rng, out, size), array(rng, out)) for out, size in pairs]
    network = dense_network(layers)
    check_network(network)
    assert network.digest == dense_network(layers).digest != dense_network(layers[1:]).digest


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([], "no layers"),
        ([([1.0], [1.0])], "layer 1: weight"),
        ([([[1.0]], [1.0, 2.0])], "layer 1: weight"),
        ([([[1.0], [2.0, 3.0]], [1.0, 2.0])], "not made of numbers"),
        ([([[1.0]], [float("nan")])], "NaN"),
        ([([[1.0]], [1.0]), ([[1.0, 1.0]], [1.0])], "layer 2 takes 2 numbers, not 1"),
    ],
)
def test_wrong_arrays_are_refused(layers: Any, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        dense_network(layers)
