"""How far each importer's forward pass is from the source runtime's, on 1,000 probes a model.

    python -m bench.importers [onnx] [torch] [state] [sklearn] [keras] [mat] [nnet]

The difference at a probe is the largest of an output, over the largest output of that probe.  A
row of an importer has the mean over its models of their mean difference, and of their largest.
Every model is read from a file where the importer reads files. What is not installed is named.
The `.mat` and `.nnet` files have no runtime: there the formats' definitions are evaluated in
float64, and the difference shows only the order of summation.  Exit status 1: a mean above 1e-6.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import savemat

import rhobust as rb
from rhobust.compiler.importers.keras.files import load_keras
from rhobust.compiler.importers.mipverify.mat import from_mat
from rhobust.compiler.importers.sklearn.models import from_sklearn
from rhobust.compiler.importers.torch.module import from_torch
from rhobust.compiler.importers.torch.state import from_state_dict

from .workloads import DATA

BAR = 1e-6
PROBES = 1000
Networks = Iterator[rb.Network]
ONNX = (
    "gurobi_ml/mnist_mlpclassifier.onnx",
    "mipverify/rsl18a_linf0.1.onnx",
    "mipverify/wk17a_linf0.1.onnx",
    "vnncomp/acasxu/onnx/ACASXU_run2a_1_9_batch_2000.onnx.gz",
    "vnncomp/oval21/onnx/cifar_deep_kw.onnx.gz",
    "vnncomp/mnist_fc/onnx/mnist-net_256x2.onnx.gz",
    "vnncomp/cifar10_resnet/onnx/resnet_2b.onnx.gz",
    "vnncomp/collins_rul_cnn/onnx/NN_rul_small_window_20.onnx.gz",
)


def onnx_files(folder: Path) -> Networks:
    for name in ONNX:
        yield rb.load(DATA / name)


def _modules() -> list[tuple[Any, tuple[int, ...]]]:
    from torch import manual_seed, nn

    manual_seed(0)
    linear, relu, image = nn.Linear, nn.ReLU(), (1, 28, 28)
    lenet = [nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2)]
    strided = [nn.Conv2d(1, 16, 4, 2, 1), relu, nn.Conv2d(16, 32, 4, 2, 1), relu, nn.Flatten()]
    norm = [nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.LeakyReLU(0.1), nn.AvgPool2d(2)]
    return [
        (nn.Sequential(linear(784, 256), relu, linear(256, 256), relu, linear(256, 10)), (784,)),
        (nn.Sequential(linear(5, 50), relu, *[linear(50, 50), relu] * 4, linear(50, 5)), (5,)),
        (nn.Sequential(*lenet, nn.Flatten(), linear(800, 500), relu, linear(500, 10)), image),
        (nn.Sequential(*strided, linear(1568, 100), relu, linear(100, 10)), image),
        (nn.Sequential(*norm, nn.Flatten(), linear(1352, 10), nn.Hardtanh()), image),
    ]


def torch_modules(folder: Path) -> Networks:
    for module, shape in _modules():
        yield from_torch(module.eval(), shape)


def torch_states(folder: Path) -> Networks:
    """The same modules from their weights' files."""
    import torch

    for number, (module, shape) in enumerate(_modules()):
        path = folder / f"{number}.pt"
        torch.save(module.state_dict(), path)
        yield from_state_dict(path, module.eval(), shape)


def sklearn_models(folder: Path) -> Networks:
    """On scikit-learn's own digits; the first two by way of joblib's files."""
    import joblib
    from sklearn import datasets, linear_model, neural_network, pipeline, preprocessing

    x, y = datasets.load_digits(return_X_y=True)
    scaler, regressor = preprocessing.StandardScaler, neural_network.MLPRegressor
    models: list[Any] = [
        neural_network.MLPClassifier((50, 50), max_iter=20, random_state=0),
        pipeline.make_pipeline(scaler(), regressor(hidden_layer_sizes=(64, 32), max_iter=20)),
        pipeline.make_pipeline(preprocessing.MinMaxScaler(), linear_model.LogisticRegression()),
        linear_model.RidgeClassifier(),
        linear_model.LinearRegression(),
    ]
    for number, model in enumerate(models):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # few iterations are enough
            model.fit(x, y)
        joblib.dump(model, folder / "model.joblib")
        trusted = rb.load(folder / "model.joblib", trust_pickle=True)
        yield trusted if number < 2 else from_sklearn(model)


