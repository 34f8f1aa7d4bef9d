"""The natural loss alone."""

from __future__ import annotations

from typing import Any

from .batch import Batch


def plain(batch: Batch) -> Any:
    """Cross-entropy of the images as they are."""
    return batch.cross_entropy(batch.logits(batch.images))
