"""The commands of rhobust figure about what is known: intervals, a line, a search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ...compiler.base.errors import InputError
from ...compiler.network.graph import Network
from ...data import Images
from ...files.atomic import write_text
from ...files.outputs import may_write
from ...queries.engine import Progress, quiet
from ...queries.rho import rho
from ...queries.trace import Trace, lines, read
from ...queries.verify import verify
from ...report.intervals import Known, draw_intervals, known_of_lines, known_of_records
from ...report.line import along, draw_line
from ...report.search import draw_search
from ...results import RhoResult, interval
from ..options import Options
from ..output import tell
from ..prepare import check_picture, prepare
from .metrics import is_store


def intervals(files: Sequence[Path], out: Path, theme: str, overwrite: bool) -> None:
    """rhobust figure intervals."""
    check_picture(out, overwrite, files)
    images = [one for path in files for one in _known(path)]
    draw_intervals(out, images, theme)
    tell(f"{len(images):,} image{'' if len(images) == 1 else 's'}, picture: {out}")


def _known(path: Path) -> list[Known]:
    """The images of a file of JSON lines, or of the runs of a store."""
    if not is_store(path):
        return known_of_lines(path)
    from ...store import Store

    with Store.open(path, readonly=True) as store:
        found = [
            replace(one, image=None, witness=None)
            for run in store.runs() for one in store.records(run)
        ]  # fmt: skip
    if not found:
        raise InputError(f"{path}: holds no results")
    return known_of_records(found)


def line(options: Options, norm: str) -> None:
    """rhobust figure line."""
    out, network, images, index = _single(options)
    result = _measured(network, images, index, norm, options, quiet)
    told = interval(result.lower, result.upper, result.exact)
    if result.witness is None:
        tell(f"{told}; no picture: no example was found")
        return
    found = along(network, images.vector(index), result.witness.point, result.label, options.domain)
    labels = result.label, result.witness.label
    draw_line(out, found, labels, result.witness.distance, norm, result.lower, options.theme)
    tell(f"image {index}: label {labels[0]}, example {labels[1]}, {told}")
    tell(f"picture: {out}")


def search(options: Options, norm: str, eps: float | None, log: Path | None) -> None:
    """rhobust figure search; a model that ends in .jsonl is the log of an earlier search."""
    source = Path(options.model)
    if source.suffix == ".jsonl":
        assert options.out is not None
        check_picture(options.out, options.overwrite, [source])
        about, events = read(source)
        draw_search(options.out, events, about, options.theme)
        tell(f"picture: {options.out}")
        return
    if log is not None:
        may_write(log, "file of results", [*options.inputs, options.out], options.overwrite)
    out, network, images, index = _single(options)
    trace = Trace()
    if eps is None:
        found = _measured(network, images, index, norm, options, trace)
        about, told = "rho", interval(found.lower, found.upper, found.exact)
    else:
        result = verify(
            network, images.vector(index), eps, label=int(images.labels[index]), norm=norm,
            domain=options.domain, target=options.target, margin=options.margin,
            timeout=options.timeout, seed=options.seed, progress=trace,
        )  # fmt: skip
        about, told = "margin", f"{result.verdict} at {eps:g}"
    if log is not None:
        write_text(log, lines(trace.events, about, index))
    tell(f"image {index}: {told}")
    try:
        draw_search(out, trace.events, about, options.theme)
    except InputError as error:
        tell(f"no picture: {error}")
        return
    tell(f"picture: {out}")


def _single(options: Options) -> tuple[Path, Network, Images, int]:
    """Where to draw, and the network and the one image that are asked about."""
    assert options.out is not None
    network, images, indices = prepare(options, pictured=False)
    if len(indices) != 1:
        raise InputError(f"--index {options.index!r} names {len(indices)} images; one is drawn")
    return options.out, network, images, indices[0]


def _measured(
    network: Network, images: Images, index: int, norm: str, options: Options, progress: Progress
) -> RhoResult:
    return rho(
        network, images.vector(index), label=int(images.labels[index]), norm=norm,
        domain=options.domain, target=options.target, margin=options.margin,
        timeout=options.timeout, seed=options.seed, progress=progress,
    )  # fmt: skip
