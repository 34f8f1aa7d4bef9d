"""The commands solve and vnncomp: property files, one or a folder of them."""

from __future__ import annotations

import ast
import csv as csvlib
import json as jsonlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import typer

from ...bnb.search import Settings
from ...clock import check_timeout
from ...compiler.base.errors import InputError, ModelError, RhobustError
from ...compiler.network.graph import Network
from ...compiler.vnnlib.parse import read_vnnlib
from ...embedded import NAMES, embedded_file
from ...files.atomic import write_text
from ...files.outputs import apart, may_write
from ...networks.load import load
from ...queries.solve import solve
from .. import output
from ..output import is_standard, no_standard, tell
from ..process import rested, uninterrupted
from ..rows import Rows, check_rows

DECIDED = ("sat", "unsat")

PATIENCE = 60.0
"""Seconds beyond its limit after which an instance that has not ended is ended: kernels that it
compiles are not counted by the limit."""


def answer(
    models: list[str] | dict[str, str],
    question: Path,
    timeout: float,
    seed: int,
    out: Path | None,
    certificate: Path | None,
    certificates: Path | None,
    checkpoint: Path | None,
    threads: int,
    memory: float,
    trust_pickle: bool = False,
    check: bool = True,
    overwrite: bool = False,
) -> None:
    """rhobust solve: the status, and the witness of sat, in VNN-COMP's form.

    certificates: a folder for the proof, which takes its name from the property there.
    """
    given = [*models.values()] if isinstance(models, dict) else models
    inputs = [*files(given), question]
    if certificates is not None:
        if certificate is not None:
            raise InputError("--certificate and --certificates exclude each other")
        from ..prepare import folder  # with all that reads images

        no_standard(certificates, "folder")
        folder(certificates)
        certificate = certificates / f"{question.name.partition('.vnnlib')[0]}.npz"
    no_standard(certificate, "certificate")
    no_standard(checkpoint, "checkpoint")
    if is_standard(out):
        out = None  # where the witness goes anyway
    if out is not None:
        may_write(out, "witness", [*inputs, certificate, checkpoint], overwrite)
    for path in (certificate, checkpoint):
        if path is not None:
            apart(path, inputs)
    rested()
    try:
        result = solve(
            models, question, timeout, Settings.of(None, threads, memory), seed,
            certificate=certificate, checkpoint=checkpoint, trust_pickle=trust_pickle,
            check=check, overwrite=overwrite,
        )  # fmt: skip
    except KeyboardInterrupt:
        tell("unknown")
        typer.echo("reason: interrupted", err=True)
        if out is not None:
            write_text(out, "unknown\n")
        raise
    tell(result.status)
    if result.uncertified:
        typer.echo(f"no certificate: {result.uncertified}", err=True)
    if result.reason and result.status == "unknown":
        typer.echo(f"reason: {result.reason}", err=True)
    if result.witness is not None:
        text = result.witness.text()
        tell(text, end="")
        if out is not None:
            write_text(out, f"{result.status}\n{text}")
    elif out is not None:
        write_text(out, f"{result.status}\n")


def answer_named(
    named: list[str],
    question: Path,
    timeout: float,
    seed: int,
    certificates: Path | None,
    checkpoint: Path | None,
    threads: int,
    memory: float,
    trust_pickle: bool = False,
    check: bool = True,
    overwrite: bool = False,
) -> None:
    """rhobust verify PROPERTY --network NAME=MODEL: as solve, the models by their names."""
    pairs = [text.partition("=") for text in named]
    if not all(name and path for name, _, path in pairs):
        raise InputError(f"--network: {' '.join(named)!r} is not of the form NAME=MODEL")
    models = {name: path for name, _, path in pairs}
    if len(models) < len(pairs):
        raise InputError("--network: a name stands twice")
    answer(
        models, question, timeout, seed, None, None, certificates, checkpoint, threads, memory,
        trust_pickle, check, overwrite,
    )  # fmt: skip


