"""A layer at its place in a network."""

from __future__ import annotations

from dataclasses import dataclass

from .layers import Layer


@dataclass(frozen=True, slots=True)
class Node:
    """A layer of `size` outputs, and the names of what feeds it, by argument position."""

    name: str
    layer: Layer
    size: int
    sources: tuple[str, ...]
