"""Bounds for training: they hold at samples, and agree where they must."""

from __future__ import annotations

from typing import Any

import pytest

from rhobust.compiler.base.errors import InputError

torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn

from rhobust.training.bounds import Graph  # noqa: E402


class Residual(nn.Module):  # type: ignore[misc]
    """A block that is added to its input, pools, and arithmetic in the forward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.inner = nn.Conv2d(4, 4, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.last = nn.Linear(4 * 2 * 2, 5)

    def forward(self, x: Any) -> Any:
        x = (x - 0.5) / 0.25
        x = torch.relu(self.norm(self.first(x)))
        x = x + self.inner(x)
        x = self.pool(torch.relu(x))
        return self.last(x.reshape(x.size(0), -1))


def chain(kind: str) -> Any:
    body = {
        "dense": [nn.Flatten(), nn.Linear(128, 12), nn.ReLU(), nn.Dropout(0.5), nn.Linear(12, 5)],
        "conv": [
            nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.AvgPool2d(2),
            nn.Conv2d(3, 4, (3, 2), stride=(1, 2)), nn.LeakyReLU(0.1), nn.Flatten(),
            nn.Linear(16, 5), nn.ReLU(),
        ],
    }  # fmt: skip
    return nn.Sequential(*body[kind])


def module(kind: str, seed: int) -> Any:
    torch.manual_seed(seed)
    made = Residual() if kind == "residual" else chain(kind)
    for part in made.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.2, 2.0)
            part.weight.data.normal_()
    return made


@pytest.mark.parametrize("kind", ["dense", "conv", "residual"])
@pytest.mark.parametrize("seed", range(4))
def test_no_sample_lies_below_a_bound(kind: str, seed: int) -> None:
    made = module(kind, seed)
    images = torch.rand(3, 2, 8, 8)
    labels = torch.tensor([0, 3, 4])
    low, high = images - 0.1, images + 0.1
    graph = Graph(made)
    bounds = {"interval": graph.margins(low, high, labels)}
    if kind == "dense":
        bounds["crown"] = graph.crown(low, high, labels)
    made.eval()
    with torch.no_grad():
        for corner in (True, False):
            for _ in range(200):
                step = torch.rand_like(images) * 2.0 - 1.0
                step = step.sign() if corner else step
                logits = made(images + 0.1 * step)
                margins = logits.gather(1, labels[:, None]) - logits
                for name, bound in bounds.items():
                    assert (bound <= margins + 1e-4).all(), name


@pytest.mark.parametrize("seed", range(4))
def test_crown_is_tighter_in_the_mean_and_exact_without_unstable_units(seed: int) -> None:
    made = module("dense", seed).eval()
    images, labels = torch.rand(4, 2, 8, 8), torch.tensor([0, 1, 2, 3])
    graph = Graph(made)
    wide = graph.crown(images - 0.1, images + 0.1, labels)
    assert (wide - graph.margins(images - 0.1, images + 0.1, labels)).mean() > 0
    logits = made(images)
    for found in (graph.crown, graph.margins):
        point = found(images, images, labels)
        assert torch.allclose(point, logits.gather(1, labels[:, None]) - logits, atol=1e-5)


def test_bounds_have_gradients_by_all_weights() -> None:
    made = module("dense", 0)
    images, labels = torch.rand(4, 2, 8, 8), torch.tensor([0, 1, 2, 3])
    for found in (Graph.of(made).crown, Graph.of(made).margins):
        made.zero_grad()
        found(images - 0.1, images + 0.1, labels).sum().backward()
        assert all(bool(weight.grad.abs().sum() > 0) for weight in made.parameters())


def test_what_has_no_bounds_is_refused_by_name() -> None:
    made = nn.Sequential(nn.Flatten(), nn.Linear(8, 3), nn.Softplus())
    images, labels = torch.rand(2, 8), torch.tensor([0, 1])
    with pytest.raises(InputError, match="Softplus"):
        Graph(made).margins(images, images, labels)
    with pytest.raises(InputError, match="LeakyReLU"):
        Graph(chain("conv")).crown(torch.rand(2, 2, 8, 8), torch.rand(2, 2, 8, 8), labels)
