"""How a process of ours is started: one thread for its libraries, signals that pass it by."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

ONE = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
THREADS = (*ONE, "NUMBA_NUM_THREADS")

ENDING = ("SIGINT", "SIGTERM", "SIGHUP")
"""Signals that a terminal or a job scheduler sends to all processes of a program."""


@contextmanager
def blocked() -> Iterator[None]:
    """Around a fork: those signals reach neither process before each is ready for them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    numbers = [getattr(signal, name) for name in ENDING]
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def prepared() -> Iterator[None]:
    """Around the start of a new program."""
    before = {name: os.environ.get(name) for name in THREADS}
    if hasattr(signal, "pthread_sigmask"):
        from multiprocessing import resource_tracker

        resource_tracker.ensure_running()  # its start would unblock the signals
    with blocked():
        os.environ.update(dict.fromkeys(THREADS, "1"))
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
