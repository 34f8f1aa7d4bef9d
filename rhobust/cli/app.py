"""The commands' names and options; what they do is imported when they are called."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from .. import __version__
from ..compiler.base.errors import RhobustError
from . import process
from .options import (
    Attacks,
    Certificates,
    Check,
    Checkpoint,
    Data,
    Domain,
    Eps,
    Index,
    Integer,
    Iterate,
    Json,
    Labels,
    Layout,
    Log,
    Margin,
    MaxEps,
    Mean,
    Memory,
    Method,
    Minimal,
    Model,
    MostEps,
    Norm,
    Options,
    Out,
    Overwrite,
    Quiet,
    Radii,
    Restarts,
    Scheduler,
    Seed,
    Std,
    Steps,
    StoreName,
    Target,
    Threads,
    Timeout,
    TotalTimeout,
    TrustPickle,
    WorkersCount,
    distance,
    interval,
    log_level,
    radius,
    who,
)
from .output import answering

Answer = TypeVar("Answer", bound=Callable[..., Any])


class Commands(TyperGroup):
    """Errors of input, of files and of memory end in one line and exit status 2, an interruption in
    128 and the signal's number; defects in a traceback.
    """

    def invoke(self, ctx: Any) -> Any:  # of a type that typer keeps to itself
        try:
            return super().invoke(ctx)
        except RhobustError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(2) from error
        except MemoryError as error:
            typer.echo("error: not enough memory", err=True)
            raise typer.Exit(2) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            where = "" if error.filename is None else f"{error.filename}: "
            typer.echo(f"error: {where}{error.strerror or error}", err=True)
            raise typer.Exit(2) from error
        except KeyboardInterrupt as error:
            typer.echo("interrupted", err=True)
            raise typer.Exit(process.status()) from error


class Command(TyperCommand):
    """Its own answers are all that reaches standard output."""

    def invoke(self, ctx: Any) -> Any:
        with answering():
            return super().invoke(ctx)


class App(typer.Typer):
    """Makes a `Command` of each function."""

    def command(self, name: str | None = None, **options: Any) -> Callable[[Answer], Answer]:
        return super().command(name, cls=Command, **options)


app = App(
    cls=Commands,
    help="Exact robustness of piecewise-linear neural networks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rhobust {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it and exit.")
    ] = False,
) -> None:
    """Exact robustness of piecewise-linear neural networks."""


@app.command()
def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the picture.")] = Path(
        "rhobust-demo"
    ),
    count: Annotated[int, typer.Option(metavar="N", min=1, max=200, help="Images.")] = 10,
    timeout: Timeout = 10.0,
    overwrite: Overwrite = False,
) -> None:
    """Show rho of a few handwritten digits, with a picture; needs no files."""
    from .commands.demo import show

    show(out, count, timeout, overwrite)


@app.command()
def inspect(model: Model, trust_pickle: TrustPickle = False) -> None:
    """Show a model's layers, and how well they agree with its own runtime."""
    from .commands.inspect import show

    show(model, trust_pickle)


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
    target: Target = "any",
    margin: Margin = 0.0,
    domain: Domain = "0,1",
    timeout: Timeout = 60.0,
    seed: Seed = 0,
    json: Json = None,
    out: Out = None,
    certificates: Certificates = None,
    check: Check = True,
    threads: Threads = 1,
    memory: Memory = 400.0,
    trust_pickle: TrustPickle = False,
    overwrite: Overwrite = False,
) -> None:
    """Find the least distance at which each image loses its label: proven, as an interval."""
    distance(norm)
    asked = Options(
        model, data, labels, index, target, margin, interval(domain), timeout, seed, json, out,
        threads, memory, trust_pickle, check, overwrite, layout, mean, std,
    )  # fmt: skip
    from .commands.ask import measure

    measure(asked, norm, certificates)


@app.command()
def verify(
    model: Model,
    eps: Eps,
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
    out: Out = None,
    certificates: Certificates = None,
    check: Check = True,
    checkpoint: Checkpoint = None,
    threads: Threads = 1,
    memory: Memory = 400.0,
    float32: Annotated[
        bool, typer.Option("--float32", help="Prove it for every float32 evaluation, too.")
    ] = False,
    trust_pickle: TrustPickle = False,
    overwrite: Overwrite = False,
) -> None:
    """Decide whether each image keeps its label within a radius: proven, or with an example."""
    distance(norm)
    asked = Options(
        model, data, labels, index, target, margin, interval(domain), timeout, seed, json, out,
        threads, memory, trust_pickle, check, overwrite, layout, mean, std,
    )  # fmt: skip
    size = radius(eps)
    from .commands.ask import decide

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
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="PICTURE.png", help="Draw which pixels the proof rests on."),
    ] = None,
    threads: Threads = 1,
    memory: Memory = 400.0,
    trust_pickle: TrustPickle = False,
    overwrite: Overwrite = False,
) -> None:
    """Show why an image keeps its label within a radius or does not, or why that is not known."""
    distance(norm)
    asked = Options(
        model, data, labels, index, target, margin, interval(domain), timeout, seed, None, out,
        threads, memory, trust_pickle, overwrite=overwrite, layout=layout, mean=mean, std=std,
    )  # fmt: skip
    size = radius(eps)
    from .commands.explain import show

    show(asked, size, norm, as_json)


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
    out: Out = None,
    trust_pickle: TrustPickle = False,
    overwrite: Overwrite = False,
) -> None:
    """Attack each image within a radius, or for its nearest example; failures prove nothing."""
    distance(norm)
    size = radius(eps) if eps else None
    asked = Options(
        model, data, labels, index, target, margin, interval(domain), timeout, seed, json, out,
        trust_pickle=trust_pickle, overwrite=overwrite, layout=layout, mean=mean, std=std,
    )  # fmt: skip
    from .commands.attack import run_attack

    run_attack(asked, size, norm, method, steps, restarts, minimal)


