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
    Norm,
    Options,
    Overwrite,
    Seed,
    Std,
    Target,
    ThemeName,
    Timeout,
    TrustPickle,
    check_theme,
    distance,
    interval,
    radius_of,
)

figure = App(help="Draw examples, what is known of rho, and searches.", no_args_is_help=True)
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
    theme: ThemeName = "light",
    overwrite: Overwrite = False,
) -> None:
    """Draw the plane of a network of two inputs: loss, a point's region, what lies nearest."""
    from ..commands.figure import region

    region(out, point, timeout, overwrite, check_theme(theme))


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
    theme: ThemeName = "light",
    trust_pickle: TrustPickle = False,
    overwrite: Overwrite = False,
) -> None:
    """Draw an image, an adversarial example, and their difference."""
    asked = Options(
        model, data, labels, index, target, margin, interval(domain), timeout, seed, None, out,
        trust_pickle=trust_pickle, overwrite=overwrite, layout=layout, mean=mean, std=std,
        theme=theme,
    )  # fmt: skip
    from ..commands.figure import example

    example(asked, method)


@figure.command("intervals")
def figure_intervals(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULTS...", help="Files of --json, or stores.")
    ],
    out: Annotated[Path, typer.Option(metavar="PICTURE.png", help="Where to draw.")] = Path(
        "intervals.png"
    ),
    theme: ThemeName = "light",
    overwrite: Overwrite = False,
) -> None:
    """Draw what is known of rho image by image: proven, open, and the nearest examples."""
    from ..commands.figure_known import intervals

    intervals(results, out, check_theme(theme), overwrite)


@figure.command("line")
def figure_line(
    model: Model,
    data: Data = None,
    labels: Labels = None,
    layout: Layout = "",
    mean: Mean = "",
    std: Std = "",
    index: Annotated[str, typer.Option(metavar="K", help="Which image.")] = "0",
    norm: Norm = "linf",
    target: Target = "any",
    margin: Margin = 0.0,
    domain: Domain = "0,1",
    timeout: Timeout = 60.0,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(metavar="PICTURE.png", help="Where to draw.")] = Path(
        "line.png"
    ),
    theme: ThemeName = "light",
    trust_pickle: TrustPickle = False,
    overwrite: Overwrite = False,
) -> None:
    """Draw the margin on the line from an image through its nearest example."""
    asked = Options(
        model, data, labels, index, target, margin, interval(domain), timeout, seed, None, out,
        trust_pickle=trust_pickle, overwrite=overwrite, layout=layout, mean=mean, std=std,
        theme=theme,
    )  # fmt: skip
    from ..commands.figure_known import line

    line(asked, distance(norm))


@figure.command("search")
def figure_search(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model, or a file that --log wrote.")
    ],
    eps: Annotated[
        str, typer.Option(metavar="E", help="The search of verify at this radius, not of rho.")
    ] = "",
    log: Annotated[
        Path | None, typer.Option(metavar="OUT.jsonl", help="Write what was drawn as JSON lines.")
    ] = None,
    data: Data = None,
    labels: Labels = None,
    layout: Layout = "",
    mean: Mean = "",
    std: Std = "",
    index: Annotated[str, typer.Option(metavar="K", help="Which image.")] = "0",
    norm: Norm = "linf",
    target: Target = "any",
    margin: Margin = 0.0,
    domain: Domain = "0,1",
    timeout: Timeout = 60.0,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(metavar="PICTURE.png", help="Where to draw.")] = Path(
        "search.png"
    ),
    theme: ThemeName = "light",
    trust_pickle: TrustPickle = False,
    overwrite: Overwrite = False,
) -> None:
    """Draw a search over time: what is proven from below, and known from above."""
    asked = Options(
        model, data, labels, index, target, margin, interval(domain), timeout, seed, None, out,
        trust_pickle=trust_pickle, overwrite=overwrite, layout=layout, mean=mean, std=std,
        theme=theme,
    )  # fmt: skip
    from ..commands.figure_known import search

    search(asked, norm, radius_of(asked, norm, eps) if eps else None, log)
