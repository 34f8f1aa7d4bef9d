"""Every kind of problem, and that defects put into the engine are found by them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from rhobust.bnb.bounds.node_lp import LeafResult, solve_leaf
from rhobust.bnb.leaves import close as leaves
from rhobust.lp.oracle.highs import Answer, Solver
from rhobust.selftest.faults import SITES
from rhobust.selftest.judge import Tally, judged, measured, optimised
from rhobust.selftest.kinds import KINDS, a_round
from rhobust.selftest.problem import random_problem
from rhobust.selftest.questions import vnnlib
from rhobust.selftest.table import cells, lines, rounds, table
from rhobust.witness.label import Validator

pytestmark = pytest.mark.slow

FEW = {
    "small networks, enumerated": 20, "injected faults": 4, "exact ties": 20,
    "objectives, enumerated": 40,
}  # fmt: skip


def tally(kind: str, first: int, count: int, seed: int = 1) -> Tally:
    found = Tally()
    for number in range(first, first + count):
        found.add(a_round(number, kind, seed))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_wrong(kind: str) -> None:
    found = tally(kind, 0, FEW.get(kind, 4))
    assert found.wrong == 0, found.told
    assert found.problems == found.decided + found.unknown
    assert found.decided > 0.4 * found.problems
    if kind not in ("eps = rho (1 ± d)", "injected faults", "intervals of rho"):
        assert found.unknown <= 0.02 * found.problems


@pytest.mark.long
@pytest.mark.parametrize("first", range(0, 400, 10))
def test_injected_faults(first: int) -> None:
    """About 25 faults a round, 10,000 in all."""
    found = tally("injected faults", first, 10, 2)
    assert found.wrong == 0, found.told


@pytest.mark.long
@pytest.mark.parametrize("first", range(0, 500, 50))
def test_near_ties(first: int) -> None:
    """20 a round, 10,000 in all."""
    found = tally("eps = rho (1 ± d)", first, 50, 2)
    assert found.wrong == 0, found.told


class Listening:
    """A solver whose objective values are believed."""

    def __init__(self, inner: Solver, told: list[float]) -> None:
        self.inner, self.told = inner, told

    def solve(self, seconds: float) -> Answer:
        answer = self.inner.solve(seconds)
        if answer.optimal:
            self.told.append(answer.value)
        return answer


def believing(*given: Any) -> LeafResult:
    """A leaf whose bound is the solver's own objective value."""
    told: list[float] = []
    oracle = given[4]
    found = solve_leaf(*given[:4], lambda program: Listening(oracle(program), told), *given[5:])  # type: ignore[call-arg]
    return replace(found, value=told[-1]) if told else found


def tolerant(validator: Any, claim: Any, *given: Any) -> None:
    """A validator that takes what lies a little outside."""
    START(validator, claim.within(claim.region.eps * (1 + 1e-6)), *given)


START = Validator.__init__
ONLY_LP = {site: SITES[site] for site in ("lp",)}
DEFECTS = {
    "values of the solver": ("injected faults", leaves, "solve_leaf", believing),
    "points outside": ("eps = rho (1 ± d)", Validator, "snap", lambda self, point: point),
    "a tolerance": ("eps = rho (1 ± d)", Validator, "__init__", tolerant),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_defects_are_found(name: str) -> None:
    kind, home, attribute, defect = DEFECTS[name]
    with patch.object(home, attribute, defect), patch.dict(SITES, ONLY_LP, clear=True):
        assert any(tally(kind, number, 1).wrong for number in range(200))


def test_an_exception_is_wrong() -> None:
    def raises() -> str:
        raise ValueError("what")

    assert judged(raises) == "ValueError: what"


def test_rounds_end_with_the_time_but_every_kind_has_one() -> None:
    left: Iterator[float] = iter([1.0] * 3 + [0.0] * 100)
    heard: list[str] = []

    def quick(rng: np.random.Generator, name: str) -> Tally:
        found = Tally()
        found.note("decided" if rng.random() < 0.5 else "it lied", name)
        return found

    with patch.dict(KINDS, {kind: quick for kind in KINDS}):
        tallies = rounds(lambda: next(left), 3, lambda kind, found: heard.append(kind))
        assert heard[: len(KINDS)] == list(KINDS) and len(heard) == len(KINDS) + 2
    assert sum(t.problems for t in tallies.values()) == len(heard)
    assert len(lines(tallies)) == len(KINDS) + 2
    assert table(tallies).row_count == len(KINDS)
    assert cells("x", Tally(1234, 1, 2, 3)) == ("x", "1,234", "1", "2", "3")


def test_rounds_are_reproducible() -> None:
    one, two = (a_round(3, "eps = rho (1 ± d)", 5) for _ in range(2))
    assert one == two


def test_property_texts_vary_in_order_but_not_in_meaning() -> None:
    problem = random_problem(np.random.default_rng(4))
    texts = {vnnlib(problem, 0.25, np.random.default_rng(seed)) for seed in range(6)}
    assert len(texts) > 1


def test_judgements_of_nothing() -> None:
    from fractions import Fraction

    from rhobust.queries.objective.solution import Solution, Statistics
    from rhobust.results import RhoResult

    problem = random_problem(np.random.default_rng(0))
    none = RhoResult(np.nan, 1.0, None, "", 0.0, 0.0, 0, 0, 0.0, 0, 0)
    assert measured(problem, none).startswith("no interval")
    counts = Statistics(0, 0, 0, {}, 0, 0)
    high = Solution("optimal", "", 2.0, 2.0, 0.0, counts)
    assert "above" in optimised(Fraction(1), high)
    assert "below" in optimised(Fraction(3), high)