@app.command("bench-attacks")
def bench_attacks(
    norm: Norm = "linf",
    calls: Annotated[
        int, typer.Option(metavar="N", min=20, help="Gradients asked for an image, about.")
    ] = 1000,
    method: Annotated[str, typer.Option(metavar="M,M", help="Only these; all by default.")] = "",
    index: Index = "",
    foolbox: Annotated[
        bool, typer.Option("--foolbox/--no-foolbox", help="Foolbox's attacks, too, if installed.")
    ] = True,
    seed: Seed = 0,
    json: Json = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="PICTURE.png", help="Draw how many images come how near to rho."),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Score attacks by distance over proven rho, on the embedded images; needs no files."""
    distance(norm)
    from .commands.bench_attacks import bench

    bench(norm, calls, method, index, seed, json, out, foolbox, overwrite)


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
    out: Out = None,
    trust_pickle: TrustPickle = False,
    overwrite: Overwrite = False,
) -> None:
    """Estimate each image's rho by convex restriction: fast, from above, no proof."""
    distance(norm)
    largest = radius(max_eps, "--max-eps") if max_eps else math.inf
    asked = Options(
        model, data, labels, index, target, margin, interval(domain), timeout, seed, json, out,
        trust_pickle=trust_pickle, overwrite=overwrite, layout=layout, mean=mean, std=std,
    )  # fmt: skip
    from .commands.ask import estimate as ask

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
    seed: Annotated[int, typer.Option(help="Of the noise.")] = 0,
    json: Json = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="PICTURE.png", help="Draw certified accuracy against the radius."),
    ] = None,
    trust_pickle: TrustPickle = False,
    overwrite: Overwrite = False,
) -> None:
    """Certify l2 radii of the model under noise, by counting: true with a stated probability."""
    asked = Options(
        model, data, labels, index, "any", 0.0, interval(domain), timeout, seed, json, None,
        trust_pickle=trust_pickle, overwrite=overwrite, layout=layout, mean=mean, std=std,
    )  # fmt: skip
    radius_asked = radius(at, "--radius") if at else None
    from ..smoothing.rows import Asked
    from .commands.smooth import show

    of_each = Asked(n0, n, alpha, radius_asked, timeout)
    show(asked, sigma, grid, of_each, batch, whole_set, workers, out)


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
    csv: Annotated[
        Path | None, typer.Option(metavar="OUT.csv", help="Write a table, a row for each image.")
    ] = None,
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
    distance(norm)
    log_level(log)
    asked = Options(
        model, data, labels, index, target, margin, interval(domain), timeout, seed, None, None,
        threads, memory, trust_pickle, check, overwrite, layout, mean, std,
    )  # fmt: skip
    from .commands.evaluate import Whole, run

    run(asked, Whole(
        eps or [], rho, estimate, attacks, norm, total_timeout, store, rerun, only_new,
        who(workers, scheduler), certificates, json, csv, quiet,
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
    from .commands.report import write

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
    from .commands.report import compare as show

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
    distance(norm)
    log_level(log)
    asked = Options(
        model, data, labels, index, target, margin, interval(domain), timeout, seed, None, None,
        threads, memory, trust_pickle, layout=layout, mean=mean, std=std,
    )  # fmt: skip
    from .commands.evaluate import Whole, search

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
        bool, typer.Option("--correct", help="Leave out images that are misclassified.")
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
    overwrite: Overwrite = False,
) -> None:
    """Show how often and how near images lose their labels: frequency, severity, curves."""
    from .commands.metrics import show

    show(files, eps or ["20/255"], correct, out, largest, iterated, overwrite)


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
    from .commands.data import fetch

    fetch(name, out, url, overwrite)


@data.command("show")
def data_show(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="What --data takes.")],
    labels: Labels = None,
) -> None:
    """Show what a file or folder of images holds: count, shape, range, labels."""
    from .commands.data import show

    show(source, labels)


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
    from .commands.data import normalize

    normalize(model, mean, std, layout, out, trust_pickle, overwrite)


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
    from .commands.figure import region

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
    from .commands.figure import example

    example(asked, method)


