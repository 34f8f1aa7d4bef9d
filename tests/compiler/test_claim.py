"""Claims: what a user may ask, and every error that says why not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rhobust.compiler.base.errors import InputError
from rhobust.compiler.importers.plain import dense_network
from rhobust.compiler.network.graph import GraphBuilder, Network
from rhobust.compiler.network.layers import Linear, Sum
from rhobust.compiler.operators import Dense
from rhobust.compiler.question.claim import Claim, check_eps

NETWORK = dense_network([([[1, 0], [0, 1], [1, 1]], [0, 0, -2])])  # logits (x, y, x + y - 2)
IMAGE = np.array([0.75, 0.25])


def make(**arguments: Any) -> Claim:
    return Claim.make(**{"network": NETWORK, "image": IMAGE, **arguments})


def test_defaults() -> None:
    claim = make()
    assert (claim.label, claim.targets, claim.margin) == (0, (1, 2), 0.0)
    assert claim.region.lower.tolist() == [0.0, 0.0] and claim.region.upper.tolist() == [1.0, 1.0]
    assert make(image=IMAGE.reshape(2, 1)).image.tolist() == IMAGE.tolist()
    assert make(image=[0, 1]).label == 1


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("any", (1, 2)),
        ("second", (1,)),
        (2, (2,)),
        (np.int64(2), (2,)),
        ("2", (2,)),
        ("2,1", (2, 1)),
        ([2, 1, 2], (2, 1)),
        ((1,), (1,)),
        (np.array([1, 2]), (1, 2)),
    ],
)
def test_targets(target: Any, expected: tuple[int, ...]) -> None:
    assert make(target=target).targets == expected


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"image": [0.5]}, "image has 1 numbers, but .* takes 2"),
        ({"image": [0.5, np.nan]}, "not finite"),
        ({"image": [0.5, np.inf]}, "not finite"),
        ({"image": [0.5, 1.5]}, "outside the domain; scale it"),
        ({"label": 3}, "label 3 is outside 0..2"),
        ({"label": -1}, "label -1 is outside 0..2"),
        ({"margin": np.nan}, "margin must be a finite number"),
        ({"margin": np.inf}, "margin must be a finite number"),
        ({"domain": (1.0, 0.0)}, "finite bounds, lower <= upper"),
        ({"domain": (np.nan, 1.0)}, "finite bounds, lower <= upper"),
        ({"domain": (-np.inf, 1.0)}, "finite bounds, lower <= upper"),
        ({"domain": ([0.0, 0.5], 1.0)}, "outside the domain"),
        ({"target": "most"}, "target 'most' is not 'any', 'second'"),
        ({"target": "1;2"}, "target '1;2' is not"),
        ({"target": 3}, "target 3 must be in 0..2 and differ from label 0"),
        ({"target": -1}, "target -1 must be in"),
        ({"target": 0}, "target 0 must .* differ from label 0"),
        ({"target": [1, 0]}, "target 0 must"),
        ({"target": []}, "list of targets is empty"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        make(**arguments)


def test_a_single_output_has_no_label() -> None:
    single = dense_network([([[1, 1]], [0])])
    with pytest.raises(InputError, match="1 output; a label needs at least 2"):
        Claim.make(single, IMAGE)


@pytest.mark.parametrize("eps", [-1e-9, np.nan, np.inf, -np.inf])
def test_radii_that_make_no_sense_are_refused(eps: float) -> None:
    with pytest.raises(InputError, match="eps must be a number at least 0"):
        check_eps(eps)


def test_radii() -> None:
    assert check_eps(0.0) == 0.0 and check_eps(float(np.float32(0.1))) > 0.1


def test_atoms_follow_the_targets() -> None:
    problem, _ = make(target=[2, 1], margin=0.25).within(0.125).compile()
    output = problem.values(IMAGE[None])[-1][0]
    leads = (problem.rows @ output + problem.offset).tolist()
    assert leads == pytest.approx([0.75 + 1.0 + 0.25, 0.5 + 0.25])
    assert problem.lower.tolist() == [0.625, 0.125] and problem.upper.tolist() == [0.875, 0.375]


# ---- graphs ----------------------------------------------------------------------------------


def test_a_graph_names_its_nodes_apart_and_keeps_the_order_of_arguments() -> None:
    builder = GraphBuilder((2,))
    first = builder.add("same", Linear(Dense(np.eye(2)), None), 2, Network.INPUT)
    second = builder.add("same", Linear(Dense(2.0 * np.eye(2)), None), 2, first)
    builder.add("unused", Linear(Dense(np.eye(2)), None), 2, first)
    total = builder.add("", Sum((1.0, -1.0, 0.5)), 2, second, first, second)
    network = builder.finish(total, name="graph")
    assert (first, second, total) == ("same", "same.2", "sum")
    assert network.order == ["input", "same", "same.2", "sum"]
    assert network.sources["sum"] == ["same.2", "same", "same.2"]
    assert network.forward(np.array([[1.0, -2.0]])).tolist() == [[2.0, -4.0]]
    assert (network.input_size, network.output_size, network.relus, network.work) == (2, 2, 0, 8)
