"""Attacks on a smoothed classifier: gradients of its mean logits (Salman et al. 2019)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rhobust.attacks.batch import Batch
from rhobust.attacks.criterion import Criterion
from rhobust.attacks.methods import METHODS
from rhobust.attacks.models import Model
from rhobust.compiler.base.arrays import Indices, Matrix
from rhobust.compiler.base.norms import L2, LINF
from rhobust.smoothing import Smoothed


class Averaged:
    """The mean logits of noisy copies, the same noise for all points and all calls.

    A function of the point alone, so that an attack can go down on it.
    """

    def __init__(self, model: Model, sigma: float, size: int, copies: int, seed: int) -> None:
        self.model, self.copies = model, copies
        self.noise = sigma * np.random.default_rng(seed).standard_normal((copies, size))

    def _copies(self, points: Matrix) -> Matrix:
        return (points[:, None] + self.noise).reshape(-1, points.shape[1])

    def _mean(self, rows: Matrix) -> Matrix:
        mean: Matrix = rows.reshape(-1, self.copies, rows.shape[1]).mean(axis=1)
        return mean

    def logits(self, points: Matrix) -> Matrix:
        return self._mean(self.model.logits(self._copies(points)))

    def gradient(self, points: Matrix, weights: Matrix) -> Matrix:
        found = self.model.gradient(self._copies(points), np.repeat(weights, self.copies, axis=0))
        return self._mean(found)


def accuracy_under(
    smoothed: Smoothed,
    model: Model,
    method: str | None,
    eps: float,
    images: Matrix,
    labels: Indices,
    n: int,
    seed: int = 0,
    copies: int = 16,
) -> float:
    """The share of images (N, D) whose points an attack leaves with their smoothed label.

    model: the classifier below; method: None for the images themselves.  n: noisy images for each
    label; one that abstains counts as lost.  copies: how many noisy ones the attack goes down on; 0
    for an attack on the classifier below, whose examples are handed on.
    """
    points = images
    if method is not None:
        size, attack = images.shape[1], METHODS[method]()
        rivals = np.ones((len(labels), smoothed.classes), dtype=bool)
        rivals[np.arange(len(labels)), labels] = False
        forever: Callable[[], float] = lambda: np.inf  # noqa: E731
        batch = Batch(
            Averaged(model, smoothed.sigma, size, copies, seed) if copies else model,
            images, Criterion(labels, rivals),
            L2 if method == "pgd-l2" else LINF, np.full(len(images), eps), np.zeros(size),
            np.ones(size), np.random.default_rng(seed), forever, (size,),
        )  # fmt: skip
        points = attack.run(batch).points
    kept: list[Any] = [
        smoothed.predict(point, n, index=k) == label
        for k, (point, label) in enumerate(zip(points, labels.tolist(), strict=True))
    ]
    return float(np.mean(kept))
