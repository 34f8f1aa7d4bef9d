"""Workers of any `concurrent.futures.Executor`."""

from __future__ import annotations

import os
import uuid
from collections import deque
from collections.abc import Hashable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from queue import Empty, SimpleQueue
from typing import Any

from .pipes import heedless
from .task import LOST, Done, Failure, Function, Outcome, Setup, Task, Workers, described, perform


class Executors(Workers):
    """Hands tasks to an executor, which has to know this package where they are done.

    The executor stays the caller's: it is not shut down, and what a broken one had is lost.
    """

    def __init__(self, executor: Executor, setup: Setup) -> None:
        self._executor, self._setup = executor, setup
        self._token = uuid.uuid4().hex
        self._waiting: deque[Task] = deque()
        self._running: dict[Future[Outcome], Task] = {}
        self._ended: SimpleQueue[Future[Outcome]] = SimpleQueue()
        self._failure: Failure | None = None

    _losses: tuple[type[BaseException], ...] = (BrokenExecutor, CancelledError)

    @property
    def size(self) -> int:
        size = getattr(self._executor, "_max_workers", None)  # no executor tells it otherwise
        return size if isinstance(size, int) and size > 0 else os.cpu_count() or 1

    @property
    def unfinished(self) -> int:
        return len(self._waiting) + len(self._running)

    def submit(self, key: Hashable, function: Function, *arguments: Any) -> None:
        self._waiting.append(Task(key, function, arguments))
        if len(self._running) < self.ahead:
            self._hand_out()

    def next(self, timeout: float | None = None) -> Done | None:
        if self._failure is not None:
            self._failure.throw()
        while self.unfinished:
            self._hand_out()
            try:
                future = self._ended.get(timeout=None if timeout is None else max(timeout, 0.0))
            except Empty:
                return None
            done = self._ending(future, self._running.pop(future))
            if done is not None:
                return done
        return None

    def close(self, cancel: bool = False) -> None:
        """As of all workers; tasks in work cannot be ended, and with `cancel` nobody waits."""
        self._waiting.clear()
        for future in self._running:
            future.cancel()
        while self._running and not cancel:
            self._running.pop(self._ended.get())
        self._running.clear()

    def _hand_out(self) -> None:
        most = self.ahead
        while self._waiting and len(self._running) < most:
            self._begin(self._waiting.popleft())

    def _begin(self, task: Task) -> None:
        """Hands out one task, which a broken executor loses."""
        try:
            with heedless():  # an executor's threads begin with its first task
                future = self._executor.submit(
                    perform, self._token, self._setup, task.function, task.arguments
                )
        except BrokenExecutor as error:
            future = Future()
            future.set_exception(error)
        self._running[future] = task
        future.add_done_callback(self._ended.put)

    def _ending(self, future: Future[Outcome], task: Task) -> Done | None:
        """What became of a task; None where it is tried again."""
        try:
            answer = future.result()
        except self._losses:
            return self._lost(task)
        except Exception as error:  # of its way there or back
            return Done(task.key, error=described(error))
        if isinstance(answer, Failure):
            self._failure = answer
            answer.throw()
        return Done(task.key, *answer)

    def _lost(self, task: Task) -> Done | None:
        """Of a task whose worker is lost; None where it is tried again."""
        return Done(task.key, error=LOST)
