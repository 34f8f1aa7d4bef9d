"""What the program says about a claim, a radius or an estimate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from .compiler.base.arrays import Indices
from .compiler.base.tolerances import Tolerances
from .witness.label import Witness


class Verdict(StrEnum):
    """The three answers; UNKNOWN always comes with a reason."""

    ROBUST = "ROBUST"
    NOT_ROBUST = "NOT_ROBUST"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class VerifyResult:
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


@dataclass(frozen=True, slots=True)
class RhoResult:
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


@dataclass(frozen=True, slots=True)
class AttackResult:
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


@dataclass(frozen=True, slots=True)
class Iterated:
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


@dataclass(frozen=True, slots=True)
class OnGrid:
    """An example whose values are whole numbers of pixels, 0 to 255 over the domain.

    rho: its distance in pixels, inf where none was found. pixels (D,): its values.
    """

    rho: float
    pixels: Indices | None
    witness: Witness | None


@dataclass(frozen=True, slots=True)
class Estimate:
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
