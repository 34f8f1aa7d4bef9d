"""The command evaluate: summary, files, refusals, and what an interruption leaves."""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rhobust.cli.app import app
from rhobust.cli.commands.evaluate import hidden
from rhobust.store import Store

from .test_evaluate import equal

runner = CliRunner()


def call(*arguments: str | Path, status: int = 0) -> Any:
    result = runner.invoke(app, ["evaluate", *(str(argument) for argument in arguments)])
    assert result.exit_code == status, result.output
    return result


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_second_call_goes_on_with_the_first(tmp_path: Path) -> None:
    store, out, table = tmp_path / "r.sqlite", tmp_path / "out.jsonl", tmp_path / "out.csv"
    radii = ("--eps", "0.05", "--eps", "1/10")
    options: list[str | Path] = ["digits", *radii, "--store", store, "--json", out]
    first = call(*options, "--index", "0:5")
    lines = first.stdout.splitlines()
    assert lines[0].startswith("clean accuracy 100.0 %, robust accuracy 100.0 % at 0.05 (proven)")
    assert lines[1].startswith("clean accuracy 100.0 %, robust accuracy ") and len(lines) == 3
    assert first.stderr == ""
    second = call(*options, "--index", "0:8", "--csv", table)
    assert sorted(row["index"] for row in rows(out.read_text())) == list(range(8))
    assert len(table.read_text().splitlines()) == 9
    assert second.stdout.splitlines()[2] == lines[2]
    with Store.open(store, readonly=True) as kept:
        (run,) = kept.runs()
        assert len(list(kept.records(run))) == 8 and run.command.startswith("rhobust")
        assert run.card["relus"] == 80 and run.data["count"] == 200
    new = call(*options, "--index", "7:9", "--only-new", "--quiet")
    assert len(new.stdout.splitlines()) == 2 and "between" not in new.stdout
    assert sorted(row["index"] for row in rows(out.read_text())) == list(range(9))


def test_standard_output_takes_one_of_the_files(tmp_path: Path) -> None:
    told = call("digits", "--eps", "0.01", "--index", "0:3", "--json", "-")
    assert [row["index"] for row in rows(told.stdout)] == [0, 1, 2]
    assert told.stderr.startswith("clean accuracy")
    table = call("digits", "--eps", "0.01", "--index", "0:3", "--csv", "-")
    assert table.stdout.startswith("run,index,name") and len(table.stdout.splitlines()) == 4
    refused = call("digits", "--eps", "0.01", "--json", "-", "--csv", "-", status=2)
    assert "standard output" in refused.stderr


def test_files_of_other_questions_are_refused_before_work(tmp_path: Path) -> None:
    out, store = tmp_path / "out.jsonl", tmp_path / "r.sqlite"
    call("digits", "--eps", "0.05", "--index", "0:2", "--json", out)
    before = out.read_bytes()
    refused = call("digits", "--eps", "0.06", "--json", out, "--store", store, status=2)
    assert refused.stderr.startswith(f"error: {out}: is not appended to")
    assert out.read_bytes() == before and refused.stderr.count("\n") == 1
    call("digits", "--eps", "0.06", "--index", "0:2", "--json", out, "--overwrite")
    assert out.read_bytes() != before
    same = call("digits", "--eps", "0.06", "--json", out, "--csv", out, status=2)
    assert "named twice" in same.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "nothing is asked"),
        (("--eps", "x"), "--eps"),
        (("--eps", "0.1", "--log", "loud"), "--log is one of"),
        (("--eps", "0.1", "--rerun", "sometimes", "--store", "STORE"), "rerun is one of"),
        (("--eps", "0.1", "--total-timeout", "0"), "positive"),
        (("--eps", "0.1", "--attacks", "magic"), "magic"),
        (("--eps", "0.1", "--workers", "2", "--scheduler", "a:1"), "exclude each other"),
        (("--eps", "0.1", "--store", "mysql://u:secret@host/x"), "stores are SQLite"),
    ],
)
def test_bad_arguments_end_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    given = [str(tmp_path / "r.sqlite") if one == "STORE" else one for one in arguments]
    told = call("digits", *given, status=2).stderr
    assert said in told and "secret" not in told and "Traceback" not in told


