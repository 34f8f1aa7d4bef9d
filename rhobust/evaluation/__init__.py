"""Whole test sets: robust accuracy with a proven and a shown end, kept image by image."""

from __future__ import annotations

from .evaluate import evaluate
from .result import Evaluation
from .tune import Tried, Tuned, tune

__all__ = ["Evaluation", "Tried", "Tuned", "evaluate", "tune"]
