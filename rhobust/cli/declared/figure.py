"""The commands that draw: rhobust figure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..command import App, app
from ..options import (
    Data,
    Domain,
    Labels,
    Layout,
    Margin,
    Mean,
    Model,
    Options,
    Overwrite,
    Seed,
    Std,
    Target,
    Timeout,
    TrustPickle,
    interval,
)

figure = App(help="Draw a linear region, or one adversarial example.", no_args_is_help=True)
app.add_typer(figure, name="figure")


@figure.command("region")
def figure_region(
    point: Annotated[
        str, typer.Option(metavar="X,Y", help="A point of the unit square.")
    ] = "0.36,0.53",
    timeout: Timeout = 60.0,
    out: Annotated[Path, typer.Option(metavar="PICTURE.png", help="Where to draw.")] = Path(
        "region.png"
    ),
    overwrite: Overwrite = False,
) -> None:
    """Draw the plane of a network of two inputs: loss, a point's region, what lies nearest."""
    from ..commands.figure import region

    region(out, point, timeout, overwrite)


@figure.command("example")
def figure_example(
    model: Model,
    data: Data = None,
    labels: Labels = None,
    layout: Layout = "",
    mean: Mean = "",
    std: Std = "",
    index: Annotated[str, typer.Option(metavar="K", help="Which image.")] = "0",
    method: Annotated[
        str,
        typer.Option(
            metavar="M", help="estimate (convex restriction), iterated, integer (pixels), or rho."
        ),
    ] = "estimate",
    target: Target = "any",
    margin: Margin = 0.0,
    domain: Domain = "0,1",
    timeout: Timeout = 60.0,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(metavar="PICTURE.png", help="Where to draw.")] = Path(
        "example.png"
    ),
    trust_pickle: TrustPickle = False,
    overwrite: Overwrite = False,
) -> None:
    """Draw an image, an adversarial example, and their scaled difference."""
    asked = Options(
        model, data, labels, index, target, margin, interval(domain), timeout, seed, None, out,
        trust_pickle=trust_pickle, overwrite=overwrite, layout=layout, mean=mean, std=std,
    )  # fmt: skip
    from ..commands.figure import example

    example(asked, method)
