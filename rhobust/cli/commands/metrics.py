"""The command metrics: frequency and severity of results, and their curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR
from pathlib import Path

from ...compiler.base.errors import InputError
from ...metrics import curve, frequency, severity
from ...metrics.intervals import Distances, distances, read
from ...report.curve import draw_curves
from ...report.table import known
from ..options import radius
from ..output import tell
from ..prepare import check_picture

HEADINGS = ("eps", "phi-hat", "phi <=", "mu-hat", "mu", "within", "images")
WIDTHS = (8, 8, 8, 9, 20, 7, 7)

LEGEND = """
phi-hat  share of images with an example within eps: never above the adversarial frequency phi
phi <=   share of images not proven to hold none
mu-hat   mean distance of those examples, an estimate of the severity mu; mu itself lies in the
         interval if any image has rho <= eps"""

SAMPLING = """
phi of all images of the kind, with a confidence of 95 % (Clopper and Pearson):"""


def show(
    files: Sequence[Path],
    eps: Sequence[str],
    correct_only: bool,
    out: Path | None = None,
    largest: str | None = None,
    iterated: bool = False,
    overwrite: bool = False,
    theme: str = "light",
) -> None:
    """Prints a line for each file and radius, and draws the curves of all files."""
    radii = [radius(text) for text in eps]
    end = None if largest is None else radius(largest, "--max-eps")
    if out is not None:
        check_picture(out, overwrite, files)
    everything = [one for path in files for one in _read(path, iterated)]
    results = [(name, found) for name, found, _ in everything]
    for name, found in results:
        tell(name)
        tell(_joined(HEADINGS))
        for size in radii:
            _line(found, size, correct_only)
    tell(LEGEND)
    tell(SAMPLING)
    for name, found in results:
        for size in radii:
            low, high = frequency(found, size, correct_only).sampling()
            ends = f"[{known(low, ROUND_FLOOR)}, {known(high, ROUND_CEILING)}]"
            tell(f"{known(size).rjust(WIDTHS[0])}  {ends:18}  {name}")
    for name, _, smoothed in everything:
        if smoothed:
            tell(f"\n{name}: {smoothed}")
    if out is not None:
        names = [Path(name).stem for name, _ in results]
        if len(set(names)) < len(names):
            names = [name for name, _ in results]
        curves = [curve(found, correct_only) for _, found in results]
        draw_curves(out, list(zip(names, curves, strict=True)), radii, end, theme)
        tell(f"picture: {out}")


def _read(path: Path, iterated: bool) -> list[tuple[str, Distances, str]]:
    """What a file holds; of a store, each of its runs under a name of its own.

    With each goes what is said of the smoothed classifier, "" where nothing is.
    """
    if not is_store(path):
        return [(str(path), read(path, iterated), "")]
    from ...evaluation.certified import sentence
    from ...store import Store

    with Store.open(path, readonly=True) as store:
        runs = store.runs()
        found = []
        for run in runs:
            records = [replace(one, image=None, witness=None) for one in store.records(run)]
            if records:
                name = str(path) if len(runs) == 1 else f"{path}, run {run.id}"
                found.append((name, distances(records), sentence(run, records)))
    if not found:
        raise InputError(f"{path}: holds no results")
    return found


def is_store(path: Path) -> bool:
    """Whether a file is a database of results."""
    try:
        with path.open("rb") as file:
            return file.read(16) == b"SQLite format 3\0"
    except OSError:
        return False  # whoever reads it says why


def _line(found: Distances, eps: float, correct_only: bool) -> None:
    share, size = frequency(found, eps, correct_only), severity(found, eps, correct_only)
    between = f"[{known(size.lower, ROUND_FLOOR)}, {known(size.upper, ROUND_CEILING)}]"
    cells = (
        known(eps),
        known(share.lower),
        known(share.upper),
        known(size.estimate),
        between if size.possible else "-",
        str(size.found),
        str(share.images),
    )
    tell(_joined(cells) + (f"  undefined: {size.reason}" if size.reason else ""))


def _joined(cells: Sequence[str]) -> str:
    return "  ".join(cell.rjust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()
