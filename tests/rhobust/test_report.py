"""Numbers that stay bounds when they are rounded, and pictures of every shape."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR
from pathlib import Path

import numpy as np
import pytest

from rhobust.compiler.shown.numbers import digits
from rhobust.report.picture import MOST, Panel, draw
from rhobust.report.row import measured
from rhobust.report.table import COLUMNS, headings, plain, summary
from rhobust.results import RhoResult, Verdict


def result(lower: float, upper: float, reason: str = "") -> RhoResult:
    return RhoResult(lower, upper, None, reason, 0.5, math.inf, 3, 3, 1.0, 10, 2)


def test_bounds_are_rounded_outwards() -> None:
    assert digits(0.123456, ROUND_FLOOR) == "0.1234"
    assert digits(0.123456, ROUND_CEILING) == "0.1235"
    assert digits(-12.34567, ROUND_FLOOR) == "-12.35"
    assert digits(0.0) == "0"
    line = plain(measured(0, result(0.123456, 0.234561, "timeout")), COLUMNS["rho"])
    assert "[0.1234, 0.2346]" in line and "timeout" in line


@pytest.mark.parametrize(
    ("lower", "upper", "reason", "verdict"),
    [
        (0.25, 0.25, "", Verdict.NOT_ROBUST),
        (0.0, 0.0, "", Verdict.NOT_ROBUST),
        (0.2, 0.25, "timeout", Verdict.UNKNOWN),
        (0.2, math.inf, "timeout", Verdict.UNKNOWN),
        (math.inf, math.inf, "", Verdict.ROBUST),
    ],
)
def test_rho_decides_only_when_exact(
    lower: float, upper: float, reason: str, verdict: Verdict
) -> None:
    row = measured(7, result(lower, upper, reason))
    assert row.verdict is verdict and row.reason == (reason or None)
    assert "Infinity" not in row.line() and "NaN" not in row.line()


def test_lines_stand_under_their_headings() -> None:
    columns = COLUMNS["rho"]
    line = plain(measured(0, result(0.25, 0.25)), columns)
    assert line.index("0.2500") == headings(columns).index("rho (proven)")


def test_summary_of_none_one_and_many() -> None:
    assert summary([]) == "0 images"
    rows = [measured(0, result(0.25, 0.25)), measured(1, result(0.1, 0.2, "timeout"))]
    assert summary(rows[:1]) == "1 image: 1 exact, 0 not exact; mean 1.00 s"
    assert summary(rows) == "2 images: 1 exact, 1 not exact (1 timeout); mean 1.00 s"


@pytest.mark.parametrize("shape", [(4, 5), (3, 4, 5), (4, 5, 3)])
@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_every_shape_can_be_drawn(shape: tuple[int, ...], suffix: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(-1.0, 1.0, size=(3, math.prod(shape)))
    panels = [Panel(points[0], points[k], "1 \N{RIGHTWARDS ARROW} 2\nrho") for k in range(3)]
    path = tmp_path / f"picture{suffix}"
    draw(path, panels, shape, (-1.0, 1.0))
    starts = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}
    assert path.read_bytes().startswith(starts[suffix])


def test_a_picture_stays_small(tmp_path: Path) -> None:
    panels = [Panel(np.zeros(4), np.ones(4), "")] * (MOST + 3)
    sizes = []
    for count in (MOST, MOST + 3):
        path = tmp_path / f"{count}.svg"
        draw(path, panels[:count], (2, 2), (0.0, 1.0))
        sizes.append(path.read_text(encoding="utf-8").count("<image"))
    assert sizes[0] == sizes[1]
