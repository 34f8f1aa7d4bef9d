"""Every layer once more: what it is by its definition, in rationals, and how the tests draw one.

A layer that is not affine is a `Bend` for each element, or the greatest of some elements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from rhobust.compiler.network.layers import (
    Absolute,
    Choice,
    Clip,
    Layer,
    Leaky,
    Linear,
    Maximum,
    MaxPool,
    Rectifier,
    Sign,
    Step,
    Sum,
    Truncate,
)
from rhobust.compiler.operators import (
    Chain,
    Convolution,
    Dense,
    LinearOperator,
    Scale,
    Select,
    Sparse,
    Transposed,
)
from rhobust.compiler.operators.pooling import Windows

from . import oracles
from .oracles import Bend, Matrix, Vector

Floats = npt.NDArray[np.float64]
Entry = tuple[int, int]
"""An element: the position of its source, and its place there."""


@dataclass(frozen=True)
class Greatest:
    """Each element is the greatest of some, the first of equal ones."""

    windows: tuple[tuple[Entry, ...], ...]


def activation(layer: Layer, size: int) -> tuple[Bend, ...] | Greatest:
    """A layer of `size` outputs that is not affine."""
    match layer:
        case Rectifier():
            return (oracles.leaky(Fraction(0)),) * size
        case Leaky(slope):
            return tuple(oracles.leaky(Fraction(each)) for each in slope.tolist())
        case Absolute():
            return (oracles.leaky(Fraction(-1)),) * size
        case Clip(lower, upper):
            pairs = zip(lower.tolist(), upper.tolist(), strict=True)
            finite = ([None if np.isinf(v) else Fraction(v) for v in pair] for pair in pairs)
            return tuple(oracles.clip(low, high) for low, high in finite)
        case Sign():
            zero, levels = Fraction(0), (Fraction(-1), Fraction(0), Fraction(1))
            kinks = (zero, True), (zero, False)
            return (Bend(kinks, tuple((zero, level) for level in levels)),) * size
        case Step():
            return (
                Bend(
                    ((Fraction(0), True),), ((Fraction(0), Fraction(0)), (Fraction(0), Fraction(1)))
                ),
            ) * size
        case Maximum(inputs):
            return Greatest(tuple(tuple((s, k) for s in range(inputs)) for k in range(size)))
        case MaxPool(windows):
            rows = windows.index.tolist()
            return Greatest(tuple(tuple((0, k) for k in row if k >= 0) for row in rows))
    raise TypeError(f"{layer.kind} has no definition here")


def affine(layer: Linear | Sum, size: int) -> tuple[list[Matrix], Vector]:
    """The matrix of each source, and the constant."""
    zero = oracles.vector([0] * size)
    if isinstance(layer, Sum):
        return [diagonal(size, sign) for sign in layer.signs], zero
    bias = zero if layer.bias is None else oracles.vector(layer.bias.tolist())
    return [operator_matrix(layer.operator)], bias


def by_definition(layer: Layer, sources: Sequence[Vector], size: int) -> Vector:
    """The output (size,) at one input."""
    if isinstance(layer, Linear | Sum):
        matrices, total = affine(layer, size)
        for matrix, source in zip(matrices, sources, strict=True):
            products = (sum(w * v for w, v in zip(row, source, strict=True)) for row in matrix)
            total = tuple(t + Fraction(p) for t, p in zip(total, products, strict=True))
        return total
    if isinstance(layer, Choice):
        return tuple(a if m >= Fraction(1, 2) else b for m, a, b in zip(*sources, strict=True))
    if isinstance(layer, Truncate):
        return tuple(Fraction(int(v)) for v in sources[0])  # of a Fraction, towards zero
    match activation(layer, size):
        case Greatest(windows):
            return tuple(max(sources[s][k] for s, k in window) for window in windows)
        case bends:
            return tuple(bend(v) for bend, v in zip(bends, sources[0], strict=True))


def operator_matrix(operator: LinearOperator) -> Matrix:
    """The matrix of an operator, entry by entry from what it stores."""
    match operator:
        case Dense(weight):
            return oracles.matrix(weight.tolist())
        case Sparse(matrix):
            return oracles.matrix(matrix.toarray().tolist())
        case Convolution():
            kernel = tuple(tuple(oracles.matrix(k) for k in o) for o in operator.weight.tolist())
            return oracles.convolution_matrix(
                kernel,
                operator.in_shape,
                operator.stride,
                operator.padding,
                operator.dilation,
                operator.groups,
            )
        case Scale(multiplier, divisor):
            pairs = list(zip(multiplier.tolist(), divisor.tolist(), strict=True))
            return oracles.matrix(
                [Fraction(m) / Fraction(d) if i == j else 0 for j in range(len(pairs))]
                for i, (m, d) in enumerate(pairs)
            )
        case Transposed():
            return tuple(zip(*operator_matrix(operator.operator), strict=True))
        case Select(index, in_size):
            return oracles.matrix([int(j == k) for j in range(in_size)] for k in index.tolist())
        case Chain(parts):
            found = operator_matrix(parts[0])
            for part in parts[1:]:
                found = product(operator_matrix(part), found)
            return found
    raise TypeError(f"{operator} has no matrix here")


def product(left: Matrix, right: Matrix) -> Matrix:
    columns = list(zip(*right, strict=True))
    return oracles.matrix(
        [sum(a * b for a, b in zip(row, column, strict=True)) for column in columns] for row in left
    )


def diagonal(size: int, value: float = 1.0) -> Matrix:
    return oracles.matrix([value if i == j else 0 for j in range(size)] for i in range(size))


# ---- random layers ---------------------------------------------------------------------------


@dataclass(frozen=True)
class LayerCase:
    """A layer, the sizes of its sources, and how many numbers it gives."""

    layer: Layer
    widths: tuple[int, ...]
    size: int


Rng = np.random.Generator


def eighths(rng: Rng, *shape: int, size: int = 12) -> Floats:
    """Multiples of 1/8 up to size / 8, some of them 0."""
    values = rng.integers(-size, size + 1, size=shape) / 8.0
    out: Floats = np.where(rng.random(shape) < 0.1, 0.0, values)
    return out


def leaky(rng: Rng, size: int) -> Leaky:
    return Leaky(eighths(rng, size, size=16) if rng.random() < 0.5 else np.full(size, 0.1))


def clip(rng: Rng, size: int) -> Clip:
    """Limits that may be equal, or none."""
    lower = rng.integers(-6, 3, size=size) / 8.0
    upper = lower + rng.integers(0, 7, size=size) / 8.0
    lower = np.where(rng.random(size) < 0.2, -np.inf, lower)
    return Clip(lower, np.where(rng.random(size) < 0.2, np.inf, upper))


def max_pool(rng: Rng, size: int) -> MaxPool:
    """Up to three windows, ragged and overlapping, with their absent entries anywhere."""
    rows = np.full((int(rng.integers(1, 4)), int(rng.integers(1, 5))), -1)
    for row in rows:
        some = rng.permutation(size)[: rng.integers(1, min(size, len(row)) + 1)]
        row[np.sort(rng.choice(len(row), len(some), replace=False))] = some
    return MaxPool(Windows(rows, size))


def _linear(rng: Rng, size: int) -> Linear:
    """Dense, sparse, a scale, a selection or a convolution; its coefficients may be rounded."""
    out = int(rng.integers(1, 4))
    weight = rng.normal(size=(out, size)) if rng.random() < 0.5 else eighths(rng, out, size)
    index = rng.integers(-1, size, size=out)
    operators: list[LinearOperator] = [
        Dense(weight),
        Scale(weight[0], rng.integers(1, 8, size=size).astype(np.float64)),
        Select(index, size),
        Chain((Select(index, size), Dense(eighths(rng, 2, out)))),
        Convolution(weight[:, None, None, : min(size, 2)], (1, 1, size), padding=(0, 1, 0, 0)),
        Transposed(Dense(weight.T.copy())),
    ]
    operator = operators[int(rng.integers(len(operators)))]
    bias = None if rng.random() < 0.3 else rng.normal(size=operator.out_size)
    return Linear(operator, bias)


DRAWN: dict[type[Layer], Callable[[Rng, int], Layer]] = {
    Linear: _linear,
    Sum: lambda rng, size: Sum(tuple(rng.choice([1.0, -1.0, 3.0], rng.integers(1, 4)).tolist())),
    Rectifier: lambda rng, size: Rectifier(),
    Leaky: leaky,
    Clip: clip,
    Absolute: lambda rng, size: Absolute(),
    Maximum: lambda rng, size: Maximum(int(rng.integers(1, 5))),
    MaxPool: max_pool,
    Sign: lambda rng, size: Sign(),
    Step: lambda rng, size: Step(),
    Choice: lambda rng, size: Choice(),
    Truncate: lambda rng, size: Truncate(),
}
"""Each kind of layer, drawn for sources of one size."""


def layer_case(kind: type[Layer], rng: Rng) -> LayerCase:
    width = int(rng.integers(1, 6))
    layer = DRAWN[kind](rng, width)
    match layer:
        case Linear(operator):
            return LayerCase(layer, (width,), operator.out_size)
        case Sum(signs):
            return LayerCase(layer, (width,) * len(signs), width)
        case Maximum(inputs):
            return LayerCase(layer, (width,) * inputs, width)
        case Choice():
            return LayerCase(layer, (width,) * 3, width)
        case MaxPool(windows):
            return LayerCase(layer, (width,), len(windows.index))
    return LayerCase(layer, (width,), width)
