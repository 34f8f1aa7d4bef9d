"""A normalisation in front of a network: (x - mean) / std, as data sets are scaled for training.

With it a radius is one of x, of pixels, whatever the network was trained on.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..base.arrays import Matrix, Vector
from ..base.errors import InputError
from ..operators import Scale, identity
from .graph import GraphBuilder, Network, Runtime
from .layers import Linear

CENTRED, SCALED = "normalization.centred", "normalization"
"""The names of the two layers."""


@dataclass(frozen=True, eq=False)
class NormalizedRuntime:
    """The normalisation in float32, and then the model's own runtime.  mean, std (D,)."""

    inner: Runtime
    mean: npt.NDArray[np.float32]
    std: npt.NDArray[np.float32]

    def __call__(self, inputs: Matrix) -> Matrix:
        """(B, D) to (B, K), as float64."""
        scaled = (np.asarray(inputs, dtype=np.float32) - self.mean) / self.std
        return self.inner(scaled.astype(np.float64))


def in_front(network: Network, mean: Vector, std: Vector, remedy: str = "") -> Network:
    """The network of (x - mean) / std.  mean, std (D,), rounded to float32 as a model's weights.

    Over the reals they are part of the network, with their float32 values; a division stays one.
    remedy: how to come by a file that holds them, which certificates need. Raises InputError for
    numbers that are not finite, and for a std that is not positive in float32.
    """
    with np.errstate(over="ignore"):
        centre, scale = np.asarray(mean, np.float32), np.asarray(std, np.float32)
    if centre.shape != (network.input_size,) or scale.shape != centre.shape:
        raise InputError(f"mean and std should be ({network.input_size},), not {centre.shape}")
    if not np.isfinite(centre).all() or not np.isfinite(scale).all() or not (scale > 0).all():
        raise InputError("mean and std should be finite, and std positive")
    builder = GraphBuilder(network.input_shape)
    wide, size = scale.astype(np.float64), network.input_size
    first = Linear(identity(size), -centre.astype(np.float64), "normalization")
    second = Linear(Scale(np.ones(size), wide), None, "normalization")
    names = {Network.INPUT: builder.add(CENTRED, first, size, Network.INPUT)}
    names[Network.INPUT] = builder.add(SCALED, second, size, names[Network.INPUT])
    for node in network.order[1:]:
        sources = [names[source] for source in network.sources[node]]
        own = network.size(node)
        names[node] = builder.add(node, network.layer(node), own, *sources)
    digest = hashlib.sha256(f"normalized {network.digest}\n".encode())
    digest.update(centre.astype("<f4").tobytes() + scale.astype("<f4").tobytes())
    runtime = network.runtime and NormalizedRuntime(network.runtime, centre, scale)
    return replace(
        network, nodes=builder.nodes, output=names[network.output], runtime=runtime, onnx=False,
        notes=(*network.notes, _told(centre, scale)), digest=digest.hexdigest(),
        name=f"{network.name} (normalised)", beyond=remedy,
    )  # fmt: skip


def _told(centre: npt.NDArray[np.float32], scale: npt.NDArray[np.float32]) -> str:
    """The normalisation in a line; of one that differs by channel the different numbers."""
    pairs = np.unique(np.column_stack([centre, scale]), axis=0)[:4].tolist()
    mean = ", ".join(f"{pair[0]:.6g}" for pair in pairs)
    std = ", ".join(f"{pair[1]:.6g}" for pair in pairs)
    return f"(x - mean) / std in front of it, mean {mean}, std {std}"


def normalization(network: Network) -> tuple[Vector, Vector] | None:
    """mean and std (D,) of what `in_front` put in front of a network; None where it did not.

    Layers of a file may have the same names: what its file does not do is told by `beyond`.
    """
    if not network.beyond:
        return None
    first, second = network.layer(CENTRED), network.layer(SCALED)
    assert isinstance(first, Linear) and isinstance(second, Linear) and first.bias is not None
    assert isinstance(second.operator, Scale)
    return -first.bias, second.operator.divisor
