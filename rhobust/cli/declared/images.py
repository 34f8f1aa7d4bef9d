"""The commands about single images: their names and options."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from ..command import app
from ..options import (
    AccuracyAt,
    Certificates,
    Check,
    Checkpoint,
    Csv,
    Data,
    Domain,
    Eps,
    Index,
    Integer,
    Iterate,
    Json,
    JsonAnswer,
    Labels,
    Layout,
    Margin,
    MaxEps,
    Mean,
    Memory,
    Method,
    Minimal,
    Model,
    Module,
    MostEps,
    Norm,
    Options,
    Out,
    Overwrite,
    Quiet,
    Restarts,
    Seed,
    Shape,
    Std,
    Steps,
    Target,
    ThemeName,
    Threads,
    Timeout,
    TrustPickle,
    interval,
    radius,
    radius_of,
)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the picture.")] = Path(
        "rhobust-demo"
    ),
    count: Annotated[int, typer.Option(metavar="N", min=1, max=200, help="Images.")] = 10,
    timeout: Timeout = 10.0,
    seed: Seed = 0,
    json: Json = None,
    csv: Csv = None,
    quiet: Quiet = False,
    overwrite: Overwrite = False,
) -> None:
    """Show rho of a few handwritten digits, with a picture; needs no files."""
    from ..commands.demo import show

    show(out, count, timeout, seed, json, csv, quiet, overwrite)


@app.command()
def inspect(
    model: Model,
    module: Module = "",
    shape: Shape = "",
    trust_pickle: TrustPickle = False,
) -> None:
    """Show a model's layers, and how well they agree with its own runtime."""
    from ..commands.inspect import show

    show(model, module, shape, trust_pickle)


@app.command()
def rho(
    model: Model,
    data: Data = None,
    labels: Labels = None,
    layout: Layout = "",
    mean: Mean = "",
    std: Std = "",
    index: Index = "",
    norm: Norm = "linf",
    eps: AccuracyAt = None,
    target: Target = "any",
    margin: Margin = 0.0,
    domain: Domain = "0,1",
    timeout: Timeout = 60.0,
    seed: Seed = 0,
    json: Json = None,
    csv: Csv = None,
    quiet: Quiet = False,
    out: Out = None,
    theme: ThemeName = "light",
    certificates: Certificates = None,
    check: Check = True,
    threads: Threads = 1,
    memory: Memory = 400.0,
    trust_pickle: TrustPickle = False,
    overwrite: Overwrite = False,
) -> None:
    """Find the least distance at which each image loses its label: proven, as an interval."""
    asked = Options(
        model, data, labels, index, target, margin, interval(domain), timeout, seed, json, out,
        threads, memory, trust_pickle, check, overwrite, layout, mean, std, csv, quiet, theme=theme,
    )  # fmt: skip
    radii = [radius_of(asked, norm, one) for one in eps or ()]
    from ..commands.ask import measure

    measure(asked, norm, certificates, radii)


@app.command()
def verify(
    model: Model,
    eps: Eps = "",
    data: Data = None,
    labels: Labels = None,
    layout: Layout = "",
    mean: Mean = "",
    std: Std = "",
    index: Index = "",
    norm: Norm = "linf",
    target: Target = "any",
    margin: Margin = 0.0,
    domain: Domain = "0,1",
    timeout: Timeout = 60.0,
    seed: Seed = 0,
    json: Json = None,
    csv: Csv = None,
    quiet: Quiet = False,
    out: Out = None,
    theme: ThemeName = "light",
    certificates: Certificates = None,
    check: Check = True,
    checkpoint: Checkpoint = None,
    threads: Threads = 1,
    memory: Memory = 400.0,
    float32: Annotated[
        bool, typer.Option("--float32", help="Prove it for every float32 evaluation, too.")
    ] = False,
    network: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=MODEL",
            help="A property's network: verify PROPERTY.vnnlib --network N=MODEL is solve.",
        ),
    ] = None,
    trust_pickle: TrustPickle = False,
    overwrite: Overwrite = False,
) -> None:
    """Decide whether each image keeps its label within a radius: proven, or with an example.

    With --network answer a VNN-LIB property, as its standard asks a solver.
    """
    if network:
        from ..commands.solve import answer_named

        answer_named(
            network, Path(model), timeout, seed, certificates, checkpoint, threads, memory,
            trust_pickle, check, overwrite,
        )  # fmt: skip
        return
    if not eps:
        raise typer.BadParameter("a radius is needed", param_hint="'--eps'")
    asked = Options(
        model, data, labels, index, target, margin, interval(domain), timeout, seed, json, out,
        threads, memory, trust_pickle, check, overwrite, layout, mean, std, csv, quiet, theme=theme,
    )  # fmt: skip
    size = radius_of(asked, norm, eps)
    from ..commands.ask import decide

    decide(asked, size, norm, certificates, checkpoint, float32)


