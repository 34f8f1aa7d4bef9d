"""Trials of what may happen to writers: killed at any moment, a full disk, two at once.

    python -m tests.store.crashes --trials 1000 --seed 0

Counts committed rows that were lost and rows that are doubled, which must both be 0.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from rhobust.store import Store

from .examples import record, same
from .writer import main as main_of_writer

ROOT = Path(__file__).resolve().parent.parent.parent
RUN = "a" * 16


@dataclass
class Count:
    """Over trials: rows that a writer had said were kept, and what became of them."""

    trials: int = 0
    kept: int = 0
    lost: int = 0
    doubled: int = 0
    damaged: int = 0

    def add(self, path: Path, told: list[int]) -> None:
        """Compares a store with what its writers said."""
        self.trials += 1
        self.kept += len(set(told))
        with Store.open(path) as store:
            found = list(store.records(RUN))
        indices = [one.index for one in found]
        self.lost += len(set(told) - set(indices))
        self.doubled += len(indices) - len(set(indices))
        self.damaged += sum(not same(one, record(one.index)) for one in found)
        connection = sqlite3.connect(path)
        whole = connection.execute("PRAGMA integrity_check").fetchone()[0]
        decisions = connection.execute("SELECT count(*) FROM rhobust_decisions").fetchone()[0]
        connection.close()
        self.damaged += (whole != "ok") + (decisions != len(indices))


class Forked:
    """A writer in a copy of this process, which need not load the libraries again."""

    returncode = 0

    def __init__(self, arguments: list[str]) -> None:
        out, err = os.pipe(), os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.dup2(out[1], 1)
            os.dup2(err[1], 2)
            status = 1
            try:
                status = main_of_writer(arguments)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        os.close(out[1])
        os.close(err[1])
        self.stdout, self.stderr = os.fdopen(out[0]), os.fdopen(err[0])

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        with self.stdout, self.stderr:
            told = self.stdout.read(), self.stderr.read()
        self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return told


forking = False
"""Whether writers are forked; not in the tests, whose process may have threads."""


def writer(path: Path, first: int, count: int, *limit: int) -> subprocess.Popen[str] | Forked:
    """A process of `tests.store.writer`."""
    arguments = [str(part) for part in (path, RUN, first, count, *limit)]
    if forking:
        return Forked(arguments)
    return subprocess.Popen(
        [sys.executable, "-m", "tests.store.writer", *arguments], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip


def whole_lines(text: str) -> list[int]:
    """The indices of a text whose last line may be cut."""
    return [int(line) for line in text.split("\n")[:-1]]


def killed(path: Path, draw: random.Random, first: int = 0) -> list[int]:
    """What one writer had kept when it was killed, some time after its first row."""
    process = writer(path, first, 100_000)
    assert process.stdout is not None
    told = process.stdout.readline()
    time.sleep(draw.uniform(0.0, 0.15))
    process.kill()
    rest, _ = process.communicate()
    return whole_lines(told + rest)


def full(path: Path, draw: random.Random) -> tuple[list[int], int, str]:
    """What a writer had kept when the disk was full, its exit status, and what it said."""
    process = writer(path, 0, 100_000, draw.randrange(150_000, 400_000))
    out, error = process.communicate(timeout=120)
    return whole_lines(out), process.returncode, error


def together(path: Path, draw: random.Random, kill: bool) -> list[int]:
    """What two writers of the same rows had kept, one of them killed or not."""
    both = [writer(path, 0, 60), writer(path, draw.randrange(0, 40), 60)]
    if kill:
        assert both[0].stdout is not None
        told = both[0].stdout.readline()
        time.sleep(draw.uniform(0.0, 0.1))
        both[0].kill()
    else:
        told = ""
    texts = [process.communicate(timeout=120) for process in both]
    for process, (_, error) in zip(both, texts, strict=True):
        assert process.returncode == 0 or (kill and process is both[0]), error
    return whole_lines(told + texts[0][0]) + whole_lines(texts[1][0])


def main() -> None:
    global forking
    forking = True
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    draw = random.Random(asked.seed)
    counts = {"kill": Count(), "full disk": Count(), "two writers": Count()}
    for number in range(asked.trials):
        kind = list(counts)[number % 3]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "results.sqlite"
            if kind == "kill":
                told = killed(path, draw)
                told += killed(path, draw, len(told))
            elif kind == "full disk":
                told, status, said = full(path, draw)
                assert status == 2 and said.count("\n") == 1, said
            else:
                told = together(path, draw, bool(number % 2))
            counts[kind].add(path, told)
    for kind, count in counts.items():
        print(kind, count)


if __name__ == "__main__":
    main()
