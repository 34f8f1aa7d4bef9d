"""Gaussian noise, the training of randomized smoothing (Cohen et al. 2019, section 4)."""

from __future__ import annotations

from typing import Any

from .batch import Batch


def noise(batch: Batch) -> tuple[Any, Any]:
    """Cross-entropy of images with noise of standard deviation eps; noise leaves the domain."""
    logits = batch.logits(batch.images + batch.eps * batch.normal())
    return batch.cross_entropy(logits), logits
