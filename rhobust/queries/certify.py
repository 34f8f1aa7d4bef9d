"""Certificates of intervals and optima: a bound is loosened until one search proves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from ..bnb.checker.arithmetic import NOT_CLOSED
from ..bnb.settings import Settings
from ..clock import Deadline
from ..compiler.base.late import never
from ..files.certificate import Certificate
from .engine import ending

Limit = TypeVar("Limit")

NOT_IN_TIME = "no proof in one search was found in time"
SLACK = 16.0
"""Times the search's rounding errors: more than the checker's are, whose sums are other ones."""


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


def written(
    proof: Certificate,
    write: Callable[[], str],
    again: Callable[[Settings], bool],
    settings: Settings,
) -> str:
    """What prevents a certificate of a search that proved its question, or "".

    write: writes it, or returns what prevents it.  again: whether another search proves the same.
    A search may close a leaf by a bound so near to 0 that the checker, which rounds elsewhere,
    finds it on the other side. Then there is a second search, whose bounds keep away from 0, and
    which leaves to rationals what floats cannot tell.
    """
    missing = write()
    if NOT_CLOSED not in missing:
        return missing
    proof.restart()
    return write() if again(careful(settings)) else missing


def careful(settings: Settings) -> Settings:
    """Settings of a search whose proof hangs on no rounding error."""
    return replace(settings, slack=SLACK, boxes=False, trees=False, refine=False, joint=False)
