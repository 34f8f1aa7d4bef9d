"""The commands rho, verify and estimate: each asks its question of every image chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import typer

from ..bnb.search import Settings
from ..clock import Interrupted
from ..compiler.errors import InputError
from ..compiler.graph import Network
from ..compiler.verdict import RhoResult
from ..decide import verify
from ..estimate import rho_estimate
from ..grid import check_pixels
from ..radius import rho
from ..report.picture import MOST, Panel, draw
from ..report.row import Row, estimated, measured, verified
from ..report.table import COLUMNS, INTEGER, ITERATED, Column, digits
from .data import Images, folder
from .options import Options
from .prepare import pixels, prepare
from .run import INTERRUPTED, Question, Told, run


def measure(options: Options, norm: str, certificates: Path | None) -> None:
    """rhobust rho."""
    folder(certificates)

    def question(network: Network, images: Images, chosen: Sequence[int]) -> Question:
        def ask(index: int, told: Told) -> Row:
            path = None if certificates is None else certificates / f"{index}.npz"
            try:
                result = rho(
                    network, images.vector(index), int(images.labels[index]), norm,
                    options.domain, options.target, options.margin, options.timeout,
                    effort(options), options.seed, told, path, options.check,
                )  # fmt: skip
            except Interrupted as stop:
                assert isinstance(stop.result, RhoResult)
                raise Interrupted(measured(index, stop.result)) from None
            return measured(index, result, path)

        return ask

    _ask("rho", options, question)


def decide(
    options: Options,
    eps: float,
    norm: str,
    certificates: Path | None,
    checkpoint: Path | None,
    float32: bool,
) -> None:
    """rhobust verify."""
    folder(certificates)

    def question(network: Network, images: Images, chosen: Sequence[int]) -> Question:
        if checkpoint is not None and len(chosen) > 1:
            raise InputError("a checkpoint is of one search; choose one image, as in --index 7")

        def ask(index: int, told: Told) -> Row:
            path = None if certificates is None else certificates / f"{index}.npz"
            result = verify(
                network, images.vector(index), eps, int(images.labels[index]), options.target,
                options.margin, options.domain, options.timeout, effort(options), options.seed,
                told, path, checkpoint, float32, norm, options.check,
            )  # fmt: skip
            return verified(index, result, path)

        return ask

    _ask("verify", options, question)


def estimate(options: Options, norm: str, max_eps: float, integer: bool, iterate: bool) -> None:
    """rhobust estimate."""

    def question(network: Network, images: Images, chosen: Sequence[int]) -> Question:
        for index in chosen if integer else ():
            check_pixels(images.vector(index), *options.domain, f"{images.source}: image {index}")

        def ask(index: int, told: Told) -> Row:
            result = rho_estimate(
                network, images.vector(index), int(images.labels[index]), options.target,
                options.margin, options.domain, options.timeout, max_eps, norm=norm,
                integer=integer, iterate=iterate, seed=options.seed,
            )  # fmt: skip
            return estimated(index, result)

        return ask

    more = (*((INTEGER,) if integer else ()), *((ITERATED,) if iterate else ()))
    _ask("estimate", options, question, more)


def effort(options: Options) -> Settings:
    """What a search may spend."""
    return Settings(threads=options.threads, memory=options.memory * 1e6)


def _ask(
    command: str,
    options: Options,
    question: Callable[[Network, Images, Sequence[int]], Question],
    more: tuple[Column, ...] = (),
) -> None:
    network, images, indices = prepare(options)
    ask = question(network, images, indices)
    rows, interrupted = run(ask, indices, (*COLUMNS[command], *more), options.json)
    if options.out is not None:
        shape = pixels(network, images)
        count = picture(options.out, rows, images, shape, options.domain)
        typer.echo(f"picture: {options.out}" if count else "no picture: no example to draw")
    if interrupted:
        raise typer.Exit(INTERRUPTED)


def picture(
    path: Path,
    rows: Sequence[Row],
    images: Images,
    shape: tuple[int, ...],
    domain: tuple[float, float],
) -> int:
    """Draws the rows that have a witness, and returns how many were drawn."""
    panels = [
        Panel(images.vector(row.index), row.witness.point, _title(row, row.witness.label))
        for row in rows
        if row.witness is not None
    ][:MOST]
    if panels:
        draw(path, panels, shape, domain)
    return len(panels)


def _title(row: Row, other: int) -> str:
    """The labels, and what is known about rho."""
    size = digits(row.rho_upper or 0.0)
    if row.extra.get("exact"):
        told = f"\N{GREEK SMALL LETTER RHO} = {size}"
    else:
        told = f"\N{GREEK SMALL LETTER RHO} \N{LESS-THAN OR EQUAL TO} {size}"
    return f"{row.label} \N{RIGHTWARDS ARROW} {other}\n{told}"
