"""The matrix: its cells are those of the functions behind it, and no cell is made twice."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import rhobust as rb
from rhobust.cli.app import app
from rhobust.compiler.base.errors import InputError
from rhobust.matrix import fill, read
from rhobust.matrix.cells import Cell
from rhobust.queries.attack import attack_batch
from rhobust.report.matrix import FORMATS, text

CONFIG = """
[[models]]
path = "digits"
[[models]]
name = "conv"
path = "digits_conv"
[data]
images = "digits"
first = 4
count = 6
[columns]
attacks = ["fgsm", "pgd-l2"]
attack_eps = {pgd-l2 = 0.5}
verified = ["8/255", 0.1]
rho = true
timeout = 600
[smoothing]
sigma = 0.25
radius = [0.25]
n0 = 20
n = 100
[output]
store = "m.sqlite"
table = "m.md"
figure = "m.svg"
"""


def config(folder: Path, content: str = CONFIG) -> Path:
    (folder / "m.toml").write_text(content)
    return folder / "m.toml"


def test_cells_are_what_the_functions_say(tmp_path: Path) -> None:
    asked = read(config(tmp_path, CONFIG.replace('"digits_conv"', '"digits"')))
    matrix = fill(asked)
    assert matrix.rows == ("digits", "conv") and matrix.images == 6
    assert matrix.columns == (
        "natural", "fgsm 0.1", "pgd-l2 0.5", "verified 0.03137", "verified 0.1", "phi 0.03137",
        "mu 0.03137", "phi 0.1", "mu 0.1", "smoothed 0.25 (l2)",
    )  # fmt: skip
    first, second = (dict(zip(matrix.columns, row, strict=True)) for row in matrix.cells)
    assert first == second  # the same model by two names
    images = rb.data.digits()
    verdicts = [
        rb.verify("digits", images.vector(k), 0.1, label=int(images.labels[k])).verdict
        for k in range(4, 10)
    ]
    robust = verdicts.count(rb.Verdict.ROBUST) / 6
    assert first["verified 0.1"] == Cell(robust, robust, True)
    assert first["phi 0.1"].lower == first["phi 0.1"].upper
    assert math.isclose(first["phi 0.1"].upper or 0.0, 1.0 - robust)
    fooled = [
        rb.attack("digits", images.vector(k), 0.5, label=int(images.labels[k]), norm="l2",
                  method="pgd-l2").success  # type: ignore[union-attr]
        for k in range(4, 10)
    ]  # fmt: skip
    assert first["pgd-l2 0.5"] == Cell(1.0 - np.mean(fooled), 1.0 - np.mean(fooled), False)
    for row in (first, second):
        natural, attacked, proven = (row[n].upper for n in ("natural", "fgsm 0.1", "verified 0.1"))
        assert natural is not None and attacked is not None and proven is not None
        assert natural >= attacked >= proven - 1e-12


def test_an_interrupted_matrix_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = config(tmp_path)
    heard: list[tuple[str, str]] = []

    def told(row: str, column: str, cell: Cell) -> None:
        heard.append((row, column))
        if len(heard) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill(read(path), told)
    made = 0

    def attack(*given: object, **asked: object) -> object:
        nonlocal made
        made += 1
        return attack_batch(*given, **asked)  # type: ignore[arg-type]

    monkeypatch.setattr("rhobust.matrix.filling.attack_batch", attack)
    whole = fill(read(path))
    assert made == 2  # those of the second model alone
    assert fill(read(path)) == whole and made == 2
    (tmp_path / "m.cells.json").unlink()
    assert fill(read(path)) == whole and made == 6  # proofs come from the store


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format(suffix: str, tmp_path: Path) -> None:
    content = CONFIG.replace('"m.md"', f'"m{suffix}"').replace("rho = true", "rho = false")
    content = content.replace("count = 6", "count = 2")
    found = CliRunner().invoke(app, ["matrix", str(config(tmp_path, content))])
    assert found.exit_code == 0, found.output
    assert found.stdout.startswith("| model | natural |") and "| conv | " in found.stdout
    assert "conv  verified 0.1  " in found.stderr
    assert (tmp_path / "m.svg").read_text().startswith("<?xml")
    written = (tmp_path / f"m{suffix}").read_text()
    if suffix == ".json":
        cells = json.loads(written)["cells"]
        assert set(cells) == {"digits", "conv"} and cells["conv"]["natural"]["proven"] is True
    elif suffix == ".csv":
        rows = list(csv.DictReader(written.splitlines()))
        assert len(rows) == 2 * 6 and rows[0]["column"] == "natural"
    else:
        assert written == found.stdout


@pytest.mark.parametrize(
    ("column", "cell", "told"),
    [
        ("verified 0.1", Cell(0.9995, 0.9999, True), "99.9 % to 100.0 %"),
        ("pgd 0.1", Cell(0.5, 0.5, False), "50.0 % *"),
        ("mu 0.1", Cell(0.012345, 0.012346, True), "0.01234..0.01235"),
        ("mu 0.1", Cell(None, None, True, "none"), "-"),
    ],
)
def test_numbers_are_rounded_outwards(column: str, cell: Cell, told: str) -> None:
    assert text(column, cell) == told


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[data]", "[dada]", "dada is not known"),
        ("count = 6", "cuont = 6", "data.cuont is not known"),
        ('images = "digits"', "", "data.images is missing"),
        ('"fgsm"', '"fast"', "no attack is called"),
        ('["8/255", 0.1]', "[]", "attack_eps needs a radius of fgsm"),
        ('["8/255", 0.1]', "[-1]", "eps"),
        ('name = "conv"', 'name = "digits"', "names that differ"),
        ("first = 4", "first = 400", "leave no image"),
        ("sigma = 0.25", "", "sigma"),
        ('"m.md"', '"m.tex"', "unknown suffix"),
        ('"m.svg"', '"m.md"', "named twice"),
        ("[data]", "[data", "TOML"),
    ],
)
def test_what_is_wrong_is_told(old: str, new: str, told: str, tmp_path: Path) -> None:
    assert old in CONFIG
    path = config(tmp_path, CONFIG.replace(old, new, 1))
    found = CliRunner().invoke(app, ["matrix", str(path)])
    assert found.exit_code == 2 and told in found.stderr, found.output


def test_a_file_of_something_else_is_not_replaced(tmp_path: Path) -> None:
    path = config(tmp_path)
    (tmp_path / "m.cells.json").write_text('{"mine": 1}')
    with pytest.raises(InputError, match="is no file of a matrix"):
        fill(read(path))
    assert (tmp_path / "m.cells.json").read_text() == '{"mine": 1}'
