"""The enumeration of objectives, by hand and against samples, and defects that it finds."""

from __future__ import annotations

from dataclasses import fields, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from rhobust.bnb.search import Settings
from rhobust.bnb.tighten import objective_cut
from rhobust.compiler.base.errors import InputError
from rhobust.compiler.language.activations import relu
from rhobust.compiler.language.expressions import Variable
from rhobust.compiler.language.norms import norm1, norm2
from rhobust.selftest.judge import DECIDED
from rhobust.selftest.kinds import a_round
from rhobust.selftest.objectives import (
    LEVELS,
    SWITCHES,
    Drawn,
    Sketch,
    combination,
    drawn,
    enumerated,
    judged_cutoff,
    judged_objective,
)
from rhobust.selftest.table import chosen

FREE = {"nodes", "tracked"}
"""What is no switch: a limit, and what is checked."""


def test_every_switch_of_the_search_is_tried() -> None:
    default = Settings()
    moved = {
        field.name
        for change in SWITCHES.values()
        for field in fields(Settings)
        if getattr(change(default), field.name) != getattr(default, field.name)
    }
    assert moved == {field.name for field in fields(Settings)} - FREE


def tent(ball: tuple[str, list[float], float] | None = None) -> Drawn:
    """The least of |x| - y over [-1, 2] x [0, 1], where x + y >= 1/2."""
    low, high = np.array([-1.0, 0.0]), np.array([2.0, 1.0])
    sketch = Sketch(low, high, Variable(2, low, high, "x"))
    weight, bias = np.array([[1.0, 0.0], [-1.0, 0.0]]), np.zeros(2)
    sketch.add([(weight, 0)], bias, True)
    sketch.values.append(relu(weight @ sketch.x + bias))
    row = ((np.array([-1.0, -1.0]), np.zeros(2)), 0.5)
    formulas = [combination(sketch, row) <= 0.0]
    kept = None
    if ball is not None:
        norm, center, radius = ball[0], np.array(ball[1]), ball[2]
        formulas.append((norm1 if norm == "l1" else norm2)(sketch.x - center) <= radius)  # type: ignore[arg-type]
        kept = (norm, center, radius)
    objective = ((np.array([0.0, -1.0]), np.ones(2)), 0.0)
    return Drawn(sketch, tuple(formulas), (row,), (), kept, objective, False)


def test_a_tent_by_hand() -> None:
    truth = enumerated(tent())
    assert truth.least == truth.most == -1
    assert truth.points == ((Fraction(0), Fraction(1)),)


def test_balls_by_hand() -> None:
    """Around (1, 0) with radius 1/2 the least is at (1/2, 0); within l2 it lies between."""
    truth = enumerated(tent(("l1", [1.0, 0.0], 0.5)))
    assert truth.least == truth.most == Fraction(1, 2)
    truth = enumerated(tent(("l2", [1.0, 0.0], 0.5)))
    assert truth.least == 0 and truth.most == Fraction(1, 2)  # true: 1 - 1 / sqrt 2
    assert judged_objective(tent(("l2", [1.0, 0.0], 0.5)), Settings(), 0) == DECIDED
    assert enumerated(tent(("l1", [-1.0, 0.0], 0.25))).least is None


@pytest.mark.parametrize("seed", range(20))
def test_no_sample_is_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem = drawn(rng)
    truth = enumerated(problem)
    low, high = problem.sketch.lower, problem.sketch.upper
    for _ in range(60):
        point = low + rng.integers(0, 9, size=len(low)) / 8.0 * (high - low)
        values = [tuple(Fraction(v) for v in point.tolist())]
        for stage in problem.sketch.stages:
            values.append(stage.value(values))

        def at(row: Any, values: Any = values) -> Fraction:
            parts = zip(row[0], values, strict=True)
            products = (
                Fraction(c) * v for p, k in parts for c, v in zip(p.tolist(), k, strict=True)
            )
            return sum(products, Fraction(row[1]))

        held = all(at(row) <= 0 for row in problem.rows) and problem.ball is None
        held &= not problem.either or any(all(at(r) <= 0 for r in p) for p in problem.either)
        if held:
            assert truth.least is not None and at(problem.objective) >= truth.least


def test_a_false_bound_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Units bounded a little too tightly where only better values matter."""
    real = objective_cut.cut_by_objective

    def wrong(problem: Any, reach: Any, nodes: Any, number: int, *given: Any) -> None:
        real(problem, reach, nodes, number, *given)
        bounds = nodes.bounds[number]
        bounds.upper[:] = bounds.lower + 0.8 * (bounds.upper - bounds.lower)

    monkeypatch.setattr(objective_cut, "cut_by_objective", wrong)
    told = []
    for seed in range(60):
        problem = drawn(np.random.default_rng([3, seed]))
        settings = replace(Settings(), boxes=False, root_steps=0)
        told.append(judged_cutoff(problem, settings, LEVELS[0]))
    assert any("contradicted itself" in judgement for judgement in told)


def test_kinds_by_name() -> None:
    assert chosen("objective") == ["objectives, enumerated"]
    with pytest.raises(InputError, match="no kind of problem is named 'other'"):
        chosen("other")


@pytest.mark.parametrize(("seed", "number"), [(2000, 12341)])
def test_what_a_campaign_found(seed: int, number: int) -> None:
    """Gains of groups that belonged to wider bounds than the triangles had (2000, 12341)."""
    found = a_round(number, "objectives, enumerated", seed)
    assert (found.problems, found.decided, found.wrong) == (1, 1, 0), found.told
