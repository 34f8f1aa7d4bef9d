"""What the program says about a claim, a radius or an estimate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .compiler.base.arrays import Indices
from .compiler.base.tolerances import Tolerances
from .compiler.shown.numbers import at_least, at_most, digits
from .compiler.shown.record import Result
from .compiler.shown.told import Detail, Told, count
from .witness.label import Witness

KEYS = (
    "index", "label", "predicted", "verdict", "reason", "rho_lower", "rho_upper", "eps",
    "margin_bound", "seconds", "nodes", "lps",
)  # fmt: skip
"""The keys of every answer about an image; what only some answers have follows them."""


class Verdict(StrEnum):
    """The three answers; UNKNOWN always comes with a reason."""

    ROBUST = "ROBUST"
    NOT_ROBUST = "NOT_ROBUST"
    UNKNOWN = "UNKNOWN"


class OfImage(Result):
    """An answer about one image: its JSON has `KEYS`, None where a question has no such answer.

    `index` is None: a result does not know which image of a list it is about. rho_lower is proven
    and rho_upper validated, whatever the question was; where both are None, nothing is known, or
    the domain was proven to hold no example, and then the verdict is ROBUST.
    """

    __slots__ = ()

    label: int
    predicted: int
    seconds: float
    witness: Witness | None

    def _known(self, **known: Any) -> dict[str, Any]:
        """The keys in their order, from what they all have and what is known besides."""
        shared = {"label": self.label, "predicted": self.predicted, "seconds": self.seconds}
        return {**dict.fromkeys(KEYS), **shared, **known}

    def _facts(self, *own: tuple[str, str]) -> tuple[tuple[str, str], ...]:
        """What is told of all: labels, what is the answer's own, the example, the time."""
        facts = [("label", str(self.label))]
        if self.predicted != self.label:
            facts.append(("predicted", str(self.predicted)))
        facts += own
        if self.witness is not None:
            facts.append(("", f"example {self.witness.says}"))
        return (*facts, ("", f"{self.seconds:.2f} s"))

    def _detail(self) -> Detail:
        return Detail() if self.witness is None else self.witness.detail(self.label)


@dataclass(frozen=True, slots=True, repr=False)
class VerifyResult(OfImage):
    """verdict with its reason ("" when decided), the witness of NOT_ROBUST, and a proven margin
    bound.

    margin_bound: no input of the region has a smaller margin (-inf where nothing was proven), in
    logits also where the model ends with a softmax; for ROBUST it is at least 0.
    uncertified: why a certificate that was asked for is not there.
    level: what a ROBUST speaks of: "real", the stored weights in real arithmetic, or "float32",
    also every float32 evaluation of them, in any order of summation; "" without one.
    """

    verdict: Verdict
    reason: str
    witness: Witness | None
    margin_bound: float
    label: int
    predicted: int
    eps: float
    seconds: float
    nodes: int
    lps: int
    uncertified: str = ""
    level: str = ""

    def record(self) -> dict[str, Any]:
        """ROBUST proves rho >= eps, and a witness shows that rho is at most its distance."""
        robust = self.verdict is Verdict.ROBUST
        found = self._known(
            verdict=self.verdict, reason=self.reason or None,
            rho_lower=self.eps if robust else None, rho_upper=_distance(self.witness),
            eps=self.eps, margin_bound=self.margin_bound, nodes=self.nodes, lps=self.lps,
        )  # fmt: skip
        if self.level:
            found["level"] = self.level
        if robust and self.uncertified:
            found["uncertified"] = self.uncertified
        return found

    def _told(self) -> Told:
        own = [("radius", f"{self.eps:.6g}")]
        if self.level == "float32":
            own.append(("", "float32, too"))
        if math.isfinite(self.margin_bound) and self.margin_bound != 0.0:
            own.append(("margin", f"at least {at_least(self.margin_bound)}"))
        if self.uncertified:
            own.append(("no certificate:", self.uncertified))
        answer = f"{self.verdict} ({self.reason})" if self.reason else str(self.verdict)
        facts = self._facts(*own)
        return Told(f"VerifyResult {answer}", (*facts, ("", _work(self.nodes, self.lps))))


