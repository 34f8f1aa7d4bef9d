"""The command metrics: what it prints of results, and its curves."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from rhobust.cli.app import app
from rhobust.metrics import curve
from rhobust.report.curve import draw_curves
from rhobust.report.row import estimated, measured
from rhobust.results import Estimate, Iterated, RhoResult

runner = CliRunner()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Estimates of four images, the last of them misclassified, and intervals of two."""
    hats = [0.01, 0.05, math.inf, 0.0]
    estimates = [
        Estimate(rho, "found", None, 2, 1, int(rho > 0.0), 0, 0, 0.1) for rho in hats
    ]  # fmt: skip
    intervals = [
        RhoResult(lower, upper, None, "timeout", 0.5, 0.5, 1, 1, 0.1, 1, 1)
        for lower, upper in ((0.01, 0.02), (0.05, 0.2))
    ]
    paths = [tmp_path / "hats.jsonl", tmp_path / "intervals.jsonl"]
    paths[0].write_text("".join(estimated(0, one).line() + "\n" for one in estimates))
    paths[1].write_text("".join(measured(0, one).line() + "\n" for one in intervals))
    return paths


def call(*arguments: str | Path) -> list[str]:
    """The lines of a command that succeeds."""
    result = runner.invoke(app, ["metrics", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def test_a_line_for_each_file_and_radius(files: list[Path]) -> None:
    lines = call(*files, "--eps", "0.05", "--eps", "1/1000")
    assert lines[0] == str(files[0]) and lines[4] == str(files[1])
    assert lines[2].split() == [
        "0.05000", "0.7500", "1.000", "0.02000", "[0,", "0.02751]", "3", "4"
    ]  # fmt: skip
    assert lines[6].split()[:4] == ["0.05000", "0.5000", "1.000", "0.02000"]
    assert lines[7].split()[:5] == ["0.001000", "0", "0", "-", "-"]
    assert lines[7].endswith("undefined: every image is proven to hold no example within eps")


def test_misclassified_images_can_be_left_out(files: list[Path]) -> None:
    cells = call(files[0], "--correct", "--eps", "0.05")[2].split()
    assert cells[1] == "0.6667" and cells[-1] == "3"


def test_iterated_estimates_have_a_key_of_their_own(tmp_path: Path) -> None:
    further = Iterated(0.03, None, 2, math.inf, 3, "region")
    one = Estimate(0.05, "found", None, 2, 1, 1, 0, 0, 0.1, iterated=further)
    path = tmp_path / "both.jsonl"
    path.write_text(estimated(0, one).line() + "\n")
    assert call(path, "--eps", "0.04")[2].split()[1] == "0"
    assert call(path, "--eps", "0.04", "--iterated")[2].split()[1] == "1.000"


def test_the_radius_is_the_papers_unless_given(files: list[Path]) -> None:
    assert call(files[0])[2].split()[0] == "0.07843"


def test_curves_are_drawn(files: list[Path], tmp_path: Path) -> None:
    for suffix in ("png", "svg", "pdf"):
        out = tmp_path / f"curve.{suffix}"
        assert call(*files, "--out", out, "--max-eps", "0.3")[-1] == f"picture: {out}"
        assert out.stat().st_size > 1000


@pytest.mark.parametrize(
    "results", [[math.inf], [0.0], [[math.inf, math.inf]], [[0.0, math.inf]], [0.5] * 3]
)
def test_any_curve_can_be_drawn(results: list[float], tmp_path: Path) -> None:
    found = curve(np.array(results))
    draw_curves(tmp_path / "curve.png", [("one", found), ("two", curve([0.1]))])
    draw_curves(tmp_path / "curve.png", [("one", found)])
    assert (tmp_path / "curve.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.jsonl"], "cannot be read"),
        (["hats.jsonl", "--iterated"], "line 1: has no rho_iterated"),
        (["hats.jsonl", "--eps", "x"], "--eps must be a number"),
        (["hats.jsonl", "--eps", "-1"], "at least 0"),
        (["hats.jsonl", "--out", "curve.txt"], "unknown suffix"),
        (["hats.jsonl", "--out", "none/curve.png"], "cannot be written"),
        (["image.png", "--out", "image.png"], "named twice"),
    ],
)
def test_bad_input_ends_in_one_line(
    files: list[Path], arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files[0].parent)
    result = runner.invoke(app, ["metrics", *arguments])
    assert result.exit_code == 2
    assert message in result.stderr and len(result.stderr.splitlines()) == 1
    assert sorted(path.name for path in files[0].parent.iterdir()) == [
        "hats.jsonl", "intervals.jsonl"
    ]  # fmt: skip


def test_the_sample_has_an_interval(files: list[Path]) -> None:
    lines = call(files[1], "--eps", "0.05")
    # 1 of 2 at least, 2 of 2 at most: the ends of 1 of 2 and of 2 of 2
    assert lines[-1].split() == ["0.05000", "[0.01257,", "1.000]", str(files[1])]
