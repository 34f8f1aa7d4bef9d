"""The time that goes into compiled kernels: no limit counts it, and whoever asks is told.

numba compiles a kernel when it is first called, and loads it from its cache afterwards. Both hold
one lock, whose events are listened to. Processes that share a cache take turns, so that each kernel
is compiled by one of them and loaded by the others.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numba.core.event import Event

log = logging.getLogger("rhobust")


class Turn:
    """The turn of this process among those that name one file; a process that ends gives it up."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock, self._depth = Lock(), 0
        self._file: IO[bytes] | None = None

    def begin(self) -> None:
        """Waits for the turn, but for systems without such locks."""
        with self._lock:
            self._depth += 1
            if self._depth > 1:
                return
            try:
                import fcntl

                self._file = self._path.open("rb")
                fcntl.flock(self._file, fcntl.LOCK_EX)
            except (ImportError, OSError):  # whoever gave the file is gone
                return

    def end(self) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth == 0 and self._file is not None:
                self._file.close()  # and with it the lock
                self._file = None


class Compiling:
    """Seconds in which kernels were compiled or loaded, by any thread of the process."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self.told: Callable[[], None] | None = None
        self.said = False
        self.turn: Turn | None = None
        self._lock, self._depth = Lock(), 0
        self._spent, self._begun = 0.0, 0.0
        self._watching = False

    def begin(self) -> None:
        """Somebody compiles, loads, or waits for who does."""
        with self._lock:
            if self._depth == 0:
                self._begun = self.now()
            self._depth += 1

    def end(self) -> None:
        """One of those is done."""
        with self._lock:
            if self._depth == 1:
                self._spent += self.now() - self._begun
            self._depth -= 1

    def say(self) -> None:
        """A kernel is really compiled, and not loaded: said once."""
        if self.said:
            return
        self.said = True
        log.info("compiling, which is done once for an installation")
        if self.told is not None:
            self.told()

    def ticking(self) -> float:
        """A clock in seconds that stands still while kernels are compiled or loaded."""
        if not self._watching:
            self._watch()
        if not self._depth:  # and what was spent is complete, for `end` adds it first
            return self.now() - self._spent
        with self._lock:
            now = self.now()
            return now - self._spent - (now - self._begun if self._depth else 0.0)

    def _watch(self) -> None:
        self._watching = True
        from .compiler.base.kernel import use

        use.listen(_Loading(self))


class _Loading:
    """Loading numba counts as compiling; from then on its events tell of that."""

    def __init__(self, outer: Compiling) -> None:
        self.outer = outer

    def begin(self) -> None:
        self.outer.begin()

    def end(self) -> None:
        from numba.core import event

        outer = self.outer

        class Locked(event.Listener):
            def on_start(self, event: Event) -> None:
                outer.begin()
                if outer.turn is not None:
                    outer.turn.begin()

            def on_end(self, event: Event) -> None:
                if outer.turn is not None:
                    outer.turn.end()
                outer.end()

        class Compiled(event.Listener):
            def on_start(self, event: Event) -> None:
                outer.say()

            def on_end(self, event: Event) -> None:
                pass

        register: Any = event.register  # has no types
        register("numba:compiler_lock", Locked())
        register("numba:compile", Compiled())
        outer.end()


compiling = Compiling()
"""The one of this process."""


def on_compiling(told: Callable[[], None] | None) -> None:
    """Calls `told` before the first kernel is compiled, which may take a minute; None: nobody.

    Limits of time do not count it. Kernels are kept, so that later processes only load them.
    """
    compiling.told = told
