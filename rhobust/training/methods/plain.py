"""The natural loss alone."""

from __future__ import annotations

from typing import Any

from .batch import Batch


def plain(batch: Batch) -> tuple[Any, Any]:
    """Cross-entropy of the images as they are."""
    logits = batch.logits(batch.images)
    return batch.cross_entropy(logits), logits