@dataclass(frozen=True, slots=True, repr=False)
class RhoResult(OfImage):
    """rho lies in [lower, upper]: lower proven, upper the distance of a validated witness.

    Both are inf when the whole domain was proven to hold no adversarial example. certified: the
    radius that a certificate proves; uncertified: why one that was asked for is not there.
    """

    lower: float
    upper: float
    witness: Witness | None
    reason: str
    estimate: float
    attack: float
    label: int
    predicted: int
    seconds: float
    nodes: int
    lps: int
    tolerances: Tolerances = Tolerances()
    certified: float | None = None
    uncertified: str = ""

    @property
    def exact(self) -> bool:
        """Whether the interval is as narrow as `Tolerances` asks."""
        if self.lower == self.upper:
            return True
        return bool(self.upper - self.lower <= self.tolerances.slack(self.upper))

    def record(self) -> dict[str, Any]:
        """ROBUST: the domain holds no example; NOT_ROBUST: rho is exact; else UNKNOWN."""
        verdict = Verdict.UNKNOWN
        if self.lower == math.inf:
            verdict = Verdict.ROBUST
        elif self.exact:
            verdict = Verdict.NOT_ROBUST
        found = self._known(
            verdict=verdict,
            reason=(self.reason or "numerical") if verdict is Verdict.UNKNOWN else None,
            rho_lower=self.lower, rho_upper=self.upper, nodes=self.nodes, lps=self.lps,
        )  # fmt: skip
        found |= {"rho_estimate": self.estimate, "attack": self.attack, "exact": self.exact}
        if self.uncertified:
            found["uncertified"] = self.uncertified
        elif self.certified is not None:
            found["certified"] = self.certified
        return found

    def _told(self) -> Told:
        own = [("", "exact" if self.exact else self.reason or "not exact")]
        if math.isfinite(self.estimate):
            own.append(("estimate", digits(self.estimate)))
        if self.certified is not None and not self.uncertified:
            own.append(("certified", at_least(self.certified)))
        facts = self._facts(*own)
        head = f"RhoResult {interval(self.lower, self.upper, self.exact)}"
        return Told(head, (*facts, ("", _work(self.nodes, self.lps))))


@dataclass(frozen=True, slots=True, repr=False)
class AttackResult(OfImage):
    """success: whether a validated witness lies within eps; distance: its own in the norm asked
    for, rounded up, inf without one.  An image that is misclassified is its own, at distance 0.

    A failure proves nothing.  reason: why one ended early (timeout, memory or failed), "" if it did
    not.  lead: the least lead over the rivals that the attack came to, as far as it could tell; at
    most 0 where it found an example, validated or not.  eps: inf where none was given.
    seconds: of a batch the same share for each image of a portion.
    """

    success: bool
    distance: float
    witness: Witness | None
    predicted: int
    label: int
    method: str
    eps: float
    norm: str
    lead: float
    seconds: float
    reason: str = ""

    def record(self) -> dict[str, Any]:
        """No verdict: a witness shows that rho is at most its distance, a failure shows nothing."""
        found = self._known(
            reason=self.reason or None, eps=self.eps,
            rho_upper=None if self.witness is None else self.distance,
        )  # fmt: skip
        own = ("success", "distance", "method", "norm", "lead")
        return found | {key: getattr(self, key) for key in own}

    def _told(self) -> Told:
        answer = "success" if self.success else "no example"
        own = [("by", self.method), ("norm", self.norm)]
        if math.isfinite(self.eps):
            own.append(("radius", f"{self.eps:.6g}"))
        if not self.success:
            own.append(("least lead", digits(self.lead)))
        if self.reason:
            own.append(("", self.reason))
        return Told(f"AttackResult {answer}", self._facts(*own))