def write(
    models: list[str],
    question: Path,
    form: str,
    out: Path,
    trust_pickle: bool = False,
    overwrite: bool = False,
) -> None:
    """rhobust export: nothing is written unless all of it can be."""
    from ...export.questions import FORMATS, export

    if form not in FORMATS:
        raise InputError(f"format {form!r} is not supported; supported: {', '.join(FORMATS)}")
    if not is_standard(out):
        may_write(out, "export", [*files(models), question], overwrite)
    networks = [load(model, trust_pickle=trust_pickle) for model in models]
    text = export(form, networks, read_vnnlib(question))
    output.write(out, text)


def files(models: Sequence[str]) -> list[Path]:
    """Where models are read from."""
    return [embedded_file(model) if model in NAMES else Path(model) for model in models]


@dataclass(frozen=True, slots=True)
class Instance:
    """One row of instances.csv; expected: the settled verdict, "" where none is.

    model: as it stands there; models: the files that it names, by the networks' names, one network
    having the name "".
    """

    model: str
    question: str
    expected: str
    models: Mapping[str, str]


def compete(
    folder: Path,
    limit: float,
    every: int,
    json: Path | None,
    csv: Path | None,
    quiet: bool,
    seed: int,
    certificates: Path | None,
    settings: Settings,
    check: bool = True,
    overwrite: bool = False,
) -> None:
    """rhobust vnncomp: all instances of a folder, compared with the settled verdicts.

    Where processes can be forked each instance has one of its own: what ends it ends no other.
    """
    from ...queries.warm import warm
    from ...workers import forking
    from ..prepare import folder as existing

    check_timeout(limit)
    instances = _instances(folder)[::every]
    inputs = {folder / "instances.csv", folder / "expected.csv"}
    for one in instances:
        inputs |= {stored(folder, name) for name in (*one.models.values(), one.question)}
    outputs = check_rows(json, csv, inputs, overwrite)
    no_standard(certificates, "folder")
    if certificates is not None:
        existing(certificates)
    for number in range(len(instances)) if certificates is not None else ():
        assert certificates is not None
        path = certificates / f"{number * every}.npz"
        may_write(path, "certificate", [*inputs, *outputs], overwrite)
    counts, wrong, seconds = Counter[str](), 0, 0.0
    done = 0
    lines = Rows(json, csv)
    stack = ExitStack()
    try:
        stack.enter_context(forking(warm))
        for number, instance in enumerate(instances):
            proof = None if certificates is None else certificates / f"{number * every}.npz"
            row = _row(folder, instance, limit, seed, proof, settings, check, overwrite)
            contradicts = {row["status"], instance.expected} == set(DECIDED)
            with uninterrupted():  # what is written is counted
                lines.write(jsonlib.dumps({"index": number * every, **row}))
                wrong += contradicts
                counts[str(row["status"])] += 1
                seconds += float(str(row["seconds"]))
                done += 1
            if not quiet or contradicts:
                tell(_line(number * every, row, contradicts))
    except KeyboardInterrupt:
        typer.echo(f"interrupted after {done} of {len(instances)} instances", err=True)
        raise
    finally:
        stack.close()
        lines.close()
        told = ", ".join(f"{counts[status]} {status}" for status in sorted(counts))
        decided = sum(counts[status] for status in DECIDED)
        tell(
            f"{folder.name}: {decided} of {done} decided ({told}), {wrong} contradictions, "
            f"{seconds:.1f} s"
        )


def _row(
    folder: Path,
    instance: Instance,
    limit: float,
    seed: int,
    proof: Path | None,
    settings: Settings,
    check: bool,
    overwrite: bool,
) -> dict[str, object]:
    """What is found out about one instance; one without an answer is unknown, with the reason."""
    row: dict[str, object] = {
        "onnx": instance.model, "vnnlib": instance.question, "expected": instance.expected,
    }  # fmt: skip
    models = {name: stored(folder, file) for name, file in instance.models.items()}
    from ...workers import isolated

    found, error, overdue = isolated(
        _found, models, stored(folder, instance.question), limit, settings, seed, proof, check,
        overwrite, seconds=limit + PATIENCE,
    )  # fmt: skip
    if error:
        status, spent = ("timeout", limit) if overdue else ("unknown", 0.0)
        found = {"status": status, "reason": error, "seconds": spent, "nodes": 0}
    return {**row, **found}


