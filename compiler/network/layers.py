"""The layers of a graph, and what each says in the constraint language.

A new layer is one class here, one line in `FORMULAS`, one in `forward.VALUES` and a case of
`forward.layer_enclosure` and `rectifiers`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np

from ..base.arrays import Vector
from ..language.activations import (
    absolute,
    clip,
    leaky_relu,
    max_pool,
    maximum,
    relu,
    shared,
    sign_of,
)
from ..language.expressions import Affine
from ..operators.linear import LinearOperator
from ..operators.pooling import Windows


@dataclass(frozen=True, eq=False)
class Linear:
    """y = operator(x) + bias."""

    operator: LinearOperator
    bias: Vector | None
    kind: str = "linear"


@dataclass(frozen=True, eq=False)
class Sum:
    """y = sum of signed inputs."""

    signs: tuple[float, ...]
    kind: str = "sum"


@dataclass(frozen=True, eq=False)
class Rectifier:
    """y = max(x, 0)."""

    kind: str = "relu"


@dataclass(frozen=True, eq=False)
class Leaky:
    """y = x where x >= 0, slope * x elsewhere.  slope (N,), of any sign and size."""

    slope: Vector
    kind: str = "leaky_relu"


@dataclass(frozen=True, eq=False)
class Clip:
    """y = min(max(x, lower), upper).  Limits (N,), lower <= upper, infinite where there is none."""

    lower: Vector
    upper: Vector
    kind: str = "clip"


@dataclass(frozen=True, eq=False)
class Absolute:
    """y = |x|."""

    kind: str = "abs"


@dataclass(frozen=True, eq=False)
class Maximum:
    """y = the greatest of several inputs, elementwise."""

    inputs: int
    kind: str = "max"


@dataclass(frozen=True, eq=False)
class MaxPool:
    """y = the greatest element of each window."""

    windows: Windows
    kind: str = "max_pool"


@dataclass(frozen=True, eq=False)
class Sign:
    """y = 1, 0 or -1: the sign of x."""

    kind: str = "sign"


Layer = Linear | Sum | Rectifier | Leaky | Clip | Absolute | Maximum | MaxPool | Sign

COMBINED = (Leaky, Absolute, Maximum, MaxPool)
"""Layers whose value is compiled to a sum of several variables.

They are named where they are made: what reads them, perhaps a convolution, is then applied once.
"""


def rectifiers(layer: Layer, size: int) -> int:
    """How many rectified units a layer of `size` outputs is compiled to."""
    match layer:
        case Linear() | Sum() | Sign():
            return 0
        case Rectifier() | Leaky() | Absolute():
            return size
        case Clip(lower, upper):
            return int(np.isfinite(lower).sum() + np.isfinite(upper).sum())
        case Maximum(inputs):
            return (inputs - 1) * size
        case MaxPool(windows):
            return windows.pairs
        case _:
            assert_never(layer)


def _linear(layer: Linear, sources: Sequence[Affine], name: str) -> Affine:
    result = sources[0].through(layer.operator)
    return result if layer.bias is None else result + layer.bias


def _sum(layer: Sum, sources: Sequence[Affine], name: str) -> Affine:
    total = sources[0] * layer.signs[0]
    for sign, source in zip(layer.signs[1:], sources[1:], strict=True):
        total = total + source * sign
    return total


def _rectifier(layer: Rectifier, sources: Sequence[Affine], name: str) -> Affine:
    return relu(sources[0], name)


def _leaky(layer: Leaky, sources: Sequence[Affine], name: str) -> Affine:
    return leaky_relu(shared(sources[0], f"{name}.in"), layer.slope, name)


def _clip(layer: Clip, sources: Sequence[Affine], name: str) -> Affine:
    return clip(sources[0], layer.lower, layer.upper, name)


def _absolute(layer: Absolute, sources: Sequence[Affine], name: str) -> Affine:
    return absolute(shared(sources[0], f"{name}.in"), name)


def _maximum(layer: Maximum, sources: Sequence[Affine], name: str) -> Affine:
    named = [shared(source, f"{name}.in{slot}") for slot, source in enumerate(sources)]
    return maximum(*named, name=name)


def _max_pool(layer: MaxPool, sources: Sequence[Affine], name: str) -> Affine:
    return max_pool(sources[0], layer.windows.index, name)


def _sign(layer: Sign, sources: Sequence[Affine], name: str) -> Affine:
    return sign_of(sources[0], name)


FORMULAS: dict[type, Callable[[Any, Sequence[Affine], str], Affine]] = {
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
