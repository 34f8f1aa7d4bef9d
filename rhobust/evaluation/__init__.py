"""Whole test sets: robust accuracy with a proven and a shown end, kept image by image."""

from __future__ import annotations

from .evaluate import evaluate
from .result import Evaluation

__all__ = ["Evaluation", "evaluate"]
