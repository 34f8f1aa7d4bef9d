"""Points moved towards their images, as far as labels stay lost."""

from __future__ import annotations

import numpy as np

from ..compiler.base.arrays import Matrix
from .batch import Batch, Found

HALVINGS = 20
"""Of the way from an image to a point, to find where the label is lost on it."""


def shortened(batch: Batch, found: Found) -> Found:
    """The points, moved towards their images as far as the label stays lost on the way."""
    index = np.flatnonzero(found.lead <= 0.0)
    if not len(index):
        return found
    part = batch.rows(index)
    away = found.points[index] - part.images
    held, lost = np.zeros(len(index)), np.ones(len(index))
    points: Matrix = found.points.copy()
    lead = found.lead.copy()
    for _ in range(HALVINGS):
        share = 0.5 * (held + lost)
        moved = part.images + share[:, None] * away
        now = part.lead(moved)
        ok = now <= 0.0
        lost, held = np.where(ok, share, lost), np.where(ok, held, share)
        points[index[ok]], lead[index[ok]] = moved[ok], now[ok]
        if batch.stop():
            break
    return Found(points, lead)
