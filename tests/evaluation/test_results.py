"""Shares and summaries of records that are known by hand, and their files."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rhobust.compiler.base.errors import InputError
from rhobust.evaluation import Evaluation
from rhobust.evaluation.outputs.json_lines import JsonLines
from rhobust.metrics.intervals import read
from rhobust.results import Verdict
from rhobust.store import Decision, Record, Run

UNKNOWN, ROBUST, NOT_ROBUST = Verdict.UNKNOWN, Verdict.ROBUST, Verdict.NOT_ROBUST


def run(count: int, eps: Sequence[float] = (0.1,), rho: bool = False, id: str = "r") -> Run:
    question = {"eps": list(eps), "rho": rho, "attacks": ["pgd"]}
    return Run(id, question, {}, {}, tuple(range(count)), "now")


def image(index: int, verdict: Verdict, correct: bool = True, attacked: bool = False) -> Record:
    lower = 0.1 if verdict is ROBUST else 0.0
    upper = math.inf if verdict is not NOT_ROBUST else (0.06 if correct else 0.0)
    reason = "timeout" if verdict is UNKNOWN else ""
    decision = Decision(0.1, verdict, reason, -math.inf, attacked)
    return Record(
        index, f"{index}", 1, 1 if correct else 2, lower, upper, (decision,),
        attack_distance=upper,
    )  # fmt: skip


def thousand() -> Evaluation:
    """931 robust, 3 undecided, 26 with examples, of which attacks found 20, 40 misclassified."""
    kinds = [(ROBUST, True, False)] * 931 + [(UNKNOWN, True, False)] * 3
    kinds += [(NOT_ROBUST, True, True)] * 20 + [(NOT_ROBUST, True, False)] * 6
    kinds += [(NOT_ROBUST, False, True)] * 40
    records = tuple(image(index, *kind) for index, kind in enumerate(kinds))
    return Evaluation(records, run(1000))


def test_shares_of_a_thousand_images() -> None:
    found = thousand()
    assert found.clean == 0.96 and found.robust("1/10") == (0.931, 0.934)
    assert found.attacked(0.1) == 0.94 and len(found) == 1000
    assert found.summary() == (
        "clean accuracy 96.0 %, robust accuracy between 93.1 % and 93.4 % at 0.1 (3 of "
        "1,000 undecided), attacks alone would say 94.0 %"
    )
    with pytest.raises(InputError, match="0.2 was not asked for"):
        found.robust(0.2)
    assert "1,000 images" in repr(found)


def test_what_attacks_say_is_rounded_as_the_end_beside_it() -> None:
    """An upper end, too: 2 of 3 are 66.7 % beside an interval, and beside what is decided."""
    lost, proven, open_ = (NOT_ROBUST, True, True), (ROBUST, True, False), (UNKNOWN, True, False)
    for last, share, told in (
        (open_, "between 16.6 % and 33.4 % at 0.1 (1 of 6 undecided)", "33.4 %"),
        (proven, "33.3 % at 0.1 (proven)", "33.3 %"),
    ):
        records = tuple(image(k, *kind) for k, kind in enumerate([lost] * 4 + [proven, last]))
        ends = f"robust accuracy {share}, attacks alone would say {told}"
        assert Evaluation(records, run(6)).summary().endswith(ends)


def test_shares_are_rounded_outwards() -> None:
    records = [image(0, ROBUST), image(1, UNKNOWN), *(image(k, NOT_ROBUST) for k in range(2, 7))]
    told = Evaluation(tuple(records), run(7)).summary()
    assert "between 14.2 % and 28.6 % at 0.1 (1 of 7 undecided)" in told
    decided = Evaluation((image(0, ROBUST), image(1, NOT_ROBUST)), run(2)).summary()
    assert "robust accuracy 50.0 % at 0.1 (proven), attacks" in decided


def test_images_that_were_not_reached_are_undecided() -> None:
    found = Evaluation((image(0, ROBUST),), run(4), "interrupted", frozenset({1, 2, 3}))
    assert found.robust(0.1) == (0.25, 1.0) and found.attacked(0.1) == 1.0
    assert "3 of 4 undecided" in found.summary() and found.finished == found.records
    assert "attacks" not in found.summary()  # which did not run on the others
    nothing = Evaluation((), run(4), "interrupted", frozenset(range(4)))
    assert nothing.robust(0.1) == (0.0, 1.0) and nothing.clean == 0.0
    assert len(Evaluation((), run(0))) == 0 and Evaluation((), run(0)).robust(0.1) == (0.0, 0.0)


def test_distances_are_told_where_they_were_asked_for() -> None:
    exact = Record(0, "0", 1, 1, 0.2, 0.2)
    wide = Record(1, "1", 1, 1, 0.1, 0.5)
    found = Evaluation((exact, wide), run(2, (), rho=True))
    assert found.summary() == (
        "clean accuracy 100.0 %, rho exact for 1 of 2 images, its median between 0.15 and 0.35"
    )


def test_json_lines_are_those_of_metrics(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    thousand().to_json(path)
    rows = [json.loads(text) for text in path.read_text().splitlines()]
    assert [row["index"] for row in rows] == list(range(1000))
    assert rows[0]["verdict"] == "ROBUST" and rows[0]["rho_upper"] is None
    assert rows[931]["reason"] == "timeout" and rows[0]["eps"] == 0.1
    known = read(path)
    assert len(known) == 1000 and (known.upper[:934] == math.inf).all()
    assert known.lower[0] == 0.1 and known.correct.sum() == 960


def test_a_file_of_the_same_run_is_appended_to(tmp_path: Path) -> None:
    path, whole = tmp_path / "out.jsonl", run(5)
    records = [image(index, ROBUST) for index in range(5)]
    Evaluation(tuple(records[:2]), whole).to_json(path)
    first = path.read_bytes()
    Evaluation(tuple(records), whole).to_json(path)
    assert path.read_bytes().startswith(first)
    assert [json.loads(t)["index"] for t in path.read_text().splitlines()] == [0, 1, 2, 3, 4]
    path.write_bytes(path.read_bytes()[:-9])  # killed in the middle of a line
    with JsonLines(path, whole) as lines:
        assert lines.present == {0, 1, 2, 3}
        for record in records:
            lines.write(record)
    assert [json.loads(t)["index"] for t in path.read_text().splitlines()] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"index": 0, "run": "other"}\n', "results of another question"),
        ("my notes\n", "line 1 is no result"),
        ("my notes", "line 1 is no result"),
        ("[1, 2]\n", "line 1 is no result"),
        ('{"index": 0}\n', "line 1 is no result"),
    ],
)
def test_files_of_anything_else_are_refused(tmp_path: Path, text: str, said: str) -> None:
    found = Evaluation((image(0, ROBUST),), run(1))
    for path, write in (
        (tmp_path / "out.jsonl", found.to_json), (tmp_path / "out.csv", found.to_csv)
    ):  # fmt: skip
        path.write_text(text)
        with pytest.raises(InputError, match=said if path.suffix == ".jsonl" else "no table of"):
            write(path)
        assert path.read_text() == text
        write(path, overwrite=True)
        assert path.read_text() != text


def test_tables_have_a_row_for_each_image(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    found = thousand()
    found.to_csv(path)
    found.to_csv(path)  # in the place of the same run's
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1000 and rows[0]["verdict at 0.1"] == "ROBUST"
    assert {row["run"] for row in rows} == {"r"} and rows[0]["rho_upper"] == "inf"
    other = Evaluation(found.records, run(1000, id="s"))
    with pytest.raises(InputError, match="no table of this question"):
        other.to_csv(path)


def test_data_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    pandas: Any = pytest.importorskip("pandas")
    frame = thousand().to_dataframe()
    assert isinstance(frame, pandas.DataFrame) and len(frame) == 1000
    assert (frame["verdict at 0.1"] == "ROBUST").sum() == 931
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match=r"needs pandas: pip install 'rhobust\[pandas\]'"):
        thousand().to_dataframe()
