"""Tasks of workers: labels, then the two passes over images, handed out a few at a time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..compiler.base.arrays import Matrix
from ..compiler.base.errors import InputError
from ..workers import Done, Workers
from .image.labels import BATCH, labels
from .image.passes import Ended, Job, first_pass, second_pass

LEAST, FIRST = 4, 16
"""Images of one task of the first pass: fewer at its end, so that no worker waits long for it."""

LOOK = 1.0
"""Seconds between looks at the clock while workers are busy."""

Task: TypeAlias = tuple[Hashable, Callable[..., object], tuple[object, ...]]
"""A key, a function for workers, and its arguments but for the session."""


@dataclass
class Tasks:
    """Hands images out, and passes on what came of them.

    end: of the whole evaluation, in seconds since 1970. job: of an image. taken: is told what a
    pass found out. failed: is told of an image without an answer, and why. late: whether images
    were left for want of time, which labels never are.
    """

    workers: Workers
    end: float
    job: Callable[[int], Job]
    taken: Callable[[Ended], None]
    failed: Callable[[int, str], None]
    late: bool = False

    def labels(
        self,
        indices: Sequence[int],
        points: Callable[[Sequence[int]], Matrix],
        here: Callable[[Matrix], Sequence[int]],
    ) -> dict[int, int]:
        """The labels that the network gives images.

        points: of some images, (B, D). here: what gives labels where a worker failed to, and raises
        what is wrong with them.
        """
        found: dict[int, int] = {}
        waiting = deque(tuple(indices[at : at + BATCH]) for at in range(0, len(indices), BATCH))

        def tasks() -> Iterator[Task]:
            while waiting:
                part = waiting.popleft()
                yield part, labels, (points(part),)

        def take(done: Done) -> None:
            assert isinstance(done.key, tuple)
            given = here(points(done.key)) if done.error else done.value
            found.update(zip(done.key, given, strict=True))

        self._hand_out(tasks, take, float("inf"))
        return found

    def first(self, indices: Sequence[int]) -> None:
        """The first pass over images, some in each task."""
        waiting, suspects = deque(indices), deque[int]()

        def tasks() -> Iterator[Task]:
            while waiting or suspects:
                part = (suspects.popleft(),) if suspects else self._part(waiting)
                yield part, first_pass, ([self.job(index) for index in part], self.end)

        def take(done: Done) -> None:
            assert isinstance(done.key, tuple)
            if done.error and len(done.key) > 1:
                suspects.extend(done.key)  # whose fault was it?
            elif done.error:
                self._failed(done.key[0], done.error)
            else:
                for ended in done.value:
                    self.taken(ended)

        self._hand_out(tasks, take, self.end)

    def _part(self, waiting: deque[int]) -> tuple[int, ...]:
        """The images of the next task."""
        share = len(waiting) // (2 * self.workers.size)
        count = min(len(waiting), max(LEAST, min(FIRST, share)))
        return tuple(waiting.popleft() for _ in range(count))

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

        self._hand_out(tasks, take, self.end)

    def _hand_out(
        self, tasks: Callable[[], Iterator[Task]], take: Callable[[Done], None], end: float
    ) -> None:
        """Few are out at a time, for what is left to do and the time for it may still change."""
        while True:
            coming = tasks()
            while self.workers.unfinished < self.workers.ahead:
                if time.time() >= end:
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
