"""The commands rho, verify and estimate: each asks its question of every image chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import typer

from ...bnb.search import Settings
from ...clock import Interrupted
from ...compiler.base.errors import InputError
from ...compiler.network.graph import Network
from ...compiler.shown.numbers import at_most, digits
from ...data import Images
from ...estimates.pixels import check_pixels
from ...files.outputs import apart, may_write
from ...metrics.wording import closing
from ...queries.estimate import rho_estimate
from ...queries.rho import rho
from ...queries.verify import verify
from ...report.row import Row, estimated, known, measured, verified
from ...report.table import COLUMNS, INTEGER, ITERATED, Column, named, short
from .. import process
from ..options import Options
from ..output import no_standard, tell
from ..prepare import folder, pixels, prepare
from .run import Question, Told, measuring, run


def measure(
    options: Options, norm: str, certificates: Path | None, eps: Sequence[float] = ()
) -> None:
    """rhobust rho.  eps: radii at which the accuracy is told."""
    no_standard(certificates, "folder")

    def question(network: Network, images: Images, chosen: Sequence[int]) -> Question:
        proofs(certificates, chosen, options)

        def ask(index: int, told: Told) -> Row:
            path = None if certificates is None else certificates / f"{index}.npz"
            with measuring(index):
                result = rho(
                    network,
                    images.vector(index),
                    label=int(images.labels[index]),
                    norm=norm,
                    domain=options.domain,
                    target=options.target,
                    margin=options.margin,
                    timeout=options.timeout,
                    settings=effort(options),
                    seed=options.seed,
                    progress=told,
                    certificate=path,
                    check=options.check,
                    overwrite=options.overwrite,
                )
            return measured(index, result, path)

        return ask

    _ask("rho", options, question, eps=eps)


def decide(
    options: Options,
    eps: float,
    norm: str,
    certificates: Path | None,
    checkpoint: Path | None,
    float32: bool,
) -> None:
    """rhobust verify."""
    no_standard(certificates, "folder")
    no_standard(checkpoint, "checkpoint")

    def question(network: Network, images: Images, chosen: Sequence[int]) -> Question:
        if checkpoint is not None and len(chosen) > 1:
            raise InputError("a checkpoint is of one search; choose one image, as in --index 7")
        proofs(certificates, chosen, options)
        if checkpoint is not None:
            apart(checkpoint, [*options.inputs, *options.outputs])

        def ask(index: int, told: Told) -> Row:
            path = None if certificates is None else certificates / f"{index}.npz"
            result = verify(
                network,
                images.vector(index),
                eps,
                label=int(images.labels[index]),
                target=options.target,
                margin=options.margin,
                domain=options.domain,
                timeout=options.timeout,
                settings=effort(options),
                seed=options.seed,
                progress=told,
                certificate=path,
                checkpoint=checkpoint,
                float32=float32,
                norm=norm,
                check=options.check,
                overwrite=options.overwrite,
            )
            return verified(index, result, path)

        return ask

    _ask("verify", options, question, eps=[eps])


def estimate(options: Options, norm: str, max_eps: float, integer: bool, iterate: bool) -> None:
    """rhobust estimate."""

    def question(network: Network, images: Images, chosen: Sequence[int]) -> Question:
        for index in chosen if integer else ():
            check_pixels(images.vector(index), *options.domain, f"{images.source}: image {index}")

        def ask(index: int, told: Told) -> Row:
            result = rho_estimate(
                network,
                images.vector(index),
                label=int(images.labels[index]),
                target=options.target,
                margin=options.margin,
                domain=options.domain,
                timeout=options.timeout,
                max_eps=max_eps,
                norm=norm,
                integer=integer,
                iterate=iterate,
                seed=options.seed,
            )
            return estimated(index, result)

        return ask

    more = (*((INTEGER,) if integer else ()), *((ITERATED,) if iterate else ()))
    _ask("estimate", options, question, more)


def proofs(certificates: Path | None, chosen: Sequence[int], options: Options) -> None:
    """Makes the folder of certificates, where none of them may replace another file."""
    folder(certificates)
    if certificates is not None:
        for index in chosen:
            path = certificates / f"{index}.npz"
            may_write(path, "certificate", [*options.inputs, *options.outputs], options.overwrite)


def effort(options: Options) -> Settings:
    """What a search may spend."""
    return Settings.of(None, options.threads, options.memory)


def _ask(
    command: str,
    options: Options,
    question: Callable[[Network, Images, Sequence[int]], Question],
    more: tuple[Column, ...] = (),
    eps: Sequence[float] | None = None,
) -> None:
    """eps: the radii of which the last line speaks; None for questions without one."""
    network, images, indices = prepare(options)
    ask = question(network, images, indices)
    columns = named((*COLUMNS[command], *more), images.names)
    rows, interrupted = run(
        about(ask, images), indices, columns, options.json, options.csv, options.quiet
    )
    _close(rows, options, eps)
    if options.out is not None:
        shape = pixels(network, images)
        count = picture(options.out, rows, images, shape, options.domain, options.theme)
        tell(f"picture: {options.out}" if count else "no picture: no example to draw")
    if interrupted:
        raise typer.Exit(process.status())


def _close(rows: Sequence[Row], options: Options, eps: Sequence[float] | None) -> None:
    """Accuracies of several images, as the last lines."""
    if eps is None or len(rows) < 2:
        return
    about = [] if options.target == "any" else [f"target {options.target}"]
    about += [f"margin {options.margin:g}"] if options.margin else []
    tell(closing(known(rows), eps, ", ".join(about)))


def about(ask: Question, images: Images) -> Question:
    """The question, whose rows also tell names of images, and what their numbers were divided by.

    The embedded images have none of both: of them nobody has to be told.
    """

    def with_more(row: Row) -> Row:
        more: dict[str, float | str | bool] = {}
        if images.names:
            more["name"] = images.name(row.index)
        if images.told and images.divisor != 1.0:
            more["divisor"] = images.divisor
        return replace(row, extra={**row.extra, **more})

    def asked(index: int, told: Told) -> Row:
        try:
            return with_more(ask(index, told))
        except Interrupted as stop:
            assert isinstance(stop.result, Row)
            raise Interrupted(with_more(stop.result)) from None

    return asked


def picture(
    path: Path,
    rows: Sequence[Row],
    images: Images,
    shape: tuple[int, ...],
    domain: tuple[float, float],
    theme: str = "light",
) -> int:
    """Draws the rows whose witnesses are nearest, and returns how many were drawn."""
    from ...report.picture import MOST, Panel, draw  # and matplotlib, for those who draw

    found = [(row.witness.distance, row, row.witness) for row in rows if row.witness is not None]
    nearest = sorted(found, key=lambda one: one[0])[:MOST]
    panels = [
        Panel(images.vector(row.index), witness.point, title(row, witness.label), distance)
        for distance, row, witness in nearest
    ]
    if panels:
        draw(path, panels, shape, domain, theme)
    return len(panels)


def title(row: Row, other: int) -> str:
    """The image's index or name, the labels, and what is known about rho."""
    size = row.rho_upper or 0.0
    if row.extra.get("exact"):
        told = f"\N{GREEK SMALL LETTER RHO} = {digits(size)}"
    else:  # an upper end, rounded as the table does
        told = f"\N{GREEK SMALL LETTER RHO} \N{LESS-THAN OR EQUAL TO} {at_most(size)}"
    from ...report.picture import WIDEST

    head = f"#{row.index}"
    if name := str(row.extra.get("name", "")):
        head += f" {short(name, max(4, WIDEST - len(head) - 1))}"
    return f"{head}\n{row.label} \N{RIGHTWARDS ARROW} {other}\n{told}"
