"""The commands report and compare, and metrics of a store."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from rhobust.cli.app import app
from rhobust.store import Store

from ..records import made, run
from .test_page import rows

runner = CliRunner()


def keep(path: Path, name: str, differ: int = 0, count: int = 30) -> None:
    """A run of some images in a store."""
    images = np.random.default_rng(0).random((count, 20))
    with Store.open(path) as store:
        about = store.begin(run(name, count=count, shape=(4, 5)))
        for record in made(count, 1, images=images, differ=differ):
            store.keep(about, record)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    keep(tmp_path / "results.sqlite", "alpha")
    return tmp_path / "results.sqlite"


def call(*arguments: str | Path) -> str:
    result = runner.invoke(app, [str(one) for one in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: str | Path) -> str:
    result = runner.invoke(app, [str(one) for one in arguments])
    assert result.exit_code == 2, result.output
    return result.stderr


@pytest.mark.parametrize("form", ["html", "csv", "png"])
def test_a_store_becomes_a_report(store: Path, form: str) -> None:
    out = store.with_name(f"report.{form}")
    told = call("report", store, "--out", out)
    assert told.startswith("The clean accuracy of digits is")
    assert told.splitlines()[-1] == f"report: {out}"
    assert out.stat().st_size > 1000
    before = store.read_bytes()
    assert "overwritten" in refused("report", store, "--out", store, "--format", form)
    assert store.read_bytes() == before


def test_texts_go_to_standard_output(store: Path) -> None:
    made_ = json.loads(call("report", store, "--out", "-", "--format", "json"))
    assert made_["finished"] == 30
    assert "standard output" in refused("report", store, "--out", "-", "--format", "png")
    assert call("report", store, "--out", "-").startswith("<!doctype html>")


def test_pictures_of_the_store_are_in_the_page(store: Path) -> None:
    out = store.with_name("report.html")
    call("report", store, "--out", out)
    assert out.read_text(encoding="utf-8").count("data:image/png") > 30


def test_certificates_lie_beside_the_store_or_where_one_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, away = tmp_path / "home", tmp_path / "away"
    (home / "proofs").mkdir(parents=True)
    (away / "own").mkdir(parents=True)
    (home / "proofs" / "0.npz").write_bytes(b"")
    (away / "own" / "1.npz").write_bytes(b"")
    with Store.open(home / "r.sqlite") as store:
        about = store.begin(run("alpha", count=3))
        for record, name in zip(made(3, 1), ("proofs/0.npz", "own/1.npz", "x/2.npz"), strict=True):
            store.keep(about, replace(record, certificate=name))
    monkeypatch.chdir(away)
    call("report", home / "r.sqlite", "--out", away / "report.html")
    held = rows((away / "report.html").read_text(encoding="utf-8"))
    assert held["certificates"] == {
        "0": [str(home / "proofs" / "0.npz"), "./../home/proofs/0.npz"],
        "1": ["own/1.npz", "./own/1.npz"],
        "2": ["x/2.npz", "./x/2.npz"],
    }


def test_runs_are_chosen_by_the_beginning_of_their_name(store: Path) -> None:
    keep(store, "beta", 1)
    keep(store, "alphabet", 1)
    out = store.with_name("report.md")
    told = refused("report", store, "--out", out)
    assert "holds 3 runs; choose one by --run" in told and "  beta  2026" in told
    assert not out.exists()
    assert "holds 2 runs that begin with 'alp'" in refused(
        "report", store, "--out", out, "--run", "alp"
    )
    assert "holds no run 'x'" in refused("report", store, "--out", out, "--run", "x")
    call("report", store, "--out", out, "--run", "b")
    call("report", store, "--out", out, "--run", "alpha")  # whole names come first
    assert r"| run | alpha |" in out.read_text(encoding="utf-8")


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a letter")
    assert "is no SQLite file" in refused("report", tmp_path / "a", "--out", tmp_path / "b.html")
    missing = refused("report", tmp_path / "none", "--out", tmp_path / "b.html")
    assert "no such store" in missing and not (tmp_path / "none").exists()
    with Store.open(tmp_path / "empty.sqlite"):
        pass
    told = refused("report", tmp_path / "empty.sqlite", "--out", tmp_path / "b.html")
    assert "holds no run yet" in told
    with Store.open(tmp_path / "empty.sqlite") as store:
        store.begin(run("begun", count=3))
    told = refused("report", tmp_path / "empty.sqlite", "--out", tmp_path / "b.html")
    assert "no image is finished" in told


def test_confidence_is_checked(store: Path) -> None:
    told = refused("report", store, "--out", store.with_name("a.html"), "--confidence", "95")
    assert "between 0 and 1" in told
    call("report", store, "--out", store.with_name("a.md"), "--confidence", "0.9")
    assert "90 %" in store.with_name("a.md").read_text(encoding="utf-8")


def test_two_stores_are_compared(store: Path, tmp_path: Path) -> None:
    keep(tmp_path / "other.sqlite", "beta", 1)
    out = tmp_path / "both.html"
    told = call("compare", store, tmp_path / "other.sqlite", "--out", out)
    assert told.startswith("30 images in both: first digits (run alpha), second digits (run beta)")
    assert "rhobust comparison" in out.read_text(encoding="utf-8")
    call("compare", store, tmp_path / "other.sqlite", "--out", out)  # its own kind is replaced
    made_ = json.loads(call("compare", store, tmp_path / "other.sqlite", "--out", "-",
                            "--format", "json"))  # fmt: skip
    assert made_["images"] == 30 and made_["changed"]
    assert "robust accuracy changes by" in call("compare", store, tmp_path / "other.sqlite")


def test_two_runs_of_one_store_are_compared(store: Path) -> None:
    keep(store, "beta", 1)
    assert "name both" in refused("compare", store)
    assert "with itself" in refused("compare", store, "--run", "alpha", "--run", "alpha")
    assert "two runs are compared" in refused("compare", store, store, store)
    assert "30 images in both" in call("compare", store, "--run", "alpha", "--run", "beta")
    assert "30 images in both" in call("compare", store, store, "--run", "beta", "--run", "alpha")


def test_other_images_are_not_compared(store: Path, tmp_path: Path) -> None:
    with Store.open(tmp_path / "other.sqlite") as other:
        about = run("beta", count=3)
        about = other.begin(replace(about, data={**about.data, "digest": "2" * 64}))
        for record in made(3, 1):
            other.keep(about, record)
    told = refused("compare", store, tmp_path / "other.sqlite", "--out", tmp_path / "both.html")
    assert "different images" in told and not (tmp_path / "both.html").exists()


def test_metrics_read_stores(store: Path) -> None:
    lines = call("metrics", store, "--eps", "0.1").splitlines()
    assert lines[0] == str(store) and lines[2].split()[0] == "0.1000"
    keep(store, "beta", 1)
    lines = call("metrics", store, "--eps", "0.1", "--out", store.with_name("c.png")).splitlines()
    assert f"{store}, run alpha" in lines and f"{store}, run beta" in lines
