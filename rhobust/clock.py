"""Deadlines: the face owns the clock and hands functions down."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from .compiler.errors import InputError
from .compiling import compiling


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in the middle of an answer; `result` is what was known by then."""

    def __init__(self, result: object) -> None:
        self.result = result
        super().__init__()


def check_timeout(seconds: float) -> None:
    """A time limit, or a clear error."""
    if math.isnan(seconds) or seconds <= 0.0:
        raise InputError(f"timeout must be a positive number of seconds, not {seconds}")


LEAST = 1e-6
"""Seconds that whoever is called late is given: too few for anything but to say so."""


@dataclass(slots=True)
class Deadline:
    """Seconds left of a time limit that starts now, the time that kernels are compiled in apart."""

    limit: float
    now: Callable[[], float] = compiling.ticking
    begin: float = field(init=False)

    def __post_init__(self) -> None:
        check_timeout(self.limit)
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
