"""From a name or a path to a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..compiler.base.errors import InputError
from ..compiler.importers import load as load_file
from ..compiler.network.graph import Network
from ..embedded import NAMES, embedded_network
from .given import Given, model_of


def load(
    source: Given, *, shape: Sequence[int] | None = None, trust_pickle: bool = False
) -> Network:
    """The network in a file, the embedded one called `digits` or `digits_conv`, or of a model.

    source: a path; a `torch.nn.Module`, a Keras model or a fitted estimator of scikit-learn.
    shape: of one input, without the batch; a PyTorch module does not know it, others need none.
    Promise: the stored weights are taken at their exact values, and our forward pass was compared
    with the file's own runtime.  Raises ModelError for a file that cannot be taken over exactly.
    trust_pickle: whether a pickle may be read, `.joblib` or `.pkl`, which can run any program.
    """
    if isinstance(source, Network):
        return source
    if not isinstance(source, str | Path):
        return model_of(source, () if shape is None else shape)
    if shape is not None:
        raise InputError(f"{source}: a file tells the shape of its input; leave shape out")
    if source in NAMES:
        return embedded_network(str(source))
    return load_file(source, trust_pickle=trust_pickle)
