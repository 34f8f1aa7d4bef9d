"""Networks of any shape, trained on the embedded digits by a few steps: like real ones in size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rhobust.compiler.base.arrays import Indices, Matrix, Vector
from rhobust.compiler.importers.plain import dense_network
from rhobust.compiler.network.graph import Network
from rhobust.embedded import embedded_images

Layers = list[tuple[Matrix, Vector]]


def trained(hidden: Sequence[int], steps: int = 60, rate: float = 0.05, seed: int = 0) -> Network:
    """A network of ReLUs after some steps of gradient descent with momentum on 64 images each."""
    images, labels = digits()
    rng = np.random.default_rng(seed)
    sizes = [images.shape[1], *hidden, 10]
    layers: Layers = [
        (rng.normal(size=(b, a)) * np.sqrt(2.0 / a), np.zeros(b))
        for a, b in zip(sizes[:-1], sizes[1:], strict=True)
    ]
    trend: Layers = [(np.zeros_like(w), np.zeros_like(b)) for w, b in layers]
    for _ in range(steps):
        batch = rng.integers(len(images), size=64)
        slopes = _slopes(layers, images[batch], labels[batch])
        trend = [
            (0.9 * m - rate * g, 0.9 * n - rate * h)
            for (m, n), (g, h) in zip(trend, slopes, strict=True)
        ]
        layers = [(w + m, b + n) for (w, b), (m, n) in zip(layers, trend, strict=True)]
    return dense_network(layers)


def digits() -> tuple[Matrix, Indices]:
    """The embedded images (B, 64) and their labels (B,)."""
    images, labels = embedded_images()
    return images.reshape(len(images), -1) / 255.0, labels


def _slopes(layers: Layers, x: Matrix, labels: Indices) -> Layers:
    """The cross-entropy's, of the mean over the images (B, D)."""
    values = [x]
    for weight, bias in layers[:-1]:
        values.append(np.maximum(values[-1] @ weight.T + bias, 0.0))
    logits = values[-1] @ layers[-1][0].T + layers[-1][1]
    share = np.exp(logits - logits.max(axis=1, keepdims=True))
    pull = share / share.sum(axis=1, keepdims=True)
    pull[np.arange(len(labels)), labels] -= 1.0
    pull /= len(labels)
    found: Layers = []
    for k in range(len(layers) - 1, -1, -1):
        found.append((pull.T @ values[k], pull.sum(axis=0)))
        pull = (pull @ layers[k][0]) * (values[k] > 0.0)
    return found[::-1]
