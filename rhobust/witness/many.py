"""Candidates of many images at once: what the runtime refuses in one batch is looked at no more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..compiler.base.arrays import Matrix
from ..compiler.network.graph import Network
from .label import Validator, Witness

CLOSE = 1e-5
"""A lead above this, relative to the logits, is no lost label in any order of summation."""

BEYOND = (0.0, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)
"""How far beyond a point, as seen from its image, to look for one that the runtime misjudges."""

AT_ONCE = 1000
"""Points that the runtime gets together."""


def outputs(network: Network, points: Matrix) -> Matrix:
    """What the runtime gives, or the network itself where there is none: (N, K)."""
    run = network.forward if network.runtime is None else network.run
    parts = [run(points[k : k + AT_ONCE]) for k in range(0, len(points), AT_ONCE)]
    return np.concatenate([np.asarray(part, dtype=np.float64) for part in parts])


def witnesses(validators: Sequence[Validator], points: Matrix) -> list[Witness | None]:
    """The witness of each validator at its point (N, D), or just beyond it, if any.

    validators: of claims about one network.  Each witness is what `Validator.check` gives.
    """
    found: list[Witness | None] = [None] * len(validators)
    if not validators:
        return found
    network = validators[0].claim.network
    images = np.stack([validator.claim.image for validator in validators])
    left = np.flatnonzero(np.isfinite(points).all(axis=1))
    for share in BEYOND:
        near: list[tuple[int, Matrix]] = []
        for k in left.tolist():
            region = validators[k].region
            moved = images[k] + (1.0 + share) * (points[k] - images[k])
            snapped = validators[k].snap(np.clip(moved, region.lower, region.upper))
            if snapped is not None:
                near.append((k, snapped))
        if not near:
            continue
        y = outputs(network, np.stack([point for _, point in near]))
        for (k, point), row in zip(near, y, strict=True):
            claim = validators[k].claim
            lead = row[claim.label] - row[list(claim.targets)].max() + claim.margin
            if lead <= CLOSE * (1.0 + np.abs(row).max()):  # NaN fails
                found[k] = validators[k].check(point)
        left = np.array([k for k in left.tolist() if found[k] is None], dtype=np.int64)
        if not len(left):
            break
    return found
