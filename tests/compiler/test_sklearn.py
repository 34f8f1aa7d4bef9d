"""Networks from scikit-learn models, against the models' own decisions."""

from __future__ import annotations

import pickle
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhobust.compiler.base.errors import ModelError, UnsupportedAttribute, UnsupportedLayer
from rhobust.compiler.importers import load
from rhobust.compiler.importers.fidelity import compare
from rhobust.compiler.importers.sklearn.models import (
    CLASSIFIERS,
    PERCEPTRONS,
    REGRESSORS,
    from_sklearn,
)
from rhobust.compiler.importers.sklearn.scalers import SCALERS
from rhobust.compiler.network.graph import Network

from .onnx_models import check_network

REASON = "scikit-learn is not installed"
discriminant: Any = pytest.importorskip("sklearn.discriminant_analysis", reason=REASON)
linear: Any = pytest.importorskip("sklearn.linear_model", reason=REASON)
neural: Any = pytest.importorskip("sklearn.neural_network", reason=REASON)
prepared: Any = pytest.importorskip("sklearn.preprocessing", reason=REASON)
decomposed: Any = pytest.importorskip("sklearn.decomposition", reason=REASON)
machines: Any = pytest.importorskip("sklearn.svm", reason=REASON)
make_pipeline: Any = pytest.importorskip("sklearn.pipeline", reason=REASON).make_pipeline

SIZE = 5


def classifier(*hidden: int, **options: Any) -> Any:
    return neural.MLPClassifier(hidden_layer_sizes=hidden, max_iter=5, **options)


def regressor(*hidden: int, **options: Any) -> Any:
    return neural.MLPRegressor(hidden_layer_sizes=hidden, max_iter=5, **options)


def deep_pipeline() -> Any:
    return make_pipeline(
        make_pipeline(prepared.StandardScaler(with_mean=False), prepared.MaxAbsScaler()),
        "passthrough",
        prepared.RobustScaler(),
        decomposed.PCA(3, whiten=True),
        prepared.MinMaxScaler((-1, 2)),
        classifier(6),
    )


MODELS: dict[str, Any] = {
    "perceptron": lambda: classifier(8, 6),
    "identity": lambda: classifier(4, activation="identity"),
    "regression": lambda: regressor(7),
    "pipeline": deep_pipeline,
    "scaled": lambda: make_pipeline(
        prepared.StandardScaler(), decomposed.PCA(), linear.LogisticRegression()
    ),
    "clipped": lambda: make_pipeline(prepared.MinMaxScaler((-1, 2), clip=True), linear.Ridge()),
    "unscaled": lambda: make_pipeline(
        prepared.RobustScaler(with_centering=False, with_scaling=False), linear.Ridge()
    ),
    "no_intercept": lambda: linear.LogisticRegression(fit_intercept=False),
    "no_intercept_svc": lambda: machines.LinearSVC(fit_intercept=False),
    "LinearDiscriminantAnalysis": discriminant.LinearDiscriminantAnalysis,
    "LinearSVC": machines.LinearSVC,
    "LinearSVR": machines.LinearSVR,
    **{
        name: getattr(linear, name) for name in (*CLASSIFIERS, *REGRESSORS) if hasattr(linear, name)
    },
}


def data(seed: int, classes: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(60, SIZE)) * rng.uniform(0.5, 3.0, SIZE) + rng.normal(size=SIZE)
    labels = np.arange(60) % classes
    inputs += labels[:, None]
    return inputs, labels


