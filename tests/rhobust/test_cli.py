"""The commands: their answers, JSON lines and pictures, and what an interrupt leaves."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import rhobust as rb
import rhobust.cli.commands.ask
import rhobust.files.atomic
from rhobust import VerifyResult
from rhobust import verify as true_verify
from rhobust.cli.app import app
from rhobust.results import KEYS

from .files import RADII, images, model

runner = CliRunner()
EXACT = 1e-5


@pytest.fixture
def small(tmp_path: Path) -> list[str]:
    """Arguments for the small model and its images."""
    return [
        str(model(tmp_path / "model.onnx")), "--data", str(images(tmp_path / "images.npz"))
    ]  # fmt: skip


def call(*arguments: str | Path) -> str:
    """The standard output of a command that succeeds."""
    result = runner.invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def records(path: Path) -> list[dict[str, Any]]:
    """The JSON lines of a file; NaN and infinity are no JSON."""

    def refuse(name: str) -> None:
        raise AssertionError(name)

    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line, parse_constant=refuse) for line in lines]


def test_rho_of_known_radii(small: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    text = call("rho", *small, "--json", out)
    found = records(out)
    assert all(set(row) == {*KEYS, "rho_estimate", "attack", "exact"} for row in found)
    assert [row["index"] for row in found] == [0, 1, 2, 3]
    for row, radius in zip(found, RADII, strict=True):
        assert row["exact"] and row["verdict"] == "NOT_ROBUST" and row["reason"] is None
        assert row["rho_lower"] <= radius * (1 + 1e-12) and row["rho_upper"] >= radius
        assert abs(row["rho_upper"] - radius) < EXACT > abs(row["rho_lower"] - radius)
        assert row["rho_estimate"] == pytest.approx(radius, abs=EXACT)
        assert row["eps"] is None is row["margin_bound"]
    assert [row["predicted"] for row in found] == [0, 1, 0, 0]
    assert "4 images: 4 exact, 0 not exact" in text


def test_rho_is_infinite_where_the_domain_holds_no_example(
    small: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    text = call("rho", *small, "--json", out, "--index", "0", "--margin", "2")
    (row,) = records(out)
    assert row["verdict"] == "ROBUST" and row["rho_lower"] is None is row["rho_upper"]
    assert " inf " in text


def test_verify_on_both_sides_of_rho(small: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    text = call("verify", *small, "--eps", "1/4", "--json", out)
    found = records(out)
    for row in found:
        assert set(row) == {*KEYS, "level"} if row["verdict"] == "ROBUST" else set(KEYS)
        assert row.get("level", "real") == "real"
    verdicts = ["ROBUST" if radius > 0.25 else "NOT_ROBUST" for radius in RADII]
    assert [row["verdict"] for row in found] == verdicts
    for row, radius in zip(found, RADII, strict=True):
        assert row["eps"] == 0.25
        if row["verdict"] == "ROBUST":
            assert row["rho_lower"] == 0.25 and row["rho_upper"] is None
            assert 0.0 <= row["margin_bound"] <= 2 * (radius - 0.25) + 1e-9
        else:
            assert row["rho_lower"] is None and radius <= row["rho_upper"] <= 0.25
            assert row["margin_bound"] is None
    assert text.splitlines()[-2].startswith("4 images: 1 robust, 3 not robust, 0 unknown; mean 0.")


def test_a_short_timeout_leaves_unknown_with_its_reason(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    call("verify", "digits", "--index", "0", "--eps", "0.1", "--timeout", "1e-9", "--json", out)
    (row,) = records(out)
    assert (row["verdict"], row["reason"]) in (("UNKNOWN", "timeout"), ("NOT_ROBUST", None))


def test_estimate_is_no_verdict(small: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    text = call("estimate", *small, "--json", out)
    for row, radius in zip(records(out), RADII, strict=True):
        assert set(row) == {*KEYS, "rho_estimate", "status", "norm", "searched"}
        assert row["verdict"] is None is row["rho_lower"] and row["status"] == "found"
        assert row["rho_estimate"] == pytest.approx(radius, abs=EXACT)
        assert row["rho_upper"] >= radius
    assert "4 images: 4 found" in text


def test_estimate_without_an_example_in_its_region(small: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    call("estimate", *small, "--json", out, "--index", "0", "--margin", "2")
    (row,) = records(out)
    assert row["status"] == "none_in_region" and row["rho_estimate"] is None


def test_what_else_estimate_is_asked(small: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    call("estimate", *small, "--json", out, "--max-eps", "1/100", "--norm", "l1")
    for row, radius in zip(records(out), RADII, strict=True):
        assert row["norm"] == "l1" and row["searched"] == pytest.approx(min(radius, 0.01))
        assert row["status"] == ("beyond_max_eps" if radius else "found")
    both = ["--integer", "--iterate"]
    text = call("estimate", "digits", "--index", "0:2", "--json", out, *both)
    for row in records(out):
        assert row["rho_iterated"] <= row["rho_estimate"] and row["regions"] > 0
        assert row["iterated_from"] == "region"
        assert row["rho_integer"] >= 255 * row["rho_iterated"] - 1e-6
    assert "iterated" in text and "pixels" in text


def test_a_terminal_gets_a_table(small: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", call("rho", *small, "--index", ":2"))
    assert "image 1 \N{BOX DRAWINGS HEAVY HORIZONTAL}" in text  # the bar
    assert re.search(r"0 +0 +0 +0\.3000 +yes", text)
    assert max(map(len, text.replace("\r", "\n").splitlines())) <= 80


def test_the_picture_is_drawn_where_there_are_examples(tmp_path: Path) -> None:
    pictures = [tmp_path / "none.png", tmp_path / "some.png"]
    for eps, path in zip(("0", "1"), pictures, strict=True):
        call("verify", "digits", "--index", ":2", "--eps", eps, "--out", path)
    assert not pictures[0].exists()
    assert pictures[1].read_bytes().startswith(b"\x89PNG")


def test_an_interrupt_keeps_what_is_done(
    small: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def interrupted(*arguments: Any, **named: Any) -> VerifyResult:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return true_verify(*arguments, **named)

    monkeypatch.setattr(rhobust.cli.commands.ask, "verify", interrupted)
    out = tmp_path / "out.jsonl"
    result = runner.invoke(app, ["verify", *small, "--eps", "0.25", "--json", str(out)])
    assert result.exit_code == 130
    assert [row["index"] for row in records(out)] == [0, 1]
    assert "2 images: 1 robust, 1 not robust" in result.stdout
    assert "interrupted after 2 of 4 images" in result.stderr


@pytest.mark.parametrize("command", ["rho", "demo"])
def test_an_interrupt_keeps_the_interval_found_so_far(
    command: str, small: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bracketed(interval: Any) -> None:
        interval.lower = min(1e-3, 0.5 * interval.incumbent.radius)
        raise KeyboardInterrupt

    monkeypatch.setattr("rhobust.queries.rho.close", bracketed)
    out = tmp_path / "out.jsonl"
    asked = {"rho": ["rho", *small, "--index", "0:2"], "demo": ["demo", "--out", str(tmp_path)]}
    result = runner.invoke(app, [*asked[command], "--json", str(out)])
    assert result.exit_code == 130, result.output
    (row,) = records(out)
    assert row["reason"] == "interrupted" and row["verdict"] == "UNKNOWN"
    assert 0.0 < row["rho_lower"] <= 1e-3 and row["rho_upper"] > row["rho_lower"]


def test_a_real_interrupt(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    command = [sys.executable, "-m", "rhobust", "rho", "digits_conv", "--json", str(out)]
    # what a shell starts in the background ignores the signal, and so would its children
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    end = time.monotonic() + 600.0
    while not (out.exists() and out.stat().st_size) and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    text, errors = process.communicate(timeout=600)
    assert process.returncode == 130, errors
    count = len(records(out))
    assert 1 <= count < 200
    # kernels that no run before this one needed are told of first
    assert errors.strip().splitlines()[-1] == f"interrupted after {count} of 200 images"
    assert re.search(rf"^{count} images?: ", text, re.MULTILINE)


def test_an_interrupt_while_an_answer_is_written_comes_after_it(
    small: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the file has an answer that the summary does not count."""
    write = rhobust.files.atomic.Lines.write

    def signalled(self: Any, line: str) -> None:
        write(self, line)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("rhobust.files.atomic.Lines.write", signalled)
    out = tmp_path / "out.jsonl"
    # a shell starts its background jobs with this signal ignored
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        result = runner.invoke(app, ["verify", *small, "--eps", "0.25", "--json", str(out)])
        handler = signal.getsignal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert result.exit_code == 130
    assert [row["index"] for row in records(out)] == [0]
    assert "interrupted after 1 of 4 images" in result.stderr
    assert handler is signal.default_int_handler


