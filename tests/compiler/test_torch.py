"""Networks from PyTorch modules: every layer and call that is read, against PyTorch itself."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rhobust.compiler.importers.fidelity import compare
from rhobust.compiler.importers.torch.calls import CALLS
from rhobust.compiler.importers.torch.layers import LAYERS
from rhobust.compiler.importers.torch.module import from_torch

from .onnx_models import check_network

torch: Any = pytest.importorskip("torch", reason="PyTorch is not installed")
nn, functional = torch.nn, torch.nn.functional


def chain(*layers: Any) -> Any:
    return nn.Sequential(*layers)


class Called(nn.Module):  # type: ignore[misc,name-defined]
    """A module whose forward is a function of its input and of its parts."""

    def __init__(self, function: Callable[..., Any], *parts: Any) -> None:
        super().__init__()
        self.function = function
        self.parts = nn.ModuleList(parts)

    def forward(self, x: Any) -> Any:
        return self.function(x, *self.parts)


class Residual(nn.Module):  # type: ignore[misc,name-defined]
    """Two blocks of a small residual network, written as such networks are."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.shortcut = nn.Sequential(nn.Conv2d(2, 4, 1, stride=2), nn.BatchNorm2d(4))
        self.last = nn.Linear(4, 3)
        self.relu = nn.ReLU(inplace=True)
        self.scale = nn.Parameter(torch.tensor([[2.0, -0.5, 1.0]]))

    def forward(self, x: Any) -> Any:
        y = self.second(self.relu(self.norm(self.first(x))))
        y += self.shortcut(x)
        y = functional.adaptive_avg_pool2d(functional.relu(y), 1)
        y = self.last(y.view(y.size(0), -1))
        return functional.log_softmax(y * self.scale.exp() - 0.1, dim=1)


def images(x: Any) -> Any:
    """Moves of all kinds, which change no number."""
    x = torch.flatten(x, 2).reshape(x.shape[0], 2, 3, -1).permute(0, 2, 3, 1)
    x = x.transpose(1, 2).contiguous().unsqueeze(1).squeeze(1).detach()
    return torch.unflatten(x[:, 1:, ..., ::2], 1, (3, 1))


def folded(x: Any) -> Any:
    half = x.dim() * x.shape[-1] // 2
    return x[:, :half] * 2 + 1 - x[:, -half:] / 3


def rows(x: Any) -> Any:
    x = torch.cat([x, torch.neg(x), x * 0.5], dim=1)
    return torch.mean(torch.sub(x, 0.5, alpha=1).view(-1, 3, 3), (1,), keepdim=True).mean(2)


MODELS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "dense": (lambda: chain(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3)), (5,)),
    "nested": (
        lambda: chain(
            nn.Flatten(),
            chain(nn.Linear(6, 7, bias=False), chain(nn.ReLU(), nn.Dropout(0.5))),
            nn.Identity(),
            nn.Linear(7, 3),
            nn.Softmax(dim=-1),
        ),
        (2, 3),
    ),
    "double": (lambda: chain(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3)).double(), (5,)),
    "residual": (Residual, (2, 7, 6)),
    "conv": (
        lambda: chain(
            nn.Unflatten(1, (2, 6, 5)),
            nn.Conv2d(2, 4, (3, 2), padding="same", dilation=(1, 2), groups=2),
            nn.BatchNorm2d(4, eps=1e-3),
            nn.ReLU(),
            nn.Dropout2d(),
            nn.Conv2d(4, 3, 2, stride=2, padding="valid"),
            nn.AvgPool2d(2, stride=1, padding=1, count_include_pad=False),
            nn.AdaptiveAvgPool2d((1, None)),
        ),
        (60,),
    ),
    "signal": (
        lambda: chain(
            nn.Conv1d(2, 4, 3, padding="same"),
            nn.BatchNorm1d(4, affine=False),
            nn.Dropout1d(),
            nn.AvgPool1d(2, padding=1),
            nn.AdaptiveAvgPool1d(2),
            nn.Linear(2, 3),
            nn.Flatten(),
            nn.BatchNorm1d(12),
        ),
        (2, 6),
    ),
    "layer_alone": (lambda: nn.BatchNorm2d(3), (3, 2, 2)),
    "linear_alone": (lambda: nn.Linear(4, 2), (4,)),
    "moves": (lambda: Called(images), (2, 3, 4)),
    "sizes": (lambda: Called(folded), (4,)),
    "rows": (lambda: Called(rows), (3,)),
    "methods": (lambda: Called(lambda x: x.sub(1).mul(3).add(x).div(2).neg().relu()), (3,)),
    "functions": (
        lambda: Called(
            lambda x, a: (
                functional.dropout(functional.linear(x, a.weight), training=False)
                + (torch.matmul(x, a.weight.T) - functional.avg_pool1d(x, 1))
            ),
            nn.Linear(3, 3),
        ),
        (3, 3),
    ),
    "windows": (
        lambda: Called(
            lambda x, a: functional.avg_pool2d(
                torch.add(functional.conv2d(x, a.weight, stride=2, padding=1), 1.0), 2
            ),
            nn.Conv2d(2, 3, 3),
        ),
        (2, 8, 8),
    ),
    "windows_1d": (
        lambda: Called(
            lambda x, a: functional.adaptive_avg_pool1d(functional.conv1d(x, a.weight), 2),
            nn.Conv1d(2, 3, 3),
        ),
        (2, 6),
    ),
    "leaky": (
        lambda: chain(
            nn.Linear(3, 4), nn.LeakyReLU(0.1), Called(lambda x: functional.leaky_relu(x, 0.3))
        ),
        (3,),
    ),
    "prelu": (
        lambda: chain(
            nn.PReLU(),
            nn.PReLU(2),
            Called(lambda x, a: functional.prelu(x, a.weight[:1, 0]), nn.Linear(2, 2)),
        ),
        (2, 3),
    ),
    "clip": (
        lambda: chain(
            nn.Linear(3, 8),
            nn.Hardtanh(-0.3, 0.7),
            nn.ReLU6(),
            Called(lambda x: torch.clamp(x, min=0.2) + functional.relu6(x.clip(-0.1, 0.4))),
            Called(lambda x: x - functional.hardtanh(x, max_val=0.3)),
        ),
        (3,),
    ),
    "max_pool": (
        lambda: chain(
            nn.Conv2d(1, 2, 3),
            nn.MaxPool2d(3, stride=2, padding=1),
            Called(lambda x: functional.max_pool2d(x, 2)),
            nn.Flatten(2),
            nn.MaxPool1d(2),
            Called(lambda x: functional.max_pool1d(x, 1)),
        ),
        (1, 10, 9),
    ),
    "absolute": (lambda: Called(lambda x: torch.abs(x) + x.abs()), (3,)),
    "maximum": (
        lambda: Called(lambda x: torch.maximum(x, 2 * x - 1) + torch.minimum(x, -x)),
        (3,),
    ),
    "sign": (lambda: Called(torch.sign), (3,)),
}


