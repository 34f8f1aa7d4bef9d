"""The command smooth: certified radii of images under noise, and certified accuracy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import ROUND_FLOOR
from functools import partial
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn

from ...compiler.base.errors import InputError
from ...compiler.shown.numbers import digits
from ...data import Images
from ...evaluation.image.setup import Elsewhere, Here, setup
from ...files.outputs import apart
from ...report.certified import draw_accuracy
from ...report.table import LONGEST, short
from ...smoothing import Accuracy, Smoothed, each_alpha
from ...smoothing.accuracy import of_radii
from ...smoothing.grid import common, pixels
from ...smoothing.rows import Asked, Row, certified_row, failed_row
from ...workers import forking, open_workers
from .. import output, process
from ..options import Options, number
from ..output import tell
from ..prepare import check_picture, prepare
from ..progress import shown
from ..rows import Rows

HEADINGS = ("image", "label", "predicted", "certified radius", "samples", "seconds")
WIDTHS = (6, 5, 9, 20, 8, 8)
SHOWN = 5
"""Radii of the line that sums up."""


def show(
    options: Options, sigma: Sequence[str], grid: str, asked: Asked, batch: int, whole_set: bool,
    workers: int, out: Path | None,
) -> None:  # fmt: skip
    """Certifies each image at each sigma, prints a line for each, and draws the accuracy."""
    with forking(lambda: None, workers):
        _show(options, sigma, grid, asked, batch, whole_set, workers, out)


def _show(
    options: Options, sigma: Sequence[str], grid: str, asked: Asked, batch: int, whole_set: bool,
    workers: int, out: Path | None,
) -> None:  # fmt: skip
    sigmas = [number(text, "--sigma") for text in sigma]
    if len(set(sigmas)) < len(sigmas) or not all(size > 0.0 for size in sigmas):
        raise InputError(f"--sigma must be positive and different numbers, not {', '.join(sigma)}")
    if not 0.0 < asked.alpha < 1.0:  # NaN too
        raise InputError(f"--alpha must be above 0 and below 1, not {asked.alpha}")
    if out is not None:
        check_picture(out, options.overwrite, [*options.inputs, *options.outputs])
    network, images, indices = prepare(options)
    if out is not None:
        apart(out, network.beside)
    if whole_set:
        asked = replace(asked, alpha=each_alpha(asked.alpha, len(indices) * len(sigmas)))
    loaded = setup(network, workers == 1, options.trust_pickle)
    made = []
    for size in sigmas:  # all of it is checked before work starts
        noise = Noise(size, _grid(grid, size, images, indices), options.seed, batch)
        made.append((noise, noise.smooth(Here(network))))
    curves = []
    interrupted = False
    with Rows(options.json, options.csv) as lines:
        for noise, smoothed in made:
            if not options.quiet:
                _announce(smoothed)
            done = _Done(lines, options.quiet)
            try:
                _certify(noise, smoothed, loaded, images, indices, asked, workers, done)
            except KeyboardInterrupt:
                interrupted = True
            if done.rows:
                found = done.accuracy()
                curves.append((f"\N{GREEK SMALL LETTER SIGMA} = {smoothed.sigma:g}", found))
                _sum_up(found, done.rows, smoothed.sigma, asked)
            if interrupted:
                break
    if interrupted:
        typer.echo("interrupted; what was done until then is kept", err=True)
    if out is not None and curves:
        draw_accuracy(out, curves, options.theme)
        tell(f"picture: {out}")
    if interrupted:
        raise typer.Exit(process.status())


@dataclass(frozen=True, slots=True)
class Noise:
    """What a worker makes of the network that it loads."""

    sigma: float
    grid: int | None
    seed: int
    batch: int

    def smooth(self, loaded: Here | Elsewhere) -> Smoothed:
        network = loaded().network
        return Smoothed(network, self.sigma, grid=self.grid, seed=self.seed, batch=self.batch)


def _certify(
    noise: Noise, smoothed: Smoothed, loaded: Here | Elsewhere, images: Images,
    indices: Sequence[int], asked: Asked, workers: int, done: _Done,
) -> None:  # fmt: skip
    """All images, in the order in which they are done."""
    here = isinstance(loaded, Here)  # what is made already stays in this process
    made = (lambda: smoothed) if here else partial(noise.smooth, loaded)
    with _bar(len(indices), done.quiet) as advance, open_workers(workers, made) as pool:
        for place, index in enumerate(indices):
            name = images.name(index) if images.names else ""
            label = int(images.labels[index])
            pool.submit(place, certified_row, asked, images.vector(index), index, label, name)
        while (end := pool.next()) is not None:
            row = end.value
            if end.error:
                assert isinstance(end.key, int)
                index = indices[end.key]
                name = images.name(index) if images.names else ""
                label = int(images.labels[index])
                row = failed_row(smoothed, asked, index, label, end.error, name)
            done.take(row)
            advance()


@dataclass
class _Done:
    """The images that are done at one sigma."""

    lines: Rows
    quiet: bool
    rows: list[Row] = field(default_factory=list)

    def take(self, row: Row) -> None:
        with process.uninterrupted():  # what is written is counted
            self.lines.write(row.line())
            self.rows.append(row)
        if self.quiet:
            return
        shown = digits(row.radius, ROUND_FLOOR)
        if row.abstained:
            # of one radius, a decided no is more than nothing known
            shown = "no" if row.certified is False else row.reason
        cells = (row.index, row.label, row.predicted, shown, row.n0 + row.n, f"{row.seconds:.2f}")
        named = [short(row.name, LONGEST)] if row.name else []
        tell("  ".join([_joined([str(cell) for cell in cells]), *named]))

    def accuracy(self) -> Accuracy:
        radii = [row.radius for row in self.rows if row.own]
        return of_radii(radii, len(self.rows), [row.alpha for row in self.rows])


def _grid(text: str, sigma: float, images: Images, indices: Sequence[int]) -> int | None:
    """The grid that --grid names; auto: one on which all the images lie, or none."""
    if text == "none":
        return None
    if text != "auto":
        if not text.isdigit() or int(text) < 1:
            raise InputError(f"--grid must be auto, none or a whole number, not {text!r}")
        for index in indices:
            pixels(images.vector(index), int(text))
        return int(text)
    return common(sigma, (images.vector(index) for index in indices))


def _announce(smoothed: Smoothed) -> None:
    assert smoothed.network is not None
    name = smoothed.network.name
    if smoothed.table is None:
        told = f"noise in float32: about {name} as it runs in float32, up to rounding"
    else:
        told = (
            f"noise on multiples of 1/{smoothed.table.grid}: about {name} over the reals, at all "
            "images of such multiples"
        )
    tell(f"sigma {smoothed.sigma:g}, {told}")
    tell(_joined(HEADINGS))


def _sum_up(found: Accuracy, rows: Sequence[Row], sigma: float, asked: Asked) -> None:
    steps = [sigma * step / 2.0 for step in range(SHOWN)] if asked.at is None else [asked.at]
    parts = ", ".join(f"{found(step):.4f} at {step:g}" for step in steps)
    tell(f"{len(rows)} image{'s' if len(rows) > 1 else ''}: certified accuracy {parts}")
    if asked.at is None:
        tell(f"mean radius {found.mean:.4f}; {sum(row.abstained for row in rows)} abstained")
    tell(
        f"each certificate is false with a probability of at most {asked.alpha:.6g}, any of them "
        f"of at most {found.wrong:.6g}"
    )
    samples, seconds = sum(row.n0 + row.n for row in rows), sum(row.seconds for row in rows)
    tell(f"{samples} noisy images, {seconds:.2f} s")


def _joined(cells: Sequence[str]) -> str:
    return "  ".join(cell.rjust(width) for cell, width in zip(cells, WIDTHS, strict=True))


@contextmanager
def _bar(total: int, quiet: bool) -> Iterator[Callable[[], None]]:
    """Shown on a terminal while work goes on; what it yields counts an image as done."""
    console = Console(file=output.stream(), highlight=False)
    bar = shown(
        console, TextColumn("images"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        quiet=quiet,
    )  # fmt: skip
    with bar:
        task = bar.add_task("images", total=total)
        yield lambda: bar.advance(task)
