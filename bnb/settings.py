"""What a search may spend, what its caller hands down, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..compiler.base.arrays import Bounds, Indices, Matrix, Numbers, Vector
from ..compiler.base.digest import UNASKED
from ..lp.oracle.highs import Oracle, highs
from .bounds.crown import Nodes
from .bounds.magnitudes import Magnitudes
from .certificate.recorder import Recorder
from .nodes.batch import Block
from .nodes.saved import Saver


@dataclass(frozen=True, slots=True)
class Settings:
    """What the search may spend; none of it changes what a verdict means.

    A search that was saved can go on with more of what is unasked; the rest shapes its nodes.
    tracked: inputs (D,), floats or Fractions, that the search checks never to lose; see `tracking`.
    """

    batch: int = field(default=64, metadata=UNASKED)
    root_steps: int = 40
    tighten_steps: int = 8
    trees: bool = True
    refine: bool = True
    joint: bool = True
    boxes: bool = True
    node_steps: int = 3
    extra_steps: int = 12
    hope: float = 0.01
    inside_steps: int = 10
    nodes: int = field(default=10_000_000, metadata=UNASKED)
    memory: float = field(default=4e8, metadata=UNASKED)
    threads: int = field(default=1, metadata=UNASKED)
    oracle: Oracle = field(default=highs, metadata=UNASKED)
    tracked: tuple[Numbers, ...] = field(default=(), metadata=UNASKED)


@dataclass(slots=True)
class Statistics:
    """Counts of one search.  numerical: leaves that nothing could decide; exact: those that only
    rational arithmetic closed.
    """

    nodes: int = 0
    lps: int = 0
    numerical: int = 0
    exact: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class Unfinished:
    """A search that ended with open nodes, which could go on. advance: what stays open of some
    nodes, or None when a candidate settled the question. statistics: which it counts in. The open
    nodes are `rows` of `nodes`.
    """

    advance: Callable[[Block], list[Block] | None]
    statistics: Statistics
    nodes: Block
    rows: Indices


@dataclass(slots=True)
class Hooks:
    """What the caller hands down.

    With threads, `accept` and `offer` are called by one of them at a time.
    """

    # the clock
    remaining: Callable[[], float]
    """Seconds left."""

    # candidates, and what they change
    accept: Callable[[Matrix], bool]
    """Looks at points (B, D); True when one settles the question."""
    box: Callable[[], Bounds]
    """The current region (1, D); it may only shrink."""
    attack: Callable[[Indices], bool] = lambda atoms: False
    """Given the atoms that plain bounds left open; True when what it found settles the question."""
    cutoff: Callable[[], float] = lambda: 0.0
    """Objectives above it do not matter; it may only fall."""
    distance_from: tuple[Vector, Vector, Vector] | None = None
    """Center, domain's lower and upper end (D,), where least distances are wanted."""

    # listeners
    progress: Callable[[int, int, float], None] = lambda bounded, still_open, least: None
    """Hears how many nodes were bounded, how many are open, and their least bound."""
    recorder: Recorder | None = None
    """Notes the proof, of questions whose cutoff and region do not change."""
    saver: Saver | None = None
    """Keeps the open nodes."""
    accept_exact: Callable[[Numbers], bool] | None = None
    """As accept, for one point (D,) of Fractions; without it accept sees the nearest floats."""

    splits: Callable[[Indices, Indices], None] | None = None
    """Hears on what nodes are split: stages of the compiled problem, from 0, and units there; an
    input that is halved has stage -1."""
    unfinished: Callable[[Unfinished], None] | None = None
    """Hears of the open nodes that a search ends with."""

    # what the caller knows already
    known: tuple[Nodes, Magnitudes] | None = None
    """What `root_bounds` gives for the region, where it is not to be computed again."""

    def offer(self, point: Numbers) -> bool:
        """Whether an exact point settles the question."""
        if self.accept_exact is not None:
            return self.accept_exact(point)
        return self.accept(point.astype(np.float64)[None])

    def stop(self) -> bool:
        return not self.remaining() > 0.0


@dataclass(slots=True)
class Outcome:
    """status: `closed` (the root branch cannot be satisfied, or not below the cutoff), `accepted`
    (a candidate settled the question) or `open`; open with the reason `contradiction` where a check
    of the search itself failed, and nothing is proven.

    bound: least proven value over what is still open, of the atoms' sums or of the objective;
    proven_distance: of a violation, at least.
    """

    status: str
    reason: str
    bound: float
    proven_distance: float
    statistics: Statistics = field(default_factory=Statistics)
