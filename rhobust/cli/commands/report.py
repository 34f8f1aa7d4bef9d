"""The commands report and compare: what a store of results says, as a file for readers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from ...compiler.base.errors import InputError
from ...files.atomic import write_bytes, write_text
from ...files.outputs import may_write
from ...metrics.sampling import check_confidence
from ...report.comparison.compared import Compared
from ...report.comparison.formats import FORMATS as COMPARED
from ...report.comparison.formats import chosen as chosen_for_two
from ...report.comparison.wording import summary as summary_of_two
from ...report.findings.gathered import Findings
from ...report.findings.wording import summary
from ...report.formats import FORMATS, chosen
from ...store import Run, Store
from .. import output
from ..output import is_standard, no_standard, tell

SHOWN = 12
"""Runs named where one has to be chosen."""


def write(store: str, out: Path, form: str, run: str, confidence: float, overwrite: bool) -> None:
    """rhobust report: nothing is written unless all of it can be."""
    check_confidence(confidence)
    if is_standard(out):
        name = chosen(form, Path())
        if not FORMATS[name].text:
            no_standard(out, f"{name} file")
    else:
        name = chosen(form, out)
        may_write(out, "report", _files([store]), overwrite)
    with _opened(store) as kept:
        about = chosen_run(kept, run)
        folder = next((path.parent for path in _files([store])), None)
        found = Findings.gather(about, partial(kept.records, about), confidence, folder)
        made = FORMATS[name].writer()(found, None if is_standard(out) else out)
    if is_standard(out):
        output.write(out, made.decode("utf-8"))
        return
    write_bytes(out, made)
    for line in summary(found):
        tell(line)
    tell(f"report: {out}")


def compare(
    stores: Sequence[str], out: Path | None, form: str, runs: Sequence[str], confidence: float,
    overwrite: bool,
) -> None:  # fmt: skip
    """rhobust compare: the first run against the second."""
    check_confidence(confidence)
    if len(stores) > 2 or len(runs) > 2:
        raise InputError("two runs are compared: name one store or two, and --run twice at most")
    two = [stores[0], stores[-1]]
    asked = _asked(stores, runs)
    name = chosen_for_two(form, Path() if out is None or is_standard(out) else out)
    if out is not None and not is_standard(out):
        may_write(out, "report", _files(two), overwrite)
    with ExitStack() as stack:
        kept = [stack.enter_context(_opened(one)) for one in two]
        about = [chosen_run(one, run) for one, run in zip(kept, asked, strict=True)]
        if stores[0] == stores[-1] and about[0].id == about[1].id:
            raise InputError(f"{stores[0]}: run {about[0].id} would be compared with itself")
        both = Compared.of(
            *(
                Findings.gather(run, partial(one.records, run), confidence)
                for one, run in zip(kept, about, strict=True)
            )
        )
        made = None if out is None else COMPARED[name](both)
        told = summary_of_two(both)
    if out is not None and is_standard(out):
        output.write(out, made or "")
        return
    for line in told:
        tell(line)
    if out is not None:
        write_text(out, made or "")
        tell(f"comparison: {out}")


def chosen_run(store: Store, wanted: str) -> Run:
    """The run of a name or of its beginning; without one, the only run that there is."""
    runs = store.runs()
    found = [one for one in runs if one.id == wanted] or [
        one for one in runs if one.id.startswith(wanted)
    ]
    if len(found) == 1:
        return found[0]
    if not runs:
        raise InputError(f"{store.where}: holds no run yet; rhobust evaluate --store makes one")
    told = "".join(f"\n  {_told(one)}" for one in (found or runs)[-SHOWN:])
    if not found:
        raise InputError(f"{store.where}: holds no run {wanted!r}; it holds{told}")
    which = f"runs that begin with {wanted!r}" if wanted else "runs"
    raise InputError(
        f"{store.where}: holds {len(found)} {which}; choose one by --run, the last are{told}"
    )


def _told(run: Run) -> str:
    eps = run.question.get("eps")
    radii = ", ".join(f"{one:g}" for one in eps) if isinstance(eps, list | tuple) else ""
    about = f"{run.card.get('name') or run.card.get('path')}, {run.question.get('norm')}"
    return f"{run.id}  {run.started}  {about}" + (f", eps {radii}" if radii else "")


def _asked(stores: Sequence[str], runs: Sequence[str]) -> tuple[str, str]:
    """The run of each store, "" where it has to be the only one."""
    if len(runs) == 2:
        return runs[0], runs[1]
    if len(stores) == 1:
        raise InputError("to compare two runs of one store, name both: --run ID --run ID")
    if len(runs) == 1:
        return runs[0], runs[0]
    return "", ""


@contextmanager
def _opened(store: str) -> Iterator[Store]:
    """A store that is only read; what is kept in it changes by nothing here."""
    with Store.open(store, readonly=True) as kept:
        yield kept


def _files(stores: Sequence[str]) -> list[Path]:
    """Stores that are files, which no output may replace."""
    return [Path(one) for one in stores if "://" not in one]
