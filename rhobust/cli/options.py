"""The options that the commands share: their words, and their text as values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from ..compiler.base.errors import InputError


def distance(norm: str) -> str:
    """The value of --norm by its usual name, for any that it may be called by."""
    from ..compiler.base.norms import NormKind

    try:
        return str(NormKind.of(norm))
    except InputError as error:
        raise InputError(f"--{error}") from None


Model = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A model file, or the embedded digits or digits_conv."),
]
Module = Annotated[
    str,
    typer.Option(
        metavar="PACKAGE:CLASS",
        help="The PyTorch module that a .pt file of weights belongs to; needs --shape.",
    ),
]
Shape = Annotated[str, typer.Option(metavar="1,28,28", help="Of one input of a PyTorch module.")]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Let outputs replace files of other kinds; without it only those that rhobust wrote.",
    ),
]
TrustPickle = Annotated[
    bool,
    typer.Option(
        "--trust-pickle",
        help="Read a .joblib or .pkl MODEL, or a module in .pt, which can run any program: only "
        "from who you trust.",
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help=".npz with images and labels, .npy with --labels, .csv (label first), MNIST or "
        "CIFAR-10, or a folder of PNG or JPEG files. The embedded models need none.",
    ),
]
Labels = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Labels: .npy or .csv; for a folder file,label.")
]
Layout = Annotated[
    str,
    typer.Option(
        metavar="L",
        help="How the data's numbers stand: nhwc (channels last) or nchw; nhwc:nchw says how the "
        "model takes them, too.",
    ),
]
Mean = Annotated[
    str,
    typer.Option(
        metavar="M", help="The model was trained on (x - M) / S: a number, or M,M,M by channel."
    ),
]
Std = Annotated[str, typer.Option(metavar="S", help="See --mean; radii stay in units of x.")]
Index = Annotated[
    str, typer.Option(metavar="A:B", help="Which images: A:B as in Python, K, K,L,M, or a name.")
]
Norm = Annotated[
    str,
    typer.Option(
        metavar="N", callback=distance, help="The distance: linf, l1 or l2; also inf, 1 or 2."
    ),
]
MaxEps = Annotated[
    str, typer.Option(metavar="E", help="Look no further than this, as 0.03 or 8/255.")
]
Integer = Annotated[
    bool, typer.Option("--integer", help="Look for an example of whole pixels, 0 to 255, too.")
]
Iterate = Annotated[
    bool, typer.Option("--iterate", help="Go on to neighbouring regions; reported apart.")
]
Target = Annotated[
    str,
    typer.Option(metavar="T", help="The rival labels: any, second (most probable), K, or K,L,M."),
]
Margin = Annotated[
    float, typer.Option(metavar="M", help="By how much the rival's logit must exceed the label's.")
]
Domain = Annotated[str, typer.Option(metavar="LOW,HIGH", help="The range of every input value.")]
Timeout = Annotated[float, typer.Option(metavar="S", help="Seconds for one image.")]
Seed = Annotated[int, typer.Option(metavar="N", help="Of the random starts of attacks.")]
Json = Annotated[
    Path | None,
    typer.Option(metavar="OUT.jsonl", help="Write one JSON line for each image as it is done."),
]
JsonAnswer = Annotated[
    Path | None,
    typer.Option("--json", metavar="OUT.json", help="Write the answer as one line of JSON."),
]
Csv = Annotated[
    Path | None,
    typer.Option(metavar="OUT.csv", help="Write the same as a table, a row for each image."),
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="PICTURE.png", help="Draw the adversarial examples found, at most 12."),
]
ThemeName = Annotated[
    str, typer.Option("--theme", metavar="T", help="Of pictures: light, or dark for dark slides.")
]
Certificates = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Write the proof of everything proven here, a file each."),
]
Check = Annotated[
    bool,
    typer.Option("--check/--no-check", help="Write certificates only once the checker accepts."),
]
Threads = Annotated[int, typer.Option(metavar="N", min=1, help="Threads of each search.")]
Memory = Annotated[
    float, typer.Option(metavar="MB", min=1, help="For open nodes; beyond it, depth first.")
]
Checkpoint = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Keep an undecided search here, and go on from it."),
]
Eps = Annotated[
    str, typer.Option(metavar="E", help="The radius in units of the domain, as 0.03 or 8/255.")
]
Method = Annotated[
    str,
    typer.Option(
        metavar="M",
        help="noise, fgsm, pgd, pgd-l2, square, lbfgs, fmn, restriction or descent.",
    ),
]
Steps = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="Steps of the attack; its own by default.")
]
Restarts = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="Starts of pgd or fmn for each image.")
]
Minimal = Annotated[
    bool, typer.Option("--minimal", help="Look for the nearest example; --eps is a limit then.")
]
MostEps = Annotated[
    str,
    typer.Option("--eps", metavar="E", help="The radius in units of the domain, as 0.03 or 8/255."),
]
TotalTimeout = Annotated[
    float | None, typer.Option(metavar="S", help="Seconds for all images together.")
]
Attacks = Annotated[
    str, typer.Option(metavar="A,B", help="Attacks that come before searches, or none.")
]
StoreName = Annotated[
    str | None,
    typer.Option(
        "--store", metavar="FILE", help="Keep results in this SQLite file, or on postgresql://..."
    ),
]
WorkersCount = Annotated[
    int, typer.Option("--workers", metavar="N", min=1, help="Processes of this machine.")
]
Scheduler = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="Of a Dask cluster, as host:8786.")
]
Log = Annotated[
    str, typer.Option(metavar="LEVEL", help="Log to standard error: debug, info, warning or error.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="The summary, and nothing else.")]
AccuracyAt = Annotated[
    list[str] | None,
    typer.Option("--eps", metavar="E", help="Tell the accuracy at this radius; more than once."),
]
Radii = Annotated[
    list[str] | None,
    typer.Option("--eps", metavar="E", help="A radius, as 0.03 or 8/255; more than once."),
]


@dataclass(frozen=True, slots=True)
class Options:
    """What a user asks of some images; checked as far as it can be without model and data."""

    model: str
    data: Path | None
    labels: Path | None
    index: str
    target: str
    margin: float
    domain: tuple[float, float]
    timeout: float
    seed: int
    json: Path | None
    out: Path | None
    threads: int = 1
    memory: float = 400.0
    trust_pickle: bool = False
    check: bool = True
    overwrite: bool = False
    layout: str = ""
    mean: str = ""
    std: str = ""
    csv: Path | None = None
    quiet: bool = False
    theme: str = "light"

    @property
    def outputs(self) -> list[Path]:
        """The files that are written, and maybe standard output."""
        return [path for path in (self.json, self.csv, self.out) if path is not None]

    @property
    def inputs(self) -> list[Path]:
        """The files that are read."""
        from ..embedded import NAMES, embedded_file

        model = embedded_file(self.model) if self.model in NAMES else Path(self.model)
        return [model, *(path for path in (self.data, self.labels) if path is not None)]

    def __post_init__(self) -> None:
        check_theme(self.theme)
        if not math.isfinite(self.margin):
            raise InputError(f"--margin must be a finite number, not {self.margin}")
        if not self.timeout > 0.0:  # NaN too
            raise InputError(f"--timeout must be a positive number of seconds, not {self.timeout}")
        if self.seed < 0:
            raise InputError(f"--seed must be at least 0, not {self.seed}")


def log_level(name: str) -> None:
    """Lets the program's logger tell what --log asks for."""
    import logging

    levels = {"debug", "info", "warning", "error"}
    if name not in levels:
        raise InputError(f"--log is one of {', '.join(sorted(levels))}, not {name!r}")
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("rhobust").setLevel(name.upper())


