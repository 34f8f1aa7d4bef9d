"""The command check: what a certificate proves."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import typer

from ...bnb.check import REFUSED, Checker, Unreadable, is_manifest, read_expectation
from ...compiler.base.errors import InputError
from ...embedded import NAMES, embedded_file
from ...files.outputs import may_write
from ..output import is_standard, tell_report


def show(
    certificate: Path,
    model: str | None,
    property_file: Path | None,
    expect: Path | None,
    exact: bool,
    data: Path | None,
    labels: Path | None,
    workers: int,
    json: Path | None,
    overwrite: bool,
) -> None:
    """Prints the checker's report; ends with exit status 3 where it refused the certificate."""
    for path in (certificate, property_file, expect):
        if path is not None and not path.is_file():
            raise InputError(f"{path}: no such file")
    one = {"--property": property_file, "--expect": expect, "--exact": exact}
    many = {"--data": data, "--labels": labels, "--workers": workers != 1}
    inputs = [certificate, property_file, expect, data, labels]
    if model is not None:
        inputs.append(embedded_file(model) if model in NAMES else Path(model))
    if json is not None and not is_standard(json):
        may_write(json, "report of a check", inputs, overwrite)
    whole = is_manifest(certificate)
    for name, given in (one if whole else many).items():
        if given:
            raise InputError(
                f"{name} is of {'certificates' if whole else 'manifests'}, and {certificate} is "
                f"{'a manifest' if whole else 'none'}"
            )
    if whole:
        from .manifest import show as show_manifest  # workers and data: a certificate needs none

        show_manifest(certificate, model, data, labels, workers, json)
        return
    if model is None:
        raise InputError(f"{certificate}: name the model that it is about after it")
    try:
        checker = Checker(embedded_file(model) if model in NAMES else model)
    except Exception as error:  # of onnx, zlib or the checker: the model is not readable
        raise InputError(f"{model}: the checker cannot read it: {error}") from error
    try:
        expected = None if expect is None else read_expectation(expect)
    except Unreadable as error:
        raise InputError(f"{expect}: {error}") from error
    report = checker.check(certificate, property_file, exact, expected)
    tell_report(report.text(), asdict(report), json)
    if not report.accepted:
        raise typer.Exit(REFUSED)
