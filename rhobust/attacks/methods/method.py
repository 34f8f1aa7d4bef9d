"""What every attack has: a name, the norms it knows, and a run over a batch."""

from __future__ import annotations

from typing import ClassVar, Protocol

from ...compiler.base.errors import InputError
from ...compiler.base.norms import L1, L2, LINF, NormKind
from ..batch import Batch, Found

ALL = (LINF, L1, L2)


class Attack(Protocol):
    """A frozen dataclass of an attack's own parameters.

    norms: which it knows.  minimal: whether it looks for the least distance by its own means; any
    other is asked at many radii.  needs: "logits", "gradients", or "network" for what a network of
    layers alone can give.
    """

    name: ClassVar[str]
    norms: ClassVar[tuple[NormKind, ...]]
    minimal: ClassVar[bool]
    needs: ClassVar[str]

    def run(self, batch: Batch) -> Found:
        """The best point of each image; see `Found`.  Nothing is validated here."""


def at_least(count: int, least: int, what: str) -> int:
    """A count that makes sense, or a clear error."""
    if not isinstance(count, int) or count < least:
        raise InputError(f"{what} must be a whole number of at least {least}, not {count}")
    return count
