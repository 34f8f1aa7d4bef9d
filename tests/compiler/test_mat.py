"""Networks from MIPVerify.jl's weights, against its own formulas written out."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from rhobust.compiler.base.errors import FidelityError, ModelError
from rhobust.compiler.importers import load
from rhobust.compiler.importers.fidelity import compare
from rhobust.compiler.importers.mipverify.mat import from_mat
from rhobust.compiler.importers.onnx.ops import OPERATIONS

from .onnx_models import check_network

Array = np.ndarray[Any, Any]
DATA = Path(os.environ.get("RHOBUST_DATA", "no-data")) / "mipverify"


def save(path: Path, arrays: dict[str, Any]) -> Path:
    savemat(path, arrays)
    return path


def dense(rng: np.random.Generator, name: str, taken: int, given: int) -> dict[str, Array]:
    """A weight (in, out) and a bias (1, out), as the files have them."""
    weight = rng.normal(size=(taken, given)).astype(np.float32)
    return {f"{name}/weight": weight, f"{name}/bias": rng.normal(size=(1, given)).astype("f4")}


def conv(rng: np.random.Generator, name: str, *shape: int) -> dict[str, Array]:
    weight = rng.normal(size=shape).astype(np.float32)
    return {f"{name}/weight": weight, f"{name}/bias": rng.normal(size=(1, shape[3])).astype("f4")}


def convolved(image: Array, weight: Array, bias: Array, stride: int, padding: Any) -> Array:
    """Conv2d of MIPVerify.jl on height x width x channels, one number after the other."""
    height, width, _ = image.shape
    kh, kw, _, outputs = weight.shape
    if padding == "same":
        rows, columns = math.ceil(height / stride), math.ceil(width / stride)
        top = max((rows - 1) * stride + kh - height, 0) // 2
        left = max((columns - 1) * stride + kw - width, 0) // 2
    else:
        top, bottom, left, right = padding
        rows = (height + top + bottom - kh) // stride + 1
        columns = (width + left + right - kw) // stride + 1
    out = np.zeros((rows, columns, outputs))
    for i, j, o in itertools.product(range(rows), range(columns), range(outputs)):
        total = float(bias[o])
        for a, b in itertools.product(range(kh), range(kw)):
            x, y = i * stride + a - top, j * stride + b - left
            if 0 <= x < height and 0 <= y < width:
                total += float(image[x, y] @ weight[a, b, :, o].astype(np.float64))
        out[i, j, o] = total
    return out


def flattened(image: Array, order: Sequence[int]) -> Array:
    """permutedims(x, order)[:] of Julia, whose arrays have the first axis fastest."""
    whole = image[None]
    moved = np.transpose(whole, [axis - 1 for axis in order])
    found = np.empty(whole.size)
    for index in itertools.product(*map(range, moved.shape)):
        place, step = 0, 1
        for position, size in zip(index, moved.shape, strict=True):
            place, step = place + position * step, step * size
        found[place] = moved[index]
    return found


IMAGES: dict[str, tuple[int, Any, Any, tuple[int, ...]]] = {
    "as_trained_by_torch": (2, "same", (0, 0, 0, 0), (1, 3, 2, 4)),
    "as_trained_by_tensorflow": (1, "same", (1, 1, 1, 1), (4, 3, 2, 1)),
    "fixed": (1, (1, 2, 0, 1), (1, 1, 2, 2), (1, 2, 3, 4)),
}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", IMAGES)
def test_images_agree_with_the_formulas(tmp_path: Path, name: str, seed: int) -> None:
    stride, first, second, order = IMAGES[name]
    rng = np.random.default_rng(seed)
    shape = (6 + seed, 7, 2)
    arrays = conv(rng, "conv1", 3, 4, 2, 3) | conv(rng, "conv2", 2, 3, 3, 2)
    mean, std = rng.normal(size=2), rng.uniform(0.5, 2, size=2)

    def image_values(image: Array) -> Array:
        weights = {key: np.squeeze(v) if "bias" in key else v for key, v in arrays.items()}
        image = (image - mean) / std
        x = convolved(image, weights["conv1/weight"], weights["conv1/bias"], stride, first)
        x = np.maximum(x, 0)
        x = convolved(x, weights["conv2/weight"], weights["conv2/bias"], 1, second)
        return flattened(np.maximum(x, 0), order)

    inputs = rng.normal(size=(20, math.prod(shape)))
    hidden = np.array([image_values(row.reshape(shape)) for row in inputs])
    arrays |= dense(rng, "out", hidden.shape[1], 4)
    short = {(0, 0, 0, 0): "valid", (1, 1, 1, 1): 1, (1, 1, 2, 2): (1, 2)}
    layers: list[Any] = [
        ("normalize", {"mean": mean, "std": std}),
        ("conv", "conv1", {"stride": stride, "padding": first}),
        ("relu",),
        ("conv", "conv2", {"padding": short[second]}),
        ("relu",),
        ("flatten", {"order": order}),
        ("dense", "out"),
    ]
    network = from_mat(save(tmp_path / "model.mat", arrays), layers, shape)
    weight = arrays["out/weight"].astype(np.float64)
    expected = hidden @ weight + arrays["out/bias"]
    found = network.forward(inputs)
    assert np.abs(found - expected).max() < 1e-12 * max(1.0, np.abs(expected).max())
    assert compare(network, rng.normal(size=(1000, network.input_size))) < 1e-12
    assert network.input_shape == shape and network.notes == ()
    if seed == 0:
        check_network(network)


@pytest.mark.parametrize("seed", range(5))
def test_dense_layers_need_no_description(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    last = ("logits", "softmax")[seed % 2]
    arrays = dense(rng, last, 6, 3) | dense(rng, "fc2", 8, 6) | dense(rng, "fc1", 5, 8)
    # what a training run leaves beside the weights
    arrays |= {"fc1/weight/Adam": np.ones((2, 2)), "beta1_power": np.ones((1, 1))}
    path = save(tmp_path / "model.mat", arrays)
    network = load(path)
    inputs = rng.normal(size=(1000, 5))
    values = inputs
    for name in ("fc1", "fc2", last):
        values = values @ arrays[f"{name}/weight"].astype(np.float64) + arrays[f"{name}/bias"]
        values = values if name == last else np.maximum(values, 0)
    assert np.abs(network.forward(inputs) - values).max() < 1e-12 * np.abs(values).max()
    assert compare(network, inputs) < 1e-12
    assert (network.name, network.relus) == ("model", 14) and "ReLU" in network.notes[0]
    chain = [("dense", "fc1"), ("relu",), ("dense", "fc2"), ("relu",), ("dense", last)]
    assert from_mat(path, chain).digest == network.digest
    assert from_mat(path, [("flatten",), *chain], (5, 1, 1)).relus == 14


WRONG: dict[str, tuple[Any, tuple[int, ...] | None, str]] = {
    "no_input_shape": ([("flatten",), ("dense", "fc1")], None, "input_shape is missing"),
    "no_layers": ([], None, "input_shape is missing"),
    "unknown_kind": ([("dense", "fc1"), ("sigmoid",)], None, "sigmoid.* describes no layer"),
    "unknown_option": ([("dense", "fc1", {"stride": 2})], None, "describes no layer"),
    "no_name": ([("dense",)], None, "describes no layer"),
    "missing": ([("dense", "fc9")], None, "holds no 'fc9/weight'"),
    "not_a_filter": ([("conv", "fc1")], (5, 1, 1), "no conv layer"),
    "not_an_image": ([("dense", "fc1"), ("conv", "conv")], None, "conv2 \\(conv\\)|'conv'"),
    "other_size": ([("dense", "fc1"), ("dense", "fc1")], None, "cannot multiply"),
    "padding": ([("conv", "conv", {"padding": (1, 2, 3)})], (3, 3, 1), "cannot be read"),
    "order": ([("flatten", {"order": (1, 2)}), ("dense", "fc1")], (5, 1, 1), "cannot be read"),
    "std": (
        [("normalize", {"mean": [0.0], "std": [0.0]}), ("conv", "conv")],
        (3, 3, 1),
        "divides by zero",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_descriptions_are_explained(tmp_path: Path, name: str) -> None:
    layers, shape, words = WRONG[name]
    rng = np.random.default_rng(0)
    arrays = dense(rng, "fc1", 5, 8) | conv(rng, "conv", 2, 2, 1, 2)
    path = save(tmp_path / "model.mat", arrays)
    with pytest.raises(ModelError, match=words):
        from_mat(path, layers, shape)


def test_files_that_need_a_description(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for arrays in (
        conv(rng, "conv1", 2, 2, 1, 2) | dense(rng, "logits", 5, 2),
        dense(rng, "fc1", 5, 2),
        dense(rng, "hidden", 5, 4) | dense(rng, "logits", 4, 2),
        {"something": np.ones((2, 2))},
    ):
        with pytest.raises(ModelError, match="describe the layers"):
            load(save(tmp_path / "model.mat", arrays))
    whole = {"logits/weight": np.ones((2, 2), dtype=np.int32), "logits/bias": np.ones((1, 2))}
    with pytest.raises(ModelError, match="not floating"):
        load(save(tmp_path / "model.mat", whole))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "model.mat"
    with pytest.raises(ModelError, match="no such file"):
        load(path)
    for data in (b"", b"no weights at all", bytes(200)):
        path.write_bytes(data)
        # scipy's versions differ in whether zeros are an archive without arrays
        with pytest.raises(ModelError, match=r"damaged|layers \(none\)"):
            load(path)
    version = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(400)
    path.write_bytes(version)
    with pytest.raises(ModelError, match="save it as version 7"):
        load(path)


def test_a_misread_layer_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    arrays = dense(rng, "fc1", 5, 8) | dense(rng, "logits", 8, 2)
    monkeypatch.setitem(OPERATIONS, "Relu", OPERATIONS["Neg"])
    with pytest.raises(FidelityError, match="differ by"):
        load(save(tmp_path / "model.mat", arrays))


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="RHOBUST_DATA does not name the benchmark data")
def test_published_networks_agree_with_their_onnx_files(tmp_path: Path) -> None:
    descriptions: dict[str, Any] = {
        "rsl18a_linf0.1": None,
        "wk17a_linf0.1": [
            ("conv", "conv1", {"stride": 2}),
            ("relu",),
            ("conv", "conv2", {"stride": 2}),
            ("relu",),
            ("flatten", {"order": (1, 3, 2, 4)}),
            ("dense", "fc1"),
            ("relu",),
            ("dense", "logits"),
        ],
    }
    inputs = np.random.default_rng(0).uniform(size=(1000, 784))
    for name, layers in descriptions.items():
        arrays = {}
        with np.load(DATA / f"{name}.npz") as stored:
            for key in stored.files:
                layer, part = key.rsplit("_", 1)
                value = stored[key]
                moved = value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T
                arrays[f"{layer}/{part}"] = value[None] if part == "bias" else moved
        path = save(tmp_path / f"{name}.mat", arrays)
        network = from_mat(path, layers, None if layers is None else (28, 28, 1))
        expected = load(DATA / f"{name}.onnx").forward(inputs)
        assert np.array_equal(network.forward(inputs), expected)