def fitted(model: Any, inputs: Any, labels: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few iterations, which is enough here
        return model.fit(inputs, labels)


def probes(seed: int) -> np.ndarray[Any, Any]:
    inputs = np.random.default_rng(100 + seed).normal(size=(1000, SIZE)) * 2
    return inputs.astype(np.float32).astype(np.float64)


def decided(network: Network, inputs: Any) -> Any:
    return np.argmax(np.asarray(network.forward(inputs)), axis=1)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", MODELS)
def test_model_agrees_with_sklearn(name: str, seed: int) -> None:
    classes = 2 if seed == 4 else 3
    model = fitted(MODELS[name](), *data(seed, classes))
    network = from_sklearn(model)
    inputs = probes(seed)
    assert compare(network, inputs) < 1e-12
    if hasattr(model, "classes_"):
        assert np.array_equal(model.classes_[decided(network, inputs)], model.predict(inputs))
        assert network.output_size == classes
    else:
        assert np.allclose(network.forward(inputs).reshape(-1), model.predict(inputs), atol=1e-9)
    if seed == 0:
        check_network(network)


def test_every_model_has_a_case() -> None:
    seen = set()
    for make in MODELS.values():
        steps = [make()]
        while steps:
            step = steps.pop()
            seen.add(type(step).__name__)
            steps += [inner for _, inner in getattr(step, "steps", [])]
    assert seen >= {*CLASSIFIERS, *REGRESSORS, *PERCEPTRONS, *SCALERS}


def test_probabilities_are_those_of_the_model() -> None:
    model = fitted(classifier(6), *data(0, 3))
    network = from_sklearn(model)
    logits = np.exp(network.forward(probes(0)))
    expected = model.predict_proba(probes(0))
    assert np.allclose(logits / logits.sum(axis=1, keepdims=True), expected, atol=1e-12)
    assert "softmax" in network.notes[0] and network.relus == 6


def test_two_classes_become_two_outputs() -> None:
    inputs, labels = data(1, 2)
    for model in (linear.LogisticRegression(), classifier(4)):
        network = from_sklearn(fitted(model, inputs, np.array(["no", "yes"])[labels]))
        outputs = network.forward(probes(1))
        assert np.all(outputs[:, 0] == 0)
        assert "two classes" in network.notes[0] and "no, yes" in network.notes[1]
        expected = 1 / (1 + np.exp(-outputs[:, 1]))
        assert np.allclose(model.predict_proba(probes(1))[:, 1], expected)


def test_several_targets_and_single_precision() -> None:
    inputs, _ = data(2, 3)
    targets = np.random.default_rng(0).normal(size=(60, 2))
    for model in (linear.LinearRegression(), regressor(5)):
        network = from_sklearn(fitted(model, inputs, targets))
        assert network.output_size == 2 and compare(network, probes(2)) < 1e-12
    single = fitted(classifier(5), inputs.astype(np.float32), np.arange(60) % 3)
    assert single.coefs_[0].dtype == np.float32
    assert compare(from_sklearn(single), probes(2)) < 1e-6


def test_a_network_keeps_what_it_was_made_from() -> None:
    model = fitted(linear.LogisticRegression(), *data(0, 3))
    network = from_sklearn(model)
    assert network.digest == from_sklearn(model).digest
    assert compare(pickle.loads(pickle.dumps(network)), probes(0)) < 1e-12
    model.coef_ += 1.0
    assert compare(network, probes(0)) < 1e-12
    assert network.digest != from_sklearn(model).digest


UNSUPPORTED: dict[str, tuple[Any, str]] = {
    "tanh": (lambda: classifier(3, activation="tanh"), "activation 'tanh'"),
    "logistic": (lambda: regressor(3, activation="logistic"), "activation 'logistic'"),
    "kernel": (lambda: machines.SVC(), "is a SVC"),
    "normalizer": (
        lambda: make_pipeline(prepared.Normalizer(), linear.Ridge()),
        "'normalizer' is a Normalizer",
    ),
    "transformer": (
        lambda: make_pipeline(discriminant.LinearDiscriminantAnalysis(), linear.Ridge()),
        "is a LinearDiscriminantAnalysis",
    ),
    "scaler_alone": (lambda: make_pipeline(prepared.StandardScaler()), "is a StandardScaler"),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_is_not_supported_is_named(name: str) -> None:
    make, words = UNSUPPORTED[name]
    with pytest.raises(UnsupportedLayer, match=words):
        from_sklearn(fitted(make(), *data(0, 3)))


def test_attributes_are_refused_not_ignored() -> None:
    inputs, labels = data(0, 3)
    several = np.stack([labels, labels > 1], axis=1) > 0
    for model in (classifier(3), linear.RidgeClassifier()):
        with pytest.raises(UnsupportedAttribute, match="labels for each input"):
            from_sklearn(fitted(model, inputs, several))
    counts = regressor(3, loss="poisson")
    with pytest.raises(UnsupportedAttribute, match="'exp'; identity is read"):
        from_sklearn(fitted(counts, inputs, labels))


def test_other_objects_are_refused() -> None:
    class LogisticRegression:  # bears a known name
        n_features_in_ = 3

    with pytest.raises(UnsupportedLayer, match="LogisticRegression"):
        from_sklearn(LogisticRegression())
    for model in (3, linear.LogisticRegression(), make_pipeline(prepared.StandardScaler())):
        with pytest.raises(ModelError, match="not fitted"):
            from_sklearn(model)
    model = fitted(linear.Ridge(), *data(0, 3))
    model.coef_[0] = np.nan
    with pytest.raises(ModelError, match="NaN"):
        from_sklearn(model)


def test_pickles_are_read_only_when_trusted(tmp_path: Path) -> None:
    joblib: Any = pytest.importorskip("joblib", reason="joblib is not installed")
    model = fitted(classifier(4), *data(0, 3))
    paths = [tmp_path / "model.joblib", tmp_path / "model.pkl"]
    joblib.dump(model, paths[0])
    paths[1].write_bytes(pickle.dumps(model))
    for path in paths:
        with pytest.raises(ModelError, match="--trust-pickle"):
            load(path)
        network = load(path, trust_pickle=True)
        assert network.name == "model" and network.digest == from_sklearn(model).digest
        path.write_bytes(b"no pickle")
        with pytest.raises(ModelError, match="cannot be loaded"):
            load(path, trust_pickle=True)
    with pytest.raises(ModelError, match="no such file"):
        load(tmp_path / "missing.pkl", trust_pickle=True)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "joblib", None)
    with pytest.raises(ModelError, match="pip install scikit-learn joblib"):
        load(tmp_path / "model.joblib", trust_pickle=True)
