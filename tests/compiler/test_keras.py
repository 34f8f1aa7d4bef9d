"""Networks from Keras models and files, against Keras itself."""

from __future__ import annotations

import pickle
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhobust.compiler.base.errors import (
    ModelError,
    UnsupportedAttribute,
    UnsupportedLayer,
)
from rhobust.compiler.importers import load
from rhobust.compiler.importers.fidelity import compare
from rhobust.compiler.importers.keras.activations import ACTIVATIONS
from rhobust.compiler.importers.keras.files import from_keras
from rhobust.compiler.importers.keras.layers import LAYERS

from .onnx_models import check_network

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # backends warn when they are imported
    keras: Any = pytest.importorskip(
        "keras", reason="Keras is not installed, or KERAS_BACKEND names no backend that is"
    )
kl = keras.layers
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Keras's own use of numpy


def chain(shape: tuple[int | None, ...], *layers: Any) -> Any:
    return keras.Sequential([keras.Input(shape), *layers])


def residual() -> Any:
    start = keras.Input((9, 8, 2))
    x = kl.Conv2D(4, 3, strides=2, padding="same", activation="relu")(start)
    y = kl.Conv2D(4, 1, use_bias=False)(x)
    x = kl.Add()([x, y, kl.ReLU()(y)])
    x = kl.BatchNormalization()(x)
    x = kl.Concatenate()([x, kl.Subtract()([x, y])])
    x = kl.AveragePooling2D((3, 2), strides=2, padding="same")(x)
    x = kl.Concatenate(axis=1)([x, x])
    return keras.Model(start, kl.Dense(3, activation="softmax")(kl.Flatten()(x)))


MODELS: dict[str, Callable[[], Any]] = {
    "dense": lambda: chain((5,), kl.Dense(8, activation="relu"), kl.Dense(3)),
    "softmax": lambda: chain((3, 4), kl.Flatten(), kl.Dense(6), kl.ReLU(), kl.Softmax()),
    "residual": residual,
    "images": lambda: chain(
        (6, 5),
        kl.Reshape((6, 5, 1)),
        kl.ZeroPadding2D(((0, 1), (2, 0))),
        kl.Conv2D(3, (2, 3), use_bias=False, dilation_rate=2),
        kl.SpatialDropout2D(0.5),
        kl.GlobalAveragePooling2D(),
        kl.Dropout(0.5),
        kl.Activation("relu"),
        kl.BatchNormalization(scale=False, center=False),
    ),
    "nested": lambda: chain(
        (6, 6, 4),
        kl.Rescaling(1 / 255.0, 0.3),
        keras.Sequential([kl.Conv2D(4, 3, groups=2), kl.GaussianNoise(0.1)]),
        kl.GaussianDropout(0.1),
        kl.Dense(3, activation="relu"),
        kl.ActivityRegularization(0.1),
        kl.Rescaling(2.0),
        kl.AveragePooling2D(2),
    ),
    "leaky": lambda: chain(
        (5,),
        kl.Dense(6, activation="leaky_relu"),
        kl.LeakyReLU(negative_slope=0.1),
        kl.ReLU(negative_slope=0.3),
    ),
    "clipped": lambda: chain(
        (5,), kl.Dense(6, activation="relu6"), kl.Dense(3), kl.ReLU(max_value=0.5)
    ),
    "max_pool": lambda: chain(
        (7, 6, 2),
        kl.MaxPooling2D(2),
        kl.Conv2D(3, 2),
        kl.MaxPooling2D((2, 1), strides=1, padding="same"),
        kl.GlobalMaxPooling2D(keepdims=True),
    ),
}


