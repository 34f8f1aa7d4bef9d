"""How far any float32 evaluation of a network can be from its exact value, over a box of inputs."""

from __future__ import annotations

import numpy as np

from ..base.arrays import Vector
from ..base.late import go_on
from .error_analysis import FLOAT32_READ, Enclosed, Rounded
from .graph import Network


def float32_error(network: Network, lower: Vector, upper: Vector) -> Vector:
    """(K,): bounds on |float32 output - exact output| at every float32 input of a box (D,).

    inf where nothing is known: a layer that jumps, or numbers that float32 may not hold.
    """
    middle = 0.5 * (lower + upper)
    radius = np.maximum(upper - middle, middle - lower) * (1.0 + 1e-15)
    start = Enclosed.point(middle, radius)
    known = {network.INPUT: Rounded(start, np.full(len(lower), FLOAT32_READ))}
    with np.errstate(all="ignore"):
        for node in network.order[1:]:
            go_on()
            sources = [known[s] for s in network.sources[node]]
            layer = network.layer(node)
            exact = layer.enclosure([source.exact for source in sources])
            error = layer.float32_error(sources) * (1.0 + 1e-9) + FLOAT32_READ
            # NaN and overflow: nothing is known
            fine = np.abs(exact.middle[0]) + exact.radius[0] + error < 3e38
            known[node] = Rounded(exact, np.where(fine, error, np.inf))
    return known[network.output].error
