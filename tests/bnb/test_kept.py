"""The multipliers of the best pass, and the rates that follow from when it was."""

from __future__ import annotations

import numpy as np
import pytest

from rhobust.bnb.bound_batch import ascended, node_pass
from rhobust.bnb.bounds.crown import Ascent, Multipliers, Pass
from rhobust.bnb.bounds.kept import DECAY, DOWN, LARGEST, UP, Kept
from rhobust.bnb.caller import Caller, Candidates, Clock
from rhobust.bnb.nodes.batch import Block
from rhobust.bnb.nodes.forms import multipliers, spread
from rhobust.bnb.nodes.split import children
from rhobust.bnb.root import root_nodes
from rhobust.bnb.settings import Settings
from rhobust.bnb.state import State

from ..reference import strategies
from .problems import compiled


def of(number: float, count: int = 3) -> Multipliers:
    """Multipliers of some queries, all of them `number`."""
    return Multipliers([np.full((count, 2), number)], [np.full((count, 2), number)])


def test_each_query_keeps_the_multipliers_of_its_best_pass() -> None:
    slopes = of(9.0)
    kept = Kept.of(slopes, 3)
    for step, value in enumerate([[1.0, 1.0, 1.0], [2.0, 0.0, 1.0], [1.5, 3.0, np.nan]]):
        # as a search does it: changed in place
        slopes.alpha[0][:], slopes.beta[0][:] = step, 10.0 + step
        kept.hear(step, np.array(value), slopes)
    slopes.alpha[0][:] = -1.0
    assert kept.value.tolist() == [2.0, 3.0, 1.0]
    assert kept.multipliers.alpha[0][:, 0].tolist() == [1.0, 2.0, 0.0]
    assert kept.multipliers.beta[0][:, 1].tolist() == [11.0, 12.0, 10.0]
    some = kept.take(np.array([1]))
    assert some.value.tolist() == [3.0] and some.multipliers.alpha[0].tolist() == [[2.0, 2.0]]


def test_rates_fall_where_no_step_gained_and_rise_where_the_last_one_did() -> None:
    kept = Kept.of(of(0.0, 4), 4)
    kept.step[:] = [0, 1, 2, 2]
    rate = np.array([0.1, 0.1, 0.1, LARGEST])
    assert kept.rate(rate, 2) == pytest.approx([0.1 * DOWN, 0.1, 0.1 * UP, LARGEST])
    assert kept.rate(rate, 0).tolist() == rate.tolist()


def searched(seed: int) -> State:
    """A search in which nothing closes, of ten units."""
    problem, box = compiled(strategies.tangled_case(np.random.default_rng(seed)), 0.3)
    candidates = Candidates(lambda points: False, lambda: box, cutoff=lambda: np.inf)
    spent = Settings(boxes=False, joint=False, trees=False)
    return State.of(problem, Caller(Clock(lambda: np.inf), candidates), spent)


def passed(of: State, block: Block) -> Pass:
    """A pass with the multipliers that nodes have."""
    nodes = spread(block, of.units, of.candidates.box())
    return node_pass(of, block, nodes, np.arange(len(block)), multipliers(block, of.units))


def test_nodes_below_the_roots_never_end_with_worse_multipliers() -> None:
    """However large the rate, a child that begins with what its parent has is bounded as well."""
    seen = fell = 0
    for seed in range(25):
        of = searched(seed)
        with np.errstate(all="ignore"):
            block, outcome = root_nodes(of)
            block = block.take(np.flatnonzero(block.split_on >= 0))
            if outcome is not None or not len(block):
                continue
            block = children(block)
            block.rate[:] = LARGEST
            before = passed(of, block).value
            block, _ = ascended(of, block, 1, Ascent(block.rate, DECAY))
            after = passed(of, block).value
        size = 1e-12 * (1.0 + np.abs(before))
        assert (after >= before - size).all()
        assert np.isin(block.rate, [LARGEST * DOWN, LARGEST]).all()
        seen, fell = seen + len(block), fell + int((block.rate < LARGEST).sum())
    assert fell and fell < seen
