"""The command check, where it is given a manifest: one number, and all that proves it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn

from ...bnb.check import REFUSED, Checker, Refused, read_manifest
from ...bnb.checker.manifest.contents import File, Image, Manifest, Question
from ...bnb.checker.manifest.summary import check_file, conclude
from ...compiler.base.errors import InputError
from ...data import load
from ...embedded import NAMES, embedded_file
from ...workers import forking, open_workers
from ..output import stream, tell_report
from ..progress import shown

PORTION = 16
"""Files of one task."""

Pair = tuple[Image, File]


def show(
    path: Path,
    model: str | None,
    data: Path | None,
    labels: Path | None,
    workers: int,
    json: Path | None,
) -> None:
    """Prints what all files prove; ends with exit status 3 where anything is refused."""
    began = time.perf_counter()
    try:
        manifest = read_manifest(path)
    except Refused as refusal:
        tell_report(f"refused: {refusal}", {"accepted": False, "reasons": [str(refusal)]}, json)
        raise typer.Exit(REFUSED) from None
    where = str(path.parent / manifest.model) if model is None else model
    if model in NAMES:
        where = str(embedded_file(model))
    images = None if data is None else load(data, labels, domain=_domain(manifest))
    try:
        Checker(where)
    except Exception as error:  # of onnx, zlib or the checker: the model is not readable
        remedy = "" if model is not None else "; name the model after the manifest"
        raise InputError(f"{where}: the checker cannot read it: {error}{remedy}") from error
    with forking(lambda: None, workers):
        refused = _refused(path.parent, manifest, where, workers)
    summary = conclude(manifest, refused, images, time.perf_counter() - began)
    tell_report(summary.text(), asdict(summary), json)
    if not summary.accepted:
        raise typer.Exit(REFUSED)


def _refused(
    folder: Path, manifest: Manifest, model: str, workers: int
) -> list[tuple[Image, File, str]]:
    """The files that are not accepted, in their order, and why."""
    files = manifest.files
    found: dict[int, Sequence[str]] = {}
    console = Console(file=stream(), highlight=False)
    bar = shown(
        console, TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TimeElapsedColumn(),
    )  # fmt: skip
    with bar, open_workers(workers, partial(Checker, model)) as pool:
        task = bar.add_task("files", total=len(files))
        for start in range(0, len(files), PORTION):
            pool.submit(
                start, check_files, folder, manifest.question, files[start : start + PORTION]
            )
        while (done := pool.next()) is not None:
            assert isinstance(done.key, int)
            some = files[done.key : done.key + PORTION]
            found[done.key] = [done.error] * len(some) if done.error else done.value
            bar.advance(task, len(some))
    reasons = [why for start in sorted(found) for why in found[start]]
    assert len(reasons) == len(files)
    return [(image, file, why) for (image, file), why in zip(files, reasons, strict=True) if why]


def check_files(
    checker: Checker, folder: Path, question: Question, files: Sequence[Pair]
) -> list[str]:
    """Why each of some files is not accepted, or ""."""
    return [check_file(checker, folder, question, image, file) for image, file in files]


def _domain(manifest: Manifest) -> tuple[float, float]:
    """What the numbers of a data set's file are divided for."""
    try:
        low, high = (float.fromhex(end) for end in manifest.question.domain)
    except ValueError:  # ends that differ from input to input
        return 0.0, 1.0
    return low, high
