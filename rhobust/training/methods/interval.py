"""Training on interval bounds of the worst logits."""

from __future__ import annotations

from typing import Any

from ..bounds import Graph
from .adversarial import linf_examples
from .batch import Batch


def ibp(batch: Batch) -> tuple[Any, Any]:
    """kappa * natural + (1 - kappa) * loss of the worst logits in the ball (Gowal et al. 2018).

    kappa falls from 1 to its option while the radius grows.
    """
    kappa = 1.0 - batch.share * (1.0 - batch.options["kappa"])
    logits = batch.logits(batch.images)
    natural = batch.cross_entropy(logits)
    if kappa == 1.0:
        return natural, logits
    low = batch.inside(batch.images - batch.eps)
    high = batch.inside(batch.images + batch.eps)
    proven = batch.cross_entropy(-Graph.of(batch.module).margins(low, high, batch.labels))
    return kappa * natural + (1.0 - kappa) * proven, logits


def sabr(batch: Batch) -> tuple[Any, Any]:
    """The loss of the worst logits in a small box around an adversarial example (Mueller et al.
    2023, section 3): it overestimates less than the whole ball, and so regularises less.
    """
    kappa = 1.0 - batch.share
    if kappa == 1.0:
        logits = batch.logits(batch.images)
        return batch.cross_entropy(logits), logits
    radius = batch.options["small"] * batch.eps
    center = linf_examples(batch, batch.eps - radius, int(batch.options["sabr_steps"]))
    low, high = batch.inside(center - radius), batch.inside(center + radius)
    found = Graph.of(batch.module).spread(low, high, batch.labels)
    proven = batch.cross_entropy(-found.low)
    if kappa == 0.0 and not batch.counts:
        return proven, -found.middle
    logits = batch.logits(batch.images)
    return kappa * batch.cross_entropy(logits) + (1.0 - kappa) * proven, logits
