"""A search that stops and goes on, or runs in several threads, ends with the same verdict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhobust.bnb.caller import Clock, Listeners
from rhobust.bnb.nodes.saved import Array, Pieces, Saved
from rhobust.bnb.search import Settings, search

from ..reference.strategies import Case
from .test_search import LAZY, Asked, asked, decided, effort, right, shares, some_cases

pytestmark = pytest.mark.slow


class Kept:
    """A file, in memory."""

    name = "memory"

    def __init__(self) -> None:
        self.state: dict[str, Array] | None = None
        self.root = ""

    def load(self, root: str) -> dict[str, Array] | None:
        assert self.state is None or root == self.root
        return self.state

    def due(self) -> bool:
        return False

    def save(self, root: str, state: Saved) -> None:
        self.root = root
        self.state = {
            name: array.whole() if isinstance(array, Pieces) else array.copy()
            for name, array in state.items()
        }

    def seconds(self, size: int) -> float:
        return 0.0

    def done(self) -> None:
        self.state = None


@settings(max_examples=12, deadline=None)
@given(some_cases, shares, st.integers(1, 40), st.sampled_from([1, 2, 64]))
def test_a_search_goes_on_where_it_stopped(case: Case, share: float, step: int, batch: int) -> None:
    question, kept = asked(case, share), Kept()
    spent = replace(LAZY, batch=batch)
    whole = search(question.problem, question.caller(), spent)
    runs, nodes = 0, 0
    while True:
        runs += 1
        some = replace(spent, nodes=nodes + step)
        outcome = search(
            question.problem, replace(question.caller(), listeners=Listeners(saver=kept)), some
        )
        right(question, outcome)
        if outcome.reason != "node_limit":
            break
        assert outcome.statistics.nodes > nodes
        nodes = outcome.statistics.nodes
    assert (outcome.status, outcome.reason) == (whole.status, whole.reason) or runs > 1
    decided(question, outcome)


class Stopped(KeyboardInterrupt):
    pass


@settings(max_examples=12, deadline=None)
@given(some_cases, shares, st.integers(0, 12))
def test_an_interruption_loses_no_node(case: Case, share: float, calls: int) -> None:
    """It comes in the middle of a batch; what that held is open again."""
    question, kept, left = asked(case, share), Kept(), [calls]

    def accept(points: np.ndarray) -> bool:
        left[0] -= 1
        if left[0] == 0:
            raise Stopped
        return question.exactly(points)

    spent = replace(LAZY, batch=2)
    caller = replace(question.caller(accept), listeners=Listeners(saver=kept))
    try:
        outcome = search(question.problem, caller, spent)
    except Stopped:
        outcome = search(
            question.problem, replace(question.caller(), listeners=Listeners(saver=kept)), spent
        )
    decided(question, outcome)


@settings(max_examples=12, deadline=None)
@given(some_cases, shares, effort)
def test_threads_change_no_verdict(case: Case, share: float, spent: Settings) -> None:
    question = asked(case, share)
    decided(question, search(question.problem, question.caller(), replace(spent, threads=3)))


def test_an_exception_in_a_thread_comes_out() -> None:
    question = Asked(open_case(), 0.3)

    def accept(points: np.ndarray) -> bool:
        raise Stopped

    with pytest.raises(Stopped):
        search(question.problem, question.caller(accept), replace(LAZY, threads=2))


def open_case() -> Case:
    """A network whose answer needs a search."""
    from ..reference.strategies import tangled_case

    return tangled_case(np.random.default_rng(5))


@pytest.mark.parametrize(("given", "cost"), [(92.0, 20.0), (128.0, 1e9)])
def test_saving_belongs_to_the_time(given: float, cost: float) -> None:
    """It begins while there is time for it, but has no more than half of all."""
    left, begun = [given], list[float]()

    class Slow(Kept):
        def seconds(self, size: int) -> float:
            return cost if size else 0.0

        def save(self, root: str, state: Saved) -> None:
            begun.append(left[0])

    def remaining() -> float:
        left[0] -= 1.0
        return left[0]

    question = Asked(open_case(), 0.6)
    caller = replace(question.caller(), clock=Clock(remaining), listeners=Listeners(saver=Slow()))
    outcome = search(question.problem, caller, replace(LAZY, batch=1))
    assert outcome.reason == "timeout" and len(begun) == 1
    # each look at the clock takes a second of it, and a batch looks several times
    assert min(cost, given / 2.0) - 20.0 < begun[0] <= min(cost, given / 2.0)
