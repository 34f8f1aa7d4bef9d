"""A bar of finished images on a terminal, with their rate and the time left; nothing in a pipe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from ..evaluation.coordinator import Step
from .progress import Progress

STAGES = {1: "all images", 2: "searches"}


class Rate(ProgressColumn):
    """Images a second, or seconds an image, and the time that is left at this rate.

    Of the stage that goes on alone: searches take longer than first looks, and images of these are
    told in portions, so that no window of the last few says anything.
    """

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        done = task.completed - float(task.fields["base"])
        spent = time.monotonic() - float(task.fields["began"])
        if done <= 0.0 or spent <= 0.0:
            return Text("")
        rate = done / spent
        told = f"{rate:.1f} images/s" if rate >= 1.0 else f"{1.0 / rate:.1f} s/image"
        if task.total is None:
            return Text(told)
        left = round((task.total - task.completed) / rate)
        return Text(f"{told}, {left // 3600}:{left // 60 % 60:02}:{left % 60:02} left")


@contextmanager
def bar(
    total: int | None, quiet: bool = False, console: Console | None = None
) -> Iterator[Callable[[Step], None]]:
    """What hears of finished images while the bar is shown; total: how many, None as they say."""
    console = console or Console(stderr=True, highlight=False)
    shown = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        Rate(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
    with shown:
        task = shown.add_task(STAGES[1], total=total, began=time.monotonic(), base=0)
        stage = 1

        def told(step: Step) -> None:
            nonlocal stage
            if step.stage != stage:
                stage = step.stage
                done = shown.tasks[0].completed if total is not None else 0
                shown.update(task, description=STAGES[stage], began=time.monotonic(), base=done)
            if total is None:
                shown.update(task, total=step.total, completed=step.done)
            else:
                shown.advance(task)

        yield told
