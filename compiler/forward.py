"""Forward passes of a graph: float64, exact, or float64 with a rigorous error bound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from .arrays import Matrix, Numbers, Vector, exact
from .layers import Layer, Linear, Rectifier, Sum
from .operators import is_exact
from .rounding import TINY, gamma


def _linear(layer: Linear, sources: Sequence[Numbers]) -> Numbers:
    result = layer.operator.apply(sources[0])
    if layer.bias is None:
        return result
    return result + (exact(layer.bias) if is_exact(result) else layer.bias)


def _sum(layer: Sum, sources: Sequence[Numbers]) -> Numbers:
    pairs = zip(layer.signs, sources, strict=True)
    parts = [part * (Fraction(sign) if is_exact(part) else sign) for sign, part in pairs]
    return sum(parts[1:], start=parts[0])


def _rectifier(layer: Rectifier, sources: Sequence[Numbers]) -> Numbers:
    values = sources[0]
    if is_exact(values):
        return np.where(values > 0, values, exact(0.0))
    return np.maximum(values, 0.0)


VALUES: dict[type, Callable[[Any, Sequence[Numbers]], Numbers]] = {
    Linear: _linear,
    Sum: _sum,
    Rectifier: _rectifier,
}


def layer_value(layer: Layer, sources: Sequence[Numbers]) -> Numbers:
    """The layer's output, rows are inputs: (B, size) each, float64 or exact."""
    return VALUES[type(layer)](layer, sources)


@dataclass(frozen=True, slots=True)
class Enclosed:
    """Numbers and how far from them the true values can be; both (B, size)."""

    middle: Matrix
    radius: Matrix


def layer_enclosure(layer: Layer, sources: Sequence[Enclosed]) -> Enclosed:
    """The layer's output with a rigorous bound on its rounding error.

    The radius is inflated by a relative 1e-12, which covers the rounding of the radius itself for
    fewer than 10^4 operations a number; 8 further terms cover the products and sums here.
    """
    match layer:
        case Linear(operator, bias):
            source = sources[0]
            size = operator.absolute()
            middle = operator.apply(source.middle)
            reach = size.apply(np.abs(source.middle))
            spread = size.apply(source.radius)
            if bias is not None:
                middle = middle + bias
                reach = reach + np.abs(bias)
            factor = gamma(operator.terms + 8)
            return Enclosed(middle, (factor * (reach + spread) + spread) * (1 + 1e-11) + TINY)
        case Sum(signs):
            middle = layer_value(layer, [source.middle for source in sources])
            reach = sum((np.abs(source.middle) for source in sources), start=np.zeros(1))
            spread = sum((source.radius for source in sources), start=np.zeros(1))
            radius = (gamma(len(signs) + 8) * (reach + spread) + spread) * (1 + 1e-11) + TINY
            return Enclosed(middle, radius)
        case Rectifier():
            source = sources[0]
            return Enclosed(np.maximum(source.middle, 0.0), source.radius)


def point(values: Vector) -> Enclosed:
    """One input known exactly."""
    return Enclosed(values[None], np.zeros((1, len(values))))
