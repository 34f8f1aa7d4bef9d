"""What an explanation says: rivals, units, pixels, and what is left of a search."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..compiler.base.arrays import Vector
from ..compiler.shown.numbers import at_least, digits
from ..compiler.shown.record import Result
from ..compiler.shown.told import Detail, Told, count
from ..results import Verdict
from ..witness.label import Witness


@dataclass(frozen=True, slots=True, repr=False)
class Rival(Result):
    """Another label. at_image: by how much the claimed label's logit exceeds the rival's, plus the
    margin; negative where the rival wins. proven: what the first bounds prove of that over the
    whole region, -inf where nothing; where it is positive, the rival wins nowhere.
    """

    label: int
    at_image: float
    proven: float

    def _told(self) -> Told:
        proven = f"at least {at_least(self.proven)}" if math.isfinite(self.proven) else "nothing"
        return Told(
            f"Rival {self.label}", (("at the image", digits(self.at_image)), ("proven", proven))
        )


@dataclass(frozen=True, slots=True, repr=False)
class LayerUnits(Result):
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

    def _told(self) -> Told:
        named = ("units", "active", "inactive", "unstable")
        facts = tuple(("", f"{getattr(self, name):,} {name}") for name in named)
        return Told(f"LayerUnits {self.name}", facts)


@dataclass(frozen=True, slots=True, repr=False)
class Remainder(Result):
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

    def _told(self) -> Told:
        facts = [("", count(self.open_nodes, "open node"))]
        if math.isfinite(self.more):
            facts.append(("", f"about {self.more:,.3g} nodes to be bounded"))
        return Told("Remainder", tuple(facts))


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(Result):
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

    def record(self) -> dict[str, Any]:
        """The keys of `rhobust explain --json`; `index` is None."""
        return {
            "index": None, "label": self.label, "predicted": self.predicted,
            "verdict": self.verdict, "reason": self.reason or None, "eps": self.eps,
            "norm": self.norm, "margin_bound": self.margin_bound,
            "rho_upper": None if self.witness is None else self.witness.distance,
            "binding": self.binding.label, "nearest": self.nearest.label, "rivals": self.rivals,
            "layers": self.layers, "halved_inputs": self.halved, "pixels": self.pixels,
            "remainder": self.remainder, "seconds": self.seconds, "nodes": self.nodes,
            "lps": self.lps,
        }  # fmt: skip

    def _told(self) -> Told:
        answer = f"{self.verdict} ({self.reason})" if self.reason else str(self.verdict)
        facts = [("label", str(self.label)), ("radius", f"{self.eps:.6g} in {self.norm}")]
        facts.append(("hardest rival", str(self.binding.label)))
        unstable, units = (sum(getattr(one, name) for one in self.layers)
                           for name in ("unstable", "units"))  # fmt: skip
        facts.append(("", f"{unstable:,} of {count(units, 'unit')} unstable"))
        if self.witness is not None:
            facts.append(("", f"example {self.witness.says}"))
        facts += [("", f"{self.seconds:.2f} s"), ("", count(self.nodes, "node"))]
        return Told(f"Explanation {answer}", tuple(facts))

    def _detail(self) -> Detail:
        rows = tuple(
            (one.name, *(f"{number:,}" for number in (
                one.units, one.active, one.inactive, one.unstable, one.split
            )))
            for one in self.layers
        )  # fmt: skip
        heads = ("layer", "units", "active", "inactive", "unstable", "split")
        pictures = Detail() if self.witness is None else self.witness.detail(self.label)
        return Detail(heads, rows, pictures.pictures)
