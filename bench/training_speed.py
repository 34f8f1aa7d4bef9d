"""Processor microseconds that one image costs in training, by method.

    python -m bench.training_speed [--methods ibp sabr ...] [--rounds 5] [--images 2000]

Trains a convolutional network of 166,406 weights on random images of MNIST's shape, at the whole
radius from the first step on, and prints the least of so many epochs. One thread. To compare two
commits, run it in turns in a work tree of each: only names that both have are used.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch  # type: ignore[import-not-found, unused-ignore]
from torch import nn  # type: ignore[import-not-found, unused-ignore]

import rhobust as rb

METHODS = ("plain", "pgd-linf", "ibp", "sabr")
BATCH = 128


def network() -> Any:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 16, 4, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 4, 2, 1), nn.ReLU(),
        nn.Flatten(), nn.Linear(1568, 100), nn.ReLU(), nn.Linear(100, 10),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", nargs="*", default=METHODS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=2000)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    images = rng.random((chosen.images, 1, 28, 28), dtype=np.float32)
    labels = rng.integers(0, 10, chosen.images)
    told = []
    for method in chosen.methods:
        clock: list[float] = []

        def note(epoch: Any, epochs: int, kept: list[float] = clock) -> None:
            kept.append(time.process_time())

        rb.training.train(
            network(), images, labels, method, epochs=chosen.rounds + 1, batch=BATCH, warmup=0.0,
            rampup=0.0, options={"sabr_steps": 1, "steps": 7}, progress=note,
        )  # fmt: skip
        least = np.diff(clock).min()  # the first epoch, which compiles, is left out
        told.append(f"{method} {1e6 * least / chosen.images:.0f}")
    print(", ".join(told), "microseconds an image", flush=True)


if __name__ == "__main__":
    main()
