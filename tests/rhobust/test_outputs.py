"""No command overwrites what it reads, or a file that it would not know again; nothing is half
written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

import rhobust as rb
from rhobust.cli.app import app
from rhobust.compiler.base.errors import InputError
from rhobust.files import atomic as files
from rhobust.files.atomic import Lines, replacing, save, write_text
from rhobust.files.outputs import KINDS, may_write

from .files import images, model
from .test_output import PROPERTY

runner = CliRunner()


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return {str(path): path.read_bytes() for path in files}


ROW = {
    "index": 0, "label": 0, "predicted": 0, "verdict": None, "reason": None, "rho_lower": None,
    "rho_upper": 0.2, "rho_estimate": 0.1, "status": "found", "norm": "linf", "searched": 0.1,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model(tmp_path / "m.onnx")
    images(tmp_path / "images.npz")
    (tmp_path / "unsat.vnnlib").write_text(f"{PROPERTY}(assert (<= Y_0 Y_1))")
    (tmp_path / "sat.vnnlib").write_text(f"{PROPERTY}(assert (>= Y_0 Y_1))")
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROW) + "\n")
    (tmp_path / "text").write_text("a letter\n")
    (tmp_path / "text.png").write_text("a letter\n")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "1.npz").write_text("a letter\n")
    (tmp_path / "instances.csv").write_text("m.onnx,sat.vnnlib,9\n")
    os.link(tmp_path / "m.onnx", tmp_path / "hard.npz")
    (tmp_path / "soft").symlink_to("m.onnx")
    (tmp_path / "far").symlink_to("text")
    (tmp_path / "here").symlink_to(".")
    return tmp_path


VERIFY = "verify m.onnx --data images.npz --index 1 --eps 0.1"
INPUTS = [  # of which the last word is read, or is no such output: --overwrite changes nothing
    "solve m.onnx unsat.vnnlib --certificate m.onnx",
    "solve m.onnx unsat.vnnlib --certificate unsat.vnnlib",
    "solve m.onnx unsat.vnnlib --certificate ./m.onnx",
    "solve m.onnx unsat.vnnlib --certificate here/m.onnx",
    "solve m.onnx unsat.vnnlib --certificate hard.npz",
    "solve m.onnx unsat.vnnlib --certificate soft",
    "solve m.onnx unsat.vnnlib --certificate far",
    "solve soft.onnx unsat.vnnlib --certificate m.onnx",
    "solve m.onnx sat.vnnlib --witness sat.vnnlib",
    "solve m.onnx sat.vnnlib --witness m.onnx",
    "solve m.onnx sat.vnnlib --checkpoint m.onnx",
    "solve m.onnx sat.vnnlib --checkpoint sat.vnnlib",
    "solve m.onnx sat.vnnlib --checkpoint text",
    "solve m.onnx sat.vnnlib --checkpoint new --witness new",
    "solve m.onnx sat.vnnlib --certificate new --witness new",
    f"{VERIFY} --json images.npz",
    f"{VERIFY} --json m.onnx",
    f"{VERIFY} --json soft",
    f"{VERIFY} --checkpoint images.npz",
    f"{VERIFY} --checkpoint rows.jsonl --json rows.jsonl",
    f"{VERIFY} --json here/new.png --out new.png",
    f"{VERIFY} --json runs/new.npz --certificates runs --json runs/1.npz",
    "vnncomp . --json instances.csv",
    "vnncomp . --json sat.vnnlib",
    "vnncomp here --json m.onnx",
    "export m.onnx sat.vnnlib --out sat.vnnlib",
    "export m.onnx sat.vnnlib --out m.onnx",
]
FOREIGN = [  # what may be replaced with --overwrite
    "solve m.onnx unsat.vnnlib --certificate text",
    "solve m.onnx unsat.vnnlib --certificate images.npz",
    "solve m.onnx sat.vnnlib --witness text",
    "solve m.onnx sat.vnnlib --witness unsat.vnnlib",
    f"{VERIFY} --json text",
    f"{VERIFY} --certificates runs",
    "verify digits --index 3 --eps 0.2 --out text.png",
    "export m.onnx sat.vnnlib --out text",
    "export m.onnx sat.vnnlib --format vnnlib --out unsat.vnnlib",
    "vnncomp . --json text",
    "metrics rows.jsonl --out text.png",
]


@pytest.mark.parametrize("command", [*INPUTS, *FOREIGN])
def test_no_command_destroys_a_file(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    if "soft.onnx" in command:
        (folder / "soft.onnx").symlink_to("m.onnx")
    before = contents(folder)
    for more in ([], ["--overwrite"]) if command in INPUTS else ([],):
        result = runner.invoke(app, [*command.split(), *more])
        assert result.exit_code == 2 and result.stdout == "", result.output
        (line,) = result.stderr.splitlines()
        assert line.startswith(f"error: {Path(command.split()[-1])}"), line
        assert contents(folder) == before


@pytest.mark.parametrize("command", FOREIGN)
def test_overwrite_does_and_then_it_is_known(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    before = contents(folder)
    assert runner.invoke(app, [*command.split(), "--overwrite"]).exit_code == 0
    after = contents(folder)
    changed = [name for name in after if after[name] != before[name]]
    assert after.keys() == before.keys() and len(changed) == 1
    assert runner.invoke(app, command.split()).exit_code == 0  # it is of this kind now


def test_kinds_know_what_they_wrote_and_nothing_else(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_file() and path.name != "rows.jsonl":
            for kind in KINDS:
                with pytest.raises(InputError, match="there already|is a link"):
                    may_write(path, kind)
    empty = folder / "empty"
    empty.touch()
    for kind in KINDS:
        may_write(empty, kind)
        may_write(folder / "new", kind)
    may_write(folder / "rows.jsonl", "file of results")
    for text, known in (("unsat\n", True), ("sat\n((X_0 1))", True), ("sat\n; (x)", False)):
        empty.write_text(text)
        if known:
            may_write(empty, "witness")
        else:
            with pytest.raises(InputError):
                may_write(empty, "witness")


def test_the_same_in_python(folder: Path) -> None:
    network, image = rb.load(folder / "m.onnx"), np.array([0.8, 0.2])
    ask: list[Callable[[Path, bool], object]] = [
        lambda path, may: rb.verify(network, image, 0.1, certificate=path, overwrite=may),
        lambda path, may: rb.rho(network, image, certificate=path, overwrite=may),
        lambda path, may: rb.solve(
            folder / "m.onnx", folder / "unsat.vnnlib", certificate=path, overwrite=may
        ),
    ]
    before = contents(folder)
    for path in (folder / "m.onnx", folder / "hard.npz"):
        for call in ask:
            for may in (False, True):
                with pytest.raises(InputError, match="would be overwritten"):
                    call(path, may)
        with pytest.raises(InputError, match="would be overwritten"):
            rb.verify(network, image, 0.1, checkpoint=path)
        with pytest.raises(InputError, match="would be overwritten"):
            rb.solve(network, folder / "unsat.vnnlib", checkpoint=path)
    for path in (folder / "unsat.vnnlib", folder / "text"):
        with pytest.raises(InputError, match="is there already"):
            rb.verify(network, image, 0.1, certificate=path)
    with pytest.raises(InputError, match="would be overwritten"):
        ask[2](folder / "unsat.vnnlib", True)
    x = rb.Variable(2, lower=0, upper=1)
    with pytest.raises(InputError, match="is there already"):
        rb.Problem(rb.maximize(network(x)[0])).solve(certificate=folder / "text")
    assert contents(folder) == before


def test_files_with_a_models_weights_are_read_too(tmp_path: Path) -> None:
    path, beside = tmp_path / "m.onnx", tmp_path / "weights.bin"
    proto = onnx.load(model(path))
    onnx.save_model(proto, path, save_as_external_data=True, location=beside.name, size_threshold=0)
    before = contents(tmp_path)
    assert str(beside) in before
    network, image = rb.load(path), np.array([0.8, 0.2])
    with pytest.raises(InputError, match="would be overwritten"):
        rb.verify(network, image, 0.1, certificate=beside, overwrite=True)
    with pytest.raises(InputError, match="would be overwritten"):
        rb.verify(network, image, 0.1, checkpoint=beside)
    data = images(tmp_path / "images.npz")
    before = contents(tmp_path)
    arguments = ["--data", str(data), "--eps", "0.1", "--overwrite", "--json", str(beside)]
    result = runner.invoke(app, ["verify", str(path), *arguments])
    assert result.exit_code == 2 and "would be overwritten" in result.stderr
    assert contents(tmp_path) == before


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_text(path, "one")
    path.chmod(0o640)
    with pytest.raises(ZeroDivisionError), replacing(path) as file:
        file.write(b"two")
        raise ZeroDivisionError
    assert path.read_text() == "one" and list(tmp_path.iterdir()) == [path]
    before = path.stat().st_ino
    write_text(path, "three")
    assert path.stat().st_ino != before and path.stat().st_mode & 0o777 == 0o640
    save(path, {"a": np.arange(3), "b": np.zeros((0, 2), dtype=bool)})
    with np.load(path) as arrays:
        assert arrays["a"].tolist() == [0, 1, 2] and arrays["b"].shape == (0, 2)


def test_lines_replace_a_file_with_the_first_of_them(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    lines = Lines(path)
    assert path.read_text() == "old"
    lines.write("a")
    assert path.read_text() == "a\n"
    lines.write("b")
    assert path.read_text() == "a\nb\n"
    lines.close()
    assert list(tmp_path.iterdir()) == [path]


def test_links_and_devices(tmp_path: Path) -> None:
    target, link, pipe = tmp_path / "target", tmp_path / "link", tmp_path / "pipe"
    target.write_text("old")
    link.symlink_to(target)
    for write in (lambda: write_text(link, "new"), lambda: Lines(link)):
        with pytest.raises(InputError, match="is a link"):
            write()
    assert link.is_symlink() and target.read_text() == "old"
    write_text(Path(os.devnull), "nothing")
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True)
    write_text(pipe, "through")
    assert reader.communicate(timeout=600)[0] == "through" and pipe.is_fifo()


def test_leftovers_of_dead_runs_are_swept(tmp_path: Path) -> None:
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                          capture_output=True, text=True, check=True).stdout.strip()  # fmt: skip
    here = files._here()
    swept = [f".rhobust-{here}-{dead}-0", f".rhobust-{here}-{dead}-17"]
    kept = [
        f".rhobust-{here}-{os.getpid()}-99", f".rhobust-{here}-{os.getppid()}-0",
        f".rhobust-00000000-{dead}-0", f".rhobust-{here}-{dead}", f"rhobust-{here}-{dead}-0",
        f".rhobust-{here}-{dead}-0.txt", f".other.{dead}",
    ]  # fmt: skip
    for name in (*swept, *kept):
        (tmp_path / name).touch()
    write_text(tmp_path / "new", "")
    assert {path.name for path in tmp_path.iterdir()} == {*kept, "new"}
