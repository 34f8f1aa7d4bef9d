"""Altered ONNX files are refused, or mean here what they mean to onnxruntime."""

from __future__ import annotations

import select
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

RIGHT = (
    "refused", "refused by both", "refused by onnxruntime alone", "accepted", "accepted by both",
)  # fmt: skip
SECONDS = 600.0
"""Far more than any of the files takes: one that takes longer hangs."""


class Judge:
    """The program `onnx_judge`, started again where it died or hangs."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.compiler.onnx_judge"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            cwd=Path(__file__).parents[2], text=True,
        )  # fmt: skip
        assert self._line() == "ready"

    def _line(self) -> str:
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], SECONDS)[0]:
            return "hangs"
        return self.process.stdout.readline().strip() or f"dies ({self.process.wait()})"

    def ask(self, seed: int) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{seed}\n")
        self.process.stdin.flush()
        told = self._line()
        if told.startswith(("hangs", "dies")):
            self.close()
            self._start()
        return told

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


def check(seeds: Iterable[int]) -> Counter[str]:
    """How many were refused and accepted, by both readers; fails with all that were neither."""
    judge = Judge()
    try:
        told = {seed: judge.ask(seed) for seed in seeds}
    finally:
        judge.close()
    wrong = {seed: text for seed, text in told.items() if text not in RIGHT}
    assert not wrong, "\n".join(f"{seed}: {text}" for seed, text in wrong.items())
    return Counter(told.values())


def test_altered_models_are_refused_or_mean_the_same() -> None:
    counts = check(range(250))
    assert counts["accepted by both"] > 20 and counts["refused"] > 50


@pytest.mark.long
def test_ten_thousand_altered_models() -> None:
    print(check(range(10_000)))
