"""Bounds for training: they hold at samples, and agree where they must."""

from __future__ import annotations

from typing import Any

import pytest

import rhobust as rb
from rhobust.compiler.base.errors import InputError

torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn

from rhobust.training.activation import interval_relu  # noqa: E402
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


class Divided(nn.Module):  # type: ignore[misc]
    """A number divided by the image."""

    def forward(self, x: Any) -> Any:
        return 1.0 / (x + 1.0)


class Doubled(nn.Module):  # type: ignore[misc]
    """A node that is taken twice, and a weight that is a tensor of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([1.0, -2.0, 0.5]))
        self.last = nn.Linear(3, 3)

    def forward(self, x: Any) -> Any:
        x = torch.relu(self.last(x * self.scale))
        return x + x


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


def test_a_node_may_be_taken_twice_and_weights_may_be_negative() -> None:
    torch.manual_seed(0)
    made, images, labels = Doubled(), torch.rand(50, 3), torch.arange(50) % 3
    for found in (Graph(made).margins, Graph(made).crown):
        bound = found(images - 0.1, images + 0.1, labels)
        for _ in range(20):
            logits = made(images + 0.1 * (torch.rand_like(images) * 2.0 - 1.0).sign())
            assert (bound <= logits.gather(1, labels[:, None]) - logits + 1e-5).all()
        point = found(images, images, labels)
        logits = made(images)
        assert torch.allclose(point, logits.gather(1, labels[:, None]) - logits, atol=1e-5)


def test_what_has_no_bounds_is_refused_by_name() -> None:
    made = nn.Sequential(nn.Flatten(), nn.Linear(8, 3), nn.Softplus())
    images, labels = torch.rand(2, 8), torch.tensor([0, 1])
    with pytest.raises(InputError, match="Softplus"):
        Graph(made).margins(images, images, labels)
    with pytest.raises(InputError, match="truediv"):
        Graph(Divided()).margins(images, images + 0.1, labels)
    with pytest.raises(InputError, match="LeakyReLU"):
        Graph(chain("conv")).crown(torch.rand(2, 2, 8, 8), torch.rand(2, 2, 8, 8), labels)


@pytest.mark.parametrize("order", ["contiguous_format", "channels_last"])
@pytest.mark.parametrize("same", [True, False])
def test_the_relu_of_intervals_and_its_gradient_are_those_of_its_ends(
    order: str, same: bool
) -> None:
    torch.manual_seed(0)
    middle = torch.randn(3, 4, 5, 6).to(memory_format=getattr(torch, order)).requires_grad_(True)
    half = torch.rand(3, 4, 5, 6)
    half = (half.to(memory_format=getattr(torch, order)) if same else half).requires_grad_(True)
    weights = torch.randn(2, 3, 4, 5, 6)
    low, high = (middle - half).relu(), (middle + half).relu()
    wanted = 0.5 * (low + high), 0.5 * (high - low)
    found = interval_relu(middle, half)
    slopes = []
    for parts in (wanted, found):
        total = (weights[0] * parts[0]).sum() + (weights[1] * parts[1]).sum()
        slopes.append(torch.autograd.grad(total, [middle, half]))
    for one, other in zip((*wanted, *slopes[0]), (*found, *slopes[1]), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_the_relu_of_intervals_keeps_what_is_no_number() -> None:
    middle = torch.tensor([1.0, float("nan"), -1.0])
    found = interval_relu(middle, torch.full((3,), 0.5))
    assert [bool(part) for part in found[0].isnan()] == [False, True, False]
    assert interval_relu(middle[::2].double(), torch.ones(2).double())[0].tolist() == [1.0, 0.0]


def test_an_imported_convolution_has_bounds() -> None:
    """Its layers are modules of their own, and an index moves its numbers."""
    network = rb.from_torch(chain("conv").eval(), (2, 8, 8))
    made = rb.training.module_of(network)
    images, labels = torch.rand(3, 2, 8, 8), torch.tensor([0, 1, 2])
    found = Graph(made).margins(images - 0.05, images + 0.05, labels)
    logits = made(images + 0.05 * (torch.rand_like(images) * 2.0 - 1.0))
    assert (found <= logits.gather(1, labels[:, None]) - logits + 1e-4).all()
    point = Graph(made).margins(images, images, labels)
    logits = made(images)
    assert torch.allclose(point, logits.gather(1, labels[:, None]) - logits, atol=1e-5)
    rb.training.train(made, images, [0, 1, 2], "ibp", epochs=2, warmup=0.0)


@pytest.mark.parametrize("name", ["digits", "digits_conv"])
def test_an_embedded_network_has_bounds_of_both_kinds(name: str) -> None:
    network = rb.load(name)
    made = rb.training.module_of(network)
    images, labels = torch.rand(3, *network.input_shape), torch.tensor([0, 1, 2])
    for found in (Graph(made).margins, Graph(made).crown):
        bound = found(images - 0.05, images + 0.05, labels)
        logits = made(images + 0.05 * (torch.rand_like(images) * 2.0 - 1.0))
        assert (bound <= logits.gather(1, labels[:, None]) - logits + 1e-4).all()


def test_the_relu_of_intervals_of_two_shapes_and_of_what_lies_apart_in_memory() -> None:
    middle, half = torch.randn(4, 3), torch.rand(1, 3)
    found = interval_relu(middle, half)
    wanted = interval_relu(middle, half.expand(4, 3))
    assert all(torch.equal(one, other) for one, other in zip(found, wanted, strict=True))
    wide = torch.randn(4, 6)
    found = interval_relu(wide[:, ::2], torch.ones(4, 3))
    wanted = interval_relu(wide[:, ::2].clone(), torch.ones(4, 3))
    assert all(torch.equal(one, other) for one, other in zip(found, wanted, strict=True))
