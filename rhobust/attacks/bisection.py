"""Least distances by attacks that only know a radius."""

from __future__ import annotations

import numpy as np

from ..compiler.base.arrays import Vector
from .batch import Batch, Found
from .criterion import margin_loss
from .methods import Attack
from .shortening import shortened

ROUNDS = 10
"""Radii that are tried for an image."""

SMALLEST = 1e-4
"""Of the largest radius that makes a difference: the least one that is tried first."""


def nearest(attack: Attack, batch: Batch, rounds: int = ROUNDS) -> Found:
    """The nearest points at which labels are lost, as far as an attack tells.

    Radii are doubled until the attack succeeds, and bisected then: between the nearest point and
    the largest radius at which it failed.  Each run begins at the nearest point so far.
    """
    limit = batch.radius
    best, near = Found.nothing(batch), np.full(len(batch), np.inf)
    if getattr(attack, "restarts", 1) > 1:
        _ = batch.order  # known to all that follow
    failed, eps = np.zeros(len(batch)), _first(attack, batch)
    for _ in range(rounds):
        start = np.where(np.isfinite(near)[:, None], best.points, batch.images)
        found = shortened(batch, attack.run(batch.within(eps, start)))
        distance = batch.distance(found.points)
        lost = found.lead <= 0.0
        better = lost & (distance < near)
        best.points[better], best.lead[better] = found.points[better], found.lead[better]
        near[better] = distance[better]
        failed = np.where(lost, failed, np.maximum(failed, eps))
        grown = np.minimum(2.0 * eps, limit)
        eps = np.where(np.isfinite(near), 0.5 * (np.minimum(failed, near) + near), grown)
        if batch.stop():
            break
    return best


def _first(attack: Attack, batch: Batch) -> Vector:
    """Radii to begin with: where linearised margins end, and half as much again."""
    limit = batch.radius
    if attack.needs == "logits":
        return 0.25 * limit
    logits = batch.model.logits(batch.images)
    slope = batch.model.gradient(batch.images, margin_loss(batch.criterion, logits))
    lead = np.abs(batch.criterion.lead(logits))
    with np.errstate(divide="ignore", invalid="ignore"):
        edge = np.nan_to_num(1.5 * lead / batch.ball.dual(slope), nan=np.inf)
    return np.clip(edge, SMALLEST * limit, limit)
