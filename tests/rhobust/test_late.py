"""The time is up at any look at the clock: the answer is open, or as true as with all the time."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import numpy as np
import pytest

import rhobust as rb
from rhobust.clock import Deadline
from rhobust.compiler.base.late import Late, go_on, until
from rhobust.compiler.network.graph import Network

from .nasty import save_network

LOOKS = [*range(24), *range(24, 400, 29), *range(400, 4000, 450)]
IMAGE = np.full(3, 0.5)
EPS = 0.2
TEXT = "\n".join([
    *(f"(declare-const X_{k} Real)(assert (<= X_{k} 0.7))(assert (>= X_{k} 0.3))"
      for k in range(3)),
    *(f"(declare-const Y_{k} Real)" for k in range(3)),
    "(assert (or (<= Y_0 Y_1) (<= Y_0 Y_2)))",
])  # fmt: skip


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    """3 inputs, two layers of ReLUs and 3 outputs."""
    path = tmp_path_factory.mktemp("late") / "m.onnx"
    for seed in count():
        if save_network(np.random.default_rng(seed), path, nasty=False) == (3, 3):
            return rb.load(path)
    raise AssertionError


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many looks at the clock are left before the time is up."""
    left = {"looks": 0}

    def spent(deadline: Deadline) -> float:
        left["looks"] -= 1
        return 0.0 if left["looks"] >= 0 else 1e9

    monkeypatch.setattr(Deadline, "spent", spent)
    return left


def test_a_step_goes_on_without_a_limit() -> None:
    go_on()
    with pytest.raises(Late), until(lambda: True):
        with until(lambda: False):
            go_on()
        go_on()
    go_on()


def test_verify(network: Network, looks: dict[str, int]) -> None:
    looks["looks"] = 10**9
    true = rb.verify(network, IMAGE, EPS)
    for number in LOOKS:
        looks["looks"] = number
        found = rb.verify(network, IMAGE, EPS, timeout=60.0)
        late = found.verdict.value == "UNKNOWN" and found.reason == "timeout"
        assert late or found.verdict is true.verdict, number


@pytest.mark.parametrize("norm", ["linf", "l1"])
def test_rho(network: Network, looks: dict[str, int], norm: str) -> None:
    looks["looks"] = 10**9
    true = rb.rho(network, IMAGE, norm=norm)
    assert true.exact
    for number in LOOKS:
        looks["looks"] = number
        found = rb.rho(network, IMAGE, norm=norm, timeout=60.0)
        assert found.lower <= true.upper and true.lower <= found.upper, number
        assert found.reason == ("" if found.exact else "timeout"), number


def test_solve(network: Network, looks: dict[str, int], tmp_path: Path) -> None:
    question = tmp_path / "q.vnnlib"
    question.write_text(TEXT)
    looks["looks"] = 10**9
    true = rb.solve(network, question)
    assert true.status in ("sat", "unsat")
    for number in LOOKS:
        looks["looks"] = number
        found = rb.solve(network, question, timeout=60.0)
        assert found.status in ("timeout", true.status), number


@pytest.mark.parametrize("cases", [1, 2])
def test_optimum(network: Network, looks: dict[str, int], cases: int) -> None:
    """Of one box, and of two."""
    x = rb.Variable(3, 0, 1)
    y = network(x)
    boxes = [rb.And(x >= low, x <= low + 0.3) for low in (0.1, 0.5)[:cases]]
    problem = rb.Problem(rb.maximize(y[0] - y[1]), [rb.Or(*boxes)])
    looks["looks"] = 10**9
    true = problem.solve()
    assert true.status == "optimal"
    for number in LOOKS:
        looks["looks"] = number
        again = rb.Problem(rb.maximize(y[0] - y[1]), [rb.Or(*boxes)])
        found = again.solve(timeout=60.0)
        assert found.status in ("optimal", "feasible", "timeout"), number
        assert found.bound >= true.value, number
        assert np.isnan(found.value) or found.value <= true.bound, number
