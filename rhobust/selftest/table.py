"""Rounds of all kinds until the time is up, and the table of what came of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from ..compiler.base.errors import InputError
from .judge import Tally
from .kinds import KINDS, a_round

HEADINGS = ("kind", "problems", "decided", "unknown", "wrong")


def chosen(wanted: str) -> list[str]:
    """The kinds whose name holds a text; all for an empty one.  Raises InputError for none."""
    found = [kind for kind in KINDS if wanted.lower() in kind]
    if not found:
        raise InputError(f"no kind of problem is named {wanted!r}; there are: {', '.join(KINDS)}")
    return found


def rounds(
    remaining: Callable[[], float],
    seed: int,
    told: Callable[[str, Tally], None],
    kinds: Sequence[str] = tuple(KINDS),
    first: int = 0,
) -> dict[str, Tally]:
    """What came of each kind; told: hears of every round. Every kind has one round at least.

    first: the number of the first round, so that several runs of one seed share the rounds.
    """
    tallies = {kind: Tally() for kind in kinds}
    number = first
    while number == first or remaining() > 0.0:
        for kind, tally in tallies.items():
            if number > first and remaining() <= 0.0:
                break
            found = a_round(number, kind, seed)
            tally.add(found)
            told(kind, found)
        number += 1
    return tallies


def cells(kind: str, tally: Tally) -> tuple[str, ...]:
    numbers = (tally.problems, tally.decided, tally.unknown, tally.wrong)
    return kind, *(f"{number:,}" for number in numbers)


def whole(tallies: Mapping[str, Tally]) -> Tally:
    """All kinds together."""
    total = Tally()
    for tally in tallies.values():
        total.add(tally)
    return total


def table(tallies: Mapping[str, Tally]) -> Table:
    """For a terminal."""
    made = Table(box=SIMPLE_HEAD, show_edge=False, show_footer=True)
    for heading, total in zip(HEADINGS, cells("all", whole(tallies)), strict=True):
        made.add_column(heading, footer=total, justify="left" if heading == "kind" else "right")
    for kind, tally in tallies.items():
        style = "bold red" if tally.wrong else None
        made.add_row(*cells(kind, tally), style=style)
    return made


def lines(tallies: Mapping[str, Tally]) -> list[str]:
    """The same for a pipe."""
    rows = [HEADINGS, *(cells(kind, tally) for kind, tally in tallies.items())]
    rows.append(cells("all", whole(tallies)))
    width = max(len(row[0]) for row in rows)
    return [f"{row[0]:{width}}" + "".join(f"  {cell:>9}" for cell in row[1:]) for row in rows]
