"""A network of two inputs and eight hidden units: the linear regions of its plane can be seen.

After the running example of Bastani et al. 2016, Figure 1.  Trained once on `points`; its weights
are rounded to hundredths and stand here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..compiler.base.arrays import Matrix
from ..compiler.importers.plain import dense_network
from ..compiler.network.graph import Network

HIDDEN = (
    [
        [4.08, 0.29], [-0.06, 1.98], [0.49, -0.64], [-3.43, -0.97], [3.26, -1.45], [-0.41, 1.52],
        [-6.1, 1.09], [2.31, 1.41],
    ],
    [-2.73, -1.13, -0.05, 2.47, -1.48, 0.03, 1.6, -1.51],
)  # fmt: skip
OUTPUT = (
    [
        [-3.21, 1.61, -0.69, -3.0, -2.49, 1.0, 4.46, 2.16],
        [3.14, -1.52, 0.55, 3.02, 2.66, -1.06, -4.47, -2.19],
    ],
    [-0.32, 0.36],
)


def running_example() -> Network:
    """From the unit square to the logits of two labels."""
    return dense_network((HIDDEN, OUTPUT), "running example")


def points(count: int = 120) -> tuple[Matrix, npt.NDArray[np.int64]]:
    """Training points (count, 2) in the unit square, two half moons, and their labels (count,)."""
    rng = np.random.default_rng(0)
    angle, label = rng.uniform(0.0, np.pi, count), np.arange(count) % 2
    x = np.where(label == 0, np.cos(angle), 1.0 - np.cos(angle))
    y = np.where(label == 0, np.sin(angle), 0.5 - np.sin(angle))
    noisy = np.stack([x, y], axis=1) + rng.normal(0.0, 0.1, (count, 2))
    return (noisy + [1.35, 0.9]) / [3.7, 2.3], label.astype(np.int64)
