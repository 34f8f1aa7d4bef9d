"""Train the small networks of rhobust/data and write them with 200 test images.

    python -m bench.train_digits [--out rhobust/data]

Makes digits.onnx (dense, 64-40-40-10), digits_conv.onnx (two convolutions, two dense layers) and
digits.npz (``images`` uint8 (200, 8, 8) and ``labels`` uint8 (200,), not used in training).
Needs torch and scikit-learn (the extras ``torch`` and ``sklearn``).

Data: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
Repository, 1998, https://doi.org/10.24432/C50P49, licence CC BY 4.0; its 1797 test images, as
scikit-learn ships them (``load_digits``). Their levels 0..16 become round(level * 255 / 16) as
uint8, and the networks see these divided by 255.

Training is against projected gradient descent (the mean of the clean and the attacked loss, 5
steps in the l-infinity ball of radius 0.1) with an L1 penalty on the weights. Seeds are fixed:
the same versions on the same machine give the same files.
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

import numpy as np
import onnx
import torch  # type: ignore[import-not-found, unused-ignore]
from numpy.typing import NDArray
from torch import Tensor, nn  # type: ignore[import-not-found, unused-ignore]
from torch.nn import functional as F  # type: ignore[import-not-found, unused-ignore]

from .onnx_writer import to_onnx

SEED, EPS = 0, 0.1
TEST, SHOWN = 360, 200  # images kept from training, and how many of these are written
EPOCHS, BATCH, LEARNING_RATE, L1 = 300, 64, 1e-2, 5e-4


def load() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """All images (n, 8, 8) and labels (n,), in a fixed shuffled order."""
    bunch = importlib.import_module("sklearn.datasets").load_digits()  # by name: it has no types
    order = np.random.default_rng(SEED).permutation(len(bunch.target))
    images = np.rint(bunch.images[order] * 255 / 16).astype(np.uint8)
    return images, bunch.target[order].astype(np.uint8)


def dense() -> nn.Sequential:
    hidden = nn.Linear(64, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU()
    return nn.Sequential(*hidden, nn.Linear(40, 10))


def conv() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)),
    )


def attack(net: nn.Sequential, x: Tensor, y: Tensor, steps: int) -> Tensor:
    """Projected gradient descent from a random start in the ball of radius EPS, within [0, 1]."""
    low, high = (x - EPS).clamp(min=0), (x + EPS).clamp(max=1)
    z = low + torch.rand_like(x) * (high - low)
    for _ in range(steps):
        z = z.detach().requires_grad_()
        (slope,) = torch.autograd.grad(F.cross_entropy(net(z), y), z)
        z = (z + 2.5 * EPS / steps * slope.sign()).clamp(low, high)
    return z.detach()


def train(net: nn.Sequential, x: Tensor, y: Tensor) -> None:
    parameters = list(net.parameters())
    optimizer = torch.optim.Adam(parameters, lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        for rows in torch.split(torch.randperm(len(x)), BATCH):
            attacked = attack(net, x[rows], y[rows], steps=5)
            loss = F.cross_entropy(net(x[rows]), y[rows]) + F.cross_entropy(net(attacked), y[rows])
            size = sum((p.abs().sum() for p in parameters if p.dim() > 1), torch.zeros(()))
            optimizer.zero_grad()
            torch.autograd.backward(loss / 2 + L1 * size)
            optimizer.step()
        schedule.step()


def accuracy(net: nn.Sequential, x: Tensor, y: Tensor) -> float:
    return float((net(x).argmax(1) == y).double().mean())


def robust(net: nn.Sequential, x: Tensor, y: Tensor, starts: int = 10) -> float:
    """The share of images that no attack of 40 steps from any start turns: an upper bound."""
    held = torch.ones(len(x), dtype=torch.bool)
    for _ in range(starts):
        held &= net(attack(net, x, y, steps=40)).argmax(1) == y
    return float(held.double().mean())


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the networks of rhobust/data.")
    parser.add_argument("--out", type=Path, default=Path("rhobust/data"))
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    images, labels = load()
    np.savez_compressed(out / "digits.npz", images=images[:SHOWN], labels=labels[:SHOWN])
    pixels = torch.from_numpy(images.astype(np.float32) / np.float32(255))
    y = torch.from_numpy(labels.astype(np.int64))
    for name, make, shape in (("digits", dense, [64]), ("digits_conv", conv, [1, 8, 8])):
        torch.manual_seed(SEED)
        net, x = make(), pixels.reshape(-1, *shape)
        train(net, x[TEST:], y[TEST:])
        onnx.save(to_onnx(net, name, shape), out / f"{name}.onnx")
        for part, n in (("test", TEST), ("written", SHOWN)):
            result = accuracy(net, x[:n], y[:n]), robust(net, x[:n], y[:n])
            print(f"{name}: {part} {n}: clean {result[0]:.4f}, attacked {result[1]:.4f}")


if __name__ == "__main__":
    main()
