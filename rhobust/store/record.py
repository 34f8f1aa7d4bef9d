"""What is known of one image under one question, and of a run over a whole test set."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..compiler.base.arrays import Vector
from ..compiler.base.tolerances import Tolerances
from ..results import Verdict


@dataclass(frozen=True, slots=True)
class Decision:
    """What was found out at one radius.

    reason: "" unless the verdict is UNKNOWN. margin_bound: proven, in logits, -inf where nothing
    was. attacked: whether attacks alone found an example within eps.
    """

    eps: float
    verdict: Verdict
    reason: str = ""
    margin_bound: float = -math.inf
    attacked: bool = False
    seconds: float = 0.0
    nodes: int = 0
    lps: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class Record:
    """One image: rho lies in [rho_lower, rho_upper], lower proven and upper validated.

    Both are 0 where the image is misclassified, inf where the whole domain was proven to hold no
    example; rho_upper is inf where none was found. rho_estimate: of the convex restriction, None
    where it was not asked for. attack_distance: of the nearest example that attacks alone found,
    inf without one, None where no attack ran; attack_method: which found it. decisions: one for
    each eps asked for, in increasing order. witness (D,): the nearest validated example, in the
    network's input; witness_label: the label it gets. image (D,): what the network saw.
    certificate: path of the proof or witness, "" without; uncertified: why one that was asked for
    is not there. certified_radius: of randomized smoothing, in l2, for the image's label, 0 where
    the smoothed classifier abstained or has another, None where it was not asked for.
    seconds: of the program's own clock over all steps.
    """

    index: int
    name: str
    label: int
    predicted: int
    rho_lower: float
    rho_upper: float
    decisions: tuple[Decision, ...] = ()
    rho_estimate: float | None = None
    attack_distance: float | None = None
    attack_method: str = ""
    witness: Vector | None = None
    witness_label: int | None = None
    image: Vector | None = None
    certificate: str = ""
    uncertified: str = ""
    certified_radius: float | None = None
    seconds: float = 0.0
    nodes: int = 0
    lps: int = 0

    @property
    def correct(self) -> bool:
        """Whether the network gives the image its label."""
        return self.predicted == self.label

    @property
    def exact(self) -> bool:
        """Whether the interval of rho is as narrow as `Tolerances` asks."""
        if self.rho_lower == self.rho_upper:
            return True
        return bool(self.rho_upper - self.rho_lower <= Tolerances().slack(self.rho_upper))

    def at(self, eps: float) -> Decision | None:
        """The decision at a radius that was asked for."""
        return next((one for one in self.decisions if one.eps == eps), None)


@dataclass(frozen=True, eq=False, slots=True)
class Looked:
    """What the first pass of a run found out of an image that it left open.

    bounds: radii at which the label was proven to be kept, each with the margin. hardness: by which
    open images are ordered. The rest is as of a `Record`.
    """

    index: int
    rho_lower: float
    rho_upper: float
    bounds: tuple[tuple[float, float], ...] = ()
    rho_estimate: float | None = None
    attack_distance: float | None = None
    attack_method: str = ""
    witness: Vector | None = None
    witness_label: int | None = None
    hardness: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """One question asked of some images of a data set.

    question: what was asked, all that may change an answer: `model` (SHA-256), `norm`, `domain`,
    `target`, `margin`, `eps` (a list), `rho` (whether the exact one), `attacks` (names), `timeout`,
    `seed`, `engine` (version). card: of the model: `name`, `path`, `digest`, `layers` (a list of
    {name, kind, size}), `input_shape`, `outputs`, `relus`, `notes`. data: `source`, `count`,
    `shape`, `digest`, `divisor`. indices: which images were asked for. command: that repeats the
    run. environment: versions, processor, system.
    """

    id: str
    question: Mapping[str, object]
    card: Mapping[str, object]
    data: Mapping[str, object]
    indices: tuple[int, ...]
    started: str
    command: str = ""
    environment: Mapping[str, object] = field(default_factory=dict)