@dataclass(frozen=True, slots=True, repr=False)
class Iterated(Result):
    """What a descent over neighbouring linear regions came to: no A_LP of Bastani et al. 2016.

    rho: the least radius, inf without an example; witness, target, distance as in `Estimate`.
    regions: how many were restricted to. origin: region or attack, where the first example came
    from; empty without one.
    """

    rho: float
    witness: Witness | None
    target: int | None
    distance: float
    regions: int
    origin: str

    def record(self) -> dict[str, Any]:
        """The keys that `rhobust estimate --iterate` adds."""
        return {
            "rho_iterated": self.rho, "iterated_from": self.origin, "regions": self.regions,
        }  # fmt: skip

    def _told(self) -> Told:
        facts = [("regions", f"{self.regions:,}"), ("from", self.origin or "none")]
        return Told(f"Iterated rho-hat = {digits(self.rho)}", tuple(facts))


@dataclass(frozen=True, slots=True, repr=False)
class OnGrid(Result):
    """An example whose values are whole numbers of pixels, 0 to 255 over the domain.

    rho: its distance in pixels, inf where none was found. pixels (D,): its values.
    """

    rho: float
    pixels: Indices | None
    witness: Witness | None

    def record(self) -> dict[str, Any]:
        """The key that `rhobust estimate --integer` adds."""
        return {"rho_integer": self.rho}

    def _told(self) -> Told:
        found = "no example" if self.witness is None else f"{digits(self.rho)} pixels"
        return Told(f"OnGrid {found}")


@dataclass(frozen=True, slots=True, repr=False)
class Estimate(OfImage):
    """rho-hat of the convex restriction: an upper bound on rho, inf when the region holds no
    example.

    status: found; none_in_region; beyond_max_eps (none within the radius asked for); stopped (out
    of time) or failed. rows: LP rows made; rounds: LPs solved. searched: the region holds no
    example nearer than this, by the LPs' duals. distance: of the witness in the norm asked for,
    rounded up, inf without one. integer and iterated: only where they were asked for.
    """

    rho: float
    status: str
    witness: Witness | None
    target: int | None
    label: int
    predicted: int
    rows: int
    rounds: int
    seconds: float
    norm: str = "linf"
    searched: float = 0.0
    distance: float = math.inf
    integer: OnGrid | None = None
    iterated: Iterated | None = None

    def record(self) -> dict[str, Any]:
        """No verdict: an estimate proves nothing below it."""
        found = self._known(
            rho_upper=None if self.witness is None else self.distance, lps=self.rounds
        )
        found |= {
            "rho_estimate": self.rho, "status": self.status, "norm": self.norm,
            "searched": self.searched,
        }  # fmt: skip
        for part in (self.integer, self.iterated):
            found |= {} if part is None else part.record()
        return found

    def _told(self) -> Told:
        head = f"rho-hat = {digits(self.rho)} (estimate)"
        if self.status != "found":
            head = self.status.replace("_", " ")
        own = [("norm", self.norm), ("", f"{self.rows:,} rows in {count(self.rounds, 'LP')}")]
        if self.integer is not None:
            own.append(("in pixels", digits(self.integer.rho)))
        if self.iterated is not None:
            own.append(("iterated", digits(self.iterated.rho)))
        return Told(f"Estimate {head}", self._facts(*own))


def interval(lower: float, upper: float, exact: bool) -> str:
    """What is proven of rho, in words: its ends rounded outwards."""
    if lower == math.inf:
        return "rho = inf: no example in the domain"
    if exact:
        return f"rho = {digits(upper)}"
    if upper == math.inf:
        return f"rho >= {at_least(lower)}"
    return f"rho in [{at_least(lower)}, {at_most(upper)}]"


def _distance(witness: Witness | None) -> float | None:
    return None if witness is None else witness.distance


def _work(nodes: int, lps: int) -> str:
    return f"{count(nodes, 'node')}, {count(lps, 'LP')}"
