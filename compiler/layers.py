"""The layers of a graph, and what each says in the constraint language.

A new layer is one class here, one line in `FORMULAS` and one in `forward.VALUES`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .arrays import Vector
from .language import Affine, relu
from .operators import LinearOperator


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


Layer = Linear | Sum | Rectifier


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


FORMULAS: dict[type, Callable[[Any, Sequence[Affine], str], Affine]] = {
    Linear: _linear,
    Sum: _sum,
    Rectifier: _rectifier,
}
