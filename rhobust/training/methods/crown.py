"""Training on CROWN's bounds of the margins, which turn into interval bounds."""

from __future__ import annotations

from typing import Any

from ..bounds import Graph
from .batch import Batch


def crown_ibp(batch: Batch) -> tuple[Any, Any]:
    """As ibp, with bounds (1 - share) * CROWN + share * interval (Zhang et al. 2020, eq. 11).

    Intermediate bounds are intervals, the margins' are one backward pass: tighter where the radius
    is small, which is where training is unstable.
    """
    kappa = 1.0 - batch.share * (1.0 - batch.options["kappa"])
    logits = batch.logits(batch.images)
    natural = batch.cross_entropy(logits)
    if kappa == 1.0:
        return natural, logits
    low = batch.inside(batch.images - batch.eps)
    high = batch.inside(batch.images + batch.eps)
    graph = Graph.of(batch.module)
    margins = graph.margins(low, high, batch.labels)
    if batch.share < 1.0:
        tight = graph.crown(low, high, batch.labels)
        margins = batch.share * margins + (1.0 - batch.share) * tight
    proven = batch.cross_entropy(-margins)
    return kappa * natural + (1.0 - kappa) * proven, logits
