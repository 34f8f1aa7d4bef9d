"""A report of a run, or of two runs, as a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from ..files.atomic import write_bytes, write_text
from ..files.outputs import may_write
from ..metrics.sampling import CONFIDENCE
from ..store.record import Record, Run
from .comparison.compared import Compared
from .comparison.formats import FORMATS as COMPARED
from .comparison.formats import chosen as chosen_for_two
from .findings.gathered import Findings, Source
from .formats import FORMATS, chosen


def write_run(
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


class Evaluated(Protocol):
    """A run and its records, as `rb.evaluate` returns them."""

    @property
    def run(self) -> Run: ...
    @property
    def records(self) -> Sequence[Record]: ...


def write_report(
    found: Evaluated,
    out: str | Path,
    *,
    format: str = "",
    confidence: float = CONFIDENCE,
    overwrite: bool = False,
) -> Path:
    """Writes a report of what `rb.evaluate` found, and returns its path.

    The arguments are those of `write_run`, format for form.  Images that were not finished count as
    open.
    """
    return write_run(
        found.run, found.records, out, form=format, confidence=confidence, overwrite=overwrite
    )


def write_comparison(
    first: Evaluated,
    second: Evaluated,
    out: str | Path,
    *,
    format: str = "",
    confidence: float = CONFIDENCE,
    overwrite: bool = False,
) -> Path:
    """Writes a comparison of two evaluations of the same images, and returns its path.

    format: html, md or json; by default that of the file's suffix.  Raises InputError where the two
    are about other images or ask another question, and as `write_run` does.
    """
    path = Path(out)
    name = chosen_for_two(format, path)
    may_write(path, "report", overwrite=overwrite)
    both = [Findings.gather(one.run, source(one.records), confidence) for one in (first, second)]
    write_text(path, COMPARED[name](Compared.of(*both)))
    return path


def source(records: Iterable[Record] | Source) -> Source:
    """A function that goes through records, of which an iterator would do so once."""
    if callable(records):
        return records
    kept = list(records)
    return lambda: kept
