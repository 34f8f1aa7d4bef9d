"""Classifiers and linear models as skl2onnx writes them: their scores are what a network is."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

import rhobust as rb
from rhobust.compiler.base.errors import InputError, ModelError, UnsupportedLayer

from .onnx_models import array, check_network, constants, read

RNG = np.random.default_rng(5)
ML = "ai.onnx.ml"
ROWS = array(np.random.default_rng(6), 20, 4).astype(np.float64)
LABELS = [0, 1, 2]


def node(kind: str, inputs: list[str], outputs: list[str], **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(kind, inputs, outputs, domain=ML, **attributes)


def classical(
    nodes: list[onnx.NodeProto], *outputs: onnx.ValueInfoProto, **values: Any
) -> onnx.ModelProto:
    """A model of four features with operators of both domains."""
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 4])
    graph = helper.make_graph(nodes, "classical", [given], list(outputs), constants(values))
    domains = [helper.make_opsetid("", 13), helper.make_opsetid(ML, 1)]
    return helper.make_model(graph, opset_imports=domains, ir_version=8)


def floats(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None])


LABEL = helper.make_tensor_value_info("label", TensorProto.INT64, [None])


def linear(after: str, rows: int = 3, **rest: Any) -> onnx.NodeProto:
    rng = np.random.default_rng(rows)
    return node(
        "LinearClassifier", ["x"], ["label", "p"], classlabels_ints=list(range(rows)),
        coefficients=array(rng, 4 * rows).tolist(), intercepts=array(rng, rows).tolist(),
        post_transform=after, **rest,
    )  # fmt: skip


def perceptron() -> list[onnx.NodeProto]:
    """Two classes: a logistic function p, then 1 - p beside it, and its label."""
    make = helper.make_node
    return [
        make("MatMul", ["x", "w"], ["a"]), make("Relu", ["a"], ["r"]),
        make("MatMul", ["r", "v"], ["z"]), make("Sigmoid", ["z"], ["p"]),
        make("Sub", ["one", "p"], ["q"]), make("Concat", ["q", "p"], ["both"], axis=1),
        make("ArgMax", ["both"], ["best"], axis=1, keepdims=0),
        make("Cast", ["best"], ["label"], to=TensorProto.INT64),
    ]  # fmt: skip


WEIGHTS = {"w": array(RNG, 4, 3), "v": array(RNG, 3, 1), "one": [1.0]}
MAPS = onnx.ValueInfoProto(name="maps")
MAPS.type.sequence_type.elem_type.map_type.key_type = TensorProto.INT64
MAPS.type.sequence_type.elem_type.map_type.value_type.tensor_type.elem_type = TensorProto.FLOAT
ZIPPED = node("ZipMap", ["n"], ["maps"], classlabels_int64s=LABELS)
SUMS = node("Normalizer", ["p"], ["n"], norm="L1")
SOFT: dict[str, onnx.ModelProto] = {
    "softmax": classical([linear("SOFTMAX"), SUMS], LABEL, floats("n")),
    "softmax_maps": classical([linear("SOFTMAX"), SUMS, ZIPPED], LABEL, MAPS),
    "logistic": classical([linear("LOGISTIC", 2)], LABEL, floats("p")),
    "logistic_sums": classical([linear("LOGISTIC"), SUMS], LABEL, floats("n")),
    "two_classes": classical(perceptron(), LABEL, floats("both"), **WEIGHTS),
}
"""Files with labels and probabilities."""


def probabilities(proto: onnx.ModelProto) -> Any:
    """The second output of the file itself."""
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    found = session.run([proto.graph.output[1].name], {"x": ROWS.astype(np.float32)})[0]
    if isinstance(found, list):
        found = [[row[label] for label in LABELS] for row in found]
    return np.array(found)


@pytest.mark.parametrize("name", SOFT)
def test_scores_are_in_the_order_of_probabilities(name: str) -> None:
    network = read(SOFT[name])
    check_network(network)
    scores, theirs = network.forward(ROWS), probabilities(SOFT[name])
    assert scores.shape == theirs.shape and network.ordered
    assert "label" in network.notes[0] and "left out" in network.notes[1]
    for ours, given in zip(scores, theirs, strict=True):
        for j, k in np.argwhere(ours[:, None] > ours[None] + 1e-4):
            assert given[j] > given[k] or given[j] > 1 - 1e-6 or given[k] < 1e-6


def test_raw_scores_are_the_files_own() -> None:
    proto = classical([linear("NONE", multi_class=1)], LABEL, floats("p"))
    network = read(proto)
    check_network(network)
    assert np.allclose(network.forward(ROWS), probabilities(proto), rtol=1e-5)
    assert not network.ordered and len(network.notes) == 1


def test_scalers_and_linear_models() -> None:
    offsets, factors, weights = array(RNG, 4), array(RNG, 4), array(RNG, 8)
    nodes = [
        node("Scaler", ["x"], ["s"], offset=offsets.tolist(), scale=factors.tolist()),
        node("Scaler", ["s"], ["t"], offset=[0.1], scale=[0.3]),
        node("ArrayFeatureExtractor", ["t", "columns"], ["c"]),
        node(
            "LinearRegressor", ["c"], ["y"], coefficients=weights.tolist(), intercepts=[1.0, 2.0],
            targets=2,
        ),
    ]  # fmt: skip
    network = read(classical(nodes, floats("y"), columns=[3, 0, 0, 2]))
    check_network(network)
    given = ((ROWS - offsets) * factors - np.float32(0.1)) * np.float64(np.float32(0.3))
    expected = given[:, [3, 0, 0, 2]] @ weights.reshape(2, 4).T.astype(np.float64) + [1.0, 2.0]
    assert np.allclose(network.forward(ROWS), expected, rtol=1e-12) and network.notes == ()


def test_certificates_name_the_way_to_one(tmp_path: Path) -> None:
    """Such a file has none, and what `save` writes of it has."""
    network = read(SOFT["two_classes"])
    with pytest.raises(InputError, match="ai.onnx.ml, which the checker does not read.*convert"):
        rb.verify(network, np.zeros(4), 0.01, certificate=tmp_path / "a.npz")
    network.save(tmp_path / "plain.onnx")
    plain = rb.load(tmp_path / "plain.onnx")
    assert np.allclose(plain.forward(ROWS), network.forward(ROWS))


TREE = node(
    "TreeEnsembleRegressor", ["x"], ["y"], n_targets=1, nodes_falsenodeids=[0], nodes_nodeids=[0],
    nodes_featureids=[0], nodes_modes=["LEAF"], nodes_treeids=[0], nodes_truenodeids=[0],
    nodes_values=[0.0], target_ids=[0], target_nodeids=[0], target_treeids=[0],
    target_weights=[1.0],
)  # fmt: skip
REFUSED: dict[str, tuple[onnx.ModelProto, str]] = {
    "tree": (classical([TREE], floats("y")), "is a ai.onnx.ml.TreeEnsembleRegressor"),
    "two_scores": (classical([linear("NONE")], floats("p"), floats("label")), "has 2 outputs"),
    "one_row": (
        classical([linear("NONE", 1)], LABEL, floats("p")), "1 intercepts of 4 features; 2 rows",
    ),
    "in_the_middle": (
        classical(
            [linear("SOFTMAX"), helper.make_node("Neg", ["p"], ["n"])], LABEL, floats("n")
        ),
        "post_transform.*is 'SOFTMAX' before the end",
    ),
    "label": (
        classical(
            [linear("NONE"), helper.make_node("Cast", ["label"], ["f"], to=1)], floats("f")
        ),
        "a second output that is not read",
    ),
    "norm": (
        classical([node("Normalizer", ["x"], ["n"], norm="L1")], floats("n")),
        "is a ai.onnx.ml.Normalizer",
    ),
    "probit": (
        classical(
            [
                node(
                    "LinearRegressor", ["x"], ["y"], coefficients=[1.0] * 4, post_transform="PROBIT"
                )
            ],
            floats("y"),
        ),
        "'PROBIT' before the end",
    ),
    "targets": (
        classical([node("LinearRegressor", ["x"], ["y"], coefficients=[1.0] * 8)], floats("y")),
        "has 1 targets",
    ),
    "scales": (
        classical([node("Scaler", ["x"], ["y"], offset=[1.0, 2.0], scale=[1.0])], floats("y")),
        "2 offsets and 1 scales of 4 features",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_is_named(name: str) -> None:
    proto, words = REFUSED[name]
    with pytest.raises(ModelError, match=words):
        read(proto)


def test_a_logistic_function_that_is_no_end_is_refused() -> None:
    make = helper.make_node
    nodes = [make("Sigmoid", ["x"], ["p"]), make("Sub", ["half", "p"], ["q"])]
    nodes += [make("Concat", ["q", "p"], ["y"], axis=1)]
    nodes += [make("ArgMax", ["y"], ["label"], axis=1, keepdims=0)]
    with pytest.raises(UnsupportedLayer, match="Sigmoid"):
        read(classical(nodes, LABEL, floats("y"), half=[0.5]))


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_estimators_of_scikit_learn() -> None:
    pytest.importorskip("skl2onnx")
    from bench.estimators import CANNOT, FAMILIES, compared, exported

    for name in FAMILIES:
        with tempfile.TemporaryDirectory() as folder:
            for path, fitted in exported(name, Path(folder)):
                if name not in CANNOT:
                    assert compared(path, fitted) < 1e-5, name
                    continue
                with pytest.raises(ModelError, match=f"is a {CANNOT[name]}, .*Export the model"):
                    compared(path, fitted)
