"""From a name or a path to a network."""

from __future__ import annotations

from pathlib import Path

from ..compiler.importers import load as load_file
from ..compiler.network.graph import Network
from ..embedded import NAMES, embedded_network


def load(source: str | Path, *, trust_pickle: bool = False) -> Network:
    """The network in a file, or the embedded one called `digits` or `digits_conv`.

    Promise: the stored weights are taken at their exact values, and our forward pass was compared
    with the file's own runtime.  Raises ModelError for a file that cannot be taken over exactly.
    trust_pickle: whether a pickle may be read, `.joblib` or `.pkl`, which can run any program.
    """
    if source in NAMES:
        return embedded_network(str(source))
    return load_file(source, trust_pickle=trust_pickle)
