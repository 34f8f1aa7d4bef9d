"""The one worker that is this process: a task is done when its value is asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Any

from .task import Done, Function, Setup, Task, Workers, failure, outcome


class Here(Workers):
    """Does each task in `next`, which an interruption leaves with the task still to be done."""

    def __init__(self, setup: Setup) -> None:
        self._setup, self._ready = setup, False
        self._value: Any = None
        self._waiting: deque[Task] = deque()

    @property
    def size(self) -> int:
        return 1

    @property
    def ahead(self) -> int:
        return 1

    @property
    def unfinished(self) -> int:
        return len(self._waiting)

    def submit(self, key: Hashable, function: Function, *arguments: Any) -> None:
        self._waiting.append(Task(key, function, arguments))

    def next(self, timeout: float | None = None) -> Done | None:
        """As of all workers; a task that has begun is not cut short by the timeout."""
        if not self._waiting:
            return None
        if not self._ready:
            try:
                self._value = self._setup()
            except (Exception, SystemExit) as error:
                failure(error).throw()
            self._ready = True
        task = self._waiting[0]
        value, error_text = outcome(task.function, self._value, task.arguments)
        self._waiting.popleft()
        return Done(task.key, value, error_text)

    def close(self, cancel: bool = False) -> None:
        self._waiting.clear()
        self._value, self._ready = None, False
