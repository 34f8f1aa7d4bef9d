"""The labels that a network gives images, before anything else is asked of them."""

from __future__ import annotations

import numpy as np

from ...compiler.base.arrays import Matrix
from ...compiler.network.graph import Network
from .session import Session

BATCH = 64
"""Images whose labels are predicted together, in one task."""


def labels(session: Session, points: Matrix) -> list[int]:
    """Those of images (B, D), as a task of a worker."""
    return predicted(session.network, points)


def predicted(network: Network, points: Matrix) -> list[int]:
    """The label of each of some images (B, D)."""
    with np.errstate(all="ignore"):
        found: list[int] = np.argmax(network.forward(points), axis=1).tolist()
    return found
