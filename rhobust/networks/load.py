"""From a name or a path to a network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..compiler.base.errors import InputError
from ..compiler.importers import load as load_file
from ..compiler.network.graph import Network
from ..embedded import NAMES, embedded_network
from .models import Given, model_of

WEIGHTS = (".pt", ".pth")
"""Ends of names of PyTorch's files, which do not tell all of a network."""


def load(
    source: Given,
    *,
    shape: Sequence[int] | None = None,
    module: Any = None,
    trust_pickle: bool = False,
) -> Network:
    """The network in a file, the embedded one called `digits` or `digits_conv`, or of a model.

    source: a path; a `torch.nn.Module`, a Keras model or a fitted estimator of scikit-learn.
    shape: of one input, without the batch; a PyTorch module does not know it, others need none.
    module: for a `.pt` or `.pth` file of saved weights, the `torch.nn.Module` that they belong to;
    without it they have to be those of dense layers, with a ReLU between any two.
    Promise: the stored weights are taken at their exact values, and our forward pass was compared
    with the file's own runtime.  Raises ModelError for a file that cannot be taken over exactly.
    trust_pickle: whether a pickle may be read, `.joblib`, `.pkl` or a whole module in `.pt` or
    `.pth`, which can run any program.
    """
    if isinstance(source, Network):
        return source
    if isinstance(source, str | Path) and str(source).endswith(WEIGHTS):
        if module is not None:
            from ..compiler.importers.torch.state import from_state_dict

            return from_state_dict(source, module, shape)
        if trust_pickle:
            from ..compiler.importers.torch.whole import load_trusted

            return load_trusted(source, shape)
        network = load_file(source)
        if shape is not None and math.prod(shape) != network.input_size:
            raise InputError(f"{source}: takes {network.input_size} numbers, not shape {shape}")
        return network
    if module is not None:
        raise InputError(f"{source}: module is of saved weights alone, a .pt or .pth file")
    if not isinstance(source, str | Path):
        return model_of(source, () if shape is None else shape)
    if shape is not None:
        raise InputError(f"{source}: a file tells the shape of its input; leave shape out")
    if source in NAMES:
        return embedded_network(str(source))
    return load_file(source, trust_pickle=trust_pickle)
