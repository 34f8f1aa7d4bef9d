"""A network's nodes are the graph that networkx makes of them."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhobust.compiler.network.graph import GraphBuilder, Network
from rhobust.compiler.network.layers import Linear, Rectifier, Sum
from rhobust.compiler.operators import Dense

from ..reference.strategies import Case, bent_cases, cases


@settings(max_examples=25, deadline=None)
@given(case=st.one_of(cases(), bent_cases()))
def test_the_graph_of_networkx(case: Case) -> None:
    network = case.network
    graph, order = network.graph, network.order
    assert nx.is_directed_acyclic_graph(graph)
    assert set(order) == nx.ancestors(graph, network.output) | {network.output, Network.INPUT}
    assert order[0] == Network.INPUT and len(set(order)) == len(order)
    place = {node: number for number, node in enumerate(order)}
    for node in order:
        fed = [
            (slot, source)
            for source, _, data in graph.in_edges(node, data=True)
            for slot in data["slots"]
        ]
        assert [source for _, source in sorted(fed)] == network.sources[node]
        assert all(place[source] < place[node] for source in network.sources[node])
        assert graph.nodes[node]["size"] == network.size(node)
        assert graph.out_degree(node) == network.readers[node]


def test_a_node_that_nothing_needs_is_left_out() -> None:
    builder = GraphBuilder((2,))
    first = builder.add("a", Linear(Dense(np.eye(2)), None), 2, Network.INPUT)
    builder.add("unread", Rectifier(), 2, first)
    twice = builder.add("a", Sum((1.0, 1.0)), 2, first, first)
    network = builder.finish(twice)
    assert network.order == ["input", "a", "a.2"]
    assert network.sources["a.2"] == ["a", "a"]
    assert network.readers == {"input": 1, "a": 2}
    assert network.graph.edges["a", "a.2"]["slots"] == [0, 1]
    assert np.array_equal(network.forward(np.array([[1.0, 2.0]])), [[2.0, 4.0]])


def test_a_layer_stands_behind_what_feeds_it() -> None:
    builder = GraphBuilder((2,))
    with pytest.raises(KeyError, match="later"):
        builder.add("a", Rectifier(), 2, "later")
