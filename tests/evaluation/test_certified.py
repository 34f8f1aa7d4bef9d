"""Certified radii as a column of an evaluation: those of smoothing, and never called verified."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import rhobust as rb
from rhobust.cli.app import app
from rhobust.compiler.base.errors import InputError
from rhobust.data import digits
from rhobust.evaluation.certified import Smoothing, certified, sentence, smoothing_of
from rhobust.smoothing import Certificate, Smoothed
from rhobust.smoothing.grid import common
from rhobust.smoothing.smoothed import TIMEOUT
from rhobust.store import Run, Store

from ..store.examples import record

INDEX = list(range(6))
RUN = Run("a", {"smoothing": {"sigma": 0.25, "n0": 5, "n": 50, "alpha": 0.01, "grid": None}},
          {}, {}, tuple(INDEX), "now")  # fmt: skip


@pytest.fixture(scope="module")
def found() -> rb.Evaluation:
    return rb.evaluate(
        "digits", digits(), eps=0.05, index=INDEX, smoothing=0.25, n0=50, n=500, seed=3
    )


def test_radii_are_those_of_smoothing(found: rb.Evaluation) -> None:
    """0 where the smoothed classifier abstains or gives another label than the image's."""
    images = digits()
    grid = common(0.25, (images.vector(one) for one in INDEX))
    assert smoothing_of(found.run) == Smoothing(0.25, 50, 500, 0.001, grid)
    smoothed = Smoothed("digits", 0.25, grid=grid, seed=3)
    for one in found.records:
        said = smoothed.certify(images.vector(one.index), 50, 500, index=one.index)
        own = said.label == images.labels[one.index]
        assert one.certified_radius == (said.radius if own else 0.0)
    radii = [one.certified_radius for one in found.records]
    assert max(one or 0.0 for one in radii) > 0.1


def test_radii_are_told_as_certified(found: rb.Evaluation, tmp_path: Path) -> None:
    accuracy = found.certified()
    assert accuracy is not None and accuracy.images == len(INDEX)
    told = found.summary().splitlines()
    assert "robust accuracy" in told[0] and "certified" not in told[0]
    assert told[1].startswith("smoothed with sigma 0.25: ") and "certified radius in l2" in told[1]
    assert "probability of 0.001, any of them of 0.006" in told[1] and "verified" not in told[1]
    assert found.to_dict()["certified"]["wrong"] == accuracy.wrong
    found.to_json(tmp_path / "r.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [row["certified_radius"] for row in rows] == [
        one.certified_radius for one in found.records
    ]


def test_verdicts_do_not_depend_on_smoothing(found: rb.Evaluation) -> None:
    without = rb.evaluate("digits", digits(), eps=0.05, index=INDEX, seed=3)
    assert [one.decisions[0].verdict for one in found.records] == [
        one.decisions[0].verdict for one in without.records
    ]
    assert without.certified() is None and "certified" not in without.summary()
    assert all(one.certified_radius is None for one in without.records)
    assert "smoothing" not in without.run.question


def test_a_radius_without_its_time_is_not_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is asked again by the policy for what is open."""

    def late(self: Smoothed, *args: object, **more: object) -> Certificate:
        return Certificate(-1, 0.0, 0, 0, 10, 0.01, 0.25, 0.0, TIMEOUT)

    monkeypatch.setattr(Smoothed, "certify", late)
    found = rb.evaluate("digits", digits(), smoothing=0.25, n=10, index=[0, 1])
    assert [one.certified_radius for one in found.records] == [None, None]
    assert found.certified() is None
    store = tmp_path / "r.sqlite"
    asked: dict[str, Any] = {"smoothing": 0.25, "n": 10, "index": [0, 1], "store": store}
    rb.evaluate("digits", digits(), **asked)
    monkeypatch.undo()
    for rerun, known in (("never", False), ("undecided", True), ("never", True)):
        found = rb.evaluate("digits", digits(), rerun=rerun, **asked)
        assert all((one.certified_radius is not None) == known for one in found.records)


def test_numbers_are_rounded_to_what_they_bound() -> None:
    """Of three images, one without a radius: two thirds, and the union of their alphas."""
    radii = [0.39999, 0.20009, 0.0, None]
    records = [replace(record(k), certified_radius=radius) for k, radius in enumerate(radii)]
    accuracy = certified(RUN, records)
    assert accuracy is not None and accuracy(0.0) == 2 / 3 and accuracy(0.3) == 1 / 3
    assert 0.03 <= accuracy.wrong <= math.nextafter(0.03, 1.0)
    told = sentence(RUN, records)
    assert "66.6 % of 3 images" in told and "on average 0.2000;" in told
    assert told.endswith("any of them of 0.03001")
    assert sentence(replace(RUN, question={}), records) == ""


@pytest.mark.parametrize(
    "wrong", [{"sigma": 0.0}, {"sigma": math.nan}, {"sigma": math.inf}, {"sigma": 1.0, "n": 0},
              {"sigma": 1.0, "n0": 0}, {"sigma": 1.0, "alpha": 1.0}, {"sigma": 1.0, "alpha": 0.0}],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        Smoothing(**wrong)  # type: ignore[arg-type]


def test_the_command_keeps_radii_and_reports_them(tmp_path: Path) -> None:
    """A radius is part of the question: the same command goes on, another sigma asks again."""
    store, runner = tmp_path / "r.sqlite", CliRunner()
    words = ["evaluate", "digits", "--index", "0:4", "--n", "200", "--store", str(store), "--quiet"]
    first = runner.invoke(app, [*words, "--smoothing", "1/4"])
    assert first.exit_code == 0 and "smoothed with sigma 0.25: " in first.stdout, first.output
    again = runner.invoke(app, [*words, "--smoothing", "1/4"])
    assert again.stdout.splitlines()[1:] == first.stdout.splitlines()[1:]
    other = runner.invoke(app, [*words, "--smoothing", "0.5"])
    assert "smoothed with sigma 0.5: " in other.stdout
    with Store.open(store, readonly=True) as kept:
        assert len(kept.runs()) == 2
        (one, two) = [[each.certified_radius for each in kept.records(run)] for run in kept.runs()]
    assert None not in one and None not in two and one != two
    measured = runner.invoke(app, ["metrics", str(store), "--eps", "0.1"])
    assert "smoothed with sigma 0.25: " in measured.stdout, measured.output
    out = tmp_path / "r.md"
    with Store.open(store, readonly=True) as kept:
        name = kept.runs()[0].id
    written = runner.invoke(app, ["report", str(store), "--run", name, "--out", str(out)])
    assert written.exit_code == 0, written.output
    assert "Smoothed with sigma 0.25: " in out.read_text()
    refused = runner.invoke(app, [*words, "--smoothing", "-1"])
    assert refused.exit_code == 2
