"""The frontier against a list of nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhobust.bnb.nodes.batch import Block
from rhobust.bnb.nodes.frontier import Frontier

Node = tuple[float, float, int, int]  # value, radius, depth, a number that names the node


def block(nodes: list[Node]) -> Block:
    count = len(nodes)
    values, radii, depths, names = (np.array([node[k] for node in nodes]) for k in range(4))
    wide = np.repeat(names.astype(float)[:, None], 3, axis=1)
    # the name stands in every field, so that a row is known to be whole
    fields: dict[str, Any] = {name: names.copy() for name in Block.__slots__}
    fields |= {
        "value": values.astype(float),
        "proven_distance": radii.astype(float),
        "depth": depths.astype(np.int64),
        "split_on": names.astype(np.int64) % 3,
        "atoms": wide > 0.0,
        "pending": wide[:, :0] > 0.0,
        "phase": np.zeros((count, 3), dtype=np.int8),
        "lower": -wide,
        "upper": wide,
        "alpha": wide / 2,
        "beta": wide * 2,
    }
    return Block(**fields)


def names(popped: Block) -> list[int]:
    assert np.array_equal(popped.upper, np.repeat(popped.origin[:, None], 3, axis=1))
    assert np.array_equal(popped.lower, -popped.upper) and np.array_equal(
        popped.split_on, popped.origin % 3
    )
    assert np.array_equal(popped.alpha * 4, popped.beta)
    for field in ("gamma", "gain", "share"):
        assert np.array_equal(getattr(popped, field), popped.origin)
    found: list[int] = popped.origin.tolist()
    return found


finite = st.integers(-20, 20).map(float)
pushes = st.lists(st.tuples(finite, finite, st.integers(0, 9)), max_size=90)
steps = st.lists(st.tuples(pushes, st.integers(0, 70)), min_size=1, max_size=8)


@given(steps)
def test_nodes_come_back_once_the_worst_first(
    actions: list[tuple[list[tuple[float, float, int]], int]],
) -> None:
    frontier = Frontier(block([(0.0, 0.0, 0, 0)]), memory=1e9)
    model: dict[int, Node] = {}
    serial = 0
    for pushed, popped in actions:
        nodes = [
            (value, radius, depth, serial + k) for k, (value, radius, depth) in enumerate(pushed)
        ]
        serial += len(nodes)
        if nodes:
            frontier.push(block(nodes))
        model.update((node[3], node) for node in nodes)
        taken = names(frontier.pop(popped))
        frontier.settled()
        values = [model.pop(name)[0] for name in taken]
        assert len(taken) == min(popped, len(taken) + len(model)) and values == sorted(values)
        assert not values or not model or values[-1] <= min(node[0] for node in model.values())
        assert len(frontier) == len(model)
        least = tuple(min((node[k] for node in model.values()), default=np.inf) for k in (0, 1))
        assert frontier.least() == least and frontier.worst == least[0]


def test_short_of_memory_the_deepest_come_first() -> None:
    rng = np.random.default_rng(0)
    frontier = Frontier(block([(0.0, 0.0, 0, 0)]), memory=0.0)
    nodes = [(float(rng.normal()), 0.0, int(rng.integers(20)), k) for k in range(300)]
    frontier.push(block(nodes[:200]))
    assert not frontier.full
    frontier.push(block(nodes[200:]))
    assert frontier.full
    taken = names(frontier.pop(44))
    depths = sorted((node[2] for node in nodes), reverse=True)
    assert [nodes[name][2] for name in taken] == depths[:44]
    # 256 are left, which is what is always kept room for
    assert frontier.full
    taken += names(frontier.pop(1))
    assert not frontier.full
    rest = names(frontier.pop(1000))
    assert sorted(taken + rest) == list(range(300))
    assert [nodes[name][0] for name in rest] == sorted(nodes[name][0] for name in rest)


@pytest.mark.parametrize("count", [1, 63, 64, 65, 200])
def test_freed_rows_are_used_again(count: int) -> None:
    frontier = Frontier(block([(0.0, 0.0, 0, 0)]), memory=1e9)
    for turn in range(3):
        frontier.push(block([(float(k), 1.0, turn, k) for k in range(count)]))
        assert names(frontier.pop(count)) == list(range(count))
        assert frontier.least() == (0.0, 1.0)  # what is worked on is open still
        frontier.settled()
    assert len(frontier) == 0 and frontier.least() == (np.inf, np.inf)


def test_no_node_is_lost_at_any_moment() -> None:
    """What was popped is open until what is left of it was pushed, whenever a run is cut off."""
    frontier = Frontier(block([(0.0, 0.0, 0, 0)]), memory=1e9)
    frontier.push(block([(float(name), 0.0, 0, name) for name in range(8)]))

    def still_open() -> list[int]:
        store, rows = frontier.all()
        return sorted(names(store.take(rows)))

    first = frontier.pop(3)
    assert names(first) == [0, 1, 2] and still_open() == list(range(8)) and len(frontier) == 5
    assert names(frontier.pop(2)) == [3, 4]
    frontier.push(block([(9.0, 0.0, 0, 9)]))
    assert still_open() == [*range(8), 9]
    frontier.settled()
    assert still_open() == [5, 6, 7, 9]
    frontier.push(block([(0.0, 0.0, 0, name) for name in range(20, 24)]))
    assert still_open() == [5, 6, 7, 9, *range(20, 24)]
    assert frontier.bytes == 8 * frontier.all()[0].bytes_per_node
