"""Comparisons, masks and casts of activations: what onnxruntime computes, ties among it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

import rhobust as rb
from rhobust.compiler.base.errors import LanguageError, ModelError, UnsupportedLayer
from rhobust.compiler.network.graph import Network

from .onnx_models import check_network, model, read

NODE = helper.make_node
FLOAT, INT, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def masked(*nodes: onnx.NodeProto, **values: object) -> onnx.ModelProto:
    """A model of two numbers whose tensor `m` of truth values ends as numbers."""
    return model([*nodes, NODE("Cast", ["m"], ["y"], to=FLOAT)], [1, 2], values, 18)


def compared(kind: str, constant: bool = True) -> onnx.ModelProto:
    if constant:
        return masked(NODE(kind, ["x", "c"], ["m"]), c=[0.5])
    swap = NODE("Gather", ["x", "other"], ["s"], axis=1)
    return masked(swap, NODE(kind, ["x", "s"], ["m"]), other=[1, 0])


def joined(kind: str) -> onnx.ModelProto:
    return masked(
        NODE("Greater", ["x", "a"], ["p"]), NODE("LessOrEqual", ["x", "b"], ["q"]),
        NODE(kind, ["p", "q"], ["m"]), a=[0.5], b=[1.0],
    )  # fmt: skip


def chosen(*ends: str) -> onnx.ModelProto:
    """Where(x >= 0.5, ...), of x, its negative or constants."""
    nodes = [
        NODE("GreaterOrEqual", ["x", "c"], ["m"]), NODE("Neg", ["x"], ["n"]),
        NODE("Where", ["m", *ends], ["y"]),
    ]  # fmt: skip
    return model(nodes, [1, 2], {"c": [0.5], "one": [1.0], "two": [[0.25, 3.0]]}, 18)


def whole(*nodes: onnx.NodeProto, **values: object) -> onnx.ModelProto:
    cast = NODE("Cast", ["x"], ["k"], to=INT)
    return model([cast, *nodes, NODE("Cast", ["m"], ["y"], to=FLOAT)], [1, 2], values, 18)


CASES: dict[str, onnx.ModelProto] = {
    **{
        f"{kind}_{constant}": compared(kind, constant)
        for kind in ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")
        for constant in (True, False)
    },
    **{kind: joined(kind) for kind in ("And", "Or", "Xor", "Equal")},
    "not": masked(NODE("Less", ["x", "c"], ["p"]), NODE("Not", ["p"], ["m"]), c=[0.0]),
    "and_constant": masked(
        NODE("Less", ["x", "c"], ["p"]), NODE("And", ["p", "k"], ["m"]),
        c=[0.5], k=np.array([True, False]),
    ),
    "or_constant": masked(
        NODE("Less", ["x", "c"], ["p"]), NODE("Or", ["k", "p"], ["m"]),
        c=[0.5], k=np.array([True, False]),
    ),
    "where": chosen("x", "n"),
    "where_constant": chosen("x", "one"),
    "where_constants": chosen("two", "one"),
    "to_bool": masked(NODE("Cast", ["x"], ["m"], to=BOOL)),
    "to_whole": whole(NODE("Identity", ["k"], ["m"])),
    "whole_sum": whole(NODE("Add", ["k", "c"], ["s"]), NODE("Sub", ["c", "s"], ["m"]), c=[3]),
    "whole_compared": whole(
        NODE("Equal", ["k", "c"], ["p"]), NODE("Cast", ["p"], ["m"], to=INT), c=[1]
    ),
    "whole_chosen": whole(
        NODE("Greater", ["k", "c"], ["p"]), NODE("Where", ["p", "k", "c"], ["m"]), c=[1]
    ),
    "moved": masked(
        NODE("Less", ["x", "c"], ["p"]), NODE("Transpose", ["p"], ["t"]),
        NODE("Reshape", ["t", "s"], ["m"]), c=[0.5], s=[1, 2],
    ),
}  # fmt: skip
POINTS = np.array([[a, b] for a in (-2.5, -1.0, -0.0, 0.25, 0.5, 1.0, 1.75) for b in (-1, 0.5, 2)])


@pytest.mark.parametrize("name", CASES)
def test_masks_are_those_of_the_runtime(name: str) -> None:
    network = read(CASES[name])
    check_network(network)
    found, theirs = network.forward(POINTS), network.run(POINTS)
    assert found.tolist() == theirs.tolist()


def refused(*nodes: onnx.NodeProto, **values: object) -> onnx.ModelProto:
    return model(list(nodes), [1, 2], values, 18)


CAST = NODE("Cast", ["x"], ["k"], to=INT)


@pytest.mark.parametrize(
    ("proto", "message"),
    [
        (refused(CAST, NODE("Mul", ["k", "k"], ["y"])), "Mul of activations of type int64"),
        (refused(CAST, NODE("Div", ["k", "c"], ["y"]), c=[2]), "Div of activations of type int64"),
        (refused(CAST, NODE("Relu", ["k"], ["y"])), "Relu of activations of type int64"),
        (refused(CAST, NODE("Add", ["k", "k"], ["y"])), "Add of two activations of type int64"),
        (refused(CAST, NODE("Add", ["k", "c"], ["y"]), c=[2**40]), "beyond"),
        (
            refused(NODE("Cast", ["x"], ["k"], to=BOOL), NODE("Not", ["k"], ["m"]),
                    NODE("ReduceMax", ["m"], ["y"])),
            "ReduceMax of activations of type bool",
        ),
        (refused(NODE("Floor", ["x"], ["y"])), "Floor"),
    ],
)  # fmt: skip
def test_what_is_not_read_of_other_types_is_named(proto: onnx.ModelProto, message: str) -> None:
    with pytest.raises((UnsupportedLayer, ModelError), match=message):
        read(proto)


def drawn(seed: int) -> onnx.ModelProto:
    """A small random graph with masks, two numbers in and one out; all weights are quarters."""
    rng = np.random.default_rng(seed)
    values: dict[str, object] = {}

    def stored(*shape: int) -> str:
        name = f"w{len(values)}"
        values[name] = (rng.integers(-8, 9, shape) / 4).astype(np.float32)
        return name

    nodes, floats, masks = [], ["x"], []
    for k in range(int(rng.integers(3, 7))):
        source = str(rng.choice(floats))
        kind = str(rng.choice(["Linear", "Compare", "Where", "Join", "Cast", "Relu"]))
        name = f"t{k}"
        if kind == "Linear":
            nodes.append(NODE("Gemm", [source, stored(2, 2), stored(2)], [name]))
        elif kind == "Relu":
            nodes.append(NODE("Relu", [source], [name]))
        elif kind == "Compare":
            made = str(rng.choice(["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"]))
            nodes.append(NODE(made, [source, stored(1, 2)], [name]))
            masks.append(name)
            continue
        elif kind == "Cast" and len(masks) < 3:
            nodes.append(NODE("Cast", [source], [f"k{k}"], to=INT))
            nodes.append(NODE("Cast", [f"k{k}"], [name], to=FLOAT))
        elif kind == "Join" and len(masks) > 1:
            made = str(rng.choice(["And", "Or", "Xor"]))
            nodes.append(NODE(made, [masks[-1], masks[-2]], [f"b{k}"]))
            nodes.append(NODE("Cast", [f"b{k}"], [name], to=FLOAT))
        elif masks:
            other = str(rng.choice([*floats, stored(1, 2)]))
            nodes.append(NODE("Where", [str(rng.choice(masks)), source, other], [name]))
        else:
            continue
        floats.append(name)
    nodes.append(NODE("Gemm", [floats[-1], stored(2, 1), stored(1)], ["y"]))
    return model(nodes, [1, 2], values, 18)


GRID = np.stack(np.meshgrid(*[np.arange(-8, 9) / 4] * 2), axis=-1).reshape(-1, 2)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), level=st.integers(-12, 12))
def test_random_graphs_with_masks_are_decided_as_on_a_grid(
    seed: int, level: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    network: Network = read(drawn(seed))
    theirs = network.run(GRID)
    assert network.forward(GRID).tolist() == theirs.tolist()
    text = "".join(f"(declare-const {name} Real)" for name in ("X_0", "X_1", "Y_0"))
    text += "".join(f"(assert (<= -2 X_{k} 2))" for k in range(2))
    path: Path = tmp_path_factory.mktemp("masks") / "question.vnnlib"
    path.write_text(text + f"(assert (>= Y_0 {level / 4 + 0.1}))")
    result = rb.solve(network, path, timeout=20)
    assert result.status in ("sat", "unsat", "unknown")
    if (theirs >= level / 4 + 0.1).any():
        assert result.status != "unsat", seed
    if result.status == "sat":
        assert result.witness is not None
        x = np.array([float(v) for v in result.witness.inputs])
        assert network.run(x[None])[0, 0] >= level / 4 + 0.1


def test_most_random_questions_are_decided(tmp_path: Path) -> None:
    path, open_ = tmp_path / "question.vnnlib", 0
    text = "".join(f"(declare-const {name} Real)" for name in ("X_0", "X_1", "Y_0"))
    path.write_text(text + "(assert (<= -2 X_0 2))(assert (<= -2 X_1 2))(assert (>= Y_0 3.1))")
    for seed in range(30):
        open_ += rb.solve(read(drawn(seed)), path, timeout=20).status not in ("sat", "unsat")
    assert open_ <= 1


def test_a_choice_without_bounds_is_refused() -> None:
    x = rb.Variable(2)
    with pytest.raises(LanguageError, match="have no bounds"):
        read(CASES["where"])(x)
    with pytest.raises(LanguageError, match="no bound below"):
        read(CASES["to_whole"])(x)


def test_no_certificate_speaks_of_masks(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(CASES["where"], path)
    question = tmp_path / "q.vnnlib"
    text = "".join(f"(declare-const {name} Real)" for name in ("X_0", "X_1", "Y_0"))
    question.write_text(text + "(assert (<= -2 X_0 2))(assert (<= -2 X_1 2))(assert (>= Y_0 3.1))")
    result = rb.solve(path, question, certificate=tmp_path / "proof.npz")
    assert result.status == "unsat" and "not of step, where" in result.uncertified
    assert not (tmp_path / "proof.npz").exists()
