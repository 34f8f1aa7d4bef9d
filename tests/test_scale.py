"""The simulation of a coordinator does what can be computed by hand."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st


def read(name: str) -> Any:
    """A benchmark by its file: benchmarks are not installed, nor on the path of the tests."""
    spec = spec_from_file_location(
        f"bench_{name}", Path(__file__).resolve().parent.parent / "bench" / f"{name}.py"
    )
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


scale = read("scale")
Costs, durations, saturated = scale.Costs, scale.durations, scale.saturated
simulate, tasks = scale.simulate, scale.tasks

FREE = Costs(0.0, 0.0, 0.0)


def test_one_worker_does_one_after_the_other() -> None:
    seconds, rows = np.array([3.0, 1.0, 2.0]), np.ones(3, dtype=np.int64)
    assert simulate(seconds, rows, 1, FREE).wall == 6.0
    assert simulate(seconds, rows, 2, FREE).wall == 3.0
    # each result costs 0.5 + 0.25, and only then comes the next task; the worker starts after 5
    found = simulate(seconds, rows, 1, Costs(0.5, 0.25, 5.0))
    assert found.wall == 5.0 + 6.0 + 3 * 0.75 and found.busy == 3 * 0.75
    # with one task ahead only the last result is waited for
    assert simulate(seconds, rows, 1, Costs(0.5, 0.25, 5.0), ahead=2).wall == 5.0 + 6.0 + 0.75


def test_a_coordinator_is_saturated_where_it_is_said() -> None:
    costs = Costs(0.004, 0.001, 0.0)
    assert saturated(0.1, 1, costs) == pytest.approx(20.0)
    seconds, rows = np.full(2000, 0.1), np.ones(2000, dtype=np.int64)
    below, above = (simulate(seconds, rows, workers, costs, 4) for workers in (10, 40))
    assert below.efficiency > 0.95 and below.load < 0.6
    assert above.load > 0.95 and above.efficiency == pytest.approx(0.5, abs=0.02)


@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 4), st.integers(1, 8))
def test_no_outcome_is_better_than_can_be(seed: int, workers: int, ahead: int, batch: int) -> None:
    rng = np.random.default_rng(seed)
    spent = durations(300, 0.1, 0.01, 10.0, rng)
    seconds, rows = tasks(spent, batch)
    assert rows.sum() == 300 and seconds.sum() == pytest.approx(spent.sum())
    costs = Costs(0.002, 0.001, 0.0)
    found = simulate(seconds, rows, workers, costs, ahead)
    least = max(spent.sum() / workers, seconds.max(), found.busy)
    assert found.busy == pytest.approx(len(seconds) * 0.002 + 300 * 0.001)
    assert least - 1e-9 <= found.wall <= spent.sum() + found.busy + 1e-9
    assert 0.0 < found.efficiency <= 1.0 + 1e-12 and 0.0 < found.load <= 1.0 + 1e-12
