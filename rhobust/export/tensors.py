"""The inputs and outputs of networks as a property numbers them: X_0, X_1, ..., Y_0, Y_1, ..."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..compiler.language.expressions import Affine, Variable, define
from ..compiler.network.graph import Network
from ..compiler.question.property import Property
from ..compiler.question.to_formula import stacked


def tensors(
    networks: Sequence[Network],
    asked: Property,
    lower: npt.ArrayLike = -np.inf,
    upper: npt.ArrayLike = np.inf,
) -> tuple[Variable, Affine]:
    """X, the inputs of all networks one after the other, and Y, as much as is declared of the
    outputs; Y comes with the formulas of the networks.
    """
    x = Variable(sum(network.input_size for network in networks), lower, upper, "X")
    outputs: list[Affine] = []
    start = 0
    for network, signature in zip(networks, asked.networks, strict=True):
        end = start + network.input_size
        outputs.append(network(x[start:end])[: signature.output_size])
        start = end
    return x, define(stacked(outputs), "Y")
