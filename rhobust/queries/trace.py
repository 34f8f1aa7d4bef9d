"""What a search told while it went on: its two ends over time, for a picture or a file."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from ..compiler.base.errors import InputError
from ..compiler.shown.numbers import digits
from ..compiler.shown.record import Result
from ..compiler.shown.told import Told, count
from ..compiler.shown.value import Shown
from .engine import Progress

ABOUT = ("rho", "margin", "objective")
"""What the ends can be of."""
RARELY = 0.002
"""Share of the time so far that passes between two events that say little new."""


@dataclass(frozen=True, slots=True, repr=False)
class Event(Result):
    """What is known after some seconds: the answer lies in [lower, upper].

    Of rho and of an objective both ends; of `verify` lower alone, the margin that is proven over
    the region, and upper is inf. nodes: bounded so far, open: not yet.
    """

    seconds: float
    nodes: int
    open: int
    lower: float
    upper: float

    def _told(self) -> Told:
        ends = f"[{digits(self.lower)}, {digits(self.upper)}]"
        return Told(f"Event {ends}", (("", f"{self.seconds:.2f} s"), ("nodes", f"{self.nodes:,}")))


class Trace(Shown):
    """Takes the place of `progress`, and keeps what it hears in `events`, a tuple.

    Of a long search only as many events as its picture needs, some hundred and those at which an
    end moved from above. One trace is of one search.
    """

    def __init__(self) -> None:
        self._kept: list[Event] = []
        self._begin = perf_counter()
        self._nodes = self._open = 0
        self._ends: tuple[float, float] | None = None

    def __call__(self, closed: int, still_open: int, least: float) -> None:
        """As `progress` is called; least: the ends that nobody tells are of margins."""
        self._nodes, self._open = closed, still_open
        self._keep(*(self._ends or (least, math.inf)))

    def ends(self, lower: float, upper: float) -> None:
        """What is proven from below, and known from above."""
        self._ends = lower, upper
        self._keep(lower, upper)

    @property
    def events(self) -> tuple[Event, ...]:
        """What was heard, in order."""
        return tuple(self._kept)

    def _keep(self, lower: float, upper: float) -> None:
        now = Event(perf_counter() - self._begin, self._nodes, self._open, lower, upper)
        kept = self._kept
        if len(kept) > 1:
            last, before = kept[-1], kept[-2]
            same = (before.lower, before.upper) == (last.lower, last.upper)
            soon = last.seconds - before.seconds < RARELY * last.seconds
            if last.upper == now.upper and ((same and last.lower == now.lower) or soon):
                kept.pop()  # what lies between says nothing of its own
        kept.append(now)

    def _told(self) -> Told:
        facts = [("", count(len(self._kept), "event"))]
        if self._kept:
            last = self._kept[-1]
            facts += [("ends", f"[{digits(last.lower)}, {digits(last.upper)}]"),
                      ("", f"{last.seconds:.2f} s"), ("", count(last.nodes, "node"))]  # fmt: skip
        return Told("Trace", tuple(facts))


def tell(progress: Progress, lower: float, upper: float) -> None:
    """Tells a trace the ends; others do not hear of them."""
    if isinstance(progress, Trace):
        progress.ends(lower, upper)


def lines(events: Sequence[Event], about: str, index: int) -> str:
    """Events as JSON lines.  about: what the ends are of; index: of the image."""
    known = ({"index": index, "of": about, **one.to_dict()} for one in events)
    return "".join(json.dumps(one, allow_nan=False) + "\n" for one in known)


def read(path: Path) -> tuple[str, tuple[Event, ...]]:
    """What the ends are of, and the events of a file that `lines` made; else InputError."""
    about, events, number = "", [], 0
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):  # noqa: B007
            row: dict[str, Any] = json.loads(line)
            about = str(row["of"])
            lower = -math.inf if row["lower"] is None else float(row["lower"])
            upper = math.inf if row["upper"] is None else float(row["upper"])
            seconds, nodes, still_open = float(row["seconds"]), int(row["nodes"]), int(row["open"])
            events.append(Event(seconds, nodes, still_open, lower, upper))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path}, line {number}: is no event of a search") from None
    if not events or about not in ABOUT:
        raise InputError(f"{path}: holds no events of a search")
    return about, tuple(events)
