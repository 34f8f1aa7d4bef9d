"""What several algorithms and proofs say of one network: how near examples of its images are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

import rhobust as rb
from rhobust.attacks.models import TorchModel
from rhobust.compiler.base.arrays import Vector
from rhobust.data import Images
from rhobust.evaluation.asked import model_digest
from rhobust.queries.attack import Method, attack_in_turn

from .kept import Kept
from .models import read
from .penalised import Penalised

EPS = 20 / 255
"""Of Table 1."""


class Asked(Protocol):
    """A network's name in `models.NETWORKS`; images judged, and proven with seconds for each; the
    largest distance that matters; exact: whether proofs at EPS can be expected.
    """

    @property
    def network(self) -> str: ...
    @property
    def judged(self) -> int: ...
    @property
    def proven(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def largest(self) -> float: ...
    @property
    def exact(self) -> bool: ...


@dataclass
class Judge:
    """One network.

    `distances` are those of the nearest example of each image that an algorithm finds, inf where
    it finds none, 0 where the image is misclassified.
    """

    case: Asked
    kept: Kept
    path: Path
    test: Images

    def __post_init__(self) -> None:
        self.network = rb.load(self.path)
        self.asked = {"model": model_digest(self.network), "data": self.test.digest()}
        self.model = TorchModel(read(self.case.network, self.path), self.test.shape)

    def accuracy(self) -> float:
        def make() -> float:
            wide = self.test.values.reshape(len(self.test), -1)
            right = 0
            for start in range(0, len(wide), 500):
                rows = wide[start : start + 500] / 255.0
                right += int(
                    (
                        self.model.logits(rows).argmax(axis=1)
                        == self.test.labels[start : start + 500]
                    ).sum()
                )
            return right / len(wide)

        return float(self.kept.get({**self.asked, "what": "accuracy"}, make))

    def distances(self, name: str) -> Vector:
        """By the algorithm of a name in `ALGORITHMS`."""
        asked = {**self.asked, "what": "nearest", "method": name, "largest": self.case.largest}
        make = partial(ALGORITHMS[name], self)
        found = self.kept.each(asked, range(self.case.judged), make)
        return np.array([np.inf if one is None else one for one in found])

    def restricted(self, target: str, iterate: bool, index: list[int]) -> list[float | None]:
        """By the convex restriction; iterated, of images for which PGD finds an example."""
        near = self.distances("pgd") if iterate else np.zeros(self.case.judged)
        answers = list[float | None]()
        for k in index:
            distance = np.inf
            if near[k] < np.inf:
                found = rb.rho_estimate(
                    self.network, self.test.vector(k), label=int(self.test.labels[k]),
                    target=target, timeout=60.0, max_eps=self.case.largest, iterate=iterate,
                )  # fmt: skip
                distance = found.distance
                if found.iterated is not None:
                    distance = min(distance, found.iterated.distance)
            answers.append(None if distance == np.inf else distance)
        return answers

    def pgd(self, index: list[int]) -> list[float | None]:
        """By PGD at the largest radius; FMN (Pintor et al. 2021) brings nearer what it finds."""
        first = self._attacked(index, self.case.largest, "pgd")
        some = [k for k, one in zip(index, first, strict=True) if one is not None and one > 0.0]
        nearer = dict(zip(some, self._attacked(some, self.case.largest, "fmn", True), strict=True))
        both = [(one, nearer.get(k)) for k, one in zip(index, first, strict=True)]
        return [min((one for one in pair if one is not None), default=None) for pair in both]

    def penalised(
        self, method: Method, target: str, minimal: bool, index: list[int]
    ) -> list[float | None]:
        """By an algorithm that minimises l2 in the whole domain: with a radius it would stay in the
        l∞ ball, as that of the paper does not.  Asked of images for which PGD finds an example.
        """
        near = self.distances("pgd")
        some = [k for k in index if near[k] < np.inf]
        eps = None if minimal else 1.0
        found = dict(zip(some, self._attacked(some, eps, method, minimal, target), strict=True))
        return [found.get(k) for k in index]

    def _attacked(
        self, index: list[int], eps: float | None, method: Method, minimal: bool = False,
        target: str = "any",
    ) -> list[float | None]:  # fmt: skip
        if not index:
            return []
        rows = np.stack([self.test.vector(k) for k in index])
        answers = attack_in_turn(
            self.network, rows, self.test.labels[index], eps, method=method, minimal=minimal,
            target=target, timeout=60.0, model=self.model,
        )  # fmt: skip
        return [one.distance if one.success else None for one in answers]

    def proven(self) -> list[tuple[float, float]]:
        """Ends of rho of each image: exact where the time allowed."""
        asked = {**self.asked, "what": "ends", "eps": EPS, "seconds": self.case.seconds}
        found = self.kept.each(asked, range(self.case.proven), self._proven, size=5)
        return [(lower, np.inf if upper is None else upper) for lower, upper in found]

    def _proven(self, index: list[int]) -> list[tuple[float, float | None]]:
        """The nearest example of PGD is an upper end; whether there is one within EPS is asked
        first where PGD found none and proofs can be expected; else the least distance.
        """
        near = self.distances("pgd")
        ends = list[tuple[float, float | None]]()
        for k in index:
            image, label = self.test.vector(k), int(self.test.labels[k])
            asked: Any = {"label": label, "timeout": self.case.seconds}
            upper = float(near[k])
            if upper > EPS and self.case.exact:
                answer = rb.verify(self.network, image, EPS, **asked)
                if answer.verdict is rb.Verdict.ROBUST:
                    ends.append((float(np.nextafter(EPS, 1.0)), None))
                    continue
            found = rb.rho(self.network, image, **asked)
            upper = min(upper, found.upper)
            ends.append((found.lower, None if upper == np.inf else upper))
        return ends


Finder = Callable[[Judge, list[int]], "list[float | None]"]

ALGORITHMS: dict[str, Finder] = {
    "pgd": Judge.pgd,
    "penalised": lambda judge, index: judge.penalised(Penalised(), "second", False, index),
    "penalised-any": lambda judge, index: judge.penalised("lbfgs", "any", True, index),
    "restriction": lambda judge, index: judge.restricted("second", False, index),
    "restriction-any": lambda judge, index: judge.restricted("any", False, index),
    "iterated": lambda judge, index: judge.restricted("second", True, index),
}
"""The baseline as in the paper and a stronger one; A_LP as in the paper, for any label, and from
region to region; PGD."""
