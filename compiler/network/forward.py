"""Forward passes of a graph: float64, exact, or float64 with a rigorous error bound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Any, assert_never

import numpy as np

from ..base.arrays import Matrix, Numbers, Vector, exact
from ..base.late import go_on
from ..base.rounding import TINY, gamma
from ..operators.linear import is_exact
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


def _leaky(layer: Leaky, sources: Sequence[Numbers]) -> Numbers:
    values = sources[0]
    slope = exact(layer.slope) if is_exact(values) else layer.slope
    return np.where(values > 0, values, values * slope)


def _clip(layer: Clip, sources: Sequence[Numbers]) -> Numbers:
    values = sources[0]
    if not is_exact(values):
        return np.clip(values, layer.lower, layer.upper)
    out = values.copy()
    for limits, beyond in ((layer.lower, np.less), (layer.upper, np.greater)):
        finite = np.flatnonzero(np.isfinite(limits))
        limit, part = exact(limits[finite]), out[:, finite]
        out[:, finite] = np.where(beyond(part, limit), limit, part)
    return out


def _absolute(layer: Absolute, sources: Sequence[Numbers]) -> Numbers:
    values: Numbers = abs(sources[0])
    return values


def _maximum(layer: Maximum, sources: Sequence[Numbers]) -> Numbers:
    return np.asarray(reduce(np.maximum, sources))


def _max_pool(layer: MaxPool, sources: Sequence[Numbers]) -> Numbers:
    values, windows = sources[0], layer.windows.filled
    return np.asarray(reduce(np.maximum, (values[:, entry] for entry in windows.T)))


def _sign(layer: Sign, sources: Sequence[Numbers]) -> Numbers:
    values = sources[0]
    if not is_exact(values):
        signs: Numbers = np.sign(values)
        return signs
    plus, zero, minus = exact([1.0, 0.0, -1.0])
    return np.asarray(np.where(values > 0, plus, np.where(values < 0, minus, zero)))


VALUES: dict[type, Callable[[Any, Sequence[Numbers]], Numbers]] = {
    Linear: _linear,
    Sum: _sum,
    Rectifier: _rectifier,
    Leaky: _leaky,
    Clip: _clip,
    Absolute: _absolute,
    Maximum: _maximum,
    MaxPool: _max_pool,
    Sign: _sign,
}


def layer_value(layer: Layer, sources: Sequence[Numbers]) -> Numbers:
    """The layer's output, rows are inputs: (B, size) each, float64 or exact."""
    go_on()
    return VALUES[type(layer)](layer, sources)


@dataclass(frozen=True, slots=True)
class Enclosed:
    """Numbers and how far from them the true values can be; both (B, size)."""

    middle: Matrix
    radius: Matrix


def layer_enclosure(layer: Layer, sources: Sequence[Enclosed]) -> Enclosed:
    """The layer's output with a rigorous bound on its rounding error.

    The radius is inflated by a relative 1e-12, which covers the rounding of the radius itself for
    fewer than 10^4 operations a number; 8 further terms cover the products and sums here. Clips,
    absolute values and maxima move no two numbers apart and are not rounded.
    """
    go_on()
    source = sources[0]
    match layer:
        case Linear(operator, bias):
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
            middle = layer_value(layer, [part.middle for part in sources])
            reach = sum((np.abs(part.middle) for part in sources), start=np.zeros(1))
            spread = sum((part.radius for part in sources), start=np.zeros(1))
            radius = (gamma(len(signs) + 8) * (reach + spread) + spread) * (1 + 1e-11) + TINY
            return Enclosed(middle, radius)
        case Leaky(slope):
            middle = layer_value(layer, [source.middle])
            spread = source.radius * np.maximum(np.abs(slope), 1.0)
            return Enclosed(middle, (spread + gamma(8) * np.abs(middle)) * (1 + 1e-11) + TINY)
        case Rectifier() | Clip() | Absolute():
            return Enclosed(layer_value(layer, [source.middle]), source.radius)
        case Maximum():
            middle = layer_value(layer, [part.middle for part in sources])
            return Enclosed(middle, reduce(np.maximum, (part.radius for part in sources)))
        case MaxPool():
            pair = layer_value(layer, [source.middle]), layer_value(layer, [source.radius])
            return Enclosed(*pair)
        case Sign():
            open_ = np.abs(source.middle) <= source.radius
            middle = np.where(open_, 0.0, np.sign(source.middle))
            return Enclosed(middle, np.where(open_, 1.0, 0.0))
        case _:
            assert_never(layer)


def point(values: Vector, radius: Vector | None = None) -> Enclosed:
    """One input, known exactly or up to a radius."""
    known = np.zeros(len(values)) if radius is None else radius
    return Enclosed(values[None], known[None])
