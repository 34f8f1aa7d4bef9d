"""Bars of rich that leave no trace where they are not shown."""

from __future__ import annotations

import rich.progress
from rich.console import Console


class Progress(rich.progress.Progress):
    """Older versions of rich end a line even where a bar is disabled, as in a pipe."""

    def stop(self) -> None:
        if not self.disable:
            super().stop()


def shown(
    console: Console, *columns: rich.progress.ProgressColumn, quiet: bool = False
) -> Progress:
    """A bar that goes away once it is done, on a terminal; nothing anywhere else."""
    hidden = quiet or not console.is_terminal
    return Progress(*columns, console=console, transient=True, disable=hidden)
