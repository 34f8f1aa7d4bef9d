"""Calls of what no verdict depends on: solvers, attacks, runtimes of model files."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from .errors import Contradiction
from .late import Late

Result = TypeVar("Result")

log = logging.getLogger("rhobust")


def attempt(call: Callable[[], Result], otherwise: Result) -> Result:
    """What a call returns, or `otherwise` where it raises any error; each kind is logged once.

    Only for what looks for candidates, multipliers or reasons to doubt: `otherwise` has to leave
    the question as open as it was.
    """
    try:
        return call()
    except Contradiction:
        raise  # no doubt about a candidate, but about what was proven
    except Late:
        return otherwise
    except Exception as error:
        tell(error)
        return otherwise


def tell(error: Exception) -> None:
    """Logs an error that left a question open, once for each kind."""
    _told(type(error).__name__, str(error))
    log.debug("where it was raised", exc_info=error)


@lru_cache(maxsize=100)
def _told(kind: str, message: str) -> None:
    log.warning("a helper failed and was left out: %s: %s", kind, message)
