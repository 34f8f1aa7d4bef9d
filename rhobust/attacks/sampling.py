"""Points of a box that are tried as they come: for networks that jump, which have no gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..compiler.base.arrays import Matrix, Vector
from ..compiler.network.graph import Network
from ..compiler.question.property import Property

COUNT = 256
"""Points that are drawn: a middle, corners, points on edges and others."""
WORK = 1e8
"""Multiplications at most."""


def drawn(lower: Vector, upper: Vector, count: int, rng: np.random.Generator) -> Matrix:
    """Points (count, D) of a box: its middle first, then each with some inputs at their ends."""
    share = rng.random((count, len(lower)))
    ends = rng.random(share.shape) < rng.choice([0.0, 0.5, 1.0], (count, 1))
    share = np.where(ends, np.round(share), share)
    share[0] = 0.5
    return np.clip(lower + share * (upper - lower), lower, upper)


def sampled(
    networks: Sequence[Network],
    asked: Property,
    lower: Vector,
    upper: Vector,
    accept: Callable[[Vector], bool],
    rng: np.random.Generator,
) -> bool:
    """Whether a point of a box was accepted; those are tried of which the property nearly holds."""
    work = sum(network.work for network in networks)
    points = drawn(lower, upper, max(1, int(min(COUNT, WORK / max(1, work)))), rng)
    points = points.astype(np.float32).astype(np.float64)
    sizes = np.cumsum([network.input_size for network in networks])[:-1]
    outputs = [
        network.forward(part)[:, : signature.output_size]
        for network, part, signature in zip(
            networks, np.split(points, sizes, axis=1), asked.networks, strict=True
        )
    ]
    values = np.concatenate(outputs, axis=1)
    for point, value in zip(points, values, strict=True):
        if np.isfinite(value).all() and asked.nearly(point.tolist(), value.tolist()):
            if accept(point):
                return True
    return False
