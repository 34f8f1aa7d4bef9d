"""Tracked solutions: a step that loses one is named, and the answer is withdrawn."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rhobust as rb
from rhobust.bnb import bound_batch as bounding
from rhobust.bnb import root as rooting
from rhobust.bnb import search, split_batch
from rhobust.bnb import state as shared
from rhobust.bnb.caller import Caller, Candidates, Clock
from rhobust.bnb.leaves import close as leaves
from rhobust.bnb.search import Outcome, Settings
from rhobust.bnb.tighten import below_split, fbbt, input_boxes, recomputed
from rhobust.bnb.tracking.tracker import Tracker, tracker
from rhobust.compiler.base.arrays import Bounds
from rhobust.compiler.problem import Problem

from .problems import scattered_problem


@pytest.fixture(autouse=True)
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RHOBUST_REPORTS", str(tmp_path))
    return tmp_path


def least(seed: int, inputs: int, ball: bool = False, idle: bool = False) -> rb.Problem:
    """A least value that takes a search with some splits."""
    rng = np.random.default_rng(seed)
    x = rb.Variable(inputs, -1, 1)
    h = rb.relu(rng.normal(size=(8, inputs)) @ x + 0.3 * rng.normal(size=8))
    g = rb.relu(rng.normal(size=(8, 8)) @ h + 0.3 * rng.normal(size=8))
    formulas = [rb.norm1(x - np.full(inputs, 0.1)) <= 1.5] if ball else []
    if idle:
        formulas.append(x[0] + g[0] <= 2.0)
    return rb.Problem(rb.minimize(rng.normal(size=(1, 8)) @ g), formulas)


Spoil = Callable[[pytest.MonkeyPatch], None]


def wrapped(
    monkeypatch: pytest.MonkeyPatch, module: object, name: str, spoil: Callable[..., Any]
) -> None:
    """The function of a module, followed by something that spoils what it left."""
    real = getattr(module, name)

    def wrong(*given: Any, **named: Any) -> Any:
        return spoil(real(*given, **named), *given)

    monkeypatch.setattr(module, name, wrong)


def spoil(found: Any, *given: Any) -> Any:
    """Bounds of all units that no value lies in."""
    block = next(a for a in given if hasattr(a, "phase"))
    block.lower[:] = np.maximum(block.lower, 0.9 * block.upper)
    return found


def spoil_boxes(found: Any, *given: Any) -> Any:
    block = next(a for a in given if hasattr(a, "phase"))
    block.low[:] = block.low + 0.7 * (block.high - block.low)
    block.high[:] = block.low
    return found


def spoil_low(found: Any, low: Any, high: Any, *given: Any) -> Any:
    low[:] = high
    return found


def spoil_root(found: Any, problem: Problem, nodes: Any, *given: Any) -> Any:
    for bounds in nodes.bounds[:-1]:
        bounds.lower[:] = 0.5 * (bounds.lower + bounds.upper)
        bounds.upper[:] = bounds.lower
    return found


def raised(found: Any, *given: Any) -> Any:
    """A pass whose bounds are too good."""
    found.value[:] += 100.0
    return found


def shifted(found: Any, *given: Any) -> Any:
    problem, nodes, magnitudes = found
    stage = problem.stages[0]
    offsets = tuple(replace(o, vector=o.vector + 3.0) for o in stage.offsets)
    moved = replace(stage, bias=stage.bias + 3.0, offsets=offsets)
    return replace(problem, stages=(moved, *problem.stages[1:])), nodes, magnitudes


def one_child(found: Any, *given: Any) -> Any:
    return found.take(np.flatnonzero(found.side == 1))


STEPS: dict[str, tuple[object, str, Callable[..., Any], rb.Problem]] = {
    "tighten": (rooting, "tightening the region's bounds", spoil_root, least(0, 3)),
    "reduce": (shared, "substituting stable units", shifted, least(1, 3)),
    "crown": (bounding, "a pass from the output", raised, least(2, 3)),
    "cut_by_splits": (input_boxes, "cutting input boxes", spoil_boxes, least(3, 3)),
    "cut_by_atoms": (input_boxes, "cutting input boxes", spoil_boxes, least(4, 3)),
    "propagate": (fbbt, "propagating rows", spoil_boxes, least(7, 60, idle=True)),
    "bound_again": (
        recomputed,
        "bounding a node's units again",
        spoil,
        least(5, 3, ball=True),
    ),
    "bound_below_split": (below_split, "bounding units below a split", spoil, least(6, 3)),
    "cut_boxes": (
        input_boxes,
        "cutting boxes by the nodes' bounds",
        spoil_low,
        least(0, 3),
    ),
    "children": (split_batch, "a split", one_child, least(2, 3)),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_that_loses_a_solution_is_named(
    name: str, monkeypatch: pytest.MonkeyPatch, reports: Path, caplog: pytest.LogCaptureFixture
) -> None:
    module, step, spoil, question = STEPS[name]
    problem = question.compile().problem
    point, value = best_of_many(problem)
    boxes = "box" in step or "propagat" in step
    spent = Settings(
        boxes=boxes, root_steps=2, node_steps=0, extra_steps=0, inside_steps=0, joint=False,
        tracked=(point,), nodes=500,
    )  # fmt: skip
    assert blind(problem, spent, value).reason in ("numerical", "node_limit")
    wrapped(monkeypatch, module, name, spoil)
    outcome = blind(problem, spent, value)
    assert (outcome.status, outcome.reason) == ("open", "contradiction")
    assert outcome.bound == -np.inf
    (path,) = reports.iterdir()
    told = json.loads(path.read_text())
    assert told["contradiction"].startswith(f"{step} lost a tracked solution")
    assert told["evidence"]["point"] and told["versions"]["numpy"] == np.__version__
    assert str(path) in caplog.text


def test_a_linear_program_that_closes_too_much_is_named(
    monkeypatch: pytest.MonkeyPatch, reports: Path
) -> None:
    def closed(found: Any, *given: Any) -> Any:
        return replace(found, value=np.inf)

    wrapped(monkeypatch, leaves, "solve_leaf", closed)
    spent = Settings(root_steps=0, node_steps=0, extra_steps=0, boxes=False, inside_steps=0)
    question = least(3, 3)
    compiled = question.compile().problem
    point, value = best_of_many(compiled)
    outcome = blind(compiled, replace(spent, tracked=(point,)), value)
    assert (outcome.status, outcome.reason) == ("open", "contradiction")
    (path,) = reports.iterdir()
    assert "closing by a linear program lost" in path.read_text()


def best_of_many(problem: Problem) -> tuple[np.ndarray, float]:
    """The best of some random points of the region, and a cutoff just above its value."""
    rng = np.random.default_rng(0)
    low, high = problem.lower, problem.upper
    points = low + rng.random((400, len(low))) * (high - low)
    if problem.ball is not None:
        points = 0.1 + 0.3 * (points - 0.1)
    atoms = problem.values(points)[-1] @ problem.rows.T + problem.offset
    assert problem.objective is not None
    value = atoms[:, problem.objective].copy()
    atoms[:, problem.objective] = -1.0
    value[(atoms > 0.0).any(axis=1)] = np.inf
    best = int(np.argmin(value))
    return points[best], float(value[best]) + 1e-9


def always(problem: Problem) -> Callable[[], Bounds]:
    """The whole region."""
    return lambda: Bounds(problem.lower[None], problem.upper[None])


def blind(problem: Problem, spent: Settings, cutoff: float = 1e300) -> Outcome:
    """A search that takes no candidate, and so has to keep every solution to the end."""
    candidates = Candidates(lambda points: False, always(problem), cutoff=lambda: cutoff)
    caller = Caller(Clock(lambda: 60.0), candidates)
    return search.search(problem, caller, spent)


def test_nothing_is_tracked_unless_asked() -> None:
    from rhobust.bnb.tracking.tracker import SAMPLES

    token = SAMPLES.set(0)
    try:
        problem = scattered_problem(np.random.default_rng(0))
        assert not tracker(problem, (), lambda: 0.0, always(problem)).points
    finally:
        SAMPLES.reset(token)


def test_which_points_are_solutions() -> None:
    """x0 + x1 < 1 or x0 >= 2 exactly, in an l1 ball: points on the edges are told apart."""
    x = rb.Variable(2, 0, 3)
    formulas = [rb.Or(x[0] + x[1] < 1.0, x[0] >= 2.0), rb.norm1(x - np.array([1.0, 0.0])) <= 1.5]
    problem = rb.Problem(formulas).compile().problem
    third = Fraction(1, 3)
    points: list[list[Fraction | int]] = [
        [third, 2 * third], [third, 2 * third - Fraction(1, 10**30)], [2, Fraction(1, 2)],
        [2, Fraction(1, 2) + Fraction(1, 10**30)], [Fraction(3, 2), 0],
    ]  # fmt: skip
    given = [np.array([Fraction(v) for v in point], dtype=object) for point in points]
    found = Tracker(problem, given, lambda: 0.0, always(problem))
    kept = [[str(v) for v in point.tolist()] for point in found.points]
    solved = [p for p, solves in zip(kept, found.solves.tolist(), strict=True) if solves]
    assert len(kept) == 4  # the fourth lies outside the ball
    assert solved == [[str(v) for v in given[1].tolist()], ["2", "1/2"]]


def test_a_better_incumbent_excuses_a_loss() -> None:
    question = least(1, 3)
    problem = question.compile().problem
    cutoff, box = [np.inf], [always(problem)()]
    found = Tracker(problem, [np.zeros(3)], lambda: cutoff[0], lambda: box[0])
    cutoff[0] = float(found.best[0])
    assert found.relevant().tolist() == [True]
    cutoff[0] -= 1e-9
    assert found.relevant().tolist() == [False]
    cutoff[0] += 1e-9
    box[0] = Bounds(problem.lower[None] + 1.5, problem.upper[None])
    assert found.relevant().tolist() == [False]


@pytest.mark.parametrize("seed", range(12))
def test_blind_searches_of_scattered_problems_keep_their_solutions(seed: int) -> None:
    """All points of a region track the search of any of its values, and none is lost."""
    rng = np.random.default_rng(seed)
    problem = replace(scattered_problem(rng), objective=0)
    last = problem.root.atoms
    problem = replace(problem, root=replace(problem.root, atoms=last[1:]))
    low, high = problem.lower, problem.upper
    points = tuple(low + rng.integers(0, 5, size=(8, len(low))) / 4.0 * (high - low))
    outcome = blind(problem, Settings(tracked=points, nodes=200))
    assert outcome.reason != "contradiction"
