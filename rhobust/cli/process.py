"""What a process does before anything else: its descriptors, and the signals that end it."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = ("SIGINT", "SIGTERM", "SIGHUP")
"""Signals that ask a process to end; not every system has all."""

AGAIN = 0.02
"""Seconds until a request that came at a bad moment is heard again."""

_last = int(signal.SIGINT)


def rest() -> None:
    """Lets the garbage collector rest while libraries are loaded: what they make stays, and looking
    through it again and again is a tenth of what a small question takes.
    """
    gc.disable()


def rested() -> None:
    """The end of that, before any long work: what was loaded is never looked through.

    Its first look would be at all of it, and take as long as a small question.
    """
    if not gc.isenabled():  # else what is there is a caller's, and may become garbage
        gc.freeze()
        gc.enable()


def keep_for_answers() -> None:
    """Moves standard output to a descriptor that no library knows, for the rest of the process.

    A library that writes to descriptor 1, or that prints, then writes to standard error.
    """
    for number in range(3):  # a file opened later must not get the number of one that was closed
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    encoding, errors = "utf-8", "strict"
    if sys.stdout is not None:
        sys.stdout.flush()
        encoding, errors = sys.stdout.encoding, sys.stdout.errors or errors
    own = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = os.fdopen(own, "w", encoding=encoding, errors=errors)


def give_up_answers() -> None:
    """At the end: what standard output did not take was told, and is not tried again."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def heed_signals() -> None:
    """Lets a request to end be an interruption, after which all is kept and told that was done.

    A reader that went away ends the program without a word, by the signal, as in other programs:
    nobody is left to be told.
    """
    for name in ENDING:
        number = getattr(signal, name, None)
        own = (signal.SIG_DFL, signal.default_int_handler)
        if number is not None and signal.getsignal(number) in own:
            signal.signal(number, _interrupt)
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """A request to end that comes meanwhile is answered afterwards.

    For steps that belong together, as writing an answer and counting it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is interrupted
        return
    pending: list[tuple[int, FrameType | None]] = []
    numbers = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    heeded = {number: handler for number, handler in before.items() if callable(handler)}
    for number in heeded:
        signal.signal(number, lambda *told: pending.append(told))
    try:
        yield
    finally:
        for number, handler in heeded.items():
            signal.signal(number, handler)
        if pending:
            heeded[pending[0][0]](*pending[0])


def status() -> int:
    """The exit status after an interruption, as a shell gives it: 130 after Ctrl-C, 143 SIGTERM."""
    return 128 + _last


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _last
    if _compiling(frame):
        later = threading.Timer(AGAIN, _remind, (number,))
        later.daemon = True
        later.start()
        return
    _last = number
    raise KeyboardInterrupt


def _remind(number: int) -> None:
    """Asks the main thread, which wakes from whatever it waits for."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        signal.raise_signal(number)


def _compiling(frame: FrameType | None) -> bool:
    """Whether the compiler of kernels is at work: it calls Python from within LLVM, and a process
    in which that call raises is lost with all that it knows."""
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] in ("numba", "llvmlite"):
            return True
        frame = frame.f_back
    return False
