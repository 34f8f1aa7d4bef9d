"""The commands about images and models as files: rhobust data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..command import App, app
from ..options import (
    Domain,
    Labels,
    Layout,
    Mean,
    Model,
    Overwrite,
    Std,
    TrustPickle,
    interval,
)

data = App(help="Fetch, show and prepare images and models.", no_args_is_help=True)
app.add_typer(data, name="data")


@data.command("fetch")
def data_fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="mnist or cifar10.")],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to; by default a folder NAME here.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="The base address of a mirror.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Fetch a data set, checked by SHA-256; what is there is kept, what broke off goes on."""
    from ..commands.data import fetch

    fetch(name, out, url, overwrite)


@data.command("show")
def data_show(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="What --data takes.")],
    labels: Labels = None,
    layout: Layout = "",
    domain: Domain = "0,1",
) -> None:
    """Show what a file or folder of images holds: count, shape, range, labels."""
    from ..commands.data import show

    show(source, labels, layout, interval(domain))


@data.command("normalize")
def data_normalize(
    model: Model,
    out: Annotated[Path, typer.Option(metavar="NEW.onnx", help="The file to write.")],
    mean: Mean = "",
    std: Std = "",
    layout: Layout = "",
    trust_pickle: TrustPickle = False,
    overwrite: Overwrite = False,
) -> None:
    """Write a model with (x - mean) / std in front of it, of which certificates can speak."""
    from ..commands.data import normalize

    normalize(model, mean, std, layout, out, trust_pickle, overwrite)
