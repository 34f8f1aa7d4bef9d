"""Weights gamma of the atoms that a node asks for together, (B, A).

A node closes when their weighted sum is proven positive. Any weights >= 0 are valid; they sum to 1,
or the objective has weight 1 where there is one.
"""

from __future__ import annotations

import numpy as np

from ...compiler.base.arrays import Mask, Matrix, Vector
from .batch import Block

LEAST = 0.4
"""The least weight of an atom, as a share of the mean weight."""


def first_weights(atoms: Mask, value: Vector, objective: int | None) -> Matrix:
    """Weights of the atoms asked for: most on the one whose own bound, value (A,), is best."""
    asked = atoms.copy()
    if objective is not None:
        asked[:, objective] = False
    count = np.maximum(asked.sum(axis=1, keepdims=True), 1)
    if not atoms.shape[1]:
        return np.zeros(atoms.shape)
    best = np.argmax(np.where(asked, value, -np.inf), axis=1)
    gamma = np.where(asked, 0.3 / count, 0.0)
    several = np.flatnonzero(asked.any(axis=1))
    gamma[several, best[several]] += 0.7
    gamma[(count == 1)[:, 0]] = asked[(count == 1)[:, 0]]
    if objective is not None:
        gamma *= 0.1
        gamma[:, objective] = 1.0
    return gamma


def reweigh(block: Block, output: Matrix, step: int, objective: int | None) -> None:
    """Multiplicative weights: atoms above 0 at the relaxation's minimiser (B, A) gain."""
    if not (block.atoms.sum(axis=1) > 1).any():
        return
    value = np.where(block.atoms, output, 0.0)
    if objective is not None:
        value[:, objective] = 0.0
    largest = np.maximum(np.abs(value).max(axis=1, keepdims=True), 1e-300)
    _scale(block, block.gamma * np.exp(0.9**step * value / largest), objective)
    if objective is None:
        # a weight near 0 would need many steps to come back where its atom matters
        least = LEAST / np.maximum(block.atoms.sum(axis=1, keepdims=True), 1)
        _scale(block, np.where(block.atoms, np.maximum(block.gamma, least), 0.0), objective)


def ask_more(block: Block, fresh: Mask, objective: int | None) -> None:
    """Gives half of all weight to atoms that the nodes ask for from now on."""
    count = fresh.sum(axis=1, keepdims=True)
    kept = block.gamma * np.where(count > 0, 0.5, 1.0)
    _scale(block, kept + np.where(fresh, 0.5 / np.maximum(count, 1), 0.0), objective)


def _scale(block: Block, gamma: Matrix, objective: int | None) -> None:
    if objective is not None:
        gamma[:, objective] = 1.0
    else:
        gamma /= np.maximum(gamma.sum(axis=1, keepdims=True), 1e-300)
    block.gamma = gamma
