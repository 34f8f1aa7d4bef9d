"""What the checker reads of an ONNX file besides its operators: names, the end, versions."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

import rhobust as rb
from rhobust.bnb.check import Checker
from rhobust.bnb.checker.arithmetic import Refused
from rhobust.bnb.checker.claim import check_property
from rhobust.bnb.checker.onnx.reader import read_model
from rhobust.bnb.checker.rounded.root import Root
from rhobust.compiler.base.errors import InputError
from rhobust.compiler.importers import load
from rhobust.compiler.importers.onnx.model import parse

from ..compiler.onnx_models import model, single

NODE = helper.make_node
WEIGHTS = {"w": np.eye(2, dtype=np.float32), "c": np.array([0.5, -0.25], dtype=np.float32)}


def saved(path: Path, proto: onnx.ModelProto) -> Path:
    path.write_bytes(proto.SerializeToString())
    return path


def two_relus(names: list[str], outputs: list[str]) -> onnx.ModelProto:
    """Relu(x + c), plus c, Relu of that, times w."""
    nodes = [
        NODE("Add", ["x", "c"], ["a"], name=names[0]),
        NODE("Relu", ["a"], [outputs[0]], name=names[1]),
        NODE("Sub", [outputs[0], "c"], ["b"], name=names[2]),
        NODE("Relu", ["b"], [outputs[1]], name=names[3]),
        NODE("Gemm", [outputs[1], "w"], ["y"], name=names[4]),
    ]
    return model(nodes, [1, 2], WEIGHTS)


@pytest.mark.parametrize(
    "names, outputs, layers",
    [
        (["k", "m", "n", "o", "p"], ["r", "s"], {"m", "o"}),
        (["", "", "", "", ""], ["r", "s"], {"r", "s"}),
        (["n", "n", "n", "n", "n"], ["r", "s"], {"r", "s"}),  # one name of all
        (["k", "s", "n", "o", "p"], ["r", "s"], {"r", "o"}),  # the name of another's output
        (["k", "r", "n", "s", "p"], ["r", "s"], {"r", "s"}),
        (["k", "s", "n", "r", "p"], ["r", "s"], {"r", "s"}),  # crossed
    ],
)
def test_layers_have_one_name_here_and_there(
    tmp_path: Path, names: list[str], outputs: list[str], layers: set[str]
) -> None:
    path, proof = saved(tmp_path / "m.onnx", two_relus(names, outputs)), tmp_path / "proof.npz"
    theirs = [
        operation.name
        for operation in parse("", onnx.ModelProto.FromString(path.read_bytes())).operations
    ]
    assert {t.name for t in read_model(path).tensors if t.name} == layers <= {*theirs}
    assert len({*theirs}) == len(theirs)
    if names.count("n") > 1:  # which onnxruntime refuses
        return
    network = load(path)
    assert network.order[1:] == theirs
    image = np.array([1.0, 0.0])
    found = rb.verify(network, image, 0.3, label=0, certificate=proof)
    assert (found.verdict, found.uncertified) == ("ROBUST", "")
    assert Checker(path).check(proof).accepted


def test_a_softmax_at_the_end_keeps_the_order_alone(tmp_path: Path) -> None:
    proto = two_relus([""] * 5, ["r", "s"])
    proto.graph.node[-1].output[0] = "logits"
    proto.graph.node.append(NODE("Softmax", ["logits"], ["y"]))
    path, proof = saved(tmp_path / "m.onnx", proto), tmp_path / "proof.npz"
    image, network, checker = np.array([1.0, 0.0]), load(path), Checker(path)
    assert rb.verify(network, image, 0.3, label=0, certificate=proof).verdict == "ROBUST"
    assert checker.check(proof).accepted
    with np.load(proof) as stored:
        arrays = dict(stored)
    text = arrays.pop("header").tobytes().decode().replace((0.0).hex(), (-0.1).hex())
    np.savez(proof, header=np.frombuffer(text.encode(), dtype=np.uint8), **arrays)
    report = checker.check(proof)
    assert not report.accepted and "margin of a model that ends with a softmax" in report.reason
    with pytest.raises(InputError, match="margin"):
        rb.verify(network, image, 0.3, label=0, margin=-0.1, certificate=proof)


@pytest.mark.parametrize(
    "asked, status", [("(<= Y_0 Y_1)", "unsat"), ("(>= Y_0 0.9)", ""), ("(<= Y_0 X_0)", "")]
)
def test_properties_of_a_softmax_compare_outputs(tmp_path: Path, asked: str, status: str) -> None:
    proto = two_relus([""] * 5, ["r", "s"])
    plain, question = saved(tmp_path / "plain.onnx", proto), tmp_path / "question.vnnlib"
    proto.graph.node[-1].output[0] = "logits"
    proto.graph.node.append(NODE("Softmax", ["logits"], ["y"]))
    path, proof = saved(tmp_path / "m.onnx", proto), tmp_path / "proof.npz"
    names = "".join(f"(declare-const {name} Real)" for name in ("X_0", "X_1", "Y_0", "Y_1"))
    box = "(assert (and (<= 0.8 X_0) (<= X_0 1) (<= 0 X_1) (<= X_1 0.2)))"
    question.write_text(f"{names}{box}(assert {asked})")
    if status:
        found = rb.solve(path, question, certificate=proof)
        assert (found.status, found.uncertified) == (status, "")
        assert Checker(path).check(proof, question).accepted
        return
    with pytest.raises(InputError, match="softmax"):
        rb.solve(path, question)
    text = question.read_bytes()
    with pytest.raises(Refused, match="softmax"):
        digest = hashlib.sha256(text).hexdigest()
        check_property(text, {"sha256": digest}, read_model(path), [])
    rb.solve(plain, question)


@pytest.mark.parametrize(
    "kind, shape, opset, attributes",
    [
        ("Softmax", [1, 2, 2], 13, {}),
        ("LogSoftmax", [1, 2, 2], 11, {"axis": 2}),
        ("Softmax", [2, 2], 13, {"axis": 0}),
    ],
)
def test_a_softmax_over_parts_is_refused(
    tmp_path: Path, kind: str, shape: list[int], opset: int, attributes: dict[str, Any]
) -> None:
    nodes = [NODE("Relu", ["x"], ["z"]), NODE(kind, ["z"], ["y"], **attributes)]
    with pytest.raises(Refused, match="softmax"):
        read_model(saved(tmp_path / "m.onnx", model(nodes, shape, opset=opset)))


def test_a_model_whose_output_is_its_input(tmp_path: Path) -> None:
    read = read_model(saved(tmp_path / "m.onnx", single("Identity", [1, 3])))
    assert (read.inputs, read.outputs) == (3, 3)


def test_what_the_output_does_not_need_is_not_read(tmp_path: Path) -> None:
    nodes = [NODE("Sigmoid", ["x"], ["unused"]), NODE("Relu", ["x"], ["y"])]
    assert read_model(saved(tmp_path / "m.onnx", model(nodes, [1, 2]))).outputs == 2


WRONG: dict[str, tuple[onnx.ModelProto, str]] = {
    "old": (single("Relu", [1, 2], opset=6), "operator sets"),
    "new": (single("Relu", [1, 2], opset=29), "operator sets"),
    "operator": (single("Tanh", [1, 2]), "operator Tanh"),
    "attribute": (single("Relu", [1, 2], alpha=1.0), "attribute alpha"),
    "inputs": (single("Relu", [1, 2], {"c": 1.0}), "too many inputs"),
    "axes": (single("Squeeze", [1, 1, 2], axes=[0]), "another operator set"),
    "limits": (single("Clip", [1, 2], min=0.0), "another operator set"),
    "far": (single("Clip", [1, 2], {"a": np.float32(3.4028235e38)}), "limits"),
    "pads": (single("Pad", [1, 2], opset=10, pads=[0, -2, 0, 0]), "pads"),
    "backward": (
        single("Slice", [1, 5], {"s": [-9], "e": [-99], "a": [1], "t": [-1]}), "steps",
    ),
    "parts": (single("Split", [1, 3], {"s": [1, 1]}), "parts"),
    "double": (single("Cast", [1, 2], to=onnx.TensorProto.INT64), "may round"),
    "mask": (single("Where", [1, 2], {"m": [1, 0], "c": 1.0}, inputs=["m", "x", "c"]), "condition"),
    "average": (
        single("AveragePool", [1, 1, 4], kernel_shape=[3], strides=[2], ceil_mode=1), "ceil_mode",
    ),
    "neutral": (
        model(
            [NODE("Mul", ["x", "c"], ["y"])], [1, 2], {"c": np.array(1.00000001)},
            dtype=onnx.TensorProto.DOUBLE,
        ),
        "factor or term",
    ),
    "inverse": (
        model(
            [
                NODE("Div", ["one", "c"], ["i"]), NODE("Unsqueeze", ["i", "a"], ["u"]),
                NODE("Mul", ["u", "c"], ["f"]), NODE("Mul", ["x", "f"], ["y"]),
            ],
            [1, 2], {"one": 1.0, "c": 3.0, "a": [0]},
        ),
        "1 / a",
    ),
    "groups": (single("ConvTranspose", [1, 2, 3], {"k": np.ones((1, 1, 2), "f")}), "channels"),
    "statistics": (
        single("BatchNormalization", [1, 2], {k: np.ones(1, "f") for k in "sbmv"}), "channels",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_other_forms_are_refused_by_name(tmp_path: Path, name: str) -> None:
    proto, words = WRONG[name]
    with pytest.raises(Refused, match=words):
        read_model(saved(tmp_path / "m.onnx", proto))


def test_constants_are_rounded_to_their_type(tmp_path: Path) -> None:
    """x / (sqrt(2) sqrt(2)) in float32, whose bits are those of the runtime."""
    nodes = [
        NODE("Sqrt", ["two"], ["root"]), NODE("Mul", ["root", "root"], ["square"]),
        NODE("Mul", ["x", "square"], ["y"]),
    ]  # fmt: skip
    read = read_model(saved(tmp_path / "m.onnx", model(nodes, [1, 1], {"two": 2.0})))
    root = np.sqrt(np.float32(2.0))
    (_, operator), *_ = read.tensors[read.output].terms
    assert operator.weight is not None and operator.weight.tolist() == [float(root * root)]
    assert float(root * root) != float(root) ** 2


def chosen(equal: list[onnx.NodeProto], values: dict[str, Any]) -> onnx.ModelProto:
    """x where the constants `a` and `b` are equal, else -x."""
    nodes = [
        *equal, NODE("Equal", ["a", "b"], ["same"]), NODE("Neg", ["x"], ["minus"]),
        NODE("Where", ["same", "x", "minus"], ["y"]),
    ]  # fmt: skip
    return model(nodes, [1, 2], values)


ROUNDED: dict[str, onnx.ModelProto] = {
    "tenth": chosen([NODE("Mul", ["t", "ten"], ["a"])], {"t": 0.1, "ten": 10.0, "b": 1.0}),
    "third": chosen(
        [NODE("Div", ["b", "three"], ["q"]), NODE("Mul", ["q", "three"], ["a"])],
        {"three": 3.0, "b": 0.7},
    ),
    "swallowed": chosen([NODE("Add", ["b", "small"], ["a"])], {"b": 1.0, "small": 1e-9}),
    "double": chosen(
        [NODE("Mul", ["t", "ten"], ["a"])],
        {"t": np.array(0.1), "ten": np.array(10.0), "b": np.array(1.0)},
    ),
    "cast": chosen(
        [NODE("Cast", ["t"], ["f"], to=1), NODE("Cast", ["f"], ["a"], to=11)],
        {"t": np.array(0.1), "b": np.array(0.1)},
    ),
    "root": chosen(
        [NODE("Sqrt", ["two"], ["r"]), NODE("Mul", ["r", "r"], ["a"])], {"two": 2.0, "b": 2.0}
    ),
}


@pytest.mark.parametrize("name", ROUNDED)
def test_comparisons_of_constants_are_those_of_the_runtime(tmp_path: Path, name: str) -> None:
    path = saved(tmp_path / "m.onnx", ROUNDED[name])
    network, read = load(path), read_model(path)
    point = np.array([0.75, -0.25])
    assert network.runtime is not None
    sign = network.runtime(point[None])[0, 0] / point[0]
    assert network.forward(point[None]).tolist() == [(sign * point).tolist()]
    root = Root(read, point, point)
    root.propagate()
    assert np.allclose(root.low[read.output], sign * point, rtol=0.0, atol=1e-12)


def _declared(kind: onnx.TypeProto) -> onnx.ModelProto:
    proto = two_relus([""] * 5, ["r", "s"])
    proto.graph.value_info.append(helper.make_value_info("r", kind))
    return proto


SEQUENCE = helper.make_sequence_type_proto(helper.make_tensor_type_proto(1, None))


@pytest.mark.parametrize(
    "kind, good",
    [
        (onnx.TypeProto(), True),
        (helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, None), True),
        (helper.make_tensor_type_proto(onnx.TensorProto.DOUBLE, None), False),
        (helper.make_tensor_type_proto(onnx.TensorProto.STRING, None), False),
        (helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, [1, 7]), False),
        (SEQUENCE, False),
    ],
)
def test_declarations_fit(tmp_path: Path, kind: onnx.TypeProto, good: bool) -> None:
    path = saved(tmp_path / "m.onnx", _declared(kind))
    if good:
        read_model(path)
        return
    with pytest.raises(Refused, match="the declared type or shape of 'r'"):
        read_model(path)
