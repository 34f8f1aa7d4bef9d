"""A report of a run as a file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..files.atomic import write_bytes
from ..files.outputs import may_write
from ..metrics.sampling import CONFIDENCE
from ..store.record import Record, Run
from .findings.gathered import Findings, Source
from .formats import FORMATS, chosen


def write_report(
    run: Run,
    records: Iterable[Record] | Source,
    out: str | Path,
    *,
    form: str = "",
    confidence: float = CONFIDENCE,
    overwrite: bool = False,
) -> Path:
    """Writes a report of the finished records of a run, and returns its path.

    records: by index; a function that goes through them again each time needs less memory than a
    list. form: html, md, csv, json, png or pdf; by default that of the file's suffix. overwrite:
    whether a file that is no report may be replaced. Raises InputError where it may not, where no
    image is finished, and where records contradict each other.
    """
    path = Path(out)
    name = chosen(form, path)
    may_write(path, "report", overwrite=overwrite)
    found = Findings.gather(run, source(records), confidence)
    write_bytes(path, FORMATS[name].writer()(found, path))
    return path


def source(records: Iterable[Record] | Source) -> Source:
    """A function that goes through records, of which an iterator would do so once."""
    if callable(records):
        return records
    kept = list(records)
    return lambda: kept
