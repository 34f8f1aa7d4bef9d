"""A bar of finished images on a terminal, with their rate and the time left; nothing in a pipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from ..evaluation.coordinator import Step

STAGES = {1: "all images", 2: "searches"}


class Rate(ProgressColumn):
    """Images a second, or seconds an image where that is the larger number."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        return Text(f"{speed:.1f} images/s" if speed >= 1.0 else f"{1.0 / speed:.1f} s/image")


@contextmanager
def bar(total: int | None, quiet: bool = False) -> Iterator[Callable[[Step], None]]:
    """What hears of finished images while the bar is shown; total: how many, None as they say."""
    console = Console(stderr=True, highlight=False)
    shown = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
    with shown:
        task = shown.add_task(STAGES[1], total=total)

        def told(step: Step) -> None:
            shown.update(task, description=STAGES[step.stage])
            if total is None:
                shown.update(task, total=step.total, completed=step.done)
            else:
                shown.advance(task)

        yield told
