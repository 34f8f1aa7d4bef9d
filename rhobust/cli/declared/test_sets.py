"""The commands about whole test sets, and about what is known of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..command import app
from ..options import (
    Attacks,
    Certificates,
    Check,
    Csv,
    Data,
    Domain,
    Index,
    Json,
    Labels,
    Layout,
    Log,
    Margin,
    MaxEps,
    Mean,
    Memory,
    Model,
    Norm,
    Options,
    Overwrite,
    Quiet,
    Radii,
    Scheduler,
    Seed,
    Std,
    StoreName,
    Target,
    ThemeName,
    Threads,
    Timeout,
    TotalTimeout,
    TrustPickle,
    WorkersCount,
    check_theme,
    interval,
    log_level,
    who,
)


@app.command()
def evaluate(
    model: Model,
    data: Data = None,
    labels: Labels = None,
    layout: Layout = "",
    mean: Mean = "",
    std: Std = "",
    index: Index = "",
    eps: Radii = None,
    rho: Annotated[bool, typer.Option("--rho", help="The exact rho of every image, too.")] = False,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="rho-hat of every image, by convex restriction, too.")
    ] = False,
    smoothing: Annotated[
        str,
        typer.Option(metavar="SIGMA", help="Certified radii in l2 by noise, as of smooth, too."),
    ] = "",
    n0: Annotated[
        int, typer.Option("--n0", metavar="N", min=1, help="Of --smoothing: as of smooth.")
    ] = 100,
    n: Annotated[
        int, typer.Option("--n", metavar="N", min=1, help="Of --smoothing: as of smooth.")
    ] = 10_000,
    alpha: Annotated[
        float, typer.Option(metavar="P", help="Of --smoothing: as of smooth.")
    ] = 0.001,
    norm: Norm = "linf",
    target: Target = "any",
    margin: Margin = 0.0,
    domain: Domain = "0,1",
    attacks: Attacks = "pgd",
    timeout: Timeout = 60.0,
    total_timeout: TotalTimeout = None,
    store: StoreName = None,
    rerun: Annotated[
        str,
        typer.Option(metavar="POLICY", help="never, always, undecided, refine or retarget."),
    ] = "never",
    only_new: Annotated[
        bool, typer.Option("--only-new", help="Leave out images with stored answers.")
    ] = False,
    workers: WorkersCount = 1,
    scheduler: Scheduler = None,
    seed: Seed = 0,
    json: Json = None,
    csv: Csv = None,
    certificates: Certificates = None,
    check: Check = True,
    threads: Threads = 1,
    memory: Memory = 400.0,
    quiet: Quiet = False,
    log: Log = "warning",
    trust_pickle: TrustPickle = False,
    overwrite: Overwrite = False,
) -> None:
    """Evaluate a test set: robust accuracy, proven from below and shown from above."""
    log_level(log)
    asked = Options(
        model, data, labels, index, target, margin, interval(domain), timeout, seed, None, None,
        threads, memory, trust_pickle, check, overwrite, layout, mean, std,
    )  # fmt: skip
    from ..commands.evaluate import Whole, run

    run(asked, Whole(
        eps or [], rho, estimate, attacks, norm, total_timeout, store, rerun, only_new,
        who(workers, scheduler), certificates, json, csv, quiet, smoothing, n0, n, alpha,
    ))  # fmt: skip


Confidence = Annotated[
    float, typer.Option(metavar="C", help="Of the intervals that the sample of images gives.")
]


@app.command()
def report(
    store: Annotated[str, typer.Argument(metavar="STORE", help="What --store of evaluate named.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The file to write.")] = Path(
        "report.html"
    ),
    form: Annotated[
        str,
        typer.Option(
            "--format", metavar="F", help="html, md, csv, json, png or pdf; else by the suffix."
        ),
    ] = "",
    run: Annotated[
        str, typer.Option(metavar="ID", help="Which run, where the store holds several.")
    ] = "",
    confidence: Confidence = 0.95,
    overwrite: Overwrite = False,
) -> None:
    """Tell what an evaluation found as one file: words, curves, a table, pictures."""
    from ..commands.report import write

    write(store, out, form, run, confidence, overwrite)


@app.command()
def compare(
    stores: Annotated[
        list[str], typer.Argument(metavar="STORE [STORE]", help="Two stores, or one of two runs.")
    ],
    run: Annotated[
        list[str] | None, typer.Option("--run", metavar="ID", help="Which run, of each store.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the comparison, too.")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", metavar="F", help="html, md or json; else by the suffix.")
    ] = "",
    confidence: Confidence = 0.95,
    overwrite: Overwrite = False,
) -> None:
    """Compare two evaluations of the same images: what changed, and whether it is chance."""
    from ..commands.report import compare as show

    show(stores, out, form, run or [], confidence, overwrite)


@app.command()
def tune(
    model: Model,
    share: Annotated[
        str, typer.Option(metavar="P", help="The share of images to be proven, as 0.9.")
    ],
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
    attacks: Attacks = "pgd",
    max_eps: MaxEps = "1",
    tolerance: Annotated[
        float, typer.Option(metavar="T", help="How near the ends come, relative to the upper one.")
    ] = 0.02,
    timeout: Timeout = 60.0,
    total_timeout: TotalTimeout = None,
    store: StoreName = None,
    workers: WorkersCount = 1,
    scheduler: Scheduler = None,
    seed: Seed = 0,
    threads: Threads = 1,
    memory: Memory = 400.0,
    quiet: Quiet = False,
    log: Log = "warning",
    trust_pickle: TrustPickle = False,
) -> None:
    """Find the largest radius at which a given share of a test set is proven robust."""
    log_level(log)
    asked = Options(
        model, data, labels, index, target, margin, interval(domain), timeout, seed, None, None,
        threads, memory, trust_pickle, layout=layout, mean=mean, std=std,
    )  # fmt: skip
    from ..commands.evaluate import Whole, search

    whole = Whole(
        [], False, False, attacks, norm, total_timeout, store, "never", False,
        who(workers, scheduler), None, None, None, quiet,
    )  # fmt: skip
    search(asked, whole, share, max_eps, tolerance)


@app.command()
def metrics(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULTS...",
            help="What --json of estimate, rho or verify wrote, or a store of evaluate.",
        ),
    ],
    eps: Annotated[
        list[str] | None,
        typer.Option("--eps", metavar="E", help="A radius, as 0.03 or 8/255; more than once."),
    ] = None,
    correct: Annotated[
        bool, typer.Option("--correct-only", help="Leave out images that are misclassified.")
    ] = False,
    iterated: Annotated[
        bool, typer.Option("--iterated", help="Take the iterated estimates, of --iterate.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="CURVE.png", help="Draw how many images have examples within eps."),
    ] = None,
    largest: Annotated[
        str | None, typer.Option("--max-eps", metavar="E", help="Where the picture's axis ends.")
    ] = None,
    theme: ThemeName = "light",
    overwrite: Overwrite = False,
) -> None:
    """Show how often and how near images lose their labels: frequency, severity, curves."""
    from ..commands.metrics import show

    show(files, eps or ["20/255"], correct, out, largest, iterated, overwrite, check_theme(theme))
