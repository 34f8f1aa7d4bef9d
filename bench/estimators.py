"""Estimators of scikit-learn as skl2onnx writes them, read here and compared with onnxruntime.

    pip install scikit-learn skl2onnx
    python -m bench.estimators [NAME...]

Each is fitted to scikit-learn's digits and written as skl2onnx does by default, classifiers with a
list of maps, and once more with their probabilities as a tensor (`zipmap=False`). A row says read,
with the largest difference over the largest output, or refused and why. The labels that the scores
of a classifier decide are compared with its own.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import datasets, decomposition, ensemble, linear_model, preprocessing, svm, tree
from sklearn.base import is_classifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline

import rhobust as rb
from rhobust.compiler.base.errors import RhobustError

SHORT: dict[str, Any] = {"max_iter": 30, "random_state": 0}


FAMILIES: dict[str, Callable[[], Any]] = {
    "MLPClassifier": lambda: MLPClassifier((8, 6), **SHORT),
    "MLPClassifier, two classes": lambda: MLPClassifier((8,), **SHORT),
    "MLPRegressor": lambda: MLPRegressor(hidden_layer_sizes=(8, 6), **SHORT),
    "LinearRegression": linear_model.LinearRegression,
    "Ridge, two targets": linear_model.Ridge,
    "Lasso": linear_model.Lasso,
    "ElasticNet": linear_model.ElasticNet,
    "LinearSVR": lambda: svm.LinearSVR(**SHORT),
    "LogisticRegression": lambda: linear_model.LogisticRegression(max_iter=50),
    "LogisticRegression, two classes": lambda: linear_model.LogisticRegression(max_iter=50),
    "LinearSVC": lambda: svm.LinearSVC(**SHORT),
    "LinearSVC, two classes": lambda: svm.LinearSVC(**SHORT),
    "RidgeClassifier": linear_model.RidgeClassifier,
    "SGDClassifier": lambda: linear_model.SGDClassifier(**SHORT),
    "Perceptron": lambda: linear_model.Perceptron(**SHORT),
    "StandardScaler, MLPRegressor": lambda: make_pipeline(
        preprocessing.StandardScaler(), MLPRegressor(hidden_layer_sizes=(8,), **SHORT)
    ),
    "MinMaxScaler, MLPClassifier": lambda: make_pipeline(
        preprocessing.MinMaxScaler(), MLPClassifier((8,), **SHORT)
    ),
    "MaxAbsScaler, RobustScaler, Ridge": lambda: make_pipeline(
        preprocessing.MaxAbsScaler(), preprocessing.RobustScaler(), linear_model.Ridge()
    ),
    "PCA, LogisticRegression": lambda: make_pipeline(
        decomposition.PCA(8), linear_model.LogisticRegression(max_iter=50)
    ),
    "DecisionTreeClassifier": lambda: tree.DecisionTreeClassifier(max_depth=4),
    "DecisionTreeRegressor": lambda: tree.DecisionTreeRegressor(max_depth=4),
    "RandomForestClassifier": lambda: ensemble.RandomForestClassifier(4, max_depth=4),
    "RandomForestRegressor": lambda: ensemble.RandomForestRegressor(4, max_depth=4),
    "GradientBoostingRegressor": lambda: ensemble.GradientBoostingRegressor(n_estimators=4),
    "SVC": svm.SVC,
    "Normalizer, Ridge": lambda: make_pipeline(preprocessing.Normalizer(), linear_model.Ridge()),
    "MLPRegressor with tanh": lambda: MLPRegressor(
        hidden_layer_sizes=(8,), activation="tanh", **SHORT
    ),
}
CANNOT = {
    "DecisionTreeClassifier": "ai.onnx.ml.TreeEnsembleClassifier",
    "DecisionTreeRegressor": "ai.onnx.ml.TreeEnsembleRegressor",
    "RandomForestClassifier": "ai.onnx.ml.TreeEnsembleClassifier",
    "RandomForestRegressor": "ai.onnx.ml.TreeEnsembleRegressor",
    "GradientBoostingRegressor": "ai.onnx.ml.TreeEnsembleRegressor",
    "SVC": "ai.onnx.ml.SVMClassifier",
    "Normalizer, Ridge": "ai.onnx.ml.Normalizer",
    "MLPRegressor with tanh": "Tanh",
}
"""What is refused, and the operator that the refusal names."""


def digits() -> tuple[Any, Any]:
    """The first 300 digits, and what they are."""
    images, labels = datasets.load_digits(return_X_y=True)
    return images[:300].astype(np.float32), labels[:300]


def exported(name: str, folder: Path) -> Iterator[tuple[Path, Any]]:
    """The files of a family, and the model that each is of."""
    from skl2onnx import to_onnx

    images, labels = digits()
    model = FAMILIES[name]()
    target: Any = labels if is_classifier(model) else images[:, 3:40].sum(axis=1) / 50
    if name.endswith("two classes"):
        target = labels > 4
    if name.endswith("two targets"):
        target = np.stack([target, 2 * target], axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(images, target)
        for number, options in enumerate((None, {id(model): {"zipmap": False}})):
            path = folder / f"model{number}.onnx"
            try:
                proto = to_onnx(model, images[:1], options=options)
            except NameError:  # of regressors, and of classifiers without probabilities
                continue
            path.write_bytes(proto.SerializeToString())
            yield path, model


def compared(path: Path, model: Any) -> float:
    """The largest difference to onnxruntime over the largest output; labels have to agree."""
    network = rb.load(path)
    images, _ = digits()
    rows = images.astype(np.float64)
    ours, theirs = network.forward(rows), network.run(rows)
    if is_classifier(model):
        index = ours.argmax(axis=1) if ours.shape[1] > 1 else (ours[:, 0] > 0).astype(int)
        near = np.sort(np.abs(ours), axis=1)[:, -1] < 1e-5  # at a tie either label is right
        if not ((model.classes_[index] == model.predict(images)) | near).all():
            raise AssertionError("its scores decide for other labels")
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def main() -> None:
    wanted = sys.argv[1:] or list(FAMILIES)
    read = 0
    for name in wanted:
        told = []
        with tempfile.TemporaryDirectory() as folder:
            for path, model in exported(name, Path(folder)):
                try:
                    told.append(f"read, differs by {compared(path, model):.1e}")
                except RhobustError as error:
                    told.append(f"refused: {str(error).partition(': ')[2][:100]}")
        read += all(text.startswith("read") for text in told)
        print(f"{name}: {'; '.join(told)}", flush=True)
    print(f"{read} of {len(wanted)} read")


if __name__ == "__main__":
    main()
