"""What each way to train buys, on handwritten digits: natural, attacked and proven accuracy.

    python -m bench.defences [--network conv|dense] [--epochs 100] [--images 100] [--seed 0]
        [--methods plain ibp ...] [--out FOLDER]

Trains one small network, convolutional or of dense layers, by every method from the same start, on
the images of scikit-learn that are not among the embedded ones' kind, and prints a table in
Markdown. Needs torch and scikit-learn. One thread; the same seed gives the same table.
"""

from __future__ import annotations

import argparse
import importlib
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch  # type: ignore[import-not-found, unused-ignore]
from torch import nn  # type: ignore[import-not-found, unused-ignore]

import rhobust as rb
from rhobust.training.methods import METHODS

EPS, L2, SIGMA = 0.1, 0.5, 0.25
TEST = 360


def digits() -> tuple[Any, Any]:
    """Images (N, 1, 8, 8) in [0, 1] and labels, in a fixed shuffled order."""
    bunch = importlib.import_module("sklearn.datasets").load_digits()  # by name: it has no types
    order = np.random.default_rng(0).permutation(len(bunch.target))
    return (bunch.images[order, None] / 16.0).astype(np.float32), bunch.target[order]


def dense() -> Any:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 100), nn.ReLU(),
        nn.Linear(100, 10),
    )  # fmt: skip


def conv() -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip


NETWORKS = {"conv": conv, "dense": dense}


def radius(method: str) -> float:
    return {"pgd-l2": L2, "noise": SIGMA}.get(method, EPS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", choices=sorted(NETWORKS), default="conv")
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=10.0)
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    parser.add_argument("--out", type=Path, default=None)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    images, labels = digits()
    train, test = slice(TEST, None), slice(0, chosen.images)
    print(
        f"| method | seconds | natural | PGD l∞ {EPS} | PGD l2 {L2} | proven l∞ {EPS} | undecided |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    folder = chosen.out or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    for method in chosen.methods:
        torch.manual_seed(chosen.seed)
        start = NETWORKS[chosen.network]()
        began = time.process_time()
        module, _ = rb.training.train(
            start, images[train], labels[train], method, eps=radius(method),
            epochs=chosen.epochs, batch=64, rate=2e-3, seed=chosen.seed,
        )  # fmt: skip
        seconds = time.process_time() - began
        rb.from_torch(module, (1, 8, 8)).save(folder / f"{method}.onnx", overwrite=True)
        model = rb.load(folder / f"{method}.onnx")
        whole = model.forward(images[:TEST].reshape(TEST, -1).astype(np.float64))
        natural = float((whole.argmax(axis=1) == labels[:TEST]).mean())
        kept: list[float] = []
        for norm, eps, attack in (("linf", EPS, "pgd"), ("l2", L2, "pgd-l2")):
            found: Any = rb.attack(
                model, images[test], eps, label=labels[test], norm=norm, method=attack
            )
            kept.append(float(np.mean([not one.success for one in found])))
        result = rb.evaluation.evaluate(
            model, images[test], labels=labels[test], eps=EPS, timeout=chosen.timeout
        )
        low, high = result.robust(EPS)
        told: list[float] = [natural, *kept, low]
        cells = " | ".join(f"{100.0 * value:.1f} %" for value in told)
        open_ = round((high - low) * chosen.images)
        print(f"| {method} | {seconds:.0f} | {cells} | {open_} |", flush=True)


if __name__ == "__main__":
    main()
