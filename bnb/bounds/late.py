"""Running out of time within a step that is of no use in part."""

from __future__ import annotations

from collections.abc import Callable

Stop = Callable[[], bool]


class Late(Exception):
    """Raised by steps towards the root nodes once there is no time left; the search stays open."""


def never() -> bool:
    """For those with all the time there is."""
    return False


def in_time(stop: Stop) -> None:
    """Raises Late once `stop` says so."""
    if stop():
        raise Late