def test_a_defect_is_no_bad_input(small: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any, **named: Any) -> VerifyResult:
        raise ZeroDivisionError

    monkeypatch.setattr(rhobust.cli.commands.ask, "verify", broken)
    result = runner.invoke(app, ["verify", *small, "--eps", "0.25"])
    assert result.exit_code == 1 and isinstance(result.exception, ZeroDivisionError)


def test_inspect_shows_layers_and_fidelity(tmp_path: Path) -> None:
    text = call("inspect", model(tmp_path / "model.onnx"))
    for word in ("first", "dense", "relu", "ReLUs         2", "fidelity      0.0e+00", "sha256"):
        assert word in text
    assert "convolution" in call("inspect", "digits_conv")


def test_convert_writes_what_inspect_shows(tmp_path: Path) -> None:
    out = tmp_path / "m.onnx"
    told = call("convert", "digits_conv", "--out", out)
    assert f"{out}: 64 inputs, 10 outputs" in told
    whole, again = call("inspect", "digits_conv"), call("inspect", out)
    for name in ("ReLUs", "input shape", "outputs"):
        line = next(line for line in whole.splitlines() if line.startswith(name))
        assert line in again
    x = np.random.default_rng(0).random((3, 64))
    assert (rb.load(out).forward(x) == rb.load("digits_conv").forward(x)).all()
    call("convert", "digits", "--out", out)  # a model that it wrote itself
    (tmp_path / "other.onnx").write_bytes(b"mine")
    for other in (out, tmp_path / "other.onnx"):
        refused = runner.invoke(app, ["convert", str(out), "--out", str(other)])
        assert refused.exit_code == 2, refused.output


