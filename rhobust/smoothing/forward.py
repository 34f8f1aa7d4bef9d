"""A network's outputs for many inputs at once, in float32 or float64.

Numbers stand in columns, (size, B), so that the patches of a convolution are rows that are copied
whole and a layer is one product of matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..compiler.network.graph import Network
from ..compiler.network.layers import Layer, Linear, MaxPool, Rectifier, Sum
from ..compiler.operators import Chain, Convolution, Dense, LinearOperator, Scale, Select

Columns: TypeAlias = npt.NDArray[Any]
"""(size, B)."""

Kind: TypeAlias = type[np.float32] | type[np.float64]

Step: TypeAlias = Callable[[Columns], Columns]
Join: TypeAlias = Callable[[Sequence[Columns]], Columns]

WIDEST = 256
"""Inputs side by side at most: what stands between the layers stays in the cache."""

ROOM = 2**22
"""Bytes that a layer's patches may have."""


class Forward:
    """The outputs of a network. Inputs stand in tiles of one width, however many there are, so that
    no sum hangs on their number.
    """

    def __init__(self, network: Network, kind: Kind = np.float32) -> None:
        self.network, self.kind = network, kind
        self.steps = [
            (node, network.sources[node], _layer(network.layer(node), kind))
            for node in network.order[1:]
        ]
        largest = max((_size(network.layer(node)) for node in network.order[1:]), default=1)
        self.width = int(np.clip(ROOM // (largest * np.dtype(kind).itemsize), 8, WIDEST))

    def __call__(self, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The outputs (B, K) at inputs (B, D), of the kind of number that was asked for."""
        out = np.empty((len(rows), self.network.output_size), dtype=self.kind)
        for start in range(0, len(rows), self.width):
            part = rows[start : start + self.width]
            tile = np.zeros((rows.shape[1], self.width), dtype=self.kind)
            tile[:, : len(part)] = part.T
            out[start : start + len(part)] = self._tile(tile)[:, : len(part)].T
        return out

    @np.errstate(all="ignore")  # what overflows is no label
    def _tile(self, tile: Columns) -> Columns:
        known = {self.network.INPUT: tile}
        for node, sources, join in self.steps:
            known[node] = join([known[source] for source in sources])
        return known[self.network.output]


def _size(layer: Layer) -> int:
    """Numbers that stand in memory for one input."""
    if not isinstance(layer, Linear):
        return 1
    parts = layer.operator.parts if isinstance(layer.operator, Chain) else (layer.operator,)
    return max(
        part.terms * part.out_size // part.weight.shape[0] * part.groups
        if isinstance(part, Convolution)
        else part.out_size
        for part in parts
    )


def _layer(layer: Layer, kind: Kind) -> Join:
    """A layer on columns."""
    if isinstance(layer, Linear):
        return _linear(layer, kind)
    if isinstance(layer, Rectifier):
        return lambda sources: np.maximum(sources[0], kind(0.0))
    if isinstance(layer, MaxPool):
        entries = list(layer.windows.filled.T)
        return lambda sources: reduce(np.maximum, (sources[0][entry] for entry in entries))
    if isinstance(layer, Sum):
        signs = [kind(sign) for sign in layer.signs]
        return lambda sources: reduce(
            np.add, (sign * source for sign, source in zip(signs, sources, strict=True))
        )

    def rounded(sources: Sequence[Columns]) -> Columns:
        """In float64, and rounded: as near as the kind of number can come."""
        value = layer.value([source.T.astype(np.float64) for source in sources])
        return np.ascontiguousarray(value.T, dtype=kind)

    return rounded


def _linear(layer: Linear, kind: Kind) -> Join:
    step = _operator(layer.operator, kind)
    if layer.bias is None:
        return lambda sources: step(sources[0])
    bias = layer.bias.astype(kind)[:, None]

    def affine(sources: Sequence[Columns]) -> Columns:
        return np.asarray(step(sources[0]) + bias)

    return affine


def _operator(operator: LinearOperator, kind: Kind) -> Step:
    """A linear operator on columns."""
    if isinstance(operator, Chain):
        steps = [_operator(part, kind) for part in operator.parts]
        return lambda values: reduce(lambda done, step: step(done), steps, values)
    if isinstance(operator, Dense):
        weight = np.ascontiguousarray(operator.weight, dtype=kind)
        return lambda values: weight @ values
    if isinstance(operator, Convolution):
        return _convolution(operator, kind)
    if isinstance(operator, Select):
        return _select(operator)
    if isinstance(operator, Scale):
        factor = (operator.multiplier / operator.divisor).astype(kind)[:, None]
        return lambda values: values * factor
    matrix = operator.rows(np.arange(operator.out_size)).astype(kind)
    return lambda values: np.asarray(matrix @ values)


def _select(operator: Select) -> Step:
    index, absent = operator.index, operator.index < 0
    if not absent.any():
        return lambda values: values[index]

    def selected(values: Columns) -> Columns:
        found = values[index]
        found[absent] = 0.0
        return found

    return selected


def _convolution(operator: Convolution, kind: Kind) -> Step:
    """Patches as rows, and one product for each group of channels."""
    groups, (channels, height, width) = operator.groups, operator.out_shape
    kernel = operator.weight.reshape(groups, channels // groups, -1).astype(kind)
    index = operator.pad_index.reshape(groups, -1, height * width)
    padded = bool((index == operator.in_size).any())

    def convolved(values: Columns) -> Columns:
        if padded:
            values = np.concatenate([values, np.zeros((1, values.shape[1]), dtype=kind)])
        batch = values.shape[1]
        parts = [
            kernel[group] @ values[index[group]].reshape(index.shape[1], -1)
            for group in range(groups)
        ]
        return (
            np.concatenate(parts).reshape(-1, batch) if groups > 1 else parts[0].reshape(-1, batch)
        )

    return convolved
