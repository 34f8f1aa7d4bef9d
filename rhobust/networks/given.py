"""What callers give for a network: one that is loaded, a name or file, or a model in hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..compiler.network.graph import Network
from .models import Given, model_of

__all__ = ["Given", "network_of"]


def network_of(given: Given, shape: Sequence[int] = ()) -> Network:
    """The network itself, or the one with an embedded name, in a file, or of a model in hand.

    shape: of one input, which a PyTorch module is read for; see `load`.
    """
    if isinstance(given, Network):
        return given
    if isinstance(given, str | Path):
        from .load import load  # importers are slow to import

        return load(given)
    return model_of(given, shape)
