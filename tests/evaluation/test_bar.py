"""The bar of an evaluation tells rate and time left on a terminal, and nothing elsewhere."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from rhobust.cli import bar as module
from rhobust.cli.bar import bar
from rhobust.evaluation.coordinator import Step

from ..store.examples import record


def shown(terminal: bool, monkeypatch: pytest.MonkeyPatch, quiet: bool = False) -> str:
    """What stands on a console after 3 of 10 images in 6 seconds, and another in 60."""
    now = [0.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=120, color_system=None)
    with bar(10, quiet, console) as told:
        for second in (1.0, 2.0, 6.0):
            now[0] = second
            told(Step(record(0), 1, 10, 1))
        module_bar = text.getvalue()
        now[0] = 66.0
        told(Step(record(0), 4, 10, 2))
        now[0] = 126.0
        told(Step(record(0), 5, 10, 2))
    return module_bar + text.getvalue()


def test_rate_and_time_left_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    told = shown(True, monkeypatch)
    assert "searches" in told and "5/10" in told
    assert "30.0 s/image, 0:02:30 left" in told


@pytest.mark.parametrize(("terminal", "quiet"), [(False, False), (True, True)])
def test_nothing_elsewhere(terminal: bool, quiet: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(terminal, monkeypatch, quiet).strip() == ""
