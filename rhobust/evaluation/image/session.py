"""What a worker has at hand: the network, and claims that are compiled once for all images."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from ...attacks.models import NetworkModel
from ...compiler.base.arrays import Vector
from ...compiler.base.errors import InputError
from ...compiler.network.graph import Network
from ...compiler.network.normalization import in_front, normalization
from ...compiler.problem import Problem
from ...compiler.question.claim import Claim
from ...networks.load import load
from ...queries.regions import whole_domain
from ...smoothing import Smoothed
from ..asked import Asked, model_digest
from ..certified import Smoothing

MOST = 64
"""Compiled claims that are kept: one for each label, and more where targets differ by image."""


class Session:
    """The network, and the problems of claims about it over one domain."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._problems: OrderedDict[tuple[int, tuple[int, ...]], Problem] = OrderedDict()
        self._model: NetworkModel | None = None
        self._smoothed: tuple[tuple[Smoothing, int], Smoothed] | None = None

    def problem(self, claim: Claim) -> Problem:
        """The claim's problem over the whole domain, of which `around` takes a part."""
        key = claim.label, claim.targets
        if key not in self._problems:
            self._problems[key] = whole_domain(claim)[1]
            if len(self._problems) > MOST:
                self._problems.popitem(last=False)
        self._problems.move_to_end(key)
        return self._problems[key]

    def model(self, claim: Claim) -> NetworkModel:
        """What attacks ask for logits and gradients, over the domain of all claims."""
        if self._model is None:
            region = claim.region
            self._model = NetworkModel(self.network, region.lower, region.upper)
        return self._model

    def smoothed(self, asked: Asked) -> Smoothed:
        """The smoothed classifier that is asked about."""
        assert asked.smoothing is not None
        which = asked.smoothing, asked.seed
        if self._smoothed is None or self._smoothed[0] != which:
            self._smoothed = which, asked.smoothing.smoothed(self.network, asked.seed)
        return self._smoothed[1]


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
