"""How far any float32 evaluation of a network can be from its exact value, over a box of inputs.

A running error analysis (Higham 2002, 3.3): every value has a bound on its size and on its error.
A sum of n products has an error of at most gamma(n) times the sum of their sizes in every order of
summation, with or without fused multiplications (ibid., 3.1), and coefficients may be rounded once
or twice more, as by a runtime that folds a scale into a convolution; results below the smallest
normal number may be flushed to zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import assert_never

import numpy as np

from ..base.arrays import Vector
from .forward import Enclosed, layer_enclosure
from .graph import Network
from .layers import (
    Absolute,
    Clip,
    Layer,
    Leaky,
    Linear,
    Maximum,
    MaxPool,
    Rectifier,
    Sign,
    Sum,
)

UNIT = 2.0**-24
SMALLEST = 2.0**-126
EXTRA = 8
"""Roundings of a coefficient, a bias and a result, counted generously."""


@dataclass(frozen=True, slots=True)
class Rounded:
    """What a value is exactly, over the box, and how far a float32 evaluation can be from it."""

    exact: Enclosed
    error: Vector

    @property
    def size(self) -> Vector:
        """The largest number that either of them can be, (N,)."""
        found: Vector = np.abs(self.exact.middle[0]) + self.exact.radius[0] + self.error
        return found


def float32_error(network: Network, lower: Vector, upper: Vector) -> Vector:
    """(K,): bounds on |float32 output - exact output| at every float32 input of a box (D,).

    inf where nothing is known: a layer that jumps, or numbers that float32 may not hold.
    """
    middle = 0.5 * (lower + upper)
    radius = np.maximum(upper - middle, middle - lower) * (1.0 + 1e-15)
    start = Enclosed(middle[None], radius[None])
    known = {network.INPUT: Rounded(start, np.zeros(len(lower)))}
    with np.errstate(all="ignore"):
        for node in network.order[1:]:
            sources = [known[s] for s in network.sources[node]]
            layer = network.layer(node)
            exact = layer_enclosure(layer, [source.exact for source in sources])
            error = _error(layer, sources) * (1.0 + 1e-9)
            # NaN and overflow: nothing is known
            fine = np.abs(exact.middle[0]) + exact.radius[0] + error < 3e38
            known[node] = Rounded(exact, np.where(fine, error, np.inf))
    return known[network.output].error


def gamma(terms: int) -> float:
    """The relative error of a sum of `terms` products."""
    product = (terms + EXTRA) * UNIT
    return product / (1.0 - product) if product < 0.5 else np.inf


def _error(layer: Layer, sources: list[Rounded]) -> Vector:
    first = sources[0]
    match layer:
        case Linear(operator, bias):
            size = operator.absolute()
            error: Vector = size.apply(first.error[None])[0]
            if operator.terms == 0 and bias is None:
                return error  # numbers in other places
            reach = size.apply(first.size[None])[0] + (0.0 if bias is None else np.abs(bias))
            error = error + gamma(operator.terms) * reach
            return error + (operator.terms + EXTRA) * SMALLEST
        case Sum(signs):
            error = sum((s.error for s in sources), start=np.zeros(1))
            reach = sum((s.size for s in sources), start=np.zeros(1))
            return error + gamma(len(signs)) * reach
        case Leaky(slope):
            steep = np.maximum(np.abs(slope), 1.0)
            return steep * (first.error + gamma(1) * first.size) + EXTRA * SMALLEST
        case Rectifier() | Clip() | Absolute():
            return first.error
        case Maximum():
            return np.asarray(reduce(np.maximum, (s.error for s in sources)))
        case MaxPool(windows):
            return np.asarray(first.error[windows.filled].max(axis=1))
        case Sign():
            return np.full(len(first.error), np.inf)
        case _:
            assert_never(layer)
