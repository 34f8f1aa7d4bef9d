"""The commands about several models, and about the program itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..command import app
from ..options import (
    Overwrite,
)


@app.command()
def matrix(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG.toml", help="Models, images, columns, outputs.")
    ],
    workers: Annotated[int, typer.Option(metavar="N", min=1, help="Processes for proofs.")] = 1,
) -> None:
    """Compare models in one table: natural, attacked, proven and smoothed accuracy."""
    from ..commands.matrix import run

    run(config, workers)


@app.command()
def train(
    config: Annotated[
        Path | None, typer.Argument(metavar="CONFIG.toml", help="Model, data, method and outputs.")
    ] = None,
    recipe: Annotated[
        str, typer.Option(metavar="NAME", help="Instead: one of `rhobust recipes`.")
    ] = "",
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Instead of the seed in the file.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Train a network plainly, against attacks or on proven bounds; needs PyTorch."""
    from ..commands.train import run

    run(config, recipe, seed, overwrite)


@app.command()
def recipes(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Print this one, to copy it.")] = "",
) -> None:
    """List trainings whose figures are known, or print one's configuration."""
    from ..commands.recipes import show

    show(name)


@app.command()
def selftest(
    minutes: Annotated[
        float, typer.Option(metavar="M", help="How long; longer means more problems.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the random problems.")] = 0,
    kind: Annotated[
        str, typer.Option(metavar="TEXT", help="Only kinds whose name holds it, as objective.")
    ] = "",
    first: Annotated[
        int, typer.Option(metavar="N", help="The first round; rounds of a seed are the same.")
    ] = 0,
) -> None:
    """Answer problems whose answers are known, with and without injected faults."""
    from ..commands.selftest import show

    show(minutes, seed, kind, first)
