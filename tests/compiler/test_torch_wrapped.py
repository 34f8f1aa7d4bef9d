"""PyTorch modules as training leaves them: parametrised, wrapped, compiled, saved as a whole."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import rhobust as rb
from rhobust.cli.app import app
from rhobust.compiler.base.errors import InputError, ModelError
from rhobust.compiler.importers.torch import bare
from rhobust.compiler.importers.torch.module import from_torch
from rhobust.compiler.importers.torch.state import from_state_dict

torch: Any = pytest.importorskip("torch", reason="PyTorch is not installed")
nn, utils = torch.nn, torch.nn.utils
SHAPE = (1, 6, 6)
MODELS = """
from torch import nn

class Net(nn.Sequential):
    def __init__(self, classes=3):
        super().__init__(
            nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(32, classes)
        )

class Never(nn.Module):
    def __init__(self, classes):
        super().__init__()
"""


def convolutional() -> Any:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3)
    )
    net[1].running_mean += 0.1
    with torch.no_grad():
        net[1].bias += 0.5  # no unit is always 0
    return net


def with_first(change: Callable[[Any], Any]) -> Any:
    """The network whose convolution and dense layer were changed, after a step of training."""
    net = convolutional()
    for place in (0, 4):
        net[place] = change(net[place])
    net(torch.rand(4, *SHAPE)).sum().backward()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter -= 0.01 * parameter.grad
    return net


class Doubled(nn.Module):  # type: ignore[misc,name-defined]
    def forward(self, weight: Any) -> Any:
        return 2.0 * weight


def doubled(layer: Any) -> Any:
    utils.parametrize.register_parametrization(layer, "bias", Doubled())
    return layer


def twice_pruned(layer: Any) -> Any:
    for share in (0.3, 0.3):
        utils.prune.l1_unstructured(layer, "weight", share)
    return utils.prune.random_unstructured(layer, "bias", 1)


PARAMETRISED: dict[str, Callable[[Any], Any]] = {
    "weight norm": utils.parametrizations.weight_norm,
    "spectral norm": utils.parametrizations.spectral_norm,
    "orthogonal": utils.parametrizations.orthogonal,
    "one of the user's own": doubled,
    "two at a time": lambda layer: doubled(utils.parametrizations.weight_norm(layer)),
    "pruned twice": twice_pruned,
    "hook of weight norm": utils.weight_norm,
    "hook of spectral norm": utils.spectral_norm,
}
WRAPPED: dict[str, Callable[[Any], Any]] = {
    "DataParallel": nn.DataParallel,
    "compiled": torch.compile,
    "both": lambda net: torch.compile(nn.DataParallel(net)),
    "a part": lambda net: nn.Sequential(nn.DataParallel(net[:3]), torch.compile(net[3:])),
    "double": lambda net: net.double(),
}


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
@pytest.mark.parametrize("name", PARAMETRISED)
def test_parametrised_modules_are_their_weights(name: str) -> None:
    module = with_first(PARAMETRISED[name])
    held = {key: value.clone() for key, value in module.state_dict().items()}
    network = rb.load(module, shape=SHAPE)
    rows = np.random.default_rng(0).uniform(size=(20, 36))
    module.eval()
    with torch.no_grad():
        expected = module(torch.from_numpy(rows.astype(np.float32)).reshape(-1, *SHAPE)).numpy()
    assert expected.std(axis=0).min() > 1e-3
    assert np.abs(network.forward(rows.astype(np.float32)) - expected).max() < 1e-5
    for key, value in module.state_dict().items():  # the module is as it was, and can go on
        assert torch.equal(value, held[key])
    module.train()(torch.rand(4, *SHAPE)).sum().backward()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # within torch.compile itself
@pytest.mark.parametrize("name", WRAPPED)
def test_wrappers_are_taken_off(name: str) -> None:
    net = convolutional().eval()
    plain = from_torch(net, SHAPE)
    network = from_torch(WRAPPED[name](net), SHAPE)
    rows = np.random.default_rng(0).uniform(size=(20, 36))
    assert np.array_equal(network.forward(rows), plain.forward(rows))


def test_what_fixed_weights_change_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    module = with_first(utils.parametrizations.weight_norm)

    def wrong(torch: Any, copied: Any) -> None:
        fix(torch, copied)
        copied[4].weight.mul_(1.1)

    fix = bare._fix
    monkeypatch.setattr(bare, "_fix", wrong)
    with pytest.raises(ModelError, match="without its parametrisations it computes something else"):
        from_torch(module, SHAPE)


def test_scripts_are_refused_with_a_remedy() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # later versions of PyTorch warn of TorchScript itself
        script = torch.jit.trace(convolutional().eval(), torch.zeros(1, *SHAPE))
        with pytest.raises(ModelError, match="is TorchScript.*export it to ONNX"):
            from_torch(script, SHAPE)


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "_orig_mod.module.", "model."])
def test_prefixes_of_saved_weights(prefix: str) -> None:
    net = convolutional()
    state = {prefix + name: value for name, value in net.state_dict().items()}
    found = from_state_dict(state, convolutional(), SHAPE)
    assert found.digest == from_torch(net, SHAPE).digest
    inner = {name.replace("0.", "0._orig_mod.", 1): value for name, value in state.items()}
    assert from_state_dict(inner, convolutional(), SHAPE).digest == found.digest
    with pytest.raises(ModelError, match="does not fit the module"):
        from_state_dict({"other." + name: value for name, value in state.items()}, net, SHAPE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Where the classes of modules stand in a file of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (tmp_path / "models_of_a_user.py").write_text(MODELS)
    yield importlib.import_module("models_of_a_user")
    del sys.modules["models_of_a_user"]


def call(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == status, result.output
    return result.stderr if status else result.stdout


def test_files_of_convolutional_networks(folder: Any) -> None:
    net = folder.Net()
    digest = from_torch(net, SHAPE).digest
    torch.save({"model": nn.DataParallel(net).state_dict(), "epoch": 3}, "weights.pt")
    torch.save(net, "module.pt")
    assert rb.load("weights.pt", module=folder.Net(), shape=SHAPE).digest == digest
    assert rb.load("module.pt", shape=SHAPE, trust_pickle=True).digest == digest
    of_class = ["--module", "models_of_a_user:Net", "--shape", "1,6,6"]
    for options in (["weights.pt", *of_class], ["module.pt", "--shape", "1,6,6", "--trust-pickle"]):
        assert "1 x 6 x 6" in call("inspect", *options)
        call("convert", *options, "--out", f"{options[0]}.onnx")
        rows = np.random.default_rng(0).uniform(size=(5, 36))
        written = rb.load(f"{options[0]}.onnx")
        assert np.array_equal(written.forward(rows), from_torch(net, SHAPE).forward(rows))
    assert call("verify", "weights.pt.onnx", "--eps", "1", status=2).startswith("error: ")


def test_files_that_tell_too_little(folder: Any) -> None:
    torch.save(folder.Net().state_dict(), "weights.pt")
    torch.save(folder.Net(), "module.pt")
    torch.save(3, "number.pt")
    asked: list[tuple[Callable[[], Any], str]] = [
        (lambda: rb.load("weights.pt"), "--module package:Class --shape"),
        (lambda: rb.load("weights.pt", module=folder.Net()), "input_shape is missing"),
        (lambda: rb.load("module.pt", shape=SHAPE), "trust_pickle=True"),
        (lambda: rb.load("module.pt", trust_pickle=True), "--shape 1,28,28"),
        (lambda: rb.load("number.pt", trust_pickle=True), "holds a int, no module"),
        (lambda: rb.load("none.pt", trust_pickle=True), "no such file"),
    ]
    for ask, told in asked:  # each as a clear error, and nothing else
        with pytest.raises(ModelError, match=told):
            ask()
    with pytest.raises(InputError, match="module is of saved weights"):
        rb.load("digits", module=folder.Net())
    torch.save(nn.Sequential(nn.Linear(4, 3)).state_dict(), "dense.pt")
    assert rb.load("dense.pt", shape=(2, 2)).input_size == 4
    with pytest.raises(InputError, match="takes 4 numbers"):
        rb.load("dense.pt", shape=SHAPE)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--module", "models_of_a_user:Net"], "--module needs --shape"),
        (["--module", "models_of_a_user", "--shape", "1,6,6"], "--module is PACKAGE:CLASS"),
        (["--module", "models_of_a_user:Nothing", "--shape", "1,6,6"], "AttributeError"),
        (["--module", "no_such_package:Net", "--shape", "1,6,6"], "ModuleNotFoundError"),
        (["--module", "models_of_a_user:Never", "--shape", "1,6,6"], "without arguments"),
        (["--module", "models_of_a_user:Net", "--shape", "1,x"], "--shape is whole numbers"),
        (["--module", "models_of_a_user:Net", "--shape", "1,0,6"], "--shape is whole numbers"),
    ],
)
def test_options_that_say_too_little(folder: Any, options: list[str], told: str) -> None:
    torch.save(folder.Net().state_dict(), "weights.pt")
    (line,) = call("convert", "weights.pt", "--out", "m.onnx", *options, status=2).splitlines()
    assert line.startswith("error: ") and told in line and not Path("m.onnx").exists()
