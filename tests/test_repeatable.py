"""The default run draws the same examples every time; exploring says with which seed it draws."""

from __future__ import annotations

import os
import subprocess
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from . import explore


@pytest.mark.skipif(bool(os.environ.get("RHOBUST_EXPLORE")), reason="these examples are fresh")
def test_this_run_draws_nothing_new() -> None:
    now = settings.get_profile("repeatable")
    assert now.derandomize and now.database is None
    assert settings().derandomize and settings().database is None


def test_what_is_loaded_changes_no_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of the project that another test happened to load, and its constants."""
    before = drawn("repeatable", 200)
    (tmp_path / "loaded_by_chance.py").write_text("NUMBERS = [123456, 234567, 345678, 456789]")
    monkeypatch.syspath_prepend(tmp_path)
    import_module("loaded_by_chance")
    assert drawn("repeatable", 200) == before


def drawn(profile: str, count: int = 5) -> list[int]:
    """What a property draws under a profile."""
    found: list[int] = []

    @settings(settings.get_profile(profile), max_examples=count)
    @given(st.integers(0, 10**9))
    def remembered(number: int) -> None:
        found.append(number)

    remembered()
    return found


def test_examples_are_the_same_every_time() -> None:
    assert drawn("repeatable") == drawn("repeatable")


@pytest.mark.skipif(bool(os.environ.get("RHOBUST_EXPLORE")), reason="their seed is given")
def test_exploring_draws_others_every_time() -> None:
    assert drawn("explore") != drawn("explore")


def test_exploring_tells_its_seeds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Done:
        returncode = 0

    asked: list[list[str]] = []

    def run(command: list[str], env: dict[str, str], check: bool) -> Done:
        assert env["RHOBUST_EXPLORE"] == "1"
        asked.append(command)
        return Done()

    monkeypatch.setattr(subprocess, "run", run)
    assert explore.explore(0.0, 7, ["tests/lp"]) == 0
    assert asked[0][-2:] == ["--hypothesis-seed=7", "tests/lp"]
    assert capsys.readouterr().out.startswith("seed 7: ")
    explore.explore(0.0, None, [])
    explore.explore(0.0, None, [])
    assert asked[1] != asked[2]
