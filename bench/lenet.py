"""Train LeNet on MNIST, as in Bastani et al. 2016, and write it as ONNX.

    python -m bench.lenet [--out bench/models] [--epochs 4]

Convolution of 20 filters 5x5, ReLU, maximum pool of 2, convolution of 50 filters 5x5, ReLU,
maximum pool of 2, dense 500, ReLU, dense 10; pixels are divided by 255.  Writes lenet.onnx and
prints its accuracy on the 10,000 test images, which are not used in training: 98.5 % at least, or
the exit status is 1.  Needs torch (the extra ``torch``) and MNIST under RHOBUST_DATA.  Takes some
minutes on one core.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import onnx
import torch  # type: ignore[import-not-found, unused-ignore]
from torch import Tensor, nn  # type: ignore[import-not-found, unused-ignore]
from torch.nn import functional as F  # type: ignore[import-not-found, unused-ignore]

from .onnx_writer import to_onnx
from .workloads import DATA, MODELS

SEED, BATCH, LEARNING_RATE, LEAST = 0, 64, 2e-3, 0.985


def lenet() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10)),
    )


def images(part: str) -> tuple[Tensor, Tensor]:
    """Pixels (n, 1, 28, 28) in [0, 1] and labels (n,) of `train` or `test`."""
    with np.load(DATA / "mnist" / f"mnist_{part}.npz") as arrays:
        pixels = arrays["images"][:, None].astype(np.float32) / np.float32(255)
        return torch.from_numpy(pixels), torch.from_numpy(arrays["labels"].astype(np.int64))


def train(net: nn.Sequential, x: Tensor, y: Tensor, epochs: int) -> None:
    optimizer = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)
    steps = epochs * -(-len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for epoch in range(epochs):
        for rows in torch.split(torch.randperm(len(x)), BATCH):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1} of {epochs}", flush=True)


def accuracy(net: nn.Sequential, x: Tensor, y: Tensor) -> float:
    with torch.no_grad():
        found = torch.cat([net(part).argmax(1) for part in torch.split(x, 1000)])
    return float((found == y).double().mean())


def main() -> None:
    parser = argparse.ArgumentParser(description="Train LeNet on MNIST.")
    parser.add_argument("--out", type=Path, default=MODELS)
    parser.add_argument("--epochs", type=int, default=4)
    chosen = parser.parse_args()
    out: Path = chosen.out
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    net = lenet()
    train(net, *images("train"), chosen.epochs)
    onnx.save(to_onnx(net, "lenet", [1, 28, 28]), out / "lenet.onnx")
    reached = accuracy(net, *images("test"))
    print(f"lenet: test accuracy {reached:.4f}")
    sys.exit(0 if reached >= LEAST else 1)


if __name__ == "__main__":
    main()