def made(name: str, seed: int) -> Any:
    """A model with random weights and statistics."""
    rng = np.random.default_rng(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MODELS[name]()
    for variable in model.weights:
        positive = "variance" in variable.path
        low, high = (0.3, 2.0) if positive else (-1.0, 1.0)
        variable.assign(rng.uniform(low, high, variable.shape))
    return model


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", MODELS)
def test_model_agrees_with_keras(name: str, seed: int) -> None:
    model = made(name, seed)
    network = from_keras(model)
    inputs = np.random.default_rng(seed).normal(size=(1000, network.input_size))
    assert compare(network, inputs) < 1e-6
    assert network.input_shape == tuple(model.inputs[0].shape[1:])
    assert ("softmax" in str(network.notes)) == (name in ("residual", "softmax"))
    if seed == 0:
        check_network(network)
        check_network(pickle.loads(pickle.dumps(network)))


def test_every_layer_and_activation_has_a_case() -> None:
    seen = set()
    for name in MODELS:
        layers = list(made(name, 0).layers)
        while layers:
            layer = layers.pop()
            seen.add(type(layer).__name__)
            seen.add(getattr(getattr(layer, "activation", None), "__name__", ""))
            layers += getattr(layer, "layers", [])
    assert seen >= {*LAYERS, *ACTIVATIONS}


def test_the_model_is_left_as_it_is() -> None:
    model = made("residual", 0)
    inputs = np.random.default_rng(0).normal(size=(3, 144))
    before = keras.ops.convert_to_numpy(model(inputs.reshape(3, 9, 8, 2).astype(np.float32)))
    network = from_keras(model)
    assert network.digest == from_keras(model).digest
    model.layers[1].kernel.assign(model.layers[1].kernel * 0)
    assert compare(network, inputs) < 1e-6  # the network keeps what it was made from
    logits = np.exp(network.forward(inputs))
    assert np.allclose(logits / logits.sum(axis=1, keepdims=True), before, atol=1e-5)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name", ["dense", "residual"])
def test_files_hold_the_same_network(tmp_path: Path, name: str, suffix: str) -> None:
    model = made(name, 1)
    path = tmp_path / f"model{suffix}"
    model.save(path)
    network = load(path)
    assert network.name == "model" and network.digest == from_keras(model).digest


def twice(x: Any) -> Any:
    return 2 * x


def relu(x: Any) -> Any:
    """Bears the name of an activation that is read, and is another function."""
    return x


def shared() -> Any:
    start, layer = keras.Input((3,)), kl.Dense(3)
    return keras.Model(start, layer(layer(start)))


def within() -> Any:
    start = keras.Input((3,))
    return keras.Model(start, chain((3,), kl.Dense(2))(start))


def operation() -> Any:
    start = keras.Input((3,))
    return keras.Model(start, keras.ops.sin(kl.Dense(3)(start)))


def own() -> Any:
    class Dense(kl.Dense):  # type: ignore[misc,name-defined]
        pass

    return chain((3,), Dense(2))


UNSUPPORTED: dict[str, tuple[Callable[[], Any], str]] = {
    "tanh": (lambda: chain((3,), kl.Dense(2, activation="tanh")), "activation 'tanh'"),
    "own_activation": (
        lambda: chain((3,), kl.Dense(2, activation=twice)),
        "activation 'twice'",
    ),
    "known_name": (
        lambda: chain((3,), kl.Dense(2, activation=relu)),
        "activation 'relu'",
    ),
    "softmax_inside": (lambda: chain((3,), kl.Softmax(), kl.Dense(2)), "is a Softmax"),
    "softmax_of_a_part": (lambda: chain((3, 2), kl.Softmax()), "is a Softmax"),
    "recurrent": (lambda: chain((4, 3), kl.LSTM(2)), "is a LSTM"),
    "operation": (operation, "is a Sin"),
    "own_class": (own, "is a Dense"),
}
ATTRIBUTES: dict[str, tuple[Callable[[], Any], str]] = {
    "threshold": (lambda: chain((3,), kl.ReLU(threshold=1.0)), "threshold"),
    "slope": (lambda: chain((3,), kl.ReLU(max_value=1.0, negative_slope=0.1)), "negative_slope"),
    "axis": (lambda: chain((3, 2, 2), kl.BatchNormalization(axis=1)), "axis"),
    "data_format": (
        lambda: chain((2, 4, 4), kl.Flatten(data_format="channels_first")),
        "channels_first",
    ),
}
DEFECTS: dict[str, tuple[Callable[[], Any], str]] = {
    "not_built": (lambda: keras.Sequential([kl.Dense(2)]), "no model whose graph"),
    "not_a_model": (lambda: kl.Dense(2), "no model whose graph"),
    "half": (lambda: chain((3,), kl.Dense(2, dtype="float16")), "float16"),
    "any_size": (lambda: chain((None, 3), kl.Dense(2)), r"\(None, 3\)"),
    "shared": (shared, "layer twice"),
    "rank": (lambda: chain((3, 2), kl.BatchNormalization()), "axis"),
    "two_inputs": (
        lambda: keras.Model((inputs := [keras.Input((2,)), keras.Input((2,))]), kl.Add()(inputs)),
        "several inputs",
    ),
    "two_outputs": (
        lambda: keras.Model((start := keras.Input((2,))), [kl.Dense(2)(start), kl.ReLU()(start)]),
        "several inputs or outputs",
    ),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_is_not_supported_is_named(name: str) -> None:
    make, words = UNSUPPORTED[name]
    with pytest.raises(UnsupportedLayer, match=words):
        from_keras(make())


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attributes_are_refused_not_ignored(name: str) -> None:
    make, words = ATTRIBUTES[name]
    with pytest.raises(UnsupportedAttribute, match=words):
        from_keras(make())


@pytest.mark.parametrize("name", DEFECTS)
def test_defects_are_explained(name: str) -> None:
    make, words = DEFECTS[name]
    with pytest.raises(ModelError, match=words):
        from_keras(make())


def test_a_model_within_a_model_is_refused() -> None:
    with pytest.raises(ModelError, match="Sequential|as a layer"):
        from_keras(within())


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for suffix in (".keras", ".h5"):
        path = tmp_path / f"model{suffix}"
        with pytest.raises(ModelError, match="no such file"):
            load(path)
        path.write_bytes(b"no model at all")
        with pytest.raises(ModelError, match="damaged"):
            load(path)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(ModelError, match="KERAS_BACKEND"):
        load(tmp_path / "model.keras")
