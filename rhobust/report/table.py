"""Rows as tables, lines and a summary."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from ..compiler.shown.numbers import digits
from ..results import Verdict
from .row import Row


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, the text of a row under it, and the width it takes in lines."""

    heading: str
    text: Callable[[Row], str]
    width: int
    left: bool = False


def known(value: float | None, rounding: str = ROUND_HALF_EVEN) -> str:
    """The digits of a number, and a dash where there is none."""
    return "-" if value is None or not math.isfinite(value) else digits(value, rounding)


def rho(row: Row) -> str:
    """rho where it is exact, or else the interval that is proven."""
    lower, upper = row.rho_lower or 0.0, math.inf if row.rho_upper is None else row.rho_upper
    if lower == math.inf:
        return "inf"
    if row.extra.get("exact"):
        return digits(upper)
    return f"[{digits(lower, ROUND_FLOOR)}, {digits(upper, ROUND_CEILING)}]"


def exact(row: Row) -> str:
    """Whether rho is exact, or why not."""
    return "yes" if row.extra.get("exact") else row.reason or "no"


def extra(name: str) -> Callable[[Row], str]:
    """The column of a number that only some questions have."""

    def text(row: Row) -> str:
        value = row.extra.get(name)
        return known(value) if isinstance(value, float) else str(value)

    return text


def answer(row: Row) -> str:
    """The verdict in words."""
    return f"{row.verdict}" + (f" ({row.reason})" if row.reason else "")


def lost(row: Row) -> str:
    """Whether an attack succeeded, or why it ended early."""
    return "yes" if row.extra.get("success") else f"no ({row.reason})" if row.reason else "no"


IMAGE = Column("image", lambda row: str(row.index), 6)
LABEL = Column("label", lambda row: str(row.label), 5)
PREDICTED = Column("predicted", lambda row: str(row.predicted), 9)
SECONDS = Column("seconds", lambda row: f"{row.seconds:.2f}", 8)
EXAMPLE = Column("example at", lambda row: known(row.rho_upper, ROUND_CEILING), 10)
NODES = Column("nodes", lambda row: str(row.nodes), 8)
ESTIMATE = Column("rho-hat (estimate)", extra("rho_estimate"), 18)

INTEGER = Column("in pixels", extra("rho_integer"), 9)
ITERATED = Column("iterated", extra("rho_iterated"), 8)

LONGEST = 24
"""Characters of a name in a table."""


def short(name: str, most: int) -> str:
    """A name in at most so many characters: of a longer one the end, which tells files apart."""
    return name if len(name) <= most else "\N{HORIZONTAL ELLIPSIS}" + name[1 - most :]


def named(columns: Sequence[Column], names: Sequence[str]) -> tuple[Column, ...]:
    """The columns with one for names behind the images' numbers, where images have names."""
    if not names:
        return tuple(columns)
    width = min(LONGEST, max(map(len, names)))
    column = Column("name", lambda row: short(str(row.extra["name"]), LONGEST), width, left=True)
    return (columns[0], column, *columns[1:])


COLUMNS: dict[str, tuple[Column, ...]] = {
    "verify": (
        IMAGE, LABEL, PREDICTED,
        Column("verdict", answer, 20, left=True),
        EXAMPLE,
        Column("margin >=", lambda row: known(row.margin_bound, ROUND_FLOOR), 10),
        SECONDS, NODES,
    ),
    "rho": (
        IMAGE, LABEL, PREDICTED,
        Column("rho (proven)", rho, 20, left=True),
        Column("exact", exact, 10, left=True),
        ESTIMATE,
        Column("attack", extra("attack"), 8),
        SECONDS, NODES,
    ),
    "attack": (
        IMAGE, LABEL, PREDICTED,
        Column("label lost", lost, 14, left=True),
        EXAMPLE,
        Column("least lead", extra("lead"), 10),
        SECONDS,
    ),
    "estimate": (
        IMAGE, LABEL, PREDICTED, ESTIMATE,
        Column("status", lambda row: str(row.extra["status"]), 14, left=True),
        EXAMPLE, SECONDS,
        Column("LPs", lambda row: str(row.lps), 5),
    ),
}  # fmt: skip
"""What each command shows."""


def table(rows: Sequence[Row], columns: Sequence[Column], width: int) -> Table:
    """A table for a terminal of this width; 80 is enough."""
    gap = 1 if width >= 100 else 0
    made = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, gap))
    for column in columns:
        heading = column.heading.replace(" (", "\n(")
        made.add_column(heading, justify="left" if column.left else "right", overflow="fold")
    for row in rows:
        made.add_row(*(Text(column.text(row)) for column in columns))  # names hold no markup
    return made


def headings(columns: Sequence[Column]) -> str:
    """The first line, where rows are printed one by one."""
    return _joined(columns, [column.heading for column in columns])


def plain(row: Row, columns: Sequence[Column]) -> str:
    """A row as one line under `headings`."""
    return _joined(columns, [column.text(row) for column in columns])


def _joined(columns: Sequence[Column], texts: Sequence[str]) -> str:
    cells = [
        text.ljust(column.width) if column.left else text.rjust(column.width)
        for column, text in zip(columns, texts, strict=True)
    ]
    return "  ".join(cells).rstrip()


def summary(rows: Sequence[Row]) -> str:
    """All rows in one line."""
    if not rows:
        return "0 images"
    first, count = rows[0], len(rows)
    head = f"{count} image{'s' if count > 1 else ''}"
    if "status" in first.extra:
        parts = Counter(str(row.extra["status"]).replace("_", " ") for row in rows)
        told = ", ".join(f"{number} {name}" for name, number in sorted(parts.items()))
    elif "success" in first.extra:
        told = attacks(rows)
        head = f"{count:,} image{'s' if count > 1 else ''}"
    elif "exact" in first.extra:
        sure = sum(row.extra["exact"] is True for row in rows)
        told = f"{sure} exact, {count - sure} not exact{_reasons(rows)}"
    else:
        verdicts = Counter(row.verdict for row in rows)
        told = (
            f"{verdicts[Verdict.ROBUST]} robust, {verdicts[Verdict.NOT_ROBUST]} not robust, "
            f"{verdicts[Verdict.UNKNOWN]} unknown{_reasons(rows)}"
        )
    return f"{head}: {told}; mean {sum(row.seconds for row in rows) / count:.2f} s"


def attacks(rows: Sequence[Row]) -> str:
    """How many labels are left after an attack, and how many were lost before it."""
    lost = [row for row in rows if row.extra["success"]]
    clean = sum(row.label != row.predicted for row in lost)
    accuracy = 100.0 * (1.0 - len(lost) / len(rows))
    text = (
        f"attacked accuracy {accuracy:.1f} % ({len(lost):,} lost their label, {clean:,} of them "
        "misclassified)"
    )
    return text + _reasons(rows)


def _reasons(rows: Sequence[Row]) -> str:
    parts = Counter(row.reason for row in rows if row.reason)
    told = ", ".join(f"{number} {name}" for name, number in sorted(parts.items()))
    return f" ({told})" if told else ""