@app.command()
def explain(
    model: Model,
    eps: Eps,
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
    json: JsonAnswer = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="PICTURE.png", help="Draw which pixels the proof rests on."),
    ] = None,
    theme: ThemeName = "light",
    threads: Threads = 1,
    memory: Memory = 400.0,
    trust_pickle: TrustPickle = False,
    overwrite: Overwrite = False,
) -> None:
    """Show why an image keeps its label within a radius or does not, or why that is not known."""
    asked = Options(
        model, data, labels, index, target, margin, interval(domain), timeout, seed, json, out,
        threads, memory, trust_pickle, overwrite=overwrite, layout=layout, mean=mean, std=std,
        theme=theme,
    )  # fmt: skip
    size = radius_of(asked, norm, eps)
    from ..commands.explain import show

    show(asked, size, norm)


@app.command()
def attack(
    model: Model,
    eps: MostEps = "",
    data: Data = None,
    labels: Labels = None,
    layout: Layout = "",
    mean: Mean = "",
    std: Std = "",
    index: Index = "",
    method: Method = "pgd",
    norm: Norm = "linf",
    target: Target = "any",
    margin: Margin = 0.0,
    domain: Domain = "0,1",
    steps: Steps = None,
    restarts: Restarts = None,
    minimal: Minimal = False,
    timeout: Timeout = 60.0,
    seed: Seed = 0,
    json: Json = None,
    csv: Csv = None,
    quiet: Quiet = False,
    out: Out = None,
    theme: ThemeName = "light",
    trust_pickle: TrustPickle = False,
    overwrite: Overwrite = False,
) -> None:
    """Attack each image within a radius, or for its nearest example; failures prove nothing."""
    asked = Options(
        model, data, labels, index, target, margin, interval(domain), timeout, seed, json, out,
        trust_pickle=trust_pickle, overwrite=overwrite, layout=layout, mean=mean, std=std,
        csv=csv, quiet=quiet, theme=theme,
    )  # fmt: skip
    size = radius_of(asked, norm, eps) if eps else None
    from ..commands.attack import run_attack

    run_attack(asked, size, norm, method, steps, restarts, minimal)


