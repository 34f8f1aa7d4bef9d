"""No row that was committed is lost, and none is doubled, whatever ends a writer."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from .crashes import Count, full, killed, together

NOTHING = (0, 0, 0)


def verdict(count: Count) -> tuple[int, int, int]:
    return count.lost, count.doubled, count.damaged


def test_a_killed_writer_loses_nothing_and_another_goes_on(tmp_path: Path) -> None:
    draw, path, count = random.Random(0), tmp_path / "results.sqlite", Count()
    told = killed(path, draw)
    told += killed(path, draw, len(told))
    count.add(path, told)
    assert count.kept > 2 and verdict(count) == NOTHING


def test_a_full_disk_is_one_line_and_keeps_what_was_kept(tmp_path: Path) -> None:
    path, count = tmp_path / "results.sqlite", Count()
    told, status, said = full(path, random.Random(1))
    count.add(path, told)
    assert status == 2 and said.count("\n") == 1
    assert said.startswith(f"error: {path}: the store cannot be used: ")
    assert count.kept > 2 and verdict(count) == NOTHING


@pytest.mark.slow
@pytest.mark.parametrize("kill", [False, True])
def test_two_writers_of_one_run_do_not_double_rows(tmp_path: Path, kill: bool) -> None:
    path, count = tmp_path / "results.sqlite", Count()
    count.add(path, together(path, random.Random(2), kill))
    assert count.kept > 2 and verdict(count) == NOTHING


@pytest.mark.long
def test_many_trials(tmp_path: Path) -> None:
    draw, count = random.Random(3), Count()
    for number in range(100):
        path = tmp_path / f"{number}.sqlite"
        told = killed(path, draw) if number % 2 else together(path, draw, bool(number % 4))
        count.add(path, told)
    assert verdict(count) == NOTHING