def test_tune_tells_the_radius(tmp_path: Path) -> None:
    options = ["tune", "digits", "--index", "0:6", "--tolerance", "0.2", "--share", "1/2"]
    told = runner.invoke(app, [*options, "--store", str(tmp_path / "r.sqlite")])
    assert told.exit_code == 0, told.output
    lines = told.stdout.splitlines()
    assert lines[0].startswith("0.003906: between 50.0 % and ") and len(lines) > 4
    assert lines[-1].startswith("50.0 % are proven robust at 0.")
    assert "and shown not to be at 0." in lines[-1]
    end = runner.invoke(app, [*options, "--max-eps", "0.001", "--quiet"])
    assert end.stdout == (
        "50.0 % are proven to keep their labels within 0.001, the largest asked\n"
    )
    refused = runner.invoke(app, ["tune", "digits", "--share", "2"])
    assert refused.exit_code == 2 and "share must be" in refused.stderr


def test_the_log_tells_by_level(caplog: pytest.LogCaptureFixture) -> None:
    for level, count in (("warning", 0), ("info", 3), ("debug", 5)):
        caplog.clear()
        call("digits", "--eps", "0.01", "--index", "0:2", "--log", level)
        assert len(caplog.messages) == count, caplog.messages
    logging.getLogger("rhobust").setLevel(logging.NOTSET)


def test_passwords_are_not_kept() -> None:
    text = "rhobust evaluate m.onnx --store postgresql://me:pass:w@rd@host/db --eps 0.1"
    assert "pass" not in hidden(text) and "postgresql://me:***@host/db" in hidden(
        "--store postgresql://me:secret@host/db"
    )
    assert hidden("--data C:/a.npz") == "--data C:/a.npz"


def started(arguments: list[str], before: Callable[[], object]) -> subprocess.Popen[str]:
    """The command as a process of its own. before: what that does first."""
    return subprocess.Popen(
        [sys.executable, "-m", "rhobust", "evaluate", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        preexec_fn=before,
    )  # fmt: skip


def first_line(path: Path) -> None:
    """Waits for the first image of a file of JSON lines."""
    end = time.monotonic() + 300.0
    while not (path.exists() and path.stat().st_size) and time.monotonic() < end:
        time.sleep(0.02)


@pytest.mark.slow
def test_a_full_disk_keeps_what_was_kept(tmp_path: Path) -> None:
    """A limit of the file's size ends its growth as a full disk does."""
    store = tmp_path / "r.sqlite"
    arguments = ["digits", "--eps", "0.01", "--index", "0:60", "--store", str(store)]
    full = started(arguments, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, 120_000)))
    text, errors = full.communicate(timeout=300)
    assert full.returncode == 2 and text == ""
    assert errors.startswith(f"error: {store}: the store cannot be used: ")
    assert errors.count("\n") == 1
    with Store.open(store, readonly=True) as kept:
        done = list(kept.records(kept.runs()[0]))
    assert 0 < len(done) < 60
    call(*arguments)
    with Store.open(store, readonly=True) as kept:
        assert len(list(kept.records(kept.runs()[0]))) == 60


@pytest.mark.slow
def test_a_killed_command_goes_on_to_the_same_rows(tmp_path: Path) -> None:
    cut, whole, out = tmp_path / "cut.sqlite", tmp_path / "whole.sqlite", tmp_path / "out.jsonl"
    arguments = ["digits", "--eps", "0.05", "--eps", "0.15", "--index", "0:60"]
    process = started([*arguments, "--store", str(cut), "--json", str(out)], lambda: None)
    first_line(out)
    process.kill()
    process.communicate(timeout=300)
    call(*arguments, "--store", cut, "--json", out)
    call(*arguments, "--store", whole)
    indices = [row["index"] for row in rows(out.read_text())]
    assert sorted(indices) == list(range(60))
    with Store.open(cut, readonly=True) as one, Store.open(whole, readonly=True) as other:
        assert one.runs()[0].id == other.runs()[0].id
        assert equal(list(one.records(one.runs()[0])), list(other.records(other.runs()[0])))


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_command_sums_up_and_goes_on_later(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    store, out = tmp_path / "r.sqlite", tmp_path / "out.jsonl"
    arguments = ["digits_conv", "--eps", "0.15", "--store", str(store), "--json", str(out)]
    # what a shell starts in the background ignores the signal, and so would its children
    process = started(
        [*arguments, "--index", "0:150"], lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    )
    first_line(out)
    process.send_signal(number)
    text, errors = process.communicate(timeout=300)
    assert process.returncode == status, errors
    done = len(rows(out.read_text()))
    assert 0 < done < 150
    assert errors.strip().splitlines()[-1] == f"interrupted after {done} of 150 images"
    assert text.startswith("clean accuracy") and "ended early (interrupted)" in text
    with Store.open(store, readonly=True) as kept:
        assert len(list(kept.records(kept.runs()[0]))) == done
