"""What an explanation says: rivals, units, pixels, and what is left of a search."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..compiler.base.arrays import Vector
from ..results import Verdict
from ..witness.label import Witness


@dataclass(frozen=True, slots=True)
class Rival:
    """Another label. at_image: by how much the claimed label's logit exceeds the rival's, plus the
    margin; negative where the rival wins. proven: what the first bounds prove of that over the
    whole region, -inf where nothing; where it is positive, the rival wins nowhere.
    """

    label: int
    at_image: float
    proven: float


@dataclass(frozen=True, slots=True)
class LayerUnits:
    """Units of a layer with rectifiers. active and inactive: proven to be so on the whole region;
    unstable: all others. split: how many different units the search split, times: how often.
    """

    name: str
    units: int
    active: int
    inactive: int
    unstable: int
    split: int = 0
    times: int = 0


@dataclass(frozen=True, slots=True)
class Remainder:
    """What is left of a search that did not end. open_nodes: parts of the region without an answer;
    loosest: the least that is proven of a lead over them, -inf where nothing is. more: an estimate
    of the nodes that are still to be bounded, by `walks` random walks from open ones (Knuth 1975),
    and seconds: how long that takes at the pace of the search; NaN where there is none. at_least:
    whether walks were cut off, so that both are rather larger.
    """

    open_nodes: int
    loosest: float
    more: float = math.nan
    seconds: float = math.nan
    walks: int = 0
    at_least: bool = True


@dataclass(frozen=True, eq=False)
class Explanation:
    """The answer of `verify`, and what it rests on.

    rivals: the targets, hardest to exclude first. layers: those with rectifiers, in order; () where
    the time was up. halved: inputs that the search halved, times. pixels (D,): for the binding
    rival, |coefficient of the pixel| times its width in the region: how far it can move the linear
    bound that the proof begins with; zeros without one. remainder: of an UNKNOWN, else None.
    """

    verdict: Verdict
    reason: str
    witness: Witness | None
    label: int
    predicted: int
    eps: float
    norm: str
    rivals: tuple[Rival, ...]
    layers: tuple[LayerUnits, ...]
    halved: int
    pixels: Vector
    nodes: int
    lps: int
    margin_bound: float
    remainder: Remainder | None
    seconds: float

    @property
    def binding(self) -> Rival:
        """The rival that is hardest to exclude at eps."""
        return self.rivals[0]

    @property
    def nearest(self) -> Rival:
        """The rival that comes nearest at the image itself."""
        return min(self.rivals, key=lambda rival: rival.at_image)
