"""Training on interval bounds of the worst logits."""

from __future__ import annotations

from typing import Any

from ..bounds import Graph
from .adversarial import linf_examples
from .batch import Batch


def ibp(batch: Batch) -> Any:
    """kappa * natural + (1 - kappa) * loss of the worst logits in the ball (Gowal et al. 2018).

    kappa falls from 1 to its option while the radius grows.
    """
    natural = batch.cross_entropy(batch.logits(batch.images))
    low = batch.inside(batch.images - batch.eps)
    high = batch.inside(batch.images + batch.eps)
    proven = batch.cross_entropy(-Graph.of(batch.module).margins(low, high, batch.labels))
    kappa = 1.0 - batch.share * (1.0 - batch.options["kappa"])
    return kappa * natural + (1.0 - kappa) * proven


def sabr(batch: Batch) -> Any:
    """The loss of the worst logits in a small box around an adversarial example (Mueller et al.
    2023, section 3): it overestimates less than the whole ball, and so regularises less.
    """
    radius = batch.options["small"] * batch.eps
    center = linf_examples(batch, batch.eps - radius, int(batch.options["sabr_steps"]))
    low, high = batch.inside(center - radius), batch.inside(center + radius)
    # the statistics of a batch normalisation follow from natural images
    natural = batch.cross_entropy(batch.logits(batch.images))
    proven = batch.cross_entropy(-Graph.of(batch.module).margins(low, high, batch.labels))
    kappa = 1.0 - batch.share
    return kappa * natural + (1.0 - kappa) * proven
