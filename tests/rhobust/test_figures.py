"""The figures: a linear region in the plane, and one adversarial example."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from rhobust.cli.app import app
from rhobust.cli.commands.ask import title
from rhobust.cli.commands.figure import METHODS
from rhobust.compiler.base.arrays import Matrix, Vector
from rhobust.networks.running_example import HIDDEN, points, running_example
from rhobust.report.example import draw_example, in_levels
from rhobust.report.picture import Panel
from rhobust.report.plane import clipped, region
from rhobust.report.row import Row

from .files import model

runner = CliRunner()
WEIGHT, BIAS = np.array(HIDDEN[0]), np.array(HIDDEN[1])
SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


def call(*arguments: str | Path) -> list[str]:
    """The lines of a command that succeeds."""
    result = runner.invoke(app, ["figure", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def test_the_running_example_knows_its_points() -> None:
    places, labels = points()
    assert places.min() > 0.0 and places.max() < 1.0
    found = np.argmax(running_example().forward(places), axis=1)
    assert np.mean(found == labels) > 0.95


def test_half_a_square_by_hand() -> None:
    half = clipped(SQUARE, np.array([1.0, 0.0]), -0.25)
    assert sorted(half.tolist()) == [[0.25, 0.0], [0.25, 1.0], [1.0, 0.0], [1.0, 1.0]]
    assert clipped(SQUARE, np.array([1.0, 0.0]), -2.0).shape == (0, 2)
    assert clipped(SQUARE, np.array([1.0, 0.0]), 2.0).tolist() == SQUARE.tolist()


def inside(polygon: Matrix, point: Vector) -> bool:
    """Whether a point lies in a convex polygon, its vertices against the clock."""
    edge = np.roll(polygon, -1, axis=0) - polygon
    step = point - polygon
    return bool((edge[:, 0] * step[:, 1] - edge[:, 1] * step[:, 0] >= -1e-12).all())


places = st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)).map(np.array)


@given(places, places)
def test_a_region_holds_the_points_of_its_phases(point: Vector, other: Vector) -> None:
    polygon = region((WEIGHT, BIAS), point)
    assert inside(polygon, point)
    heights = WEIGHT @ point + BIAS, WEIGHT @ other + BIAS
    if min(np.abs(height).min() for height in heights) > 1e-9:
        same = bool(((heights[0] > 0.0) == (heights[1] > 0.0)).all())
        assert inside(polygon, other) == same


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_a_region_is_drawn(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"region.{suffix}"
    lines = call("region", "--out", out)
    assert lines[0] == "point 0.36,0.53, label 1"
    assert lines[1].startswith("rho-hat (estimate) 0.083") and "rho in [0.0678" in lines[1]
    assert lines[2] == f"picture: {out}" and out.stat().st_size > 10_000


def test_a_region_without_example_is_drawn(tmp_path: Path) -> None:
    lines = call("region", "--point", "0.36,0.55", "--out", tmp_path / "region.png")
    assert "none in the linear region" in lines[1]


@pytest.mark.parametrize("method", METHODS)
def test_an_example_is_drawn_with_its_size_in_pixels(tmp_path: Path, method: str) -> None:
    out = tmp_path / "example.png"
    data, square = tmp_path / "images.npz", model(tmp_path / "model.onnx", (1, 2, 2))
    np.savez(data, images=np.array([[[25, 180], [76, 50]]], dtype=np.uint8), labels=[1])
    lines = call("example", square, "--data", data, "--out", out, "--method", method)
    assert lines[0] == "image 0: label 1, example 2"
    assert lines[1].startswith(METHODS[method])
    assert lines[1].endswith("\N{GREEK SMALL LETTER EPSILON} = 0.2040, 52.00 of 255 levels")
    assert out.stat().st_size > 1000


@pytest.mark.parametrize(
    ("exact", "told"), [(False, "\u03c1 \u2264 0.006906"), (True, "\u03c1 = 0.006905")]
)
def test_a_title_rounds_an_upper_end_up(exact: bool, told: str) -> None:
    row = Row(35, 3, 3, 1.0, rho_upper=0.0069051, extra={"exact": exact})
    assert title(row, 5).splitlines() == ["#35", "3 \u2192 5", told]


def test_no_example_is_no_picture(tmp_path: Path) -> None:
    out = tmp_path / "example.png"
    lines = call("example", "digits", "--index", "0", "--margin", "1e6", "--out", out)
    assert lines[0].startswith("no picture: no example (none in region)") and not out.exists()


@pytest.mark.parametrize("shape", [(4, 6), (3, 4, 2), (4, 2, 3)])
def test_images_of_any_shape_are_drawn(tmp_path: Path, shape: tuple[int, ...]) -> None:
    size = int(np.prod(shape))
    image = np.linspace(0.0, 1.0, size)
    for example in (image[::-1].copy(), image):
        panel = Panel(image, example, "title")
        draw_example(tmp_path / "a.png", panel, ("one", "other"), shape, (0.0, 1.0))
        assert (tmp_path / "a.png").stat().st_size > 1000


def test_levels() -> None:
    assert in_levels(0.2, (0.0, 1.0)) == pytest.approx(51.0)
    assert in_levels(0.2, (-1.0, 1.0)) == pytest.approx(25.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["region", "--point", "0.3"], "--point must be X,Y"),
        (["region", "--point", "0.3,2"], "--point must be X,Y"),
        (["region", "--out", "a.txt"], "unknown suffix"),
        (["example", "digits", "--index", "0:2"], "names 2 images"),
        (["example", "digits", "--method", "luck"], "--method 'luck'"),
        (["example", "digits", "--out", "a.txt"], "unknown suffix"),
        (["example", "none.onnx"], "none.onnx"),
    ],
)
def test_bad_input_ends_in_one_line(
    tmp_path: Path, arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = runner.invoke(app, ["figure", *arguments])
    assert result.exit_code == 2
    assert message in result.stderr and len(result.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())
