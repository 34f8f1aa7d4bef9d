"""What is known of one image while it is evaluated; a radius that is decided is not asked again."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from ...compiler.base.arrays import Vector
from ...compiler.base.errors import Contradiction
from ...compiler.base.evidence import REASON
from ...compiler.base.tolerances import Tolerances
from ...results import RhoResult, Verdict, VerifyResult
from ...store.record import Decision, Looked, Record
from ...witness.label import Witness
from ..asked import Asked


@dataclass
class Effort:
    """Of the work at one radius. reason: why it stayed open."""

    reason: str = ""
    seconds: float = 0.0
    nodes: int = 0
    lps: int = 0


@dataclass
class Known:
    """One image under one question: rho lies in [lower, upper], as a `Record` says.

    bounds: margins proven at radii, ROBUST ones among them. attack: the distance of the nearest
    example that attacks alone found, None where none ran. certified: the radius of the smoothed
    classifier for the image's label, 0 where it abstained or has another. hardness: the plain bound
    at the radius asked first, relative to the clean lead; expected cost falls with it.
    """

    index: int
    name: str
    label: int
    predicted: int
    lower: float = 0.0
    upper: float = math.inf
    robust: float = -math.inf
    bounds: dict[float, float] = field(default_factory=dict)
    witness: Vector | None = None
    witness_label: int | None = None
    estimate: float | None = None
    certified: float | None = None
    attack: float | None = None
    method: str = ""
    efforts: dict[float, Effort] = field(default_factory=dict)
    hardness: float = 0.0
    certificate: str = ""
    uncertified: str = ""
    withdrawn: bool = False
    seconds: float = 0.0
    nodes: int = 0
    lps: int = 0

    def verdict(self, eps: float) -> Verdict:
        """What is known at a radius: proven at a larger one, or shown at a smaller one."""
        if self.withdrawn:
            return Verdict.UNKNOWN
        if self.upper <= eps:
            return Verdict.NOT_ROBUST
        if eps <= self.robust or eps < self.lower:
            return Verdict.ROBUST
        return Verdict.UNKNOWN

    def open(self, asked: Asked) -> list[float]:
        """The radii that are not decided, in increasing order."""
        return [eps for eps in asked.eps if self.verdict(eps) is Verdict.UNKNOWN]

    def next(self, asked: Asked) -> float | None:
        """The radius to ask first: the middle one, whose answer decides most others."""
        left = [eps for eps in self.open(asked) if not self.effort(eps).reason]
        return left[len(left) // 2] if left else None

    def narrow(self) -> bool:
        """Whether rho is known as exactly as `Tolerances` asks."""
        if self.withdrawn:
            return False
        if self.lower == self.upper:
            return True
        return bool(self.upper - self.lower <= Tolerances().slack(self.upper))

    def done(self, asked: Asked) -> bool:
        """Whether nothing that was asked is open."""
        if asked.estimate and self.estimate is None:
            return False
        if asked.smoothing is not None and self.certified is None:
            return False
        return not self.open(asked) and (not asked.rho or self.narrow())

    def effort(self, eps: float) -> Effort:
        return self.efforts.setdefault(eps, Effort())

    def proven(self, eps: float, bound: float) -> None:
        """The label is kept within a radius, by this margin at least."""
        self.robust, self.lower = max(self.robust, eps), max(self.lower, eps)
        self.bounds[eps] = max(bound, 0.0, self.bounds.get(eps, 0.0))
        self.check()

    def shown(self, witness: Witness | None) -> None:
        """A validated example, the nearest of which is kept."""
        if witness is not None and witness.distance < self.upper:
            self.upper = witness.distance
            self.witness, self.witness_label = witness.point, witness.label
        self.check()

    def verified(self, result: VerifyResult) -> None:
        """What a search at one radius found out."""
        effort = self.effort(result.eps)
        effort.reason = result.reason
        effort.seconds += result.seconds
        effort.nodes += result.nodes
        effort.lps += result.lps
        self._spent(result)
        if result.reason == REASON:
            raise Contradiction(f"the search at {result.eps!r} contradicted itself")
        if result.verdict is Verdict.UNKNOWN:
            known = self.bounds.get(result.eps, -math.inf)
            self.bounds[result.eps] = max(known, result.margin_bound)
        self.shown(result.witness)
        if result.verdict is Verdict.ROBUST:
            self.proven(result.eps, result.margin_bound)

    def measured(self, result: RhoResult) -> None:
        """What the question for rho found out."""
        self._spent(result)
        if result.reason == REASON:
            raise Contradiction("the search for rho contradicted itself")
        self.lower = max(self.lower, result.lower)
        if self.estimate is None and result.estimate < math.inf:  # NaN fails
            self.estimate = result.estimate
        self.shown(result.witness)

    def _spent(self, result: VerifyResult | RhoResult) -> None:
        self.nodes += result.nodes
        self.lps += result.lps

    def learn(self, records: Iterable[Record]) -> None:
        """What earlier answers to the same claim say."""
        for record in records:
            self.lower = max(self.lower, record.rho_lower)
            if record.rho_upper < self.upper:
                self.upper = record.rho_upper
                self.witness, self.witness_label = record.witness, record.witness_label
            for one in record.decisions:
                if one.verdict is Verdict.ROBUST:
                    self.robust = max(self.robust, one.eps)
                    self.bounds[one.eps] = max(one.margin_bound, self.bounds.get(one.eps, 0.0))
            if self.estimate is None:
                self.estimate = record.rho_estimate
            if record.attack_distance is not None:
                nearest = math.inf if self.attack is None else self.attack
                self.attack = min(nearest, record.attack_distance)
                self.method = self.method or record.attack_method
            self.certificate = self.certificate or record.certificate
        self.check()

    @property
    def failed(self) -> bool:
        """Whether the work at a radius was ended by what went wrong."""
        return any(effort.reason for effort in self.efforts.values())

    def looked(self) -> Looked:
        """What is kept after the first pass, until the image is finished."""
        return Looked(
            self.index, self.lower, self.upper, tuple(self.bounds.items()), self.estimate,
            self.attack, self.method, self.witness, self.witness_label, self.hardness, self.seconds,
        )  # fmt: skip

    def go_on(self, looked: Looked) -> None:
        """Begins where a first pass over the image ended."""
        self.lower = max(self.lower, looked.rho_lower)
        if looked.rho_upper < self.upper:
            self.upper = looked.rho_upper
            self.witness, self.witness_label = looked.witness, looked.witness_label
        for eps, bound in looked.bounds:
            self.robust = max(self.robust, eps)
            self.bounds[eps] = max(bound, self.bounds.get(eps, 0.0))
        if looked.rho_estimate is not None:
            self.estimate = looked.rho_estimate
        distance = looked.attack_distance
        if distance is not None and (self.attack is None or distance <= self.attack):
            self.attack, self.method = distance, looked.attack_method
        self.hardness, self.seconds = looked.hardness, looked.seconds
        self.check()

    def check(self) -> None:
        """Contradiction where a proof excludes a validated example."""
        if self.lower > self.upper or self.robust >= self.upper:
            raise Contradiction(
                f"of image {self.index}, an example at {self.upper!r} is within what was proven",
                {"lower": self.lower, "robust": self.robust, "upper": self.upper},
            )

    def withdraw(self) -> None:
        """Only the validated example stays of answers that exclude each other."""
        self.withdrawn, self.lower, self.robust = True, 0.0, -math.inf
        self.bounds.clear()
        self.certificate = ""
        for effort in self.efforts.values():
            effort.reason = REASON

    def record(self, asked: Asked, image: Vector | None, reason: str = "timeout") -> Record:
        """What is kept. reason: of radii that nothing else was said of."""
        return Record(
            self.index, self.name, self.label, self.predicted, self.lower, self.upper,
            tuple(self._decision(eps, reason) for eps in asked.eps), self.estimate, self.attack,
            self.method, self.witness, self.witness_label, image, self.certificate,
            self.uncertified, self.certified, self.seconds, self.nodes, self.lps,
        )  # fmt: skip

    def _decision(self, eps: float, reason: str) -> Decision:
        verdict, effort = self.verdict(eps), self.efforts.get(eps, Effort())
        why = ""
        if verdict is Verdict.UNKNOWN:
            why = REASON if self.withdrawn else effort.reason or reason
        return Decision(
            eps, verdict, why, self._margin(eps, verdict),
            self.attack is not None and self.attack <= eps,
            effort.seconds, effort.nodes, effort.lps,
        )  # fmt: skip

    def _margin(self, eps: float, verdict: Verdict) -> float:
        """A bound at a larger radius holds at a smaller one, too."""
        if verdict is Verdict.NOT_ROBUST:
            return -math.inf
        bounds = [bound for at, bound in self.bounds.items() if at >= eps]
        least = 0.0 if verdict is Verdict.ROBUST else -math.inf
        return max(bounds, default=least) if not bounds else max(least, *bounds)
