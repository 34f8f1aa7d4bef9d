"""The commands evaluate and tune: questions about a whole test set, kept in a store."""

from __future__ import annotations

import math
import re
import shlex
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from ...clock import Interrupted
from ...compiler.network.graph import Network
from ...evaluation.asked import Asked
from ...evaluation.certified import Smoothing
from ...evaluation.coordinator import Coordinator, Step
from ...evaluation.image.setup import warm
from ...evaluation.plan import Options as Plan
from ...evaluation.result import Evaluation
from ...evaluation.tune import Tried, Tuned, tune
from ...files.outputs import apart
from ...metrics.wording import percent
from ...store import Store
from ...workers import forking
from .. import process
from ..bar import bar
from ..options import Options, number, radius_of
from ..output import is_standard, no_standard, tell
from ..prepare import prepare
from ..results import ResultFiles
from .ask import effort


@dataclass(frozen=True, slots=True)
class Whole:
    """What a user asks of a whole test set, besides what is asked of single images."""

    eps: Sequence[str]
    rho: bool
    estimate: bool
    attacks: str
    norm: str
    total_timeout: float | None
    store: str | None
    rerun: str
    only_new: bool
    workers: int | str
    certificates: Path | None
    json: Path | None
    csv: Path | None
    quiet: bool
    smoothing: str = ""
    n0: int = 100
    n: int = 10_000
    alpha: float = 0.001

    def smooth(self) -> Smoothing | None:
        """What --smoothing asks for."""
        if not self.smoothing:
            return None
        return Smoothing(number(self.smoothing, "--smoothing"), self.n0, self.n, self.alpha)


def run(options: Options, whole: Whole) -> None:
    """rhobust evaluate."""
    with forking(warm, whole.workers):
        _run(options, whole)


def _run(options: Options, whole: Whole) -> None:
    no_standard(whole.certificates, "folder")
    asked = Asked.make(
        [radius_of(options, whole.norm, text) for text in whole.eps], whole.norm,
        options.domain, options.target,
        options.margin, whole.rho, whole.estimate, names(whole.attacks), options.timeout,
        options.seed, effort(options), whole.smooth(),
    )  # fmt: skip
    # what targets there are is checked image by image later: some may be their own label
    network, images, indices = prepare(replace(options, target="any"))
    _apart(options, whole, network)
    plan = Plan(
        whole.rerun, whole.only_new, whole.certificates, options.check, options.overwrite,
        hidden(shlex.join(["rhobust", *sys.argv[1:]])), options.trust_pickle,
    )  # fmt: skip
    with ExitStack() as stack:
        store = None if whole.store is None else stack.enter_context(Store.open(whole.store))
        work = Coordinator(
            network, images, asked, plan, index=indices, total_timeout=whole.total_timeout,
            store=store, workers=whole.workers, labelled=True,
        )  # fmt: skip
        again = work.plan.again
        files = stack.enter_context(
            ResultFiles(whole.json, whole.csv, work.run, again, options.overwrite)
        )
        for record in work.plan.finished.values():
            files.record(record)
        found, interrupted = _work(work, files, whole.quiet)
        files.table(found)
    tell(found.summary())
    if whole.store is not None and not whole.quiet:
        tell(f"store: {hidden(whole.store)}, run {found.run.id}")
    if work.proofs.manifest is not None and not whole.quiet:
        tell(f"manifest: {work.proofs.manifest.path}")
    if interrupted:
        done = len(found) - len(found.unfinished)
        typer.echo(f"interrupted after {done} of {len(found)} images", err=True)
        raise typer.Exit(process.status())


def search(options: Options, whole: Whole, share: str, largest: str, tolerance: float) -> None:
    """rhobust tune."""
    with forking(warm, whole.workers):
        _search(options, whole, share, largest, tolerance)


def _search(options: Options, whole: Whole, share: str, largest: str, tolerance: float) -> None:
    wanted, end = number(share, "--share"), radius_of(options, whole.norm, largest, "--max-eps")
    attacks = names(whole.attacks)
    Asked.make(
        [0.0], whole.norm, options.domain, options.target, options.margin, False, False, attacks,
        options.timeout, options.seed, effort(options),
    )  # fmt: skip
    network, images, indices = prepare(replace(options, target="any"))
    _apart(options, whole, network)

    def told(one: Tried) -> None:
        if not whole.quiet:
            tell(f"{one.eps:g}: between {percent(one.lower, math.floor)} and "
                 f"{percent(one.upper, math.ceil)}")  # fmt: skip

    interrupted = False
    try:
        with bar(None, whole.quiet) as shown:
            found = tune(
                network, images, share=wanted, max_eps=end, tolerance=tolerance,
                store=whole.store, progress=shown, tried=told, index=indices, norm=whole.norm,
                domain=options.domain, target=options.target, margin=options.margin,
                attacks=attacks, timeout=options.timeout, total_timeout=whole.total_timeout,
                settings=effort(options), seed=options.seed, workers=whole.workers,
            )  # fmt: skip
    except Interrupted as stop:
        assert isinstance(stop.result, Tuned)
        found, interrupted = stop.result, True
    tell(_radius(found))
    if interrupted:
        typer.echo(f"interrupted after {len(found.tried)} radii", err=True)
        raise typer.Exit(process.status())


def _radius(found: Tuned) -> str:
    share = percent(found.share)
    if found.reason:
        low = "none" if found.eps is None else f"{found.eps:g}"
        high = "none" if found.above is None else f"{found.above:g}"
        return f"ended early ({found.reason}): {share} proven at {low}, not proven at {high}"
    if found.above is None:
        return f"{share} are proven to keep their labels within {found.eps:g}, the largest asked"
    why = "shown not to be" if found.refuted else "not proven to be"
    if found.eps is None:
        return f"{share} are {why} robust at any radius, {found.above:g} neither"
    return f"{share} are proven robust at {found.eps:g}, and {why} at {found.above:g}"


def names(attacks: str) -> list[str]:
    """The value of --attacks."""
    return [] if attacks in ("", "none") else attacks.split(",")


def _work(work: Coordinator, files: ResultFiles, quiet: bool) -> tuple[Evaluation, bool]:
    """What was found, and whether an interruption cut it short."""
    with bar(len(work.plan.asked), quiet) as shown:

        def heard(step: Step) -> None:
            files.record(step.record)
            shown(step)

        try:
            return work.work(heard, process.uninterrupted), False
        except Interrupted as stop:
            assert isinstance(stop.result, Evaluation)
            return stop.result, True


def _apart(options: Options, whole: Whole, network: Network) -> None:
    """No output is an input, or another output."""
    others: list[str | Path] = [*options.inputs, *network.beside]
    outputs = [path for path in (whole.json, whole.csv) if not (path is None or is_standard(path))]
    if whole.store is not None and "://" not in whole.store:
        outputs.append(Path(whole.store))
    for path in outputs:
        apart(path, others)
        others.append(path)


def hidden(text: str) -> str:
    """A text without the passwords of the addresses in it."""
    return re.sub(r"(://[^:/@\s]*):[^@\s]*@", r"\1:***@", text)
