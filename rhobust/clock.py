"""Deadlines: the face owns the clock and hands functions down."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from .compiler.base.errors import InputError
from .compiling import compiling


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in the middle of an answer; `result` is what was known by then."""

    def __init__(self, result: object) -> None:
        self.result = result
        super().__init__()


def check_timeout(seconds: float | None) -> float:
    """A time limit, infinite for None, or a clear error."""
    if seconds is None:
        return math.inf
    try:
        number = float(seconds)
    except (TypeError, ValueError):
        number = math.nan
    if math.isnan(number) or number <= 0.0:
        raise InputError(f"timeout must be a positive number of seconds, or None, not {seconds}")
    return number


LEAST = 1e-6
"""Seconds that whoever is called late is given: too few for anything but to say so."""


@dataclass(slots=True)
class Deadline:
    """Seconds left of a time limit that starts now, the time that kernels are compiled in apart.

    given: seconds, or None for no limit.
    """

    given: float | None
    now: Callable[[], float] = compiling.ticking
    limit: float = field(init=False)
    begin: float = field(init=False)

    def __post_init__(self) -> None:
        self.limit = check_timeout(self.given)
        self.begin = self.now()

    def spent(self) -> float:
        return self.now() - self.begin

    def remaining(self) -> float:
        return self.limit - self.spent()

    def share(self, part: float = 1.0) -> float:
        """A limit for a part of the work: that much of what remains, and positive even if late."""
        seconds = self.remaining() * part
        return seconds if seconds > LEAST else LEAST

    def stop(self) -> bool:
        return not self.remaining() > 0.0
