"""Joint intercepts: the constant of every group holds for every input of the node, exactly."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from rhobust.bnb.bound_batch import tighten
from rhobust.bnb.caller import Caller, Candidates, Clock
from rhobust.bnb.nodes.batch import Block
from rhobust.bnb.nodes.split import children
from rhobust.bnb.root import root_nodes
from rhobust.bnb.search import Settings
from rhobust.bnb.state import State
from rhobust.bnb.tighten.multi_neuron import MultiNeuron
from rhobust.compiler.base.arrays import Bounds, Vector
from rhobust.compiler.importers.plain import dense_network
from rhobust.compiler.question.claim import Claim

from .problems import exact_points, exact_pre

UP = 1.0 + 4.0 * 2.0**-53


def always(box: Bounds) -> Callable[[], Bounds]:
    return lambda: box


def groups_of(state: State) -> MultiNeuron | None:
    """The tightener of a search that has groups."""
    found = [one for one in state.tighteners if isinstance(one, MultiNeuron)]
    return found[0] if found and found[0].groups.size else None


def opened(rng: np.random.Generator, scale: float) -> tuple[State, Block, Bounds]:
    """The open root nodes of a search whose groups have gains, and its box."""
    for _ in range(200):
        sizes = [3, 9, 7, 3]
        # the first layer is scaled, and with it every later number
        layers = [
            (rng.normal(size=(b, a)) * (scale if a == 3 else 1.0), rng.normal(size=b) * scale * 0.3)
            for a, b in zip(sizes[:-1], sizes[1:], strict=True)
        ]
        claim = Claim.make(dense_network(layers), rng.uniform(0.3, 0.7, 3))
        problem, _ = claim.within(0.3).compile()
        box = Bounds(problem.lower[None], problem.upper[None])
        caller = Caller(Clock(lambda: 1e3), Candidates(lambda points: False, always(box)))
        state = State.of(problem, caller, Settings(boxes=False))
        with np.errstate(all="ignore"):
            block, early = root_nodes(state)
        if early is None and groups_of(state) is not None and (block.gain > 0.0).any():
            return state, block, box
    raise AssertionError("no search with groups among 200 random ones")


def check(state: State, block: Block, box: Bounds, rng: np.random.Generator) -> None:
    tightener = groups_of(state)
    assert tightener is not None
    for point in exact_points(rng, box, 12):
        values = [z for stage in exact_pre(state.problem, point)[:-1] for z in stage]
        for row in range(len(block)):
            phases = block.phase[row].tolist()
            inside = all(
                (z >= 0 if phase > 0 else z <= 0)
                for z, phase in zip(values, phases, strict=True)
                if phase
            )
            if inside:
                for group, gain in zip(
                    tightener.groups[block.origin[row]], block.gain[row].tolist(), strict=True
                ):
                    holds(block, row, group, gain, values)


def holds(block: Block, row: int, group: Vector, gain: float, values: list[Fraction]) -> None:
    """sum c (s z - max(z, 0)) >= gain + sum c s l over the group's free units."""
    total, triangles = Fraction(0), Fraction(0)
    for unit in group.tolist():
        low, high = float(block.lower[row, unit]), float(block.upper[row, unit])
        if unit < 0 or block.phase[row, unit] or low >= 0.0 or high <= 0.0:
            continue
        share = Fraction(float(block.share[row, unit]))
        slope = Fraction(min(high / (high - low) * UP, 1.0))
        total += share * (slope * values[unit] - max(values[unit], Fraction(0)))
        triangles += share * slope * Fraction(low)
    assert total >= triangles + Fraction(gain)


@pytest.mark.parametrize("scale", [1.0, 1e4, 1e-4])
@pytest.mark.parametrize("seed", range(4))
def test_gains_hold_at_the_root_and_below(seed: int, scale: float) -> None:
    rng = np.random.default_rng([seed, 7])
    state, block, box = opened(rng, scale)
    check(state, block, box, rng)
    for _ in range(3):
        ready = block.take(np.flatnonzero(block.split_on >= 0))
        if not len(ready):
            break
        block = children(ready)
        tighten(state, block)
        check(state, block, box, rng)
        free = (block.phase == 0) & (block.lower < 0.0) & (block.upper > 0.0)
        block.split_on = np.where(free.any(axis=1), free.argmax(axis=1), -1)


def test_a_group_is_tighter_than_its_triangles() -> None:
    """Two units with pre-activations z and -z on [-1, 1] cannot both stand at an end of theirs.

    The margin is 1.1 - max(z, 0) - max(-z, 0) = 1.1 - |z|, at least 0.1. The group's constant is
    that of -|z| itself, so the root closes without any split.
    """
    layers = [
        (np.array([[2.0, 0.0], [-2.0, 0.0]]), np.array([-1.0, 1.0])),
        (np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([1.1, 0.0])),
    ]
    claim = Claim.make(dense_network(layers), np.array([0.5, 0.5]), label=0)
    problem, _ = claim.within(0.5).compile()
    box = Bounds(problem.lower[None], problem.upper[None])
    caller = Caller(Clock(lambda: 1e3), Candidates(lambda points: False, always(box)))
    state = State.of(problem, caller, Settings(boxes=False))
    with np.errstate(all="ignore"):
        _, early = root_nodes(state)
    assert early is not None and early.status == "closed"


def test_late_groups_gain_nothing() -> None:
    """What a group gained with other bounds is no bound of a child."""
    state, block, _ = opened(np.random.default_rng(3), 1.0)
    tightener = groups_of(state)
    assert tightener is not None and block.gain.any()
    state.clock = Clock(lambda: 0.0)
    tightener.update(block, block.gain > 0.0)
    assert not block.gain.any()
