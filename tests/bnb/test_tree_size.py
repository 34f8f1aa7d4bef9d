"""Random walks estimate how many nodes a search bounds."""

from __future__ import annotations

import numpy as np
import pytest

import rhobust as rb
from rhobust.bnb.caller import Caller, Candidates, Clock, Listeners
from rhobust.bnb.root import root_nodes
from rhobust.bnb.search import Outcome, Search, Settings
from rhobust.bnb.settings import Unfinished
from rhobust.bnb.tree_size import TreeSize, Walk, from_open, from_roots
from rhobust.compiler.base.arrays import Bounds
from rhobust.compiler.problem import Problem
from rhobust.compiler.question.claim import Claim


@pytest.fixture(scope="module")
def problem() -> Problem:
    """A digit just below its rho: some hundred nodes."""
    images = rb.data.digits()
    claim = Claim.make(rb.load("digits"), images.vector(2), int(images.labels[2]), eps=0.2345)
    return claim.compile()[0]


def search(problem: Problem, nodes: int = 10**7) -> tuple[Search, list[Unfinished]]:
    left: list[Unfinished] = []
    box = Bounds(problem.lower[None], problem.upper[None])
    caller = Caller(
        Clock(lambda: 600.0),
        Candidates(lambda points: False, lambda: box),
        Listeners(unfinished=left.append),
    )
    return Search(problem, caller, Settings(batch=1, nodes=nodes)), left


@pytest.fixture(scope="module")
def expected(problem: Problem) -> int:
    """The nodes below the roots, counted one after the other."""
    whole, _ = search(problem)
    block, early = root_nodes(whole.state)
    assert early is None
    before, stack = whole.state.statistics.nodes, [block]
    while stack:
        parts = whole.advance(stack.pop())
        assert parts is not None
        stack += [part.take(np.array([row])) for part in parts for row in range(len(part))]
    return whole.state.statistics.nodes - before


def near(found: TreeSize, expected: int) -> bool:
    """Within four standard errors of the mean, and with no larger error than a half."""
    estimates = np.array([walk.nodes for walk in found.walks])
    error = float(estimates.std() / np.sqrt(len(estimates)))
    return error < 0.5 * expected and abs(found.nodes - expected) < 4.0 * error


def test_the_mean_is_the_size_of_the_tree(problem: Problem, expected: int) -> None:
    assert expected > 100
    found = from_roots(search(problem)[0], 120, 200)
    assert isinstance(found, TreeSize) and len(found.walks) == 120 and found.whole
    assert near(found, expected)
    assert 1.0 <= found.leaves <= expected
    assert all(walk.short == 0.0 and walk.nodes >= walk.depth for walk in found.walks)
    again = from_roots(search(problem)[0], 5, 200)
    assert isinstance(again, TreeSize) and again.walks == found.walks[:5]  # its seed is fixed


def test_walks_go_on_from_open_nodes(problem: Problem, expected: int) -> None:
    begun, left = search(problem, nodes=100)
    outcome = begun.run()
    assert outcome.status == "open" and outcome.reason == "node_limit"
    (unfinished,) = left
    done = unfinished.statistics.nodes
    assert done < expected and len(unfinished.rows) > 1
    found = from_open(unfinished, lambda: False, lambda: 0.0, 120, 200)
    assert near(found, expected - done)


def test_walks_that_are_cut_off_say_so(problem: Problem) -> None:
    found = from_roots(search(problem)[0], 5, 1)
    assert isinstance(found, TreeSize) and not found.whole
    assert all(walk.depth <= 1 for walk in found.walks)
    assert all(walk.whole == (walk.short == 0.0) for walk in found.walks)
    none = from_roots(search(problem)[0], 0, 1)
    assert isinstance(none, TreeSize) and not none.whole and np.isnan(none.nodes)


def test_a_question_that_is_settled_has_no_walks(problem: Problem) -> None:
    images = rb.data.digits()
    claim = Claim.make(rb.load("digits"), images.vector(2), int(images.labels[2]), eps=0.01)
    early = from_roots(search(claim.compile()[0])[0], 5, 10)
    assert isinstance(early, Outcome) and early.status == "closed"


def test_a_candidate_ends_the_walks(problem: Problem) -> None:
    begun, left = search(problem, nodes=20)
    begun.run()
    begun.state.candidates.accept = lambda points: True
    found = from_open(left[0], lambda: False, lambda: 0.0, 5, 10)
    assert found.settled and not found.walks


def test_means_by_hand() -> None:
    walks = [Walk(2.0, 6.0, 2, 0.0, True), Walk(4.0, 10.0, 3, 0.5, False)]
    size = TreeSize(walks)
    assert (size.leaves, size.nodes, size.whole) == (3.0, 8.0, False)
    assert TreeSize(walks[:1]).whole
