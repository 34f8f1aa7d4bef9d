"""The command train, from a file in TOML to an ONNX model."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import rhobust as rb
from rhobust.cli.app import app
from rhobust.compiler.base.errors import InputError
from rhobust.training.config import read

torch: Any = pytest.importorskip("torch")

from rhobust.training.build import LAYERS, build  # noqa: E402
from rhobust.training.config import Model  # noqa: E402

from .test_training import images  # noqa: E402

CONFIG = """
[model]
layers = [["conv", 4, 3, 1, 1], "batchnorm", "relu", ["maxpool", 2], "flatten", ["dropout", 0.1],
          ["linear", 8], "relu", ["linear", 3]]
[data]
images = "train.npz"
validation = "${HALVES}/test.npz"
[training]
method = "fgsm"
eps = "5/255"
epochs = 3
batch = 32
rate = 0.01
seed = 2
[output]
model = "out.onnx"
history = "out.json"
"""


def folder(path: Path, text: str = CONFIG) -> Path:
    for name, part in (("train", slice(0, 90)), ("test", slice(90, 120))):
        pixels, labels = images()
        np.savez(path / f"{name}.npz", images=pixels[part, 0], labels=labels[part])
    (path / "c.toml").write_text(text)
    return path / "c.toml"


def call(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_model_is_trained_and_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALVES", str(tmp_path))
    found = call("train", folder(tmp_path))
    assert found.exit_code == 0, found.output
    assert "epoch   3 of 3" in found.stdout and "validation" in found.stdout
    network = rb.load(tmp_path / "out.onnx")
    assert network.input_shape == (1, 4, 4) and network.output_size == 3
    history = json.loads((tmp_path / "out.json").read_text())
    assert [epoch["number"] for epoch in history["epochs"]] == [1, 2, 3]
    assert not (tmp_path / "out.onnx.checkpoint").exists()
    first = (tmp_path / "out.onnx").read_bytes()
    assert call("train", tmp_path / "c.toml").exit_code == 0
    assert (tmp_path / "out.onnx").read_bytes() == first
    assert call("train", tmp_path / "c.toml", "--seed", "3").exit_code == 0
    assert (tmp_path / "out.onnx").read_bytes() != first


def test_an_interrupted_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rhobust.cli import output
    from rhobust.cli.commands import train as command

    monkeypatch.setenv("HALVES", str(tmp_path))
    assert call("train", folder(tmp_path)).exit_code == 0
    whole, true_tell = (tmp_path / "out.onnx").read_bytes(), output.tell

    def tell(text: str) -> None:
        true_tell(text)
        if text.startswith("epoch   2"):
            raise KeyboardInterrupt

    monkeypatch.setattr(command, "tell", tell)
    cut = call("train", tmp_path / "c.toml")
    assert cut.exit_code == 130 and "goes on" in cut.stderr
    monkeypatch.setattr(command, "tell", true_tell)
    again = call("train", tmp_path / "c.toml")
    assert "goes on from" in again.stderr and "epoch   2" not in again.stdout
    assert (tmp_path / "out.onnx").read_bytes() == whole


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[output]", "[outputs]", "outputs is not known"),
        ("epochs = 3", "epohcs = 3", "training.epohcs is not known"),
        ('images = "train.npz"', "", "data.images is missing"),
        ('images = "train.npz"', "images = 3", "data.images is 3, which is no str"),
        ('model = "out.onnx"', 'model = "none/out.onnx"', "no folder"),
        ('model = "out.onnx"', 'model = "train.npz"', "named twice"),
        ('"flatten", ', "", "layer 6.*does not fit"),
        ('"batchnorm"', '"groupnorm"', "layer 2, 'groupnorm', is not known"),
        ("[model]", '[model]\nnetwork = "m.onnx"', "one of layers, network and module"),
        ("[model]", "[model", "TOML"),
        ('"fgsm"', '"fast"', "no method"),
        ('"5/255"', '"x"', "eps"),
    ],
)
def test_what_is_wrong_is_told(
    old: str, new: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HALVES", str(tmp_path))
    assert old in CONFIG
    path = folder(tmp_path, CONFIG.replace(old, new))
    found = call("train", path)
    assert found.exit_code == 2, found.output
    assert re.search(told, found.stderr), found.stderr
    assert not (tmp_path / "out.onnx").exists()


def test_every_layer_can_be_built() -> None:
    layers = (
        ("conv", 2, 3, 1, 1), "batchnorm", "relu", ("maxpool", 2), ("avgpool", 2), "flatten",
        ("dropout", 0.5), ("linear", 3),
    )  # fmt: skip
    named = {layer if isinstance(layer, str) else layer[0] for layer in layers}
    assert named == set(LAYERS)
    made = build(Model(layers), (1, 4, 4), 0)
    assert made(torch.zeros(2, 1, 4, 4)).shape == (2, 3)
    again = build(Model(layers), (1, 4, 4), 0)
    assert all(
        torch.equal(a, b) for a, b in zip(made.parameters(), again.parameters(), strict=True)
    )


def test_a_network_or_a_class_can_be_trained_further() -> None:
    assert build(Model(network="digits"), (64,), 0)(torch.zeros(2, 64)).shape == (2, 10)
    made = build(Model(module="tests.training.test_bounds:Residual"), (2, 8, 8), 0)
    assert type(made).__name__ == "Residual"
    with pytest.raises(InputError, match="package:Class"):
        build(Model(module="tests.training.none:Residual"), (2, 8, 8), 0)


def test_paths_are_beside_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder(tmp_path)
    monkeypatch.delenv("HALVES", raising=False)
    with pytest.raises(InputError, match="variable HALVES, which is not set"):
        read(path)
    monkeypatch.setenv("HALVES", "elsewhere")
    config = read(path)
    assert config.data.validation == str(tmp_path / "elsewhere" / "test.npz")
    assert config.data.images == str(tmp_path / "train.npz")
    assert config.output.model == str(tmp_path / "out.onnx") and config.output.checkpoint == ""
