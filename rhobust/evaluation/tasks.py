"""Tasks of workers: the two passes over images, handed out a few at a time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..compiler.base.errors import InputError
from ..workers import Done, Workers
from .image.passes import Ended, Job, first_pass, second_pass

FIRST = 16
"""Images of one task of the first pass."""

LOOK = 1.0
"""Seconds between looks at the clock while workers are busy."""

Task: TypeAlias = tuple[Hashable, Callable[..., object], tuple[object, ...]]
"""A key, a function for workers, and its arguments but for the session."""


@dataclass
class Tasks:
    """Hands images out, and passes on what came of them.

    end: of the whole evaluation, in seconds since 1970. job: of an image. taken: is told what a
    pass found out. failed: is told of an image without an answer, and why. late: whether images
    were left for want of time.
    """

    workers: Workers
    end: float
    job: Callable[[int], Job]
    taken: Callable[[Ended], None]
    failed: Callable[[int, str], None]
    late: bool = False

    def first(self, indices: Sequence[int]) -> None:
        """The first pass over images, some in each task."""
        waiting = deque(tuple(indices[at : at + FIRST]) for at in range(0, len(indices), FIRST))

        def tasks() -> Iterator[Task]:
            while waiting:
                part = waiting.popleft()
                yield part, first_pass, ([self.job(index) for index in part], self.end)

        def take(done: Done) -> None:
            assert isinstance(done.key, tuple)
            if done.error and len(done.key) > 1:
                waiting.extend((index,) for index in done.key)  # whose fault was it?
            elif done.error:
                self._failed(done.key[0], done.error)
            else:
                for ended in done.value:
                    self.taken(ended)

        self._hand_out(tasks, take)

    def second(self, indices: Sequence[int]) -> None:
        """The second pass over images, in their order."""
        waiting = deque(indices)

        def tasks() -> Iterator[Task]:
            while waiting:
                index = waiting.popleft()
                yield index, second_pass, (self.job(index), self.end)

        def take(done: Done) -> None:
            assert isinstance(done.key, int)
            if done.error:
                self._failed(done.key, done.error)
            else:
                self.taken(done.value)

        self._hand_out(tasks, take)

    def _hand_out(self, tasks: Callable[[], Iterator[Task]], take: Callable[[Done], None]) -> None:
        """Few are out at a time, for what is left to do and the time for it may still change."""
        while True:
            coming = tasks()
            while self.workers.unfinished < self.workers.ahead:
                if time.time() >= self.end:
                    self.late = True
                    break
                task = next(coming, None)
                if task is None:
                    break
                key, function, arguments = task
                self.workers.submit(key, function, *arguments)
            if not self.workers.unfinished:
                return
            done = self.workers.next(LOOK)
            if done is not None:
                take(done)

    def _failed(self, index: int, error: str) -> None:
        if error.startswith("InputError: "):  # of the user's, so of every image
            raise InputError(error.removeprefix("InputError: "))
        self.failed(index, error)
