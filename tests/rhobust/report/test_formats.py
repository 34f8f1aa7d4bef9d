"""Every format of the table says the same, and takes the place of nothing but reports."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import rhobust.report.formats
from rhobust.compiler.base.errors import InputError
from rhobust.report.findings.gathered import Findings
from rhobust.report.formats import FORMATS, chosen
from rhobust.report.formats.csv import harmless
from rhobust.report.formats.markdown import plain
from rhobust.report.writing import write_run
from rhobust.store.record import Record

from ..records import made, record, run
from .test_page import EVIL


def some() -> list[Record]:
    images = np.random.default_rng(0).random((40, 20))
    return made(40, 1, images=images)


def written(form: str, records: list[Record] | None = None) -> bytes:
    kept = some() if records is None else records
    findings = Findings.gather(run(count=len(kept), shape=(4, 5)), lambda: kept)
    return FORMATS[form].writer()(findings, None)


def test_the_table_is_the_folder() -> None:
    folder = Path(rhobust.report.formats.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert {one.module.removeprefix(".") for one in FORMATS.values()} == files
    suffixes = [suffix for one in FORMATS.values() for suffix in one.suffixes]
    assert len(set(suffixes)) == len(suffixes)


@pytest.mark.parametrize("form", FORMATS)
def test_a_report_replaces_reports_alone(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"report.{form}"
    records = some()
    for _ in range(2):  # its own kind, then
        assert write_run(run(count=40, shape=(4, 5)), records, path) == path
    path.write_text("a letter\n")
    with pytest.raises(InputError, match="no report"):
        write_run(run(count=40), records, path)
    assert path.read_text() == "a letter\n"
    write_run(run(count=40), iter(records), path, overwrite=True)
    assert path.read_bytes() != b"a letter\n"


def test_formats_follow_from_the_suffix() -> None:
    assert chosen("", Path("a.HTM")) == chosen("", Path("a")) == "html"
    assert chosen("", Path("a.md")) == "md" and chosen("csv", Path("a.txt")) == "csv"
    with pytest.raises(InputError, match="unknown suffix '.txt'; name the format"):
        chosen("", Path("a.txt"))
    with pytest.raises(InputError, match="known: html, md, csv"):
        chosen("docx", Path("a.html"))


def test_csv_has_every_digit() -> None:
    records = [*some(), record(40, 0.25, math.inf)]
    rows = list(csv.DictReader(io.StringIO(written("csv", records).decode())))
    assert len(rows) == 41
    for row, one in zip(rows, records, strict=True):
        assert int(row["image"]) == one.index and row["name"] == one.name
        assert float(row["rho_lower"]) == one.rho_lower
        assert float(row["rho_upper"]) == one.rho_upper
    assert {row["status at 0.1"] for row in rows} == {"proven", "open", "broken", "wrong label"}
    assert {row["reason at 0.1"] for row in rows} == {"", "timeout"}


def test_names_are_no_formulas_and_no_markup() -> None:
    assert [harmless(one) for one in ("=1+1", "@x", "-1", "a=b")] == ["'=1+1", "'@x", "'-1", "a=b"]
    records = [
        replace(one, name=name) for one, name in zip(some(), ["=cmd()", *EVIL], strict=False)
    ]
    (first, *_) = csv.DictReader(io.StringIO(written("csv", records).decode("utf-8")))
    assert first["name"] == "'=cmd()"
    assert plain("a|b\n<script>*") == r"a\|b \<script\>\*"
    text = written("md", records).decode("utf-8")
    assert "<script" not in text.replace("\\<", "") and "\n<" not in text


def test_json_is_strict_and_whole() -> None:
    records = [*some(), record(40, 0.25, math.inf)]
    made = json.loads(written("json", records), parse_constant=pytest.fail)
    assert made["written_by"].startswith("written by rhobust")
    assert len(made["images"]) == made["finished"] == 41 and made["missing"] == 0
    assert made["images"][40]["rho_upper"] == "inf"
    assert [one["eps"] for one in made["accuracy"]] == [0.05, 0.1]
    least = made["accuracy"][1]["robust"]["least"]
    assert least == sum(one["status"][1] == "proven" for one in made["images"])
    size = made["severity"][1]
    assert 0.0 < size["lower"] <= size["estimate"] <= size["upper"] < 0.1
    assert made["fits"][0]["family"] and made["run"]["question"]["norm"] == "linf"


def test_markdown_has_the_words_and_the_tables() -> None:
    text = written("md").decode("utf-8")
    assert text.splitlines()[0] == "<!-- written by rhobust -->"
    for part in ("# Robustness of digits", "robust ≥", "## Least robust", "## Open images",
                 "timeout", "    rhobust evaluate digits.onnx"):  # fmt: skip
        assert part in text, part


def test_pictures_are_pictures() -> None:
    image = Image.open(io.BytesIO(written("png")))
    assert image.size == (1075, 1519) and image.info["Software"] == "rhobust"
    assert written("pdf").startswith(b"%PDF")
    written("png", [record(0, 0.0, 0.0, predicted=3)])
    formula = [replace(one, name="$\\frac$") for one in some()]
    findings = Findings.gather(run(count=40, shape=(4, 5), name="$\\frac$ \\x"), lambda: formula)
    FORMATS["png"].writer()(findings, None)