def check_theme(name: str) -> str:
    """Refuses what --theme cannot be."""
    from ..compiler.shown.colours import THEMES

    if name not in THEMES:
        raise InputError(f"--theme is one of {', '.join(THEMES)}, not {name!r}")
    return name


def who(workers: int, scheduler: str | None) -> int | str:
    """What --workers and --scheduler name."""
    if scheduler is not None and workers != 1:
        raise InputError("--workers and --scheduler exclude each other")
    return workers if scheduler is None else scheduler


def number(text: str, option: str) -> float:
    """A finite number, or a quotient of whole numbers such as 8/255."""
    try:
        value = float(Fraction(text)) if "/" in text else float(text)
    except (ValueError, ZeroDivisionError, OverflowError):
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{option} must be a number such as 0.03 or 8/255, not {text!r}")
    return value


def radius(text: str, option: str = "--eps") -> float:
    """The value of --eps."""
    value = number(text, option)
    if value < 0.0:
        raise InputError(f"{option} must be at least 0, not {text}")
    return value


def radius_of(options: Options, norm: str, text: str, option: str = "--eps") -> float:
    """A radius in a domain: of l-infinity, one that was meant in steps of pixels is refused."""
    value = radius(text, option)
    if norm != "linf":
        return value
    from ..compiler.question.claim import check_steps

    return check_steps(text, options.domain, option)


def numbers(text: str, option: str) -> list[float]:
    """Numbers with commas."""
    return [number(part, option) for part in text.split(",")]


def interval(text: str) -> tuple[float, float]:
    """The value of --domain."""
    parts = text.split(",")
    if len(parts) != 2:
        raise InputError(f"--domain must be LOW,HIGH, such as 0,1; not {text!r}")
    low, high = (number(part, "--domain") for part in parts)
    if not low <= high:
        raise InputError(f"--domain must be LOW,HIGH with LOW <= HIGH, not {text!r}")
    return low, high


def chosen(text: str, count: int, source: str, names: Sequence[str] = ()) -> list[int]:
    """The images that --index names among `count`, as in Python; "" names all.

    names: of the images, where they have some: what is one, and no number, means those of the name.
    """
    found: list[int] = []
    if text.strip("0123456789-,: "):
        found = [place for place, name in enumerate(names) if name == text]
        if found:
            return found
    also = ", or the name of an image" if names else ""
    for part in text.split(",") if text else [":"]:
        try:
            ends = [int(piece) if piece.strip() else None for piece in part.split(":")]
            named = range(count)[slice(*ends)] if len(ends) > 1 else [int(part) % count]
        except (ValueError, TypeError):
            raise InputError(
                f"--index must be A:B, a number, or numbers with commas{also}; not {text!r}"
            ) from None
        # unlike in Python, a slice may not end beyond the images: some that it names are missing
        most = count - 1 if len(ends) == 1 else count
        if not all(-count <= end <= most for end in ends[:2] if end is not None):
            raise InputError(f"--index {text} is outside {source}, which has {count} images")
        found.extend(named)
    if not found:
        raise InputError(f"--index {text} names none of the {count} images of {source}")
    return found
