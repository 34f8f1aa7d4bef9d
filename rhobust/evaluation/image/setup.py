"""How workers begin, each with a session of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...compiler.base.arrays import Vector
from ...compiler.base.errors import InputError
from ...compiler.network.graph import Network
from ...compiler.network.normalization import in_front, normalization
from ...networks.load import load
from ..asked import model_digest
from .session import Session


@dataclass(frozen=True, slots=True)
class Here:
    """The setup of a worker that is this process."""

    network: Network

    def __call__(self) -> Session:
        return Session(self.network)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The setup of other processes: they read the model's file, which has to be the same there."""

    model: str
    digest: str
    trust_pickle: bool = False
    scale: tuple[Vector, Vector] | None = None
    """mean and std (D,) of the normalisation in front of it, where there is one."""

    def __call__(self) -> Session:
        network = load(self.model, trust_pickle=self.trust_pickle)
        if self.scale is not None:
            network = in_front(network, *self.scale)
        if model_digest(network) != self.digest:
            raise InputError(f"{self.model}: is not the file that the evaluation began with")
        return Session(network)

    def warm(self) -> None:
        """As of workers that are forked."""
        warm()


def warm() -> None:
    """Loads what passes over images need, for a process from which workers are forked."""
    from ...queries.warm import warm as search
    from . import passes

    assert passes
    search()


def setup(network: Network, alone: bool, trust_pickle: bool = False) -> Here | Elsewhere:
    """alone: whether this process is the only worker."""
    if alone:
        return Here(network)
    if not network.path:
        raise InputError(
            f"{network.name} was not read from a file, so other processes cannot load it; "
            "use workers=1, or save it and give the file"
        )
    scale = normalization(network)
    path = str(Path(network.path).absolute())  # workers may stand in other folders
    return Elsewhere(path, model_digest(network), trust_pickle, scale)
