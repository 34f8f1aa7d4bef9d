"""What the caller of a search hands down: a clock, candidates, listeners, and what it knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..compiler.base.arrays import Bounds, Indices, Matrix, Numbers, Vector
from .bounds.crown import Nodes
from .bounds.magnitudes import Magnitudes
from .certificate.recorder import Recorder
from .nodes.saved import Saver
from .settings import Unfinished


@dataclass(slots=True)
class Clock:
    """When the search has to end."""

    remaining: Callable[[], float]
    """Seconds left."""

    def stop(self) -> bool:
        return not self.remaining() > 0.0


@dataclass(slots=True)
class Candidates:
    """Points that may settle the question, and what they change: the region and the cutoff.

    With threads, `accept` and `offer` are called by one of them at a time.
    """

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
    accept_exact: Callable[[Numbers], bool] | None = None
    """As accept, for one point (D,) of Fractions; without it accept sees the nearest floats."""

    def offer(self, point: Numbers) -> bool:
        """Whether an exact point settles the question."""
        if self.accept_exact is not None:
            return self.accept_exact(point)
        return self.accept(point.astype(np.float64)[None])


@dataclass(slots=True)
class Listeners:
    """Who hears of a search, and changes nothing of it."""

    progress: Callable[[int, int, float], None] = lambda bounded, still_open, least: None
    """Hears how many nodes were bounded, how many are open, and their least bound."""
    recorder: Recorder | None = None
    """Notes the proof, of questions whose cutoff and region do not change."""
    saver: Saver | None = None
    """Keeps the open nodes."""
    splits: Callable[[Indices, Indices], None] | None = None
    """Hears on what nodes are split: stages of the compiled problem, from 0, and units there; an
    input that is halved has stage -1."""
    unfinished: Callable[[Unfinished], None] | None = None
    """Hears of the open nodes that a search ends with."""


@dataclass(slots=True)
class Caller:
    """All of it."""

    clock: Clock
    candidates: Candidates
    listeners: Listeners = field(default_factory=Listeners)
    known: tuple[Nodes, Magnitudes] | None = None
    """What `root_bounds` gives for the region, where it is not to be computed again."""
