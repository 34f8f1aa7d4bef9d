"""The commands about property files and proofs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..command import app
from ..options import (
    Certificates,
    Check,
    Checkpoint,
    Csv,
    Json,
    JsonAnswer,
    Labels,
    Memory,
    Model,
    Module,
    Overwrite,
    Quiet,
    Seed,
    Shape,
    Threads,
    TrustPickle,
)


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
    certificates: Certificates = None,
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
    from ..commands.solve import answer

    answer(
        files[:-1],
        Path(files[-1]),
        timeout,
        seed,
        witness,
        certificate,
        certificates,
        checkpoint,
        threads,
        memory,
        trust_pickle,
        check,
        overwrite,
    )


@app.command()
def supports(
    operators: Annotated[
        bool, typer.Option("--onnx-operators", help="ONNX operators, a line each.")
    ] = False,
    opsets: Annotated[
        bool, typer.Option("--onnx-opset-versions", help="Oldest and newest operator set.")
    ] = False,
    versions: Annotated[
        bool, typer.Option("--vnnlib-versions", help="Oldest and newest version of VNN-LIB.")
    ] = False,
    networks: Annotated[
        bool,
        typer.Option(
            "--multiple-network-theories",
            help="Properties over networks: one, several, equal, isomorphic.",
        ),
    ] = False,
    tensors: Annotated[
        bool,
        typer.Option(
            "--multiple-input-output-theories",
            help="Properties over one, or several, inputs and outputs.",
        ),
    ] = False,
    hidden: Annotated[
        bool, typer.Option("--hidden-node-theories", help="Properties over hidden tensors.")
    ] = False,
    arithmetic: Annotated[
        bool,
        typer.Option("--arithmetic-complexity-theories", help="Bounds, comparisons, linear terms."),
    ] = False,
    assignments: Annotated[
        bool,
        typer.Option(
            "--serialise-assignments", help="Whether witnesses are written as files of tensors."
        ),
    ] = False,
) -> None:
    """Tell what is read, as VNN-LIB 2.0 asks a solver."""
    from ..commands.supports import ANSWERS, show

    flags = (operators, opsets, versions, networks, tensors, hidden, arithmetic, assignments)
    show([name for name, asked in zip(ANSWERS, flags, strict=True) if asked])


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
    json: JsonAnswer = None,
    overwrite: Overwrite = False,
) -> None:
    """Re-prove what a certificate, or a manifest of many, claims, without the engine.

    Exit status 3 where anything of it fails.
    """
    from ..commands.check import show

    show(certificate, model, property_file, expect, exact, data, labels, workers, json, overwrite)


@app.command()
def vnncomp(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="It holds an instances.csv.")],
    timeout: Annotated[
        float, typer.Option("--timeout", "--limit", metavar="S", help="Seconds for one instance.")
    ] = 60.0,
    every: Annotated[int, typer.Option(metavar="K", min=1, help="Only every K-th.")] = 1,
    seed: Seed = 0,
    json: Json = None,
    csv: Csv = None,
    quiet: Quiet = False,
    certificates: Certificates = None,
    check: Check = True,
    threads: Threads = 1,
    memory: Memory = 400.0,
    overwrite: Overwrite = False,
) -> None:
    """Answer all instances of a VNN-COMP benchmark; compare them with expected.csv if present."""
    from ...bnb.settings import Settings
    from ..commands.solve import compete

    spent = Settings.of(None, threads, memory)
    compete(
        folder, timeout, every, json, csv, quiet, seed, certificates, spent, check, overwrite
    )  # fmt: skip


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
    from ..commands.solve import write

    write(files[:-1], Path(files[-1]), form, out, trust_pickle, overwrite)


@app.command()
def convert(
    model: Model,
    out: Annotated[Path, typer.Option(metavar="MODEL.onnx", help="The file to write.")],
    module: Module = "",
    shape: Shape = "",
    trust_pickle: TrustPickle = False,
    overwrite: Overwrite = False,
) -> None:
    """Write a model of any format that is read as an ONNX file, weight for weight."""
    from ..commands.inspect import convert as write

    write(model, out, module, shape, trust_pickle, overwrite)
