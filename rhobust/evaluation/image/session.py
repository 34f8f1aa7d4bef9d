"""What a worker has at hand: the network, and claims that are compiled once for all images."""

from __future__ import annotations

from collections import OrderedDict

from ...attacks.models import NetworkModel
from ...compiler.network.graph import Network
from ...compiler.problem import Problem
from ...compiler.question.claim import Claim
from ...queries.regions import whole_domain
from ...smoothing import Smoothed
from ..asked import Asked
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
