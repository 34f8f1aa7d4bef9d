"""PyTorch modules that are refused, each by name."""

from __future__ import annotations

import sys
from operator import getitem
from pathlib import Path
from typing import Any

import pytest

from rhobust.compiler.base.errors import (
    FidelityError,
    ModelError,
    UnsupportedAttribute,
    UnsupportedLayer,
)
from rhobust.compiler.importers import load
from rhobust.compiler.importers.torch import calls as calls
from rhobust.compiler.importers.torch.module import from_torch

torch: Any = pytest.importorskip("torch", reason="PyTorch is not installed")
nn, functional = torch.nn, torch.nn.functional


class Called(nn.Module):  # type: ignore[misc,name-defined]
    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(x)


class Mine(nn.Linear):  # type: ignore[misc,name-defined]
    def forward(self, x: Any) -> Any:
        return torch.sin(x)


class Two(nn.Module):  # type: ignore[misc,name-defined]
    def forward(self, x: Any, y: Any) -> Any:
        return x + y


class Optional(nn.Module):  # type: ignore[misc,name-defined]
    def forward(self, x: Any, y: Any = None) -> Any:
        return x if y is None else x + 1  # a trace goes the second way


def relu(x: Any) -> Any:
    """Bears a name that is read, and is another function."""
    return x


torch.fx.wrap("relu")


def reused(x: Any) -> Any:
    y = x + 1
    return functional.relu(y, inplace=True) + y


def hooked() -> Any:
    module = nn.Linear(3, 3)
    module.register_forward_hook(lambda layer, given, result: 2 * result)
    return module


def normed() -> Any:
    module = nn.BatchNorm1d(3, track_running_stats=False)
    return nn.Sequential(module)


UNSUPPORTED: dict[str, tuple[Any, str]] = {
    "sigmoid": (nn.Sequential(nn.Linear(3, 3), nn.Sigmoid()), "'1' is a Sigmoid"),
    "tanh": (Called(torch.tanh), "is a tanh"),
    "subclass": (nn.Sequential(Mine(3, 3)), "is a sin"),
    "softmax_inside": (nn.Sequential(nn.Softmax(1), nn.Linear(3, 3)), "'0' is a Softmax"),
    "function_softmax_inside": (Called(lambda x: torch.softmax(x, 1) + 1), "is a softmax"),
    "method": (Called(lambda x: x.exp()), "is a exp"),
    "power": (Called(lambda x: x**2), "is a pow"),
    "wrapped": (Called(lambda x: relu(x)), "is a relu"),
    "two_activations": (Called(lambda x: x * x), "Mul of two activations"),
}
ATTRIBUTES: dict[str, tuple[Any, str]] = {
    "softmax_of_a_part": (nn.Sequential(nn.Linear(3, 3), nn.Softmax(0)), "'dim' is 0"),
    "softmax_of_any": (Called(lambda x: functional.softmax(x.view(1, 3, 1), 2)), "'dim' is 2"),
    "in_place": (Called(reused), "in place"),
    "no_statistics": (normed(), "track_running_stats"),
    "training": (Called(lambda x: functional.dropout(x)), "training"),
    "alpha": (Called(lambda x: torch.add(x, x, alpha=2)), "alpha"),
    "rounding": (Called(lambda x: torch.div(x, 2, rounding_mode="floor")), "rounding_mode"),
    "attribute": (Called(lambda x: x.T), "'T' is not one"),
}
IMAGES: dict[str, tuple[Any, str]] = {
    "padding_mode": (nn.Conv2d(1, 1, 2, padding=1, padding_mode="circular"), "padding_mode"),
    "divisor": (nn.AvgPool2d(2, divisor_override=3), "divisor_override"),
    "adaptive": (nn.AdaptiveAvgPool2d(2), "output_size"),
    "indices": (nn.MaxPool2d(2, return_indices=True), "return_indices"),
    "ceil": (nn.AvgPool2d(2, ceil_mode=True), "ceil_mode"),
}
DEFECTS: dict[str, tuple[Any, str]] = {
    "half": (nn.Linear(3, 3).half(), "torch.float16"),
    "mixed": (nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3).double()), "float32, torch.float64"),
    "mixed_constant": (Called(lambda x: x + torch.ones(3).double()), "mixes float64"),
    "complex": (nn.Linear(3, 3, dtype=torch.complex64), "torch.complex64"),
    "two_inputs": (Two(), "second input, 'y'"),
    "optional_input": (Optional(), "second input, 'y'"),
    "decision": (Called(lambda x: x if x.sum() > 0 else -x), "cannot be traced"),
    "several_outputs": (Called(lambda x: (x, x)), "not one tensor"),
    "constant": (Called(lambda x: torch.ones(3)), "not one tensor"),
    "nothing": (nn.Identity(), "no layer"),
    "folding": (Called(lambda x: x + getitem(x.shape, 5)), "cannot be computed"),
    "hooks": (hooked(), "hooks"),
    "shape": (nn.Linear(4, 3), "cannot"),
    "unknown_argument": (Called(lambda x: torch.mean(x, 1, dtype=torch.float64)), "dtype"),
    "not_a_module": (3, "is no torch.nn.Module"),
    "not_finite": (nn.Sequential(nn.Linear(3, 3), Called(lambda x: x * torch.inf)), "infinity"),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_is_not_supported_is_named(name: str) -> None:
    module, words = UNSUPPORTED[name]
    with pytest.raises(UnsupportedLayer, match=words):
        from_torch(module, (3,))


@pytest.mark.parametrize("name", [*ATTRIBUTES, *IMAGES])
def test_attributes_are_refused_not_ignored(name: str) -> None:
    module, words = (ATTRIBUTES | IMAGES)[name]
    with pytest.raises(UnsupportedAttribute, match=words):
        from_torch(nn.Sequential(module), (1, 5, 5) if name in IMAGES else (3,))


@pytest.mark.parametrize("name", DEFECTS)
def test_defects_are_explained(name: str) -> None:
    module, words = DEFECTS[name]
    with pytest.raises(ModelError, match=words):
        from_torch(module, (3,))


@pytest.mark.parametrize("shape", [(0,), (2**25,)])
def test_impossible_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="impossible"):
        from_torch(nn.Linear(3, 3), shape)


def test_a_misread_module_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(calls.CALLS, "relu", calls.CALLS["neg"])
    with pytest.raises(FidelityError, match="differ by"):
        from_torch(Called(torch.relu), (3,))


def test_a_trace_that_misses_a_change_in_place_is_refused() -> None:
    def changed(x: Any) -> Any:
        y = x.view(-1, 3)
        z = x + 0
        z = z.view(1, 3)
        w = z.view(3)
        w *= 3  # changes z too, which the trace does not show
        return functional.softmax(z + y, 1)

    with pytest.raises(FidelityError, match="trace"):
        from_torch(Called(changed), (3,))


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelError, match="pip install torch"):
        from_torch(nn.Linear(3, 3), (3,))
    with pytest.raises(ModelError, match="pip install torch"):
        load(tmp_path / "model.pth")
