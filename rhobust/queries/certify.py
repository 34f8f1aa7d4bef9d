"""Certificates of intervals and optima: a bound is loosened until one search proves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from ..clock import Deadline
from ..compiler.base.late import never
from .engine import ending

Limit = TypeVar("Limit")

NOT_IN_TIME = "no proof in one search was found in time"


def loosen(
    limits: Sequence[Limit],
    deadline: Deadline,
    prove: Callable[[Limit, float], str],
    facts: Callable[[], Mapping[str, object]],
) -> tuple[Limit | None, str]:
    """The first limit that is certified, and else why none is.

    limits: each easier to prove than the one before.  prove: writes a certificate of one within
    some seconds, and returns what prevented it, or "".  facts: for the report where a proof finds
    what was excluded; what is certified then has to be withdrawn, for the reason `contradiction`.
    """
    reason = NOT_IN_TIME
    with ending(never, facts) as end:
        for number, limit in enumerate(limits):
            if deadline.stop():
                break
            last = number == len(limits) - 1
            reason = prove(limit, deadline.share(1.0 if last else 0.5))
            if not reason:
                return limit, ""
    return None, end.reason or reason
