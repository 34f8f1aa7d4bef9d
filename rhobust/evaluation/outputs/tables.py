"""Records as CSV and data frames; a table of another run is not touched."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...compiler.base.errors import InputError
from ...files.atomic import special, writable, write_text
from ...frames import frame
from ...store.record import Record, Run

if TYPE_CHECKING:
    from pandas import DataFrame

COLUMNS = (
    "index", "name", "label", "predicted", "rho_lower", "rho_upper", "rho_estimate",
    "attack_distance", "attack_method", "witness_label", "certificate", "uncertified",
    "certified_radius", "seconds", "nodes", "lps",
)  # fmt: skip
"""Fields of a record that tables have; three columns for each radius follow."""


def rows(run: Run, records: Iterable[Record]) -> tuple[list[str], list[dict[str, Any]]]:
    """The columns of a table, and its rows."""
    eps = run.question.get("eps", ())
    radii = list(eps) if isinstance(eps, list | tuple) else []
    found: list[dict[str, Any]] = []
    for record in records:
        row: dict[str, Any] = {"run": run.id}
        row |= {name: getattr(record, name) for name in COLUMNS}
        for one in record.decisions:
            row[f"verdict at {one.eps!r}"] = str(one.verdict)
            row[f"reason at {one.eps!r}"] = one.reason
            row[f"margin_bound at {one.eps!r}"] = one.margin_bound
        found.append(row)
    told = ("verdict", "reason", "margin_bound")
    return ["run", *COLUMNS, *(f"{name} at {at!r}" for at in radii for name in told)], found


def csv_text(run: Run, records: Iterable[Record]) -> str:
    """The table as CSV with a first line of names; infinite numbers are inf."""
    columns, table = rows(run, records)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(table)
    return text.getvalue()


def may_write_csv(path: Path, run: Run, overwrite: bool) -> None:
    """InputError unless a table of this run may be written there."""
    writable(path)
    if overwrite or special(path) or not path.exists() or not path.stat().st_size:
        return
    try:
        with path.open(encoding="utf-8", newline="") as file:
            table = csv.DictReader(file)
            headed = list(table.fieldnames or ())[: len(COLUMNS) + 1] == ["run", *COLUMNS]
            mine = headed and all(row["run"] == run.id for row in table)
    except (OSError, UnicodeDecodeError, csv.Error):
        mine = False
    if not mine:
        raise InputError(
            f"{path}: is there already, and is no table of this question; name another file, or "
            "allow it by --overwrite (overwrite=True)"
        )


def write_csv(path: Path, run: Run, records: Sequence[Record], *, overwrite: bool = False) -> None:
    """Writes the table, in the place of one of the same run."""
    may_write_csv(path, run, overwrite)
    write_text(path, csv_text(run, records))


def dataframe(run: Run, records: Iterable[Record]) -> DataFrame:
    """The table as pandas has it; raises InputError where pandas is missing."""
    columns, table = rows(run, records)
    return frame(table, columns)
