"""A deadline that passes at any look at the clock leaves the question open, or finds it settled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rhobust.bnb.caller import Caller, Candidates, Clock
from rhobust.bnb.presolve.substitute_stable import reduce
from rhobust.bnb.search import Search, Settings
from rhobust.compiler.base.arrays import Bounds
from rhobust.compiler.base.late import Late
from rhobust.compiler.importers.plain import dense_network
from rhobust.compiler.problem import Problem
from rhobust.compiler.question.claim import Claim

from .problems import rooted, tree_of


def asked() -> tuple[Problem, Bounds]:
    rng = np.random.default_rng(5)
    sizes = [4, 10, 8, 3]
    layers = [
        (rng.normal(size=(b, a)), 0.3 * rng.normal(size=b))
        for a, b in zip(sizes[:-1], sizes[1:], strict=True)
    ]
    problem, _ = Claim.make(dense_network(layers), np.full(4, 0.5)).within(0.3).compile()
    return problem, Bounds(problem.lower[None], problem.upper[None])


def counted(looks: int) -> Callable[[], float]:
    """Seconds left at each look at the clock: none after some."""
    left = iter([1e3] * looks)
    return lambda: next(left, 0.0)


@pytest.mark.parametrize("boxes", [False, True])
def test_any_look_may_be_the_last(boxes: bool) -> None:
    problem, box = asked()
    statuses = []
    for looks in range(60):
        caller = Caller(Clock(counted(looks)), Candidates(lambda points: False, lambda: box))
        found = Search(problem, caller, Settings(boxes=boxes, nodes=50)).run()
        assert found.status in ("open", "closed")
        assert found.status == "closed" or found.reason in ("timeout", "node_limit")
        statuses.append(found.reason)
    assert statuses[0] == "timeout"


def test_a_reduction_has_no_use_in_part() -> None:
    problem, box = asked()
    nodes, magnitudes = rooted(problem, box)
    kept = np.arange(len(problem.offset))
    with pytest.raises(Late):
        reduce(problem, magnitudes, nodes, tree_of(problem), kept, lambda: True)
