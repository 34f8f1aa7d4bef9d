"""Whatever shows that an earlier answer is false withdraws it, with the evidence in a file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rhobust as rb
from rhobust.bnb import search as searching
from rhobust.queries import engine
from rhobust.queries import rho as radius
from rhobust.queries.objective import least_norm as distance
from rhobust.queries.objective import optimize as optimum
from rhobust.queries.objective.answer import answered
from rhobust.results import Verdict

IMAGE = np.full(64, 0.25)
IMAGE[24:40] = 0.9


@pytest.fixture(autouse=True)
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "reports"
    folder.mkdir()
    monkeypatch.setenv("RHOBUST_REPORTS", str(folder))
    return folder


def told(reports: Path) -> list[str]:
    return [json.loads(path.read_text())["contradiction"] for path in reports.iterdir()]


def least() -> rb.Problem:
    x = rb.Variable(64, 0, 1)
    y = rb.load("digits")(x)
    return rb.Problem(rb.minimize(y[0] - y[1]), [rb.norm_inf(x - IMAGE) <= 0.02])


def test_a_solution_below_the_proven_bound(monkeypatch: pytest.MonkeyPatch, reports: Path) -> None:
    real = searching.search

    def wrong(problem: Any, caller: Any, settings: Any) -> Any:
        caller.listeners.progress(1, 1, 1e6)
        return real(problem, caller, settings)

    x = rb.Variable(2, 0, 1)
    question = rb.Problem(rb.minimize((x[0] - x[1]).affine))
    assert question.solve(timeout=60).status == "optimal"
    monkeypatch.setattr(engine, "search", wrong)
    # a first solution, so that a bound above it says something
    monkeypatch.setattr(
        optimum.Optimum, "cutoff", lambda self: 1e6 if self.point is None else self.best
    )
    found = question.solve(timeout=60)
    assert (found.status, found.reason) == ("unknown", "contradiction")
    assert found.bound == -np.inf
    assert "below the proven bound" in told(reports)[0]


def test_a_witness_in_a_closed_region(monkeypatch: pytest.MonkeyPatch, reports: Path) -> None:
    real = searching.search

    def wrong(*given: Any) -> Any:
        return replace(real(*given), status="closed")

    network = rb.load("digits")
    assert rb.verify(network, IMAGE, 0.2).verdict is Verdict.NOT_ROBUST
    monkeypatch.setattr(engine, "search", wrong)
    found = rb.verify(network, IMAGE, 0.2)
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "contradiction")
    assert found.margin_bound == -np.inf and found.witness is None
    assert told(reports) == ["a region was closed that holds a witness"]


def test_a_witness_nearer_than_the_proven_radius(
    monkeypatch: pytest.MonkeyPatch, reports: Path
) -> None:
    def wrong(interval: Any) -> None:
        interval.lower = 1.5 * interval.incumbent.radius

    monkeypatch.setattr(radius, "close", wrong)
    found = rb.rho(rb.load("digits"), IMAGE)
    assert found.reason == "contradiction" and found.lower == 0.0 and not found.exact
    assert found.witness is not None and found.upper == found.witness.distance
    assert "is nearer than the proven radius" in told(reports)[0]


def test_two_searches_about_a_radius(
    monkeypatch: pytest.MonkeyPatch, reports: Path, tmp_path: Path
) -> None:
    network, proof = rb.load("digits"), tmp_path / "proof.npz"
    true = rb.rho(network, IMAGE)
    narrowed = radius.narrowed

    def wrong(interval: Any) -> Any:
        return replace(narrowed(interval), lower=2.0 * true.upper, upper=3.0 * true.upper)

    monkeypatch.setattr(radius, "narrowed", wrong)
    found = rb.rho(network, IMAGE, certificate=proof)
    assert (found.lower, found.reason) == (0.0, "contradiction") and found.uncertified
    assert not proof.exists()
    assert "two searches differ" in told(reports)[0]


@pytest.mark.parametrize("status", ["optimal", "unsat"])
def test_a_proof_that_finds_a_solution(
    status: str, monkeypatch: pytest.MonkeyPatch, reports: Path, tmp_path: Path
) -> None:
    run = optimum.Optimum.run

    def wrong(self: Any) -> Any:
        solution = run(self)
        return replace(solution, status=status, bound=solution.bound + 1.0)

    monkeypatch.setattr(optimum.Optimum, "run", wrong)
    proof = tmp_path / "proof.npz"
    question = least()
    if status == "unsat":
        x = rb.Variable(64, 0, 1)
        question = rb.Problem([rb.load("digits")(x)[0] <= 100.0])
    found = question.solve(timeout=120, certificate=proof)
    assert (found.status, found.reason) == ("unknown", "contradiction")
    assert not found.bound > -np.inf and found.uncertified == "contradiction"
    assert not proof.exists()
    assert told(reports) == ["what was proven to have no solution has one"]


def test_a_solution_within_an_empty_ball(monkeypatch: pytest.MonkeyPatch, reports: Path) -> None:
    x = rb.Variable(2, -1, 1)
    question = rb.Problem(rb.minimize(rb.norm1(x)), [x[0] + x[1] >= 0.5])
    assert question.solve(timeout=60).value == pytest.approx(0.5, abs=1e-3)
    norms = iter([1.0, 0.125])
    calls = iter([False, True, False])

    def wrong(*given: Any) -> Any:
        found = answered(*given)
        return replace(found, status="unsat") if next(calls) else found

    monkeypatch.setattr(distance, "_norm", lambda norm: next(norms))
    monkeypatch.setattr(distance, "answered", wrong)
    found = question.solve(timeout=60)
    assert (found.status, found.reason) == ("unknown", "contradiction")
    assert "which was proven to hold none" in told(reports)[0]
