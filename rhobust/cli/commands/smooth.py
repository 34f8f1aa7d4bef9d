"""The command smooth: certified radii of images under noise, and certified accuracy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import ROUND_FLOOR
from pathlib import Path
from time import perf_counter

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ...compiler.base.errors import InputError
from ...compiler.network.graph import Network
from ...data import Images
from ...files.outputs import apart
from ...report.certified import draw_accuracy
from ...report.table import LONGEST, digits, short
from ...smoothing import ABSTAIN, Accuracy, Smoothed, each_alpha
from ...smoothing.accuracy import of_radii
from ...smoothing.grid import pixels, scale_fits
from .. import output, process
from ..options import Options, number
from ..output import tell
from ..prepare import check_picture, prepare

BITS8 = 255
HEADINGS = ("image", "label", "predicted", "certified radius", "samples", "seconds")
WIDTHS = (6, 5, 9, 20, 8, 8)
SHOWN = 5
"""Radii of the line that sums up."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of each image. at: one radius, or None for the largest."""

    n0: int
    n: int
    alpha: float
    at: float | None
    batch: int
    whole_set: bool


def show(options: Options, sigma: Sequence[str], grid: str, asked: Asked, out: Path | None) -> None:
    """Certifies each image at each sigma, prints a line for each, and draws the accuracy."""
    sigmas = [number(text, "--sigma") for text in sigma]
    if len(set(sigmas)) < len(sigmas) or not all(size > 0.0 for size in sigmas):
        raise InputError(f"--sigma must be positive and different numbers, not {', '.join(sigma)}")
    if out is not None:
        others = [path for path in (options.json,) if path is not None]
        check_picture(out, options.overwrite, [*options.inputs, *others])
    network, images, indices = prepare(options)
    if out is not None:
        apart(out, network.beside)
    alpha = asked.alpha
    if asked.whole_set:
        alpha = each_alpha(alpha, len(indices) * len(sigmas))
    lines, curves = output.lines(options.json), []
    interrupted = False
    try:
        for size in sigmas:
            smoothed = Smoothed(
                network, size, grid=_grid(grid, size, images, indices), seed=options.seed,
                batch=asked.batch,
            )  # fmt: skip
            _announce(smoothed, network)
            run = _Run(smoothed, images, asked, alpha, options.timeout, lines)
            with _bar(len(indices)) as advance:
                try:
                    for index in indices:
                        run.image(index)
                        advance()
                except KeyboardInterrupt:
                    interrupted = True
            if run.count:
                found = of_radii(run.radii, run.count, [alpha] * run.count)
                curves.append((f"\N{GREEK SMALL LETTER SIGMA} = {size:g}", found))
                _sum_up(found, alpha, run, asked)
            if interrupted:
                break
    finally:
        if lines is not None:
            lines.close()
    if interrupted:
        typer.echo("interrupted; what was done until then is kept", err=True)
    if out is not None and curves:
        draw_accuracy(out, curves)
        tell(f"picture: {out}")
    if interrupted:
        raise typer.Exit(process.status())


