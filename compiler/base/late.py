"""Running out of time within a step that is of no use in part.

Long steps are given a function to ask. Those whose callers know nothing of limits (operators,
expressions, passes through a network) call `go_on`, which asks the function that the question set
by `until`; without one there is no limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Stop = Callable[[], bool]


class Late(Exception):
    """Raised by steps that end early once there is no time left; the question stays open."""


def never() -> bool:
    """For those with all the time there is."""
    return False


_STOP: ContextVar[Stop] = ContextVar("stop", default=never)


@contextmanager
def until(stop: Stop) -> Iterator[None]:
    """Within it, `go_on` raises Late once `stop` says so."""
    token = _STOP.set(stop)
    try:
        yield
    finally:
        _STOP.reset(token)


def in_time(stop: Stop) -> None:
    """Raises Late once `stop` says so."""
    if stop():
        raise Late


def go_on() -> None:
    """Raises Late once the question's time is over."""
    in_time(_STOP.get())
