"""Limits of time do not count what goes into compiled kernels, and who asks is told of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numba import njit

import rhobust as rb
from rhobust.clock import Deadline
from rhobust.compiling import Compiling, compiling


def test_the_clock_stands_still_while_anybody_compiles() -> None:
    times = iter([1.0, 2.0, 3.0, 4.0, 7.0])
    of = Compiling(lambda: next(times))
    of._watching = True
    assert of.ticking() == 1.0
    of.begin()  # at 2
    of.begin()  # another thread waits
    assert of.ticking() == 2.0
    of.end()
    of.end()  # at 4
    assert of.ticking() == 5.0


def test_a_kernel_that_is_compiled_is_told_and_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    monkeypatch.setattr(compiling, "said", False)
    rb.on_compiling(lambda: told.append(1))
    deadline, begin = Deadline(1e3), time.monotonic()
    for _ in range(2):
        # never cached, and so compiled each time
        kernel = njit(lambda x: x + 1.0)
        assert kernel(1.0) == 2.0
    rb.on_compiling(None)
    assert told == [1]
    # compiling takes some 100 ms, and what is left of the loop next to nothing
    assert deadline.spent() < time.monotonic() - begin


SCRIPT = """
import sys, time, numpy as np, rhobust as rb
from rhobust.clock import Deadline
rb.on_compiling(lambda: print("compiling"))
network, image = rb.load("digits"), np.full(64, 0.25)
image[24:40] = 0.9
print(rb.rho(network, image, timeout=2.0).lower)
"""


@pytest.mark.long
def test_a_first_answer_is_as_good_as_a_later_one(tmp_path: Path) -> None:
    """Without any cached kernel: compiling takes longer than the limit."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", SCRIPT]
    told = []
    for _ in range(2):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        told.append(done.stdout.split())
    assert told[0][0] == "compiling" and float(told[0][-1]) > 0.0
    assert len(told[1]) == 1 and float(told[1][-1]) > 0.0
    assert np.isfinite([float(told[0][-1]), float(told[1][-1])]).all()
