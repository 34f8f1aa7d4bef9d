"""Networks from arrays: dense layers with rectifiers between them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..base.arrays import Matrix, Vector
from ..base.errors import ModelError
from ..network.graph import GraphBuilder, Network
from ..network.layers import Linear, Rectifier
from ..operators import Dense


@dataclass(frozen=True, eq=False)
class PlainRuntime:
    """The float32 evaluation of dense layers; (B, input_size) to (B, output_size) as float64."""

    layers: tuple[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]], ...]

    def __call__(self, inputs: Matrix) -> Matrix:
        values = np.asarray(inputs, dtype=np.float32)
        for position, (weight, bias) in enumerate(self.layers):
            if position:
                values = np.maximum(values, np.float32(0))
            values = values @ weight.T + bias
        return values.astype(np.float64)


def dense_network(
    layers: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]], name: str = "network"
) -> Network:
    """A network of dense layers, with a ReLU between any two and none after the last.

    layers: weight (out, in) and bias (out,) of each, first to last.
    """
    if not layers:
        raise ModelError(name, "has no layers")
    checked = [_checked(name, position, *layer) for position, layer in enumerate(layers, start=1)]
    builder = GraphBuilder((checked[0][0].shape[1],))
    digest = hashlib.sha256()
    node = Network.INPUT
    for position, (weight, bias) in enumerate(checked, start=1):
        if weight.shape[1] != builder.size(node):
            raise ModelError(
                name, f"layer {position} takes {weight.shape[1]} numbers, not {builder.size(node)}"
            )
        if position > 1:
            node = builder.add(f"relu{position - 1}", Rectifier(), builder.size(node), node)
        layer = Linear(Dense(weight), bias)
        node = builder.add(f"linear{position}", layer, len(bias), node)
        digest.update(repr(weight.shape).encode() + weight.tobytes() + bias.tobytes())
    with np.errstate(over="ignore"):  # a weight beyond float32 makes the runtime infinite
        single = tuple((w.astype(np.float32), b.astype(np.float32)) for w, b in checked)
    return builder.finish(node, name=name, runtime=PlainRuntime(single), digest=digest.hexdigest())


def _checked(
    name: str, position: int, weight: npt.ArrayLike, bias: npt.ArrayLike
) -> tuple[Matrix, Vector]:
    where = f"layer {position}"
    try:
        w = np.array(weight, dtype=np.float64, order="C")
        b = np.array(bias, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise ModelError(name, f"{where} is not made of numbers: {error}") from error
    if w.ndim != 2 or not w.size or b.shape != w.shape[:1]:
        raise ModelError(
            name, f"{where}: weight {w.shape} and bias {b.shape} should be (out, in) and (out,)"
        )
    if not (np.isfinite(w).all() and np.isfinite(b).all()):
        raise ModelError(name, f"{where} holds NaN or infinity")
    return w, b


from_arrays = dense_network