class _Run:
    """All images at one sigma. radii: of those certified for their own label."""

    def __init__(
        self, smoothed: Smoothed, images: Images, asked: Asked, alpha: float, timeout: float,
        lines: output.Sink | None,
    ) -> None:  # fmt: skip
        self.smoothed, self.images, self.asked, self.alpha = smoothed, images, asked, alpha
        self.timeout, self.lines = timeout, lines
        self.radii: list[float] = []
        self.count, self.abstained, self.seconds, self.samples = 0, 0, 0.0, 0

    def image(self, index: int) -> None:
        begin = perf_counter()
        row = self._certified(index) if self.asked.at is None else self._at(index, self.asked.at)
        label, radius = int(self.images.labels[index]), row["radius"]
        row |= {
            "index": index, "label": label, "alpha": self.alpha, "sigma": self.smoothed.sigma,
            "grid": None if self.smoothed.table is None else self.smoothed.table.grid,
            "seed": self.smoothed.seed, "seconds": perf_counter() - begin,
        }  # fmt: skip
        assert isinstance(radius, float)
        name = {"name": self.images.name(index)} if self.images.names else {}
        with process.uninterrupted():  # what is written is counted
            if self.lines is not None:
                line = {key: row[key] for key in KEYS} | name
                self.lines.write(json.dumps(line, allow_nan=False))
            self.count += 1
            self.abstained += bool(row["abstained"])
            self.seconds += float(str(row["seconds"]))
            self.samples += int(str(row["n0"])) + int(str(row["n"]))
            if row["predicted"] == label and not row["abstained"]:
                self.radii.append(radius)
        shown = digits(radius, ROUND_FLOOR)
        if row["abstained"]:
            # of one radius, a decided no is more than nothing known
            shown = "no" if row["certified"] is False else str(row["reason"])
        spent = int(str(row["n0"])) + int(str(row["n"]))
        cells = (index, label, row["predicted"], shown, spent, f"{row['seconds']:.2f}")
        shown = _joined([str(cell) for cell in cells])
        tell("  ".join([shown, *(short(text, LONGEST) for text in name.values())]))

    def _certified(self, index: int) -> dict[str, object]:
        asked = self.asked
        found = self.smoothed.certify(
            self.images.vector(index), asked.n0, asked.n, self.alpha, index=index,
            timeout=self.timeout,
        )  # fmt: skip
        return {
            "predicted": found.guess, "radius": found.radius, "count": found.count,
            "abstained": found.label == ABSTAIN, "n0": asked.n0, "n": found.n, "certified": None,
            "asked": None, "reason": found.reason,
        }  # fmt: skip

    def _at(self, index: int, radius: float) -> dict[str, object]:
        asked = self.asked
        found = self.smoothed.certify_at(
            self.images.vector(index), radius, asked.n, self.alpha, n0=asked.n0, index=index,
            timeout=self.timeout,
        )  # fmt: skip
        return {
            "predicted": found.label, "radius": radius if found.certified else 0.0,
            "count": found.count, "abstained": not found.certified, "n0": asked.n0,
            "n": found.samples - asked.n0, "certified": found.certified, "asked": radius,
            "reason": found.reason,
        }  # fmt: skip


KEYS = (
    "index", "label", "predicted", "radius", "abstained", "n0", "n", "alpha", "sigma", "seconds",
    "count", "grid", "seed", "asked", "certified", "reason",
)  # fmt: skip
"""The keys of every line; `name` follows where images have names."""


def _grid(text: str, sigma: float, images: Images, indices: Sequence[int]) -> int | None:
    """The grid that --grid names; auto: one on which all the images lie, or none."""
    if text == "none":
        return None
    if text != "auto":
        if not text.isdigit() or int(text) < 1:
            raise InputError(f"--grid must be auto, none or a whole number, not {text!r}")
        return int(text)
    for grid in (BITS8, 1):
        if scale_fits(sigma, grid):
            try:
                for index in indices:
                    pixels(images.vector(index), grid)
            except InputError:
                continue
            return grid
    return None


def _announce(smoothed: Smoothed, network: Network) -> None:
    if smoothed.table is None:
        told = f"noise in float32: about {network.name} as it runs in float32, up to rounding"
    else:
        told = (
            f"noise on multiples of 1/{smoothed.table.grid}: about {network.name} over the reals, "
            "at all images of such multiples"
        )
    tell(f"sigma {smoothed.sigma:g}, {told}")
    tell(_joined(HEADINGS))


def _sum_up(found: Accuracy, alpha: float, run: _Run, asked: Asked) -> None:
    count = found.images
    if asked.at is None:
        steps = [run.smoothed.sigma * step / 2.0 for step in range(SHOWN)]
    else:
        steps = [asked.at]
    parts = ", ".join(f"{found(step):.4f} at {step:g}" for step in steps)
    tell(f"{count} image{'s' if count > 1 else ''}: certified accuracy {parts}")
    if asked.at is None:
        tell(f"mean radius {found.mean:.4f}; {run.abstained} abstained")
    tell(
        f"each certificate is false with a probability of at most {alpha:.6g}, any of them of at "
        f"most {found.wrong:.6g}"
    )
    tell(f"{run.samples} noisy images, {run.seconds:.2f} s")


def _joined(cells: Sequence[str]) -> str:
    return "  ".join(cell.rjust(width) for cell, width in zip(cells, WIDTHS, strict=True))


@contextmanager
def _bar(total: int) -> Iterator[Callable[[], None]]:
    """Shown on a terminal while work goes on; what it yields counts an image as done."""
    console = Console(file=output.stream(), highlight=False)
    bar = Progress(
        TextColumn("images"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task("images", total=total)
        yield lambda: bar.advance(task)
