"""The twin of a network for `oracles`: converted with explicit loops, not by the package."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from rhobust.compiler.network.graph import Network
from rhobust.compiler.network.layers import Linear, Sum

from . import oracles
from .layers import Entry, Floats, Greatest, activation, affine, diagonal
from .oracles import Bend, ExactMaximum, ExactNetwork, ExactStage


def exact_twin(network: Network) -> ExactNetwork:
    """The network for `oracles`: one stage a node, a bend joined to what feeds only it."""
    order = network.order
    stages: list[ExactStage | ExactMaximum] = []
    place = {Network.INPUT: 0}
    plain: dict[str, ExactStage] = {}  # stages that a bend may still take over
    for node in order[1:]:
        layer, sources = network.layer(node), network.sources[node]
        size = network.size(node)
        zero = oracles.vector([0] * size)
        stage: ExactStage
        if isinstance(layer, Linear | Sum):
            matrices, bias = affine(layer, size)
            places = [place[source] for source in sources]
            stage = ExactStage(tuple(zip(matrices, places, strict=True)), bias, False)
            # nodes are in topological order, so nothing but the bend may come to read this one
            users = [user for user in order[1:] if node in network.sources[user]]
            if isinstance(layer, Linear) and len(users) == 1 and _bends(network, users[0]):
                plain[node] = stage
                continue
        elif bends := _bends(network, node):
            source = sources[0]
            if source in plain:
                terms, bias = plain[source].terms, plain[source].bias
            else:
                terms, bias = ((diagonal(size), place[source]),), zero
            stage = ExactStage(terms, bias, False, bends)
        else:
            greatest = activation(layer, size)
            assert isinstance(greatest, Greatest)
            starts = [place[source] for source in sources]
            windows = [[(starts[slot], k) for slot, k in row] for row in greatest.windows]
            stage = _tournament(windows, stages, network.input_size)
        stages.append(stage)
        place[node] = len(stages)
    last = stages[-1]
    if not isinstance(last, ExactStage) or last.activations:
        size = last.size
        stages.append(
            ExactStage(((diagonal(size), len(stages)),), oracles.vector([0] * size), False)
        )
    return ExactNetwork(tuple(stages))


def _bends(network: Network, node: str) -> tuple[Bend, ...]:
    """What a layer does to each number on its own; none where it does not."""
    layer = network.layer(node)
    if isinstance(layer, Linear | Sum):
        return ()
    found = activation(layer, network.size(node))
    return () if isinstance(found, Greatest) else found


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