def made(name: str, seed: int) -> Any:
    """A module with random weights and statistics."""
    torch.manual_seed(seed)
    module = MODELS[name][0]()
    for part in module.modules():
        if isinstance(part, nn.PReLU):
            nn.init.uniform_(part.weight, -0.5, 0.9)
        if getattr(part, "running_var", None) is not None:
            part.running_mean.normal_()
            part.running_var.uniform_(0.3, 2.0)
            if part.weight is not None:
                nn.init.normal_(part.weight)
                nn.init.normal_(part.bias)
    return module


def together(runtime: Any, inputs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """All rows in one batch, which is quicker than the runtime, and the same for these modules."""
    batch = torch.from_numpy(inputs.astype(runtime.dtype)).reshape(-1, *runtime.shape[1:])
    with torch.no_grad():
        return np.asarray(runtime.module(batch).numpy()).reshape(len(inputs), -1)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", MODELS)
def test_module_agrees_with_torch(name: str, seed: int) -> None:
    network = from_torch(made(name, seed), MODELS[name][1])
    inputs = np.random.default_rng(seed).normal(size=(1000, network.input_size))
    rounded = inputs.astype(np.float32).astype(np.float64)
    ours, theirs = network.forward(rounded), together(network.runtime, rounded)
    error = np.abs(ours - theirs).max() / max(1.0, np.abs(theirs).max())
    assert error < (1e-12 if name == "double" else 1e-6)
    if seed == 0:
        check_network(network)


def test_every_layer_and_call_has_a_case() -> None:
    seen = set()
    for name in MODELS:
        traced = torch.fx.symbolic_trace(chain(made(name, 0)))
        for node in traced.graph.nodes:
            if node.op == "call_module":
                seen.add(type(traced.get_submodule(node.target)).__name__)
            seen.add(getattr(node.target, "__name__", node.target))
    assert seen >= {*LAYERS, *CALLS} - {"concat"}


def test_constants_are_joined_to_activations() -> None:
    network = from_torch(Called(lambda x: torch.cat([torch.ones(1, 2), x], 1)), (1,))
    assert network.forward(np.array([[3.0]])).tolist() == [[1.0, 1.0, 3.0]]


def test_rows_of_a_batch_are_never_mixed() -> None:
    network = from_torch(Called(lambda x: x - x.mean(0, keepdim=True) + 1), (2,))
    inputs = np.array([[1.0, 2.0], [5.0, 7.0]])
    assert network.runtime is not None
    assert network.runtime(inputs).tolist() == network.forward(inputs).tolist() == [[1, 1]] * 2


def test_runtime_is_the_module_before_its_softmax() -> None:
    module = made("residual", 0).eval()
    network = from_torch(module, (2, 7, 6))
    assert network.runtime is not None and "softmax" in network.notes[0]
    inputs = np.random.default_rng(3).normal(size=(4, 84)).astype(np.float32)
    with torch.no_grad():
        after = module(torch.from_numpy(inputs).reshape(4, 2, 7, 6)).numpy()
    logits = network.runtime(inputs.astype(np.float64))
    assert np.allclose(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), after, atol=1e-5)


def test_names_digest_and_weights() -> None:
    module = made("nested", 0)
    network = from_torch(module, (2, 3))
    assert (network.name, network.input_shape, network.relus) == ("Sequential", (2, 3), 7)
    assert network.order[1:] == ["1.0", "1.1.0", "3"]
    weight = module[3].weight.detach().numpy()
    assert np.array_equal(network.layer("3").operator.weight, weight)  # type: ignore[attr-defined]
    assert network.digest == from_torch(module, (2, 3)).digest != from_torch(module, (6,)).digest
    with torch.no_grad():
        module[3].weight[0, 0] += 1.0
    assert network.digest != from_torch(module, (2, 3)).digest
    assert compare(network, np.ones((1, 6))) < 1e-6  # the network keeps what it was made from


def test_a_module_is_left_as_it_is_and_read_in_evaluation_mode() -> None:
    module = made("nested", 0).train()
    network = from_torch(module, (2, 3))
    assert module.training and all(weight.requires_grad for weight in module.parameters())
    assert network.digest == from_torch(module.eval(), (2, 3)).digest


def test_a_network_survives_a_pickle() -> None:
    for name in ("nested", "conv"):
        check_network(pickle.loads(pickle.dumps(from_torch(made(name, 0), MODELS[name][1]))))