@app.command("bench-attacks")
def bench_attacks(
    model: Model = "digits",
    data: Data = None,
    labels: Labels = None,
    layout: Layout = "",
    norm: Norm = "linf",
    calls: Annotated[
        int, typer.Option(metavar="N", min=20, help="Gradients asked for an image, about.")
    ] = 1000,
    attacks: Annotated[str, typer.Option(metavar="A,B", help="Only these; all by default.")] = "",
    index: Index = "",
    foolbox: Annotated[
        bool, typer.Option("--foolbox/--no-foolbox", help="Foolbox's attacks, too, if installed.")
    ] = True,
    seed: Seed = 0,
    json: Json = None,
    csv: Csv = None,
    quiet: Quiet = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="PICTURE.png", help="Draw how many images come how near to rho."),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Score attacks by distance over proven rho, on images for which it ships."""
    asked = Options(
        model, data, labels, index, "any", 0.0, (0.0, 1.0), 60.0, seed, json, out,
        overwrite=overwrite, layout=layout, csv=csv, quiet=quiet,
    )  # fmt: skip
    from ..commands.bench_attacks import bench

    bench(asked, norm, calls, attacks, foolbox)


@app.command()
def estimate(
    model: Model,
    data: Data = None,
    labels: Labels = None,
    layout: Layout = "",
    mean: Mean = "",
    std: Std = "",
    index: Index = "",
    norm: Norm = "linf",
    target: Target = "second",
    margin: Margin = 0.0,
    domain: Domain = "0,1",
    max_eps: MaxEps = "",
    integer: Integer = False,
    iterate: Iterate = False,
    timeout: Timeout = 60.0,
    seed: Seed = 0,
    json: Json = None,
    csv: Csv = None,
    quiet: Quiet = False,
    out: Out = None,
    theme: ThemeName = "light",
    trust_pickle: TrustPickle = False,
    overwrite: Overwrite = False,
) -> None:
    """Estimate each image's rho by convex restriction: fast, from above, no proof."""
    asked = Options(
        model, data, labels, index, target, margin, interval(domain), timeout, seed, json, out,
        trust_pickle=trust_pickle, overwrite=overwrite, layout=layout, mean=mean, std=std,
        csv=csv, quiet=quiet, theme=theme,
    )  # fmt: skip
    largest = radius_of(asked, norm, max_eps, "--max-eps") if max_eps else math.inf
    from ..commands.ask import estimate as ask

    ask(asked, norm, largest, integer, iterate)


@app.command()
def smooth(
    model: Model,
    sigma: Annotated[
        list[str],
        typer.Option("--sigma", metavar="S", help="Of the noise, as 0.25 or 64/255; also several."),
    ],
    data: Data = None,
    labels: Labels = None,
    layout: Layout = "",
    mean: Mean = "",
    std: Std = "",
    index: Index = "",
    n0: Annotated[
        int, typer.Option("--n0", metavar="N", min=1, help="Noisy images that choose the label.")
    ] = 100,
    n: Annotated[
        int, typer.Option("--n", metavar="N", min=1, help="Fresh ones that are counted.")
    ] = 10_000,
    alpha: Annotated[
        float, typer.Option(metavar="P", help="Each certificate is false at most so often.")
    ] = 0.001,
    whole_set: Annotated[
        bool, typer.Option("--whole-set", help="Any of all certificates is false at most so often.")
    ] = False,
    at: Annotated[
        str,
        typer.Option("--radius", metavar="R", help="Ask for one l2 radius, and stop once known."),
    ] = "",
    grid: Annotated[
        str,
        typer.Option(
            metavar="G",
            help="Noise on multiples of 1/G, for images that are; none; auto: 255 for 8 bits.",
        ),
    ] = "auto",
    batch: Annotated[
        int, typer.Option(metavar="N", min=1, help="Noisy images that are made at once.")
    ] = 4096,
    workers: Annotated[int, typer.Option(metavar="N", min=1, help="Processes.")] = 1,
    domain: Domain = "0,1",
    timeout: Timeout = 60.0,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the noise.")] = 0,
    json: Json = None,
    csv: Csv = None,
    quiet: Quiet = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="PICTURE.png", help="Draw certified accuracy against the radius."),
    ] = None,
    theme: ThemeName = "light",
    trust_pickle: TrustPickle = False,
    overwrite: Overwrite = False,
) -> None:
    """Certify l2 radii of the model under noise, by counting: true with a stated probability."""
    asked = Options(
        model, data, labels, index, "any", 0.0, interval(domain), timeout, seed, json, None,
        trust_pickle=trust_pickle, overwrite=overwrite, layout=layout, mean=mean, std=std,
        csv=csv, quiet=quiet, theme=theme,
    )  # fmt: skip
    radius_asked = radius(at, "--radius") if at else None
    from ...smoothing.rows import Asked
    from ..commands.smooth import show

    of_each = Asked(n0, n, alpha, radius_asked, timeout)
    show(asked, sigma, grid, of_each, batch, whole_set, workers, out)
