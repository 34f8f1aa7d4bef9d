"""What callers give for a network: one that is loaded, or a name or file to load."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from ..compiler.base.errors import InputError
from ..compiler.network.graph import Network

Given: TypeAlias = Network | str | Path


def network_of(given: Given) -> Network:
    """The network itself, or the one with an embedded name or in a file, as `rb.load` reads it."""
    if isinstance(given, Network):
        return given
    if isinstance(given, str | Path):
        from .load import load  # importers are slow to import

        return load(given)
    raise InputError(
        f"a {type(given).__name__} is no network; rb.load, rb.from_torch, rb.from_keras and "
        "rb.from_sklearn make one"
    )
