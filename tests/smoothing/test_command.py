"""The command smooth: lines, JSON, picture, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from rhobust.cli.app import app
from rhobust.report.certified import steps
from rhobust.smoothing import Smoothed
from rhobust.smoothing.accuracy import of_radii
from rhobust.smoothing.binomial import clopper_pearson
from rhobust.smoothing.certificate import Theorem

from ..rhobust.files import model

runner = CliRunner()
KEYS = {
    "index", "label", "predicted", "radius", "abstained", "n0", "n", "alpha", "sigma", "seconds",
    "count",
}  # fmt: skip


def call(*arguments: str | Path, status: int = 0) -> list[str]:
    result = runner.invoke(app, ["smooth", *map(str, arguments)])
    assert result.exit_code == status, result.output
    return result.output.splitlines()


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_lines_json_and_picture(tmp_path: Path) -> None:
    path, picture = tmp_path / "radii.jsonl", tmp_path / "curve.png"
    told = call(
        "digits", "--index", "0:4", "--sigma", "0.25", "--sigma", "64/255", "--n0", "20", "--n",
        "500", "--json", path, "--out", picture,
    )  # fmt: skip
    assert "noise on multiples of 1/255" in told[0] and told[1].split()[0] == "image"
    assert told[6].startswith("4 images: certified accuracy 1.0000 at 0, ")
    assert told[8] == (
        "each certificate is false with a probability of at most 0.001, any of them of at most "
        "0.004"
    )
    found = rows(path)
    assert [row["index"] for row in found] == [0, 1, 2, 3] * 2
    for row in found:
        assert row.keys() >= KEYS and row["grid"] == 255 and row["sigma"] in (0.25, 64 / 255)
        ideal = Theorem(row["sigma"]).radius(clopper_pearson(row["count"], 500, 0.001))
        assert 0.0 < row["radius"] <= ideal < row["radius"] + 1e-9
        assert not row["abstained"] and row["predicted"] == row["label"]
    smoothed = Smoothed("digits", 0.25, grid=255)
    from rhobust.data import digits

    again = smoothed.certify(digits().vector(3), 20, 500, 0.001, index=3)
    assert again.radius == found[3]["radius"]
    assert picture.read_bytes().startswith(b"\x89PNG")
    call("digits", "--index", "0", "--sigma", "0.25", "--n", "100", "--json", path)
    assert len(rows(path)) == 1


def test_one_radius_stops_early(tmp_path: Path) -> None:
    path = tmp_path / "at.jsonl"
    told = call(
        "digits", "--index", "0:3", "--sigma", "0.25", "--radius", "0.2", "--n0", "10",
        "--whole-set", "--alpha", "0.03", "--json", path,
    )  # fmt: skip
    assert told[-2].startswith("each certificate is false with a probability of at most 0.01,")
    for row in rows(path):
        assert row["certified"] is True and row["radius"] == row["asked"] == 0.2
        assert row["n"] < 1000 and row["alpha"] == pytest.approx(0.01)
    told = call("digits", "--index", "0", "--sigma", "0.25", "--radius", "3", "--json", path)
    assert told[2].split()[3] == "no"
    (row,) = rows(path)
    assert row["certified"] is False and row["abstained"] and row["radius"] == 0.0


@pytest.fixture
def coarse(tmp_path: Path) -> tuple[Path, Path]:
    """A network and images that are no multiples of 1/255."""
    data = tmp_path / "images.npz"
    np.savez(data, images=np.array([[0.812, 0.2], [0.3, 0.7]]), labels=[0, 1])
    return model(tmp_path / "model.onnx"), data


def test_other_images_get_float_noise(coarse: tuple[Path, Path], tmp_path: Path) -> None:
    network, data = coarse
    path = tmp_path / "radii.jsonl"
    arguments: list[str | Path] = [
        network,
        "--data",
        data,
        "--sigma",
        "0.1",
        "--n",
        "300",
        "--json",
        path,
    ]
    assert "noise in float32" in call(*arguments)[0]
    assert all(row["grid"] is None and row["radius"] > 0.1 for row in rows(path))
    assert "no multiple of 1/255" in call(*arguments, "--grid", "255", status=2)[-1]
    assert "1/1000" in call(*arguments, "--grid", "1000")[0]
    assert rows(path)[0]["grid"] == 1000


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--sigma", "0"], "--sigma must be positive"),
        (["--sigma", "0.5", "--sigma", "1/2"], "different numbers"),
        (["--sigma", "x"], "--sigma must be a number"),
        (["--sigma", "0.5", "--alpha", "0"], "--alpha must be above 0"),
        (["--sigma", "0.5", "--alpha", "nan", "--whole-set"], "--alpha must be"),
        (["--sigma", "0.5", "--grid", "fine"], "--grid must be"),
        (["--sigma", "0.5", "--radius", "-1"], "--radius must be at least 0"),
        (["--sigma", "0.5", "--out", "curve.txt"], "--out writes .png"),
        (["--sigma", "0.5", "--index", "999"], "which has 200 images"),
    ],
)
def test_bad_options_are_refused(options: list[str], told: str, tmp_path: Path) -> None:
    path = tmp_path / "radii.jsonl"
    lines = call("digits", "--n", "10", "--json", path, *options, status=2)
    assert lines[-1].startswith("error: ") and told in lines[-1]
    assert not path.exists()


def test_steps_of_the_curve() -> None:
    found = of_radii([0.5, 0.25, 0.5], 4, [0.001] * 4)
    assert steps(found, 1.0) == ([0.0, 0.25, 0.5, 1.0], [0.75, 0.5, 0.0, 0.0])
    assert [found(radius) for radius in (0.0, 0.25, 0.26, 0.5, 0.6)] == [0.75, 0.75, 0.5, 0.5, 0.0]


def test_names_of_images_are_told(tmp_path: Path) -> None:
    from PIL import Image

    folder = tmp_path / "images"
    for label in ("0", "1"):
        (folder / label).mkdir(parents=True)
        Image.fromarray(np.full((8, 8), 90, dtype=np.uint8)).save(folder / label / "flat.png")
    path = tmp_path / "radii.jsonl"
    told = call("digits", "--data", folder, "--sigma", "0.25", "--n", "100", "--json", path)
    lines = [line for line in told if line.endswith("flat.png")]
    assert len(lines) == 2 and [row["name"] for row in rows(path)] == ["0/flat.png", "1/flat.png"]


@pytest.mark.slow
def test_workers_tell_the_same(tmp_path: Path) -> None:
    paths = [tmp_path / f"{count}.jsonl" for count in (1, 2)]
    for count, path in zip("12", paths, strict=True):
        call(
            "digits", "--index", "0:6", "--sigma", "0.25", "--n", "500", "--json", path,
            "--workers", count,
        )  # fmt: skip
    first, second = ({row["index"]: row for row in rows(path)} for path in paths)
    assert len(first) == len(second) == 6
    for index, row in first.items():
        assert row | {"seconds": 0} == second[index] | {"seconds": 0}


def test_an_image_that_fails_is_no_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Smoothed, *arguments: object, **named: object) -> None:
        raise FloatingPointError("by a fault")

    monkeypatch.setattr(Smoothed, "certify", broken)
    path = tmp_path / "radii.jsonl"
    told = call("digits", "--index", "0:2", "--sigma", "0.25", "--json", path)
    assert told[4].startswith("2 images: certified accuracy 0.0000 at 0,")
    for row in rows(path):
        assert row["abstained"] and row["radius"] == 0.0 and "by a fault" in row["reason"]
        assert row["predicted"] == -1


def test_an_interruption_keeps_what_was_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certify = Smoothed.certify

    def interrupted(self: Smoothed, *arguments: Any, **named: Any) -> Any:
        if named["index"] == 2:
            raise KeyboardInterrupt
        return certify(self, *arguments, **named)

    monkeypatch.setattr(Smoothed, "certify", interrupted)
    path, picture = tmp_path / "radii.jsonl", tmp_path / "curve.svg"
    told = call(
        "digits", "--index", "0:5", "--sigma", "0.25", "--sigma", "0.5", "--n", "200", "--json",
        path, "--out", picture, status=130,
    )  # fmt: skip
    assert [row["index"] for row in rows(path)] == [0, 1] and picture.exists()
    assert any(line.startswith("2 images: ") for line in told)
    assert any("interrupted" in line for line in told)