def keras_files(folder: Path) -> Networks:
    import keras
    from keras import layers as kl

    keras.utils.set_random_seed(0)
    image = (28, 28, 1)
    pooled = [kl.Conv2D(8, 3, activation="relu"), kl.MaxPooling2D(2), kl.Flatten(), kl.Dense(10)]
    strided = [kl.Conv2D(8, 4, 2, "same"), kl.BatchNormalization(), kl.ReLU(), kl.Flatten()]
    stacks: list[tuple[tuple[int, ...], list[Any]]] = [
        ((784,), [kl.Dense(128, "relu"), kl.Dense(64, "relu"), kl.Dense(10, "softmax")]),
        ((5,), [*(kl.Dense(50, "relu") for _ in range(4)), kl.Dense(5)]),
        (image, pooled),
        (image, [*strided, kl.Dense(50, "leaky_relu"), kl.Dense(10)]),
        (image, [kl.AveragePooling2D(2), kl.Conv2D(4, 3), kl.GlobalAveragePooling2D()]),
    ]
    for number, (shape, stack) in enumerate(stacks):
        path = folder / f"{number}{'.h5' if number == 0 else '.keras'}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the older of the two formats
            keras.Sequential([keras.Input(shape), *stack]).save(path)
        yield load_keras(path)


CONVOLUTIONS: list[Any] = [
    ("conv", "conv1", {"stride": 2}), ("relu",), ("conv", "conv2", {"stride": 2}), ("relu",),
    ("flatten", {"order": (1, 3, 2, 4)}), ("dense", "fc1"), ("relu",), ("dense", "logits"),
]  # fmt: skip


def mat_files(folder: Path) -> Networks:
    """The two networks of MIPVerify's examples, and dense ones."""
    for name, layers in (("rsl18a", None), ("wk17a", CONVOLUTIONS)):
        arrays = {}
        with np.load(DATA / f"mipverify/{name}_linf0.1.npz") as stored:
            for key in stored.files:
                layer, part = key.rsplit("_", 1)
                value = stored[key]
                moved = value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T
                arrays[f"{layer}/{part}"] = value[None] if part == "bias" else moved
        savemat(folder / f"{name}.mat", arrays)
        yield from_mat(folder / f"{name}.mat", layers, None if layers is None else (28, 28, 1))
    for seed in range(3):
        rng = np.random.default_rng(seed)
        sizes = (784, 50, 50, 10)
        arrays = {}
        for number, (taken, given) in enumerate(zip(sizes[:-1], sizes[1:], strict=True), 1):
            name = f"fc{number}" if number < 3 else "logits"
            arrays[f"{name}/weight"] = rng.normal(size=(taken, given)).astype(np.float32)
            arrays[f"{name}/bias"] = rng.normal(size=(1, given)).astype(np.float32)
        savemat(folder / f"{seed}.mat", arrays)
        yield rb.load(folder / f"{seed}.mat")


def nnet_files(folder: Path) -> Networks:
    """Of the size of ACAS Xu's."""
    sizes = [5, *[50] * 6, 5]
    for seed in range(5):
        rng = np.random.default_rng(seed)
        rows: list[Any] = [[7, 5, 5, 50], sizes, [0], [-1e3] * 5, [1e3] * 5]
        rows += [rng.normal(size=6), rng.uniform(0.5, 3.0, 6)]
        for taken, given in zip(sizes[:-1], sizes[1:], strict=True):
            rows += [*rng.normal(size=(given, taken)) / 4, *rng.normal(size=(given, 1))]
        path = folder / f"{seed}.nnet"
        path.write_text("".join(",".join(map(repr, map(float, row))) + ",\n" for row in rows))
        yield rb.load(path)


IMPORTERS: dict[str, Callable[[Path], Networks]] = {
    "onnx": onnx_files,
    "torch": torch_modules,
    "state": torch_states,
    "sklearn": sklearn_models,
    "keras": keras_files,
    "mat": mat_files,
    "nnet": nnet_files,
}


def differences(network: rb.Network) -> Any:
    """(PROBES,), half of the probes uniform on [0, 1], half normal; all float32 numbers."""
    assert network.runtime is not None
    rng = np.random.default_rng(1)
    half = PROBES // 2, network.input_size
    inputs = np.concatenate([rng.uniform(size=half), rng.normal(size=half)])
    inputs = inputs.astype(np.float32).astype(np.float64)
    ours, theirs = (
        np.concatenate([np.asarray(f(rows), dtype=np.float64) for rows in np.split(inputs, 20)])
        for f in (network.forward, network.runtime)
    )
    return np.abs(ours - theirs).max(axis=1) / np.abs(theirs).max(axis=1)


def main(names: list[str]) -> int:
    print("| importer | models | mean | largest, mean over models | largest |")
    print("| --- | --- | --- | --- | --- |")
    within = True
    for name in names or list(IMPORTERS):
        try:
            with tempfile.TemporaryDirectory() as folder:
                found = np.array([differences(n) for n in IMPORTERS[name](Path(folder))])
        except ImportError as error:
            print(f"| {name} | not installed: {error.name} | | | |")
            continue
        mean, largest = float(found.mean()), found.max(axis=1)
        within &= mean <= BAR  # false for NaN
        row = f"{mean:.1e} | {largest.mean():.1e} | {largest.max():.1e}"
        print(f"| {name} | {len(found)} | {row} |", flush=True)
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