@app.command()
def solve(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL... PROPERTY.vnnlib", help="A model, or several, and what is asked."
        ),
    ],
    timeout: Annotated[float, typer.Option(metavar="S", help="Seconds, reading included.")] = 60.0,
    witness: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the answer and its witness here.")
    ] = None,
    seed: Seed = 0,
    certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the proof of unsat here.")
    ] = None,
    check: Check = True,
    checkpoint: Checkpoint = None,
    threads: Threads = 1,
    memory: Memory = 400.0,
    trust_pickle: TrustPickle = False,
    overwrite: Overwrite = False,
) -> None:
    """Answer a VNN-LIB property: sat with a witness, unsat, timeout or unknown."""
    if len(files) < 2:
        raise typer.BadParameter("a model and a property file are needed")
    from .commands.solve import answer

    answer(
        files[:-1],
        Path(files[-1]),
        timeout,
        seed,
        witness,
        certificate,
        checkpoint,
        threads,
        memory,
        trust_pickle,
        check,
        overwrite,
    )


@app.command()
def check(
    certificate: Annotated[
        Path, typer.Argument(metavar="FILE", help="A certificate or a manifest.")
    ],
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="As above; a manifest names its own.")
    ] = None,
    property_file: Annotated[
        Path | None,
        typer.Option("--property", metavar="FILE", help="VNN-LIB that the claim must be about."),
    ] = None,
    expect: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="JSON of the claim that must be proven."),
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Exact rational arithmetic.")] = False,
    data: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The images that a manifest must be about."),
    ] = None,
    labels: Labels = None,
    workers: Annotated[
        int, typer.Option(metavar="N", min=1, help="Processes that check a manifest's files.")
    ] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """Re-prove what a certificate, or a manifest of many, claims, without the engine.

    Exit status 3 where anything of it fails.
    """
    from .commands.check import show

    show(certificate, model, property_file, expect, exact, data, labels, workers, as_json)


@app.command()
def vnncomp(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="It holds an instances.csv.")],
    limit: Annotated[float, typer.Option(metavar="S", help="Seconds for one instance.")] = 60.0,
    every: Annotated[int, typer.Option(metavar="K", min=1, help="Only every K-th.")] = 1,
    json: Json = None,
    seed: Seed = 0,
    certificates: Certificates = None,
    check: Check = True,
    overwrite: Overwrite = False,
) -> None:
    """Answer all instances of a VNN-COMP benchmark; compare them with expected.csv if present."""
    from .commands.solve import compete

    compete(folder, limit, every, json, seed, certificates, check, overwrite)


@app.command()
def export(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL... PROPERTY.vnnlib", help="A model, or several, and what is asked."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The file to write.")],
    form: Annotated[
        str, typer.Option("--format", metavar="F", help="smtlib, mps or vnnlib.")
    ] = "smtlib",
    trust_pickle: TrustPickle = False,
    overwrite: Overwrite = False,
) -> None:
    """Write a question for another solver: SMT-LIB 2 (exact), MPS (big-M MILP) or VNN-LIB."""
    if len(files) < 2:
        raise typer.BadParameter("a model and a property file are needed")
    from .commands.solve import write

    write(files[:-1], Path(files[-1]), form, out, trust_pickle, overwrite)


@app.command()
def convert(
    model: Model,
    out: Annotated[Path, typer.Option(metavar="MODEL.onnx", help="The file to write.")],
    trust_pickle: TrustPickle = False,
    overwrite: Overwrite = False,
) -> None:
    """Write a model of any format that is read as an ONNX file, weight for weight."""
    from .commands.inspect import convert as write

    write(model, out, trust_pickle, overwrite)


@app.command()
def matrix(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG.toml", help="Models, images, columns, outputs.")
    ],
    workers: Annotated[int, typer.Option(metavar="N", min=1, help="Processes for proofs.")] = 1,
) -> None:
    """Compare models in one table: natural, attacked, proven and smoothed accuracy."""
    from .commands.matrix import run

    run(config, workers)


@app.command()
def train(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG.toml", help="Model, data, method and outputs.")
    ],
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Instead of the seed in the file.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Train a network plainly, against attacks or on proven bounds; needs PyTorch."""
    from .commands.train import run

    run(config, seed, overwrite)


@app.command()
def selftest(
    minutes: Annotated[
        float, typer.Option(metavar="M", help="How long; longer means more problems.")
    ] = 1.0,
    seed: Seed = 0,
    kind: Annotated[
        str, typer.Option(metavar="TEXT", help="Only kinds whose name holds it, as objective.")
    ] = "",
    first: Annotated[
        int, typer.Option(metavar="N", help="The first round; rounds of a seed are the same.")
    ] = 0,
) -> None:
    """Answer problems whose answers are known, with and without injected faults."""
    from .commands.selftest import show

    show(minutes, seed, kind, first)
