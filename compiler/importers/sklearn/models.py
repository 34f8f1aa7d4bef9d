"""Networks from fitted scikit-learn models: perceptrons, linear models, and pipelines of them."""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...base.arrays import Matrix
from ...base.errors import ModelError
from ...network.graph import Network
from ..assembly import Assembly, Call
from .scalers import SCALERS

CLASSIFIERS = (
    "LinearDiscriminantAnalysis",
    "LinearSVC",
    "LogisticRegression",
    "LogisticRegressionCV",
    "Perceptron",
    "RidgeClassifier",
    "RidgeClassifierCV",
    "SGDClassifier",
)
REGRESSORS = (
    "ElasticNet",
    "Lasso",
    "LinearRegression",
    "LinearSVR",
    "Ridge",
    "RidgeCV",
    "SGDRegressor",
)
PERCEPTRONS = ("MLPClassifier", "MLPRegressor")
SUPPORTED = (*CLASSIFIERS, *PERCEPTRONS, "Pipeline", *REGRESSORS, *SCALERS)
BINARY = "two classes: the outputs are 0 and the model's decision value, the larger one decides"


@dataclass(frozen=True, eq=False)
class SklearnRuntime:
    """The model's own float64 evaluation; (B, input_size) to (B, output_size).

    A classifier of two classes gives 0 beside its decision value; a last softmax is left out.
    """

    source: str
    scalers: tuple[Any, ...]
    model: Any
    binary: bool

    def __call__(self, inputs: Matrix) -> Matrix:
        values: Any = np.asarray(inputs, dtype=np.float64)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # an array without names of features
                for scaler in self.scalers:
                    values = scaler.transform(values)
                values = np.asarray(self._decision(values), dtype=np.float64)
        except Exception as error:  # the model's own code may raise anything
            raise ModelError(self.source, f"scikit-learn does not evaluate it: {error}") from error
        values = values.reshape(len(inputs), -1)
        return np.hstack([np.zeros_like(values), values]) if self.binary else values

    def _decision(self, values: Any) -> Any:
        kind = type(self.model).__name__
        if kind in PERCEPTRONS:  # its public methods end with a softmax that cannot be undone
            logits = copy.copy(self.model)
            logits.out_activation_ = "identity"
            return logits._forward_pass_fast(values)
        return (self.model.decision_function if kind in CLASSIFIERS else self.model.predict)(values)


def from_sklearn(model: Any) -> Network:
    """The network of a fitted scikit-learn model, or of a pipeline that ends with one.

    Promise: weights are taken at their exact values, what is not piecewise linear is refused, and
    our forward pass agrees with the model's own on a few inputs.
    """
    source = type(model).__name__
    steps = _steps(source, model)
    if not steps or not hasattr(steps[0][1], "n_features_in_"):
        raise ModelError(source, "is not fitted, or no scikit-learn model; call fit first")
    steps = copy.deepcopy(steps)  # what the model is fitted to later must not change the runtime
    assembly = Assembly(source, (int(steps[0][1].n_features_in_),), SUPPORTED, np.float64)
    value = assembly.input
    *before, (name, last) = steps
    for step, scaler in before:
        call = _call(assembly, step, scaler)
        if call.kind not in SCALERS:
            call.refuse()
        with call.reading():
            value = SCALERS[call.kind](call, scaler, value)
    call = _call(assembly, name, last)
    layers = _layers(call, last)
    notes = []
    binary = call.kind in (*CLASSIFIERS, "MLPClassifier") and len(layers[-1][1]) == 1
    if binary:
        weight, bias = layers[-1]
        layers[-1] = (np.vstack([np.zeros_like(weight), weight]), np.append(0.0, bias))
        notes.append(BINARY)
    classes = getattr(last, "classes_", None)
    if classes is not None and not np.array_equal(classes, np.arange(len(classes))):
        notes.append(f"the outputs stand for the classes {', '.join(map(str, classes))}")
    # the outputs of MLPClassifier, LogisticRegression and others are before their probabilities
    ordered = hasattr(last, "predict_proba")
    if ordered:
        notes.append(
            "the softmax or logistic function of its probabilities is left out: the outputs keep "
            "their order of size"
        )
    rectified = getattr(last, "activation", "identity") == "relu"
    for position, (weight, bias) in enumerate(layers, start=1):
        if position > 1 and rectified:
            value = assembly.call(f"{name}.relu{position - 1}", "relu").apply("Relu", value)
        dense = assembly.call(f"{name}.{position}" if len(layers) > 1 else name, "dense layer")
        value = dense.apply("Gemm", value, weight, bias, transB=1)
    runtime = SklearnRuntime(source, tuple(scaler for _, scaler in before), last, binary)
    return assembly.finish(value, source, runtime, notes, ordered)


def load_sklearn(path: str | Path) -> Network:
    """The network of a model that joblib or pickle wrote.  Reading it runs whatever it holds."""
    source = str(path)
    try:
        import joblib
    except ImportError as error:
        raise ModelError(
            source, "needs scikit-learn and joblib: pip install scikit-learn joblib"
        ) from error
    try:
        model = joblib.load(source)
    except FileNotFoundError as error:
        raise ModelError(source, "no such file") from error
    except Exception as error:  # a pickle can raise anything
        raise ModelError(source, f"cannot be loaded: {error}") from error
    return replace(from_sklearn(model), name=Path(source).stem)


def _steps(name: str, model: Any) -> list[tuple[str, Any]]:
    """The model as a chain of named steps, those of its pipelines included."""
    if type(model).__name__ != "Pipeline":
        return [(name, model)]
    steps = []
    for inner, step in model.steps:
        if step is not None and step != "passthrough":
            steps += _steps(inner, step)
    return steps


def _call(assembly: Assembly, name: str, step: Any) -> Call:
    """Where a step is read; a class of another library that only bears the name is refused."""
    call = assembly.call(name, type(step).__name__)
    if call.kind not in SUPPORTED or type(step).__module__.partition(".")[0] != "sklearn":
        call.refuse()
    return call


def _layers(call: Call, model: Any) -> list[tuple[Any, Any]]:
    """Weight (out, in) and bias (out,) of the dense layers of a predictor."""
    with call.reading():
        types = getattr(getattr(model, "_label_binarizer", None), "y_type_", "")
        call.require(not types.startswith("multilabel"), "classes_", "are labels for each input")
        if call.kind in PERCEPTRONS:
            if model.activation not in ("relu", "identity"):
                call.refuse(f"{call.kind} with the activation {model.activation!r}")
            known = ("identity",) if call.kind == "MLPRegressor" else ("softmax", "logistic")
            last = model.out_activation_
            call.require(last in known, "out_activation_", f"is {last!r}; {known[0]} is read")
            return [(w.T, b) for w, b in zip(model.coefs_, model.intercepts_, strict=True)]
        if call.kind not in (*CLASSIFIERS, *REGRESSORS):
            call.refuse()
        weight = np.atleast_2d(model.coef_)
        return [(weight, np.broadcast_to(model.intercept_, weight.shape[:1]))]
