"""Writing to processes that may be gone, in a program that SIGPIPE ends.

A command ends without a word when its reader goes away (`cli/process.py`); a worker that is lost
must not end it in that way.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def heedless() -> Iterator[None]:
    """What this thread writes to nobody meanwhile raises OSError and does not end the process.

    Threads that are started meanwhile keep that for good.
    """
    if not hasattr(signal, "SIGPIPE") or not hasattr(signal, "sigtimedwait"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGPIPE])
    try:
        yield
    finally:
        if signal.SIGPIPE not in before:
            if signal.SIGPIPE in signal.sigpending():
                signal.sigtimedwait([signal.SIGPIPE], 0)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGPIPE])
