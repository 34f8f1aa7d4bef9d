"""When an input has lost its label, and what attacks lower to get there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ..compiler.base.arrays import Indices, Mask, Matrix, Vector
from ..compiler.question.claim import Claim

DONE = 1e-5
"""A lead as far below 0, relative to the logits, is below it for every rounding."""


@dataclass(frozen=True, eq=False)
class Criterion:
    """Label k of an image is lost where some rival's logit is at least its own plus the margin.

    labels (N,); rivals (N, K): one target, a set of them, or all other labels.
    """

    labels: Indices
    rivals: Mask
    margin: float = 0.0

    @classmethod
    def of(cls, claims: Sequence[Claim]) -> Criterion:
        """That of claims about one network."""
        labels = np.array([claim.label for claim in claims], dtype=np.int64)
        rivals = np.zeros((len(claims), claims[0].network.output_size), dtype=bool)
        for row, claim in zip(rivals, claims, strict=True):
            row[list(claim.targets)] = True
        return cls(labels, rivals, claims[0].margin)

    def rows(self, which: Indices | Mask) -> Criterion:
        """Of some of the images."""
        return Criterion(self.labels[which], self.rivals[which], self.margin)

    def only(self, target: Indices) -> Criterion:
        """With a single rival for each image, (N,)."""
        rivals = np.zeros_like(self.rivals)
        rivals[np.arange(len(target)), target] = True
        return Criterion(self.labels, rivals, self.margin)

    def lead(self, logits: Matrix) -> Vector:
        """By how much the label is ahead of its best rival, margin included; NaN counts as inf."""
        known = np.where(self.rivals, logits, -np.inf).max(axis=1)
        lead = logits[np.arange(len(logits)), self.labels] - known + self.margin
        found: Vector = np.where(np.isnan(lead), np.inf, lead)
        return found

    def sure(self, logits: Matrix, lead: Vector) -> Mask:
        """Whether a lead is so far below 0 that another evaluation will say the same."""
        found: Mask = lead <= -DONE * (1.0 + np.abs(logits).max(axis=1))
        return found

    def own(self) -> Matrix:
        """1 at each label, (N, K)."""
        weights = np.zeros(self.rivals.shape)
        weights[np.arange(len(weights)), self.labels] = 1.0
        return weights


Loss: TypeAlias = Callable[[Criterion, Matrix], Matrix]
"""From logits (N, K) to the weights (N, K) of the logits in the gradient of a loss, to be lowered.
"""


def margin_loss(criterion: Criterion, logits: Matrix) -> Matrix:
    """The lead over the best rival (Carlini and Wagner 2017, f6)."""
    weights = criterion.own()
    best = np.argmax(np.where(criterion.rivals, logits, -np.inf), axis=1)
    weights[np.arange(len(weights)), best] -= 1.0
    return weights


def cross_entropy(criterion: Criterion, logits: Matrix) -> Matrix:
    """The logit less log-sum-exp of the rivals'.

    For all rivals its gradient has the direction of the negated cross entropy's, which is this one
    times the probability of another label.
    """
    rivals = np.where(criterion.rivals, logits, -np.inf)
    shares = np.exp(rivals - rivals.max(axis=1, keepdims=True))
    weights: Matrix = criterion.own() - shares / shares.sum(axis=1, keepdims=True)
    return weights


LOSSES: dict[str, Loss] = {"margin": margin_loss, "cross-entropy": cross_entropy}
"""The losses by name."""
