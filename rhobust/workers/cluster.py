"""Workers of a Dask cluster, met in this file alone (extra `distributed`).

Dask tries the tasks of a lost worker again elsewhere, three times unless its scheduler is told
otherwise (`distributed.scheduler.allowed-failures`), and blames all tasks that the worker was to
do. So one that Dask gives up is done once more, with no other beside it: only what ends workers
then, too, is lost. A worker that ends while its nanny still starts it is not replaced by Dask.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import CancelledError, Future

from ..compiler.base.errors import InputError
from .executors import Executors
from .pipes import heedless
from .task import LOST, Done, Outcome, Setup, Task

SECONDS = 10.0
"""In which a scheduler has to answer, and a first worker has to be there."""

LOOK = 2.0
"""Seconds between looks at how many workers there are."""


def version() -> str:
    """Of the package on a worker."""
    from .. import __version__

    return __version__


class Cluster(Executors):
    """Hands tasks to the workers of a scheduler, as many as there are at the time."""

    def __init__(self, address: str, setup: Setup) -> None:
        try:
            from distributed import Client, KilledWorker
        except ImportError:
            raise InputError(
                "a Dask cluster needs distributed: pip install 'rhobust[distributed]'"
            ) from None
        try:
            with heedless():  # the client's thread writes to a scheduler that may be gone
                self._client = Client(address, timeout=SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{address}: no Dask scheduler answers there: {error}; start one with "
                "dask scheduler"
            ) from error
        self._address, self._losses = address, (KilledWorker, CancelledError)
        self._threads, self._looked = 0, -LOOK
        self._suspects: deque[Task] = deque()
        self._alone = False
        try:
            self._greet()
        except BaseException:
            self._client.close()
            raise
        super().__init__(self._client.get_executor(pure=False), setup)

    def _greet(self) -> None:
        """InputError where there are no workers, or ones that could not do the tasks."""
        try:
            self._client.wait_for_workers(1, timeout=SECONDS)
        except TimeoutError:
            raise InputError(
                f"{self._address}: the scheduler has no workers; start some with "
                f"dask worker {self._address}"
            ) from None
        theirs: Mapping[str, object] = self._client.run(version, on_error="return")
        for worker, other in theirs.items():
            if isinstance(other, OSError):
                continue  # it ends just now
            if isinstance(other, BaseException):
                raise InputError(
                    f"{self._address}: the worker {worker} cannot load rhobust ({other}); "
                    "install it there"
                )
            if other != version():
                raise InputError(
                    f"{self._address}: the worker {worker} has rhobust {other}, and this is "
                    f"{version()}; install the same there"
                )

    @property
    def size(self) -> int:
        now = time.monotonic()
        if now - self._looked >= LOOK:
            self._looked = now
            try:
                self._threads = sum(self._client.nthreads().values())
            except Exception as error:  # connections fail in many ways
                raise self._gone() from error
        return max(self._threads, 1)

    @property
    def ahead(self) -> int:
        """Workers have one task besides that in work, and others wait on the scheduler."""
        return 4 * self.size

    @property
    def unfinished(self) -> int:
        return super().unfinished + len(self._suspects)

    def close(self, cancel: bool = False) -> None:
        self._suspects.clear()
        super().close(cancel)
        self._client.close()

    def _hand_out(self) -> None:
        if not self._alone:
            super()._hand_out()
        if self._suspects and not self._running:
            self._alone = True
            self._begin(self._suspects.popleft())

    def _ending(self, future: Future[Outcome], task: Task) -> Done | None:
        done = super()._ending(future, task)
        self._alone = False
        return done

    def _lost(self, task: Task) -> Done | None:
        if self._client.status != "running":
            raise self._gone()
        if self._alone:
            return Done(task.key, error=LOST)
        self._suspects.append(task)
        return None

    def _gone(self) -> InputError:
        return InputError(
            f"{self._address}: the scheduler answers no more; start it, and run this again"
        )
