"""One task in a process of its own: what ends that process, or keeps it, is the task's alone."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any

from .forkserver import Forked, of_program
from .pipes import heedless
from .serving import READY
from .task import Function, outcome

SECONDS = 5.0
"""For a process that has answered, and has nothing left to do."""


def isolated(
    function: Function, *arguments: Any, seconds: float | None = None
) -> tuple[Any, str, bool]:
    """function(*arguments) in a process that is forked for it: value, error, overdue.

    The error is "" for a value, else "ValueError: text", or how the process ended; overdue: whether
    it was ended since it had not answered after so many seconds. Function, arguments and value can
    be pickled. It runs here, and is not ended, where this program has no server (`forking`).
    """
    server = of_program()
    if server is not None:
        with suppress(OSError):  # it has ended just now
            return _elsewhere(
                *server.start(), pickle.dumps((_call, (function, arguments))), seconds
            )
    return *outcome(_call, None, (function, arguments)), False


def _elsewhere(
    process: Forked, pipe: Connection, task: bytes, seconds: float | None
) -> tuple[Any, str, bool]:
    with _ended(process, pipe), heedless():
        try:
            pipe.send_bytes(pickle.dumps((pickle.dumps(_nothing), "")))
            pipe.send_bytes(task)
            assert pickle.loads(pipe.recv_bytes()) == READY
            if not pipe.poll(seconds):
                return None, "it did not end in its time", True
            value, error = pickle.loads(pipe.recv_bytes())
            pipe.send_bytes(b"")
            process.join(SECONDS)
            return value, error, False
        except (EOFError, OSError):
            process.join(SECONDS)
            return None, f"its process ended with status {process.exitcode}", False


@contextmanager
def _ended(process: Forked, pipe: Connection) -> Iterator[None]:
    """The process is no more afterwards, whatever happened."""
    try:
        yield
    finally:
        process.kill()
        process.join(SECONDS)
        pipe.close()


def _nothing() -> None:
    """A setup."""


def _call(_: None, function: Function, arguments: tuple[Any, ...]) -> Any:
    return function(*arguments)
