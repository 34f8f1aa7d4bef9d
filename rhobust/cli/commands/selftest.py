"""The command selftest: problems with known answers until the time is up."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

from ...clock import Deadline
from ...selftest.judge import Tally
from ...selftest.table import chosen, lines, rounds, table, whole
from ..output import stream, tell
from ..progress import shown


def show(minutes: float, seed: int, kind: str = "", first: int = 0) -> None:
    """Exit status 1 where anything was wrong; kind: see `chosen`, first: see `rounds`."""
    kinds = chosen(kind)
    deadline = Deadline(60.0 * minutes)
    console = Console(file=stream(), highlight=False)
    tell(f"problems with known answers for {minutes:g} minutes, seed {seed}")
    bar = shown(
        console, TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(),
        TextColumn("{task.fields[count]:,} problems, {task.fields[wrong]} wrong"),
    )  # fmt: skip
    tallies = {kind: Tally() for kind in kinds}
    interrupted = False
    with bar:
        task = bar.add_task("", total=deadline.limit, count=0, wrong=0)

        def told(kind: str, found: Tally) -> None:
            tallies[kind].add(found)
            total = whole(tallies)
            bar.update(
                task, description=kind, completed=deadline.spent(), count=total.problems,
                wrong=total.wrong,
            )  # fmt: skip
            for text in found.told:
                typer.echo(f"wrong: {kind}: {text}", err=True)

        try:
            rounds(deadline.remaining, seed, told, kinds, first)
        except KeyboardInterrupt:  # what was found by then is told all the same
            interrupted = True
    if console.is_terminal:
        console.print(table(tallies))
    else:
        tell("\n".join(lines(tallies)))
    if whole(tallies).wrong:
        typer.echo("this is a defect of rhobust; please report the lines above", err=True)
        raise typer.Exit(1)
    tell(f"nothing wrong in {deadline.spent():.0f} s")
    if interrupted:
        raise KeyboardInterrupt