def _found(
    models: Mapping[str, Path],
    question: Path,
    limit: float,
    settings: Settings,
    seed: int,
    proof: Path | None,
    check: bool,
    overwrite: bool,
) -> dict[str, object]:
    """What a search says of a property; what cannot be read is unknown, with the reason."""
    try:
        given = {name: _loaded(path) for name, path in models.items()}
        # the verdict counts where no certificate can be
        lacking = [network.unfiled for network in given.values() if isinstance(network, Network)]
        path = None if any(lacking) else proof
        result = solve(
            given, question, limit, settings, seed, certificate=path, check=check,
            overwrite=overwrite,
        )  # fmt: skip
    except RhobustError as error:
        return {"status": "unknown", "reason": str(error), "seconds": 0.0, "nodes": 0}
    found: dict[str, object] = {
        "status": result.status, "reason": result.reason, "seconds": round(result.seconds, 3),
        "nodes": result.nodes, "lps": result.lps,
    }  # fmt: skip
    if result.witness is not None:
        found["witness"] = result.witness.text()
    if proof is not None and result.status == "unsat":
        why = next(filter(None, lacking), result.uncertified)
        found |= {"uncertified": why} if why else {"certificate": str(proof)}
    return found


@lru_cache(maxsize=2)
def _loaded(path: Path) -> Network | Path:
    """The network, or the path of one that can be read only with the tensors of a property.

    Where nothing is forked, many instances in a row are about the same one.
    """
    try:
        return load(path)
    except ModelError:
        return path


def _line(index: int, row: Mapping[str, object], contradicts: bool) -> str:
    model = "+".join(Path(file).stem for file in models_of(str(row["onnx"]), "").values())
    question = Path(str(row["vnnlib"])).stem
    told = f"{index:5} {model[:36]:36} {question[:36]:36} {row['status']:8}"
    told += f" {float(str(row['seconds'])):8.2f}"
    if row["status"] == "unknown":
        told += f"  {row['reason']}"
    return told + ("  CONTRADICTS the settled verdict" if contradicts else "")


def stored(folder: Path, name: str) -> Path:
    """The file itself or its gzipped form."""
    path = folder / name
    packed = path.with_name(path.name + ".gz")
    return packed if not path.exists() and packed.exists() else path


def _instances(folder: Path) -> list[Instance]:
    """instances.csv, with the verdicts of expected.csv beside it where there is one."""
    listed = folder / "instances.csv"
    if not listed.is_file():
        raise InputError(f"{listed}: no such file; name a folder that holds an instances.csv")
    settled = dict(_expected(folder / "expected.csv"))
    found = []
    with listed.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csvlib.reader(file), 1):
            if not row:
                continue
            if len(row) < 2:
                raise InputError(f"{listed}:{number}: a row needs a model and a property")
            model, question = (part.strip().removeprefix("./") for part in row[:2])
            models = models_of(model, f"{listed}:{number}")
            found.append(Instance(model, question, settled.get((model, question), ""), models))
    if not found:
        raise InputError(f"{listed}: it lists no instances")
    return found


def models_of(text: str, where: str) -> dict[str, str]:
    """The files of a row by their networks' names; a single file has the name "".

    Several networks stand there as VNN-COMP 2026 writes them: [('f', 'a.onnx'), ('g', 'b.onnx')].
    """
    if not text.startswith("["):
        return {"": text}
    try:
        pairs = ast.literal_eval(text)
        models = {str(name): str(file).removeprefix("./") for name, file in pairs}
        good = all(isinstance(part, str) and part for pair in pairs for part in pair)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        pairs, models, good = [], {}, False
    if not good or not models or len(models) < len(pairs):
        raise InputError(
            f"{where}: {text[:60]!r} names no networks; several stand as "
            "[('f', 'a.onnx'), ('g', 'b.onnx')], each with a name of its own"
        )
    return models


def _expected(path: Path) -> Iterator[tuple[tuple[str, str], str]]:
    if not path.is_file():
        return
    with path.open(encoding="utf-8", newline="") as file:
        reader = csvlib.DictReader(file)
        if not {"onnx", "vnnlib", "expected"} <= set(reader.fieldnames or ()):
            raise InputError(f"{path}: it needs the columns onnx, vnnlib and expected")
        for row in reader:
            named = row["onnx"].removeprefix("./"), row["vnnlib"].removeprefix("./")
            yield named, row["expected"]
