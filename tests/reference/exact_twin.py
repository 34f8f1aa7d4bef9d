"""The twin of a network for `oracles`: converted with explicit loops, not by the package."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from rhobust.compiler.network.graph import Network
from rhobust.compiler.network.layers import (
    Absolute,
    Clip,
    Leaky,
    Linear,
    Maximum,
    MaxPool,
    Rectifier,
    Sum,
)
from rhobust.compiler.operators.linear import (
    Convolution,
    Dense,
    LinearOperator,
    Scale,
    Select,
    Sparse,
    Transposed,
)

from . import oracles
from .oracles import Bend, ExactMaximum, ExactNetwork, ExactStage

Floats = npt.NDArray[np.float64]


def operator_matrix(operator: LinearOperator) -> oracles.Matrix:
    """The matrix of an operator, entry by entry from what it stores."""
    if isinstance(operator, Dense):
        return oracles.matrix(operator.weight.tolist())
    if isinstance(operator, Sparse):
        return oracles.matrix(operator.matrix.toarray().tolist())
    if isinstance(operator, Convolution):
        kernel = tuple(tuple(oracles.matrix(k) for k in o) for o in operator.weight.tolist())
        return oracles.convolution_matrix(
            kernel,
            operator.in_shape,
            operator.stride,
            operator.padding,
            operator.dilation,
            operator.groups,
        )
    if isinstance(operator, Scale):
        pairs = list(zip(operator.multiplier.tolist(), operator.divisor.tolist(), strict=True))
        return oracles.matrix(
            [Fraction(m) / Fraction(d) if i == j else 0 for j in range(len(pairs))]
            for i, (m, d) in enumerate(pairs)
        )
    if isinstance(operator, Transposed):
        return tuple(zip(*operator_matrix(operator.operator), strict=True))
    assert isinstance(operator, Select), operator
    return oracles.matrix(
        [int(j == k) for j in range(operator.in_size)] for k in operator.index.tolist()
    )


def diagonal(size: int, value: float = 1.0) -> oracles.Matrix:
    return oracles.matrix([value if i == j else 0 for j in range(size)] for i in range(size))


def exact_twin(network: Network) -> ExactNetwork:
    """The network for `oracles`: one stage a node, a bend joined to what feeds only it."""
    order = network.order
    stages: list[ExactStage | ExactMaximum] = []
    place = {Network.INPUT: 0}
    plain: dict[str, ExactStage] = {}  # stages that a ReLU may still take over
    for node in order[1:]:
        layer, sources = network.layer(node), network.sources[node]
        size = int(network.graph.nodes[node]["size"])
        zero = oracles.vector([0] * size)
        if isinstance(layer, BENT):
            source = sources[0]
            if source in plain:
                terms, bias = plain[source].terms, plain[source].bias
            else:
                terms, bias = ((diagonal(size), place[source]),), zero
            if isinstance(layer, Rectifier):
                stage = ExactStage(terms, bias, True)
            else:
                stage = ExactStage(terms, bias, False, bends(layer, size))
        elif isinstance(layer, Maximum):
            entries = [[(place[source], k) for source in sources] for k in range(size)]
            stage = _tournament(entries, stages, network.input_size)
        elif isinstance(layer, MaxPool):
            rows = layer.windows.index.tolist()
            entries = [[(place[sources[0]], k) for k in row if k >= 0] for row in rows]
            stage = _tournament(entries, stages, network.input_size)
        elif isinstance(layer, Sum):
            pairs = zip(layer.signs, sources, strict=True)
            stage = ExactStage(
                tuple((diagonal(size, sign), place[source]) for sign, source in pairs), zero, False
            )
        else:
            assert isinstance(layer, Linear)
            bias = zero if layer.bias is None else oracles.vector(layer.bias.tolist())
            stage = ExactStage(((operator_matrix(layer.operator), place[sources[0]]),), bias, False)
            # nodes are in topological order, so nothing but the ReLU may come to read this one
            users = [user for user in order[1:] if node in network.sources[user]]
            if len(users) == 1 and isinstance(network.layer(users[0]), BENT):
                plain[node] = stage
                continue
        stages.append(stage)
        place[node] = len(stages)
    last = stages[-1]
    if not isinstance(last, ExactStage) or last.activations:
        size = last.size
        stages.append(
            ExactStage(((diagonal(size), len(stages)),), oracles.vector([0] * size), False)
        )
    return ExactNetwork(tuple(stages))


BENT = (Rectifier, Leaky, Absolute, Clip)
"""Layers that bend every number for itself."""


def bends(layer: Leaky | Absolute | Clip, size: int) -> tuple[Bend, ...]:
    """The bend of each element."""
    if isinstance(layer, Absolute):
        return (oracles.leaky(Fraction(-1)),) * size
    if isinstance(layer, Leaky):
        return tuple(oracles.leaky(Fraction(slope)) for slope in layer.slope.tolist())
    pairs = zip(layer.lower.tolist(), layer.upper.tolist(), strict=True)
    finite = ([None if np.isinf(v) else Fraction(v) for v in pair] for pair in pairs)
    return tuple(oracles.clip(low, high) for low, high in finite)


Entry = tuple[int, int]
"""A number of the twin: its stage and its place there."""


def _tournament(
    windows: list[list[Entry]], stages: list[ExactStage | ExactMaximum], inputs: int
) -> ExactStage:
    """Adds the stages of maxima of two, neighbours first, an odd one going on; then the winners."""
    while max(len(window) for window in windows) > 1:
        pairs: list[tuple[Entry, Entry]] = []
        rest: list[list[Entry]] = []
        for window in windows:
            left: list[Entry] = []
            for k in range(0, len(window) - 1, 2):
                left.append((len(stages) + 1, len(pairs)))
                pairs.append((window[k], window[k + 1]))
            rest.append(left + (window[-1:] if len(window) % 2 else []))
        stages.append(ExactMaximum(tuple(pairs)))
        windows = rest
    sources = sorted({window[0][0] for window in windows})
    terms = []
    for source in sources:
        width = stages[source - 1].size if source else inputs
        row = [[int((source, j) == window[0]) for j in range(width)] for window in windows]
        terms.append((oracles.matrix(row), source))
    return ExactStage(tuple(terms), oracles.vector([0] * len(windows)), False)


def float32_runtime(exact: ExactNetwork) -> Callable[[Floats], Floats]:
    """The network in float32, the stages of the twin rounded."""
    rounded = [
        (
            [
                (np.array([[float(v) for v in row] for row in m], np.float32), s)
                for m, s in stage.terms
            ],
            np.array([float(v) for v in stage.bias], dtype=np.float32),
        )
        if isinstance(stage, ExactStage)
        else None
        for stage in exact.stages
    ]

    def run(inputs: Floats) -> Floats:
        values = [inputs.astype(np.float32)]
        for stage, weights in zip(exact.stages, rounded, strict=True):
            if isinstance(stage, ExactMaximum):
                first, second = zip(*stage.pairs, strict=True)
                one, two = (
                    np.stack([values[s][:, k] for s, k in side], 1) for side in (first, second)
                )
                values.append(np.maximum(one, two))
                continue
            assert weights is not None
            terms, bias = weights
            total = np.repeat(bias[None], len(inputs), axis=0)
            for weight, source in terms:
                total = total + values[source] @ weight.T
            for k, bend in enumerate(stage.activations):
                total[:, k] = _bent(bend, total[:, k])
            values.append(total)
        return values[-1].astype(np.float64)

    return run


def _bent(bend: Bend, z: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    out = np.zeros_like(z)
    for piece, (slope, offset) in enumerate(bend.pieces):
        above = z > np.float32(bend.kinks[piece - 1][0]) if piece else np.ones(len(z), dtype=bool)
        out = np.where(above, np.float32(slope) * z + np.float32(offset), out)
    return out
