"""One question asked of many images: progress, JSON lines, table, picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeAlias

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn

from ...clock import Interrupted
from ...report.row import Row, measured
from ...report.table import Column, headings, plain, summary, table
from ...results import RhoResult
from .. import output
from ..output import tell
from ..process import uninterrupted
from ..progress import Progress, shown
from ..rows import Rows

Told: TypeAlias = Callable[[int, int, float], None]
Question: TypeAlias = Callable[[int, Told], Row]
"""From an image's index and a callback of progress to what is known about it."""


def run(
    question: Question,
    indices: Sequence[int],
    columns: Sequence[Column],
    json: Path | None = None,
    csv: Path | None = None,
    quiet: bool = False,
) -> tuple[list[Row], bool]:
    """The rows, and whether Ctrl-C cut them short; printed, and each written to `json` at once.

    quiet: whether the summary is all that is printed.
    """
    lines = Rows(json, csv)
    console = Console(file=output.stream(), highlight=False)
    rows: list[Row] = []
    interrupted = False
    with ExitStack() as stack:
        listed = not quiet and not console.is_terminal
        if not quiet:
            stack.callback(lambda: _show(console, rows, columns))
        bar = stack.enter_context(_bar(console, quiet))
        task = bar.add_task("images", total=len(indices), nodes="")

        def told(closed: int, still_open: int, least: float) -> None:
            bar.update(task, nodes=f"{closed:,} nodes closed, {still_open:,} open")

        if listed:
            tell(headings(columns))
        stack.enter_context(lines)

        def keep(row: Row) -> None:
            with uninterrupted():  # what is written is counted
                lines.write(row.line())
                rows.append(row)
            bar.advance(task)
            if listed:
                tell(plain(row, columns))

        try:
            for index in indices:
                bar.update(task, description=f"image {index}", nodes="")
                keep(question(index, told))
        except Interrupted as stop:
            interrupted = True
            assert isinstance(stop.result, Row)
            keep(stop.result)
        except KeyboardInterrupt:
            interrupted = True
    tell(summary(rows))
    if interrupted:
        typer.echo(f"interrupted after {len(rows)} of {len(indices)} images", err=True)
    return rows, interrupted


@contextmanager
def measuring(index: int) -> Iterator[None]:
    """Around a measurement of rho: one that Ctrl-C cut short is a row, too."""
    try:
        yield
    except Interrupted as stop:
        assert isinstance(stop.result, RhoResult)
        raise Interrupted(measured(index, stop.result)) from None


def _bar(console: Console, quiet: bool) -> Progress:
    """Shown on a terminal while work goes on, and nowhere else."""
    return shown(
        console,
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[nodes]}"),
        quiet=quiet,
    )


def _show(console: Console, rows: Sequence[Row], columns: Sequence[Column]) -> None:
    if console.is_terminal and rows:
        console.print(table(rows, columns, console.width))
