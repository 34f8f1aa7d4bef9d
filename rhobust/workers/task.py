"""What workers are asked, and what they answer."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NoReturn, Self, TypeAlias

from ..compiler.base.errors import InputError, RhobustError

Setup: TypeAlias = Callable[[], Any]
Function: TypeAlias = Callable[..., Any]

LOST = "worker lost"
"""The error of a task whose worker ended each time."""

RETRIES = 2
"""How often a task whose worker ended is tried again."""


@dataclass(frozen=True, slots=True)
class Done:
    """The value of the task `key`; or why there is none, as "ValueError: text" or `LOST`."""

    key: Hashable
    value: Any = None
    error: str = ""


@dataclass(slots=True)
class Task:
    """lost: how often a worker ended over it."""

    key: Hashable
    function: Function
    arguments: tuple[Any, ...]
    lost: int = 0


class Workers(ABC):
    """Whoever does tasks. A context manager, which cancels what is left after an exception.

    One thread submits and asks for the next; after an interruption only `close` is of use.
    """

    @property
    @abstractmethod
    def size(self) -> int:
        """How many tasks are done at a time."""

    @property
    def ahead(self) -> int:
        """How many unfinished tasks are enough, so that no worker waits for its next one."""
        return 2 * self.size

    @property
    @abstractmethod
    def unfinished(self) -> int:
        """Tasks that were submitted, and whose end `next` has not told yet."""

    @abstractmethod
    def submit(self, key: Hashable, function: Function, *arguments: Any) -> None:
        """Asks for function(value of the worker's setup, *arguments).

        Keys name tasks for the caller alone. Function, arguments and value can be pickled. Many
        tasks may wait here; workers get a few at a time.
        """

    @abstractmethod
    def next(self, timeout: float | None = None) -> Done | None:
        """The next task that is done, in order of completion; None where there is none.

        timeout: seconds after which None is returned; None: as long as it takes. What a task
        raises is an error of that task. A setup that fails raises InputError, or RuntimeError
        where no user could have caused it.
        """

    @abstractmethod
    def close(self, cancel: bool = False) -> None:
        """Ends the workers; what waits is dropped, and values not asked for are lost.

        cancel: at once, tasks in work too where that can be; else these are waited for.
        """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(cancel=kind is not None)


@dataclass(frozen=True, slots=True)
class Failure:
    """A setup that raised: what, and whether a user can mend it."""

    text: str
    given: bool = False

    def throw(self) -> NoReturn:
        if self.given:
            raise InputError(self.text)
        raise RuntimeError(f"a worker could not be set up: {self.text}")


Outcome: TypeAlias = "tuple[Any, str] | Failure"
"""A value and why there is none."""


def described(error: BaseException) -> str:
    """An exception on one line, with its type."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def failure(error: BaseException) -> Failure:
    """A setup's exception."""
    if isinstance(error, RhobustError):
        return Failure(str(error), True)
    return Failure(described(error))


def outcome(function: Function, value: Any, arguments: tuple[Any, ...]) -> tuple[Any, str]:
    """What a task comes to, its exceptions as texts; an interruption passes."""
    try:
        return function(value, *arguments), ""
    except (Exception, SystemExit) as error:
        return None, described(error)


class _Kept(threading.local):
    """The value of the last setup that a thread ran: another run of the program needs another."""

    token = ""
    value: Any = None


_kept = _Kept()


def perform(token: str, setup: Setup, function: Function, arguments: tuple[Any, ...]) -> Outcome:
    """One task, on a worker that is not ours to begin: each of its threads runs the setup once.

    token: of the run, which tells its setup from others.
    """
    if _kept.token != token:
        _kept.token, _kept.value = "", None  # freed before the next one takes its memory
        try:
            _kept.value = setup()
        except (Exception, SystemExit) as error:
            return failure(error)
        _kept.token = token
    return outcome(function, _kept.value, arguments)
