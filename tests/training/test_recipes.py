"""Recipes: every one can be read, says what it reaches, and trains a network that is ours."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import rhobust as rb
from rhobust.cli.app import app
from rhobust.compiler.base.errors import InputError
from rhobust.training import recipes
from rhobust.training.config import ARGUMENTS
from rhobust.training.methods import METHODS
from rhobust.training.methods.batch import OPTIONS


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder, and beside it data in the shape of MNIST."""
    rng = np.random.default_rng(0)
    (tmp_path / "data" / "mnist").mkdir(parents=True)
    for name, count in (("train", 60), ("test", 20)):
        labels = rng.integers(0, 10, count).astype(np.uint8)
        pixels = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        np.savez(tmp_path / "data" / "mnist" / f"mnist_{name}.npz", images=pixels, labels=labels)
    monkeypatch.setenv("RHOBUST_DATA", str(tmp_path / "data"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


@pytest.mark.parametrize("name", recipes.names())
def test_a_recipe_is_whole(name: str, place: Path) -> None:
    config = recipes.read(name, place)
    assert config.training["method"] in METHODS and set(config.options) <= set(OPTIONS)
    assert {"method", "eps", "epochs", "seed"} <= set(config.training) <= set(ARGUMENTS)
    assert config.output.model == str(place / f"{name}.onnx")
    assert config.data.images == str(place.parent / "data" / "mnist" / "mnist_train.npz")
    about = recipes.about(name)
    assert about == config.about and about.purpose and about.cost
    assert len(re.findall(r"\d+\.\d+ %", about.reaches)) >= 2, "natural and proven accuracy"


@pytest.mark.parametrize("name", recipes.names())
def test_a_recipe_trains(name: str, place: Path) -> None:
    pytest.importorskip("torch")
    found = CliRunner().invoke(app, ["train", "--recipe", name, "--seed", "1"])
    assert found.exit_code == 0, found.output
    network = rb.load(place / f"{name}.onnx")
    assert network.input_shape == (1, 28, 28) and network.output_size == 10
    assert sorted(path.name for path in place.iterdir()) == [f"{name}.json", f"{name}.onnx"]


def test_recipes_are_listed_and_printed_without_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RHOBUST_DATA", raising=False)
    listed = CliRunner().invoke(app, ["recipes"])
    assert listed.exit_code == 0
    for name in recipes.names():
        assert f"{name}\n    {recipes.about(name).purpose}\n" in listed.stdout
        printed = CliRunner().invoke(app, ["recipes", name])
        assert tomllib.loads(printed.stdout) == tomllib.loads(recipes.text(name))
    assert recipes.names()


def test_what_is_no_recipe_is_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no recipe is called 'mnist'"):
        recipes.read("mnist", place)
    with pytest.raises(InputError, match="there are: "):
        recipes.about("../config")
    first = recipes.names()[0]
    for arguments in (["train"], ["train", "c.toml", "--recipe", first]):
        found = CliRunner().invoke(app, arguments)
        assert found.exit_code == 2 and "--recipe NAME" in found.stderr
    monkeypatch.delenv("RHOBUST_DATA")
    with pytest.raises(InputError, match="variable RHOBUST_DATA, which is not set"):
        recipes.read(first, place)