def test_demo_explains_and_draws(tmp_path: Path) -> None:
    text = call("demo", "--out", tmp_path / "new" / "folder", "--count", "2", "--timeout", "600")
    picture = tmp_path / "new" / "folder" / "demo.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert text.splitlines()[0].startswith("The robustness rho of 2 handwritten digits")
    for word in ("proven", "estimate", "2 images: 2 exact", str(picture), "rhobust verify digits"):
        assert word in text


def test_main_is_single_threaded_unless_told() -> None:
    """In a process of its own: it settles signals and descriptors for good."""
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    code = (
        "import os, sys, rhobust.__main__ as m\n"
        "sys.argv = ['rhobust', '--version']\n"
        "try:\n    m.main()\n"
        "finally:\n    print([os.environ[name] for name in " + repr(names) + "], file=sys.stderr)"
    )
    others = {name: value for name, value in os.environ.items() if name not in names}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**others, names[0]: "2"}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout.startswith("rhobust ") and "['2', '1', '1']" in done.stderr


def test_images_of_every_format_give_the_same_answer(tmp_path: Path) -> None:
    network = model(tmp_path / "model.onnx", (4,))
    pixels = np.array([[250, 0, 100, 7], [0, 255, 50, 60]], dtype=np.uint8)
    labels = np.array([0, 1])
    table = np.column_stack([labels, pixels])
    np.savez(tmp_path / "a.npz", images=pixels.reshape(2, 2, 2), labels=labels[:, None])
    np.save(tmp_path / "b.npy", pixels)
    np.save(tmp_path / "b_labels.npy", labels)
    np.savetxt(tmp_path / "c.csv", table, fmt="%d", delimiter=",")
    np.savetxt(tmp_path / "d.csv", table, fmt="%d", delimiter=",", header="label,p", comments="")
    np.save(tmp_path / "e.npy", pixels / 255.0)
    np.savetxt(tmp_path / "e_labels.csv", labels, fmt="%d")
    forms: list[list[str | Path]] = [
        ["--data", tmp_path / "a.npz"],
        ["--data", tmp_path / "b.npy", "--labels", tmp_path / "b_labels.npy"],
        ["--data", tmp_path / "c.csv"],
        ["--data", tmp_path / "d.csv"],
        ["--data", tmp_path / "e.npy", "--labels", tmp_path / "e_labels.csv"],
    ]
    found = []
    for number, form in enumerate(forms):
        out = tmp_path / f"{number}.jsonl"
        call("rho", network, *form, "--json", out)
        found.append([(row["rho_lower"], row["rho_upper"]) for row in records(out)])
    assert all(answers == found[0] for answers in found)
    assert found[0][0][1] == pytest.approx(150 / 510, abs=EXACT)
