"""Bars of rich that leave no trace where they are not shown."""

from __future__ import annotations

import rich.progress


class Progress(rich.progress.Progress):
    """Older versions of rich end a line even where a bar is disabled, as in a pipe."""

    def stop(self) -> None:
        if not self.disable:
            super().stop()
