"""What cannot be read is refused by name, and damaged files never raise anything else."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from rhobust.compiler.base.errors import (
    FidelityError,
    ModelError,
    RhobustError,
    UnsupportedAttribute,
    UnsupportedLayer,
)
from rhobust.compiler.importers import fidelity, load
from rhobust.compiler.importers.fidelity import compare, probes
from rhobust.compiler.importers.onnx import load as onnx_files
from rhobust.compiler.importers.onnx.ops import OPERATIONS

from .onnx_models import array, model, read, single

RNG = np.random.default_rng(3)
NODE = helper.make_node
REMEDY = re.compile("[Ee]xport|write|save|remove|leave it out|[Cc]onvert|report it|check_model")
"""What a refusal tells to do."""


def small() -> onnx.ModelProto:
    """A convolution, a pool, a residual sum and a matrix: what the damage is done to."""
    values = {
        "k": array(RNG, 2, 1, 3, 3),
        "b": array(RNG, 2),
        "target": [0, -1],
        "w": array(RNG, 3, 8),
        "o": array(RNG, 3),
    }
    nodes = [
        NODE("Conv", ["x", "k", "b"], ["c"], pads=[1, 1, 1, 1], strides=[1, 1], name="conv"),
        NODE("Relu", ["c"], ["r"], name="relu"),
        NODE("Add", ["r", "x"], ["a"], name="add"),
        NODE("AveragePool", ["a"], ["p"], kernel_shape=[2, 2], strides=[2, 2], name="pool"),
        NODE("Slice", ["p", "zero", "far", "one"], ["s"], name="slice"),
        NODE("Concat", ["s", "s"], ["d"], axis=1, name="concat"),
        NODE("Reshape", ["s", "target"], ["f"], name="reshape"),
        NODE("Gemm", ["f", "w", "o"], ["y"], transB=1, name="gemm"),
    ]
    return model(nodes, ["n", 1, 4, 4], {**values, "zero": [0], "far": [9], "one": [2]})


UNSUPPORTED: dict[str, tuple[onnx.ModelProto, str]] = {
    "sigmoid": (
        model(
            [
                NODE("Relu", ["x"], ["r"]),
                NODE("Sigmoid", ["r"], ["s"], name="squash"),
                NODE("Neg", ["s"], ["y"]),
            ],
            [1, 3],
        ),
        "'squash' is a Sigmoid",
    ),
    "softmax_inside": (
        model([NODE("Softmax", ["x"], ["s"]), NODE("Neg", ["s"], ["y"])], [1, 3]),
        "Softmax",
    ),
    "other_domain": (single("Relu", [1, 3], domain="com.example"), "com.example.Relu"),
    "product": (single("Mul", [1, 3], inputs=["x", "x"]), "Mul of two activations"),
    "matrix_product": (single("MatMul", [1, 3, 3], inputs=["x", "x"]), "MatMul of two activations"),
    "quotient": (single("Div", [1, 3], {"c": 1.0}, inputs=["c", "x"]), "Div by an activation"),
    "batched_matrix": (
        single("MatMul", [1, 2, 3], {"w": array(RNG, 2, 3, 3)}),
        "batch of matrices",
    ),
    "conv_3d": (single("Conv", [1, 1, 3, 3, 3], {"k": array(RNG, 1, 1, 2, 2, 2)}), "over 3 axes"),
    "training": (
        single("Dropout", [1, 3], {"r": np.float32(0.5), "t": np.array(True)}),
        "training mode",
    ),
    "folded_only": (single("Sqrt", [1, 3]), "Sqrt"),
    "random": (
        model(
            [NODE("RandomNormal", [], ["r"], shape=[1, 3]), NODE("Add", ["x", "r"], ["y"])], [1, 3]
        ),
        "RandomNormal",
    ),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_unsupported_operations_are_named(name: str) -> None:
    proto, words = UNSUPPORTED[name]
    with pytest.raises(UnsupportedLayer, match=words) as caught:
        read(proto)
    assert all(kind in str(caught.value) for kind in OPERATIONS)


ATTRIBUTES: dict[str, tuple[onnx.ModelProto, str]] = {
    "unknown": (single("Relu", [1, 3], alpha=0.5), "alpha"),
    "from_another_opset": (single("Reshape", [1, 3], {"s": [3]}, allowzero=0), "allowzero"),
    "wrong_type": (single("Flatten", [1, 3], axis=1.0), "axis"),
    "wrong_list": (single("Transpose", [1, 3], perm=[0.0, 1.0]), "perm"),
    "transposed_input": (single("Gemm", [1, 3], {"w": array(RNG, 1, 2)}, transA=1), "transA"),
    "ceil": (single("AveragePool", [1, 1, 4], kernel_shape=[2], strides=[3], ceil_mode=1), "ceil"),
    "reflect": (single("Pad", [1, 3], {"p": [0, 1, 0, 1]}, mode="reflect"), "mode"),
    "softmax_over_a_part": (single("Softmax", [1, 2, 3], axis=1), "axis"),
    "softmax_over_a_part_11": (single("Softmax", [1, 2, 3], opset=11, axis=2), "axis"),
    "cast_down": (
        model([NODE("Cast", ["x"], ["y"], to=TensorProto.FLOAT)], [1, 2], dtype=TensorProto.DOUBLE),
        "to",
    ),
    "cast_to_half": (single("Cast", [1, 2], to=TensorProto.FLOAT16), "to"),
    "sparse": (
        model(
            [NODE("Constant", [], ["c"], value_string="a"), NODE("Add", ["x", "c"], ["y"])], [1, 2]
        ),
        "value_string",
    ),
    "fill_of_another_type": (
        model(
            [NODE("ConstantOfShape", ["s"], ["z"], value=1), NODE("Add", ["x", "z"], ["y"])],
            [1, 2],
            {"s": [2]},
        ),
        "value",
    ),
    "same_and_pads": (
        single("Conv", [1, 1, 4], {"k": array(RNG, 1, 1, 3)}, auto_pad="SAME_UPPER", pads=[1, 1]),
        "auto_pad",
    ),
}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_unsupported_attributes_are_named(name: str) -> None:
    proto, words = ATTRIBUTES[name]
    with pytest.raises(UnsupportedAttribute, match=words) as caught:
        read(proto)
    assert "'op" in str(caught.value) or "node" in str(caught.value)
    assert REMEDY.search(str(caught.value))


def with_change(change: Callable[[onnx.GraphProto], object]) -> onnx.ModelProto:
    proto = single("MatMul", [1, 2], {"w": array(RNG, 2, 2)})
    change(proto.graph)
    return proto


def external(graph: onnx.GraphProto) -> None:
    graph.initializer[0].ClearField("raw_data")
    graph.initializer[0].data_location = TensorProto.EXTERNAL
    graph.initializer[0].external_data.add(key="location", value="elsewhere")


def half(graph: onnx.GraphProto) -> None:
    graph.initializer[0].CopyFrom(numpy_helper.from_array(np.zeros((2, 2), np.float16), "w"))


def no_shape(graph: onnx.GraphProto) -> None:
    graph.input[0].type.tensor_type.ClearField("shape")


INFO = helper.make_tensor_value_info
DEFECTS: dict[str, tuple[onnx.ModelProto, str]] = {
    "nan": (single("Mul", [1, 2], {"factor": np.float32(np.nan)}), "'factor' holds NaN"),
    "infinite": (single("Pad", [1, 2], {"p": [0, 0, 0, 1], "v": np.float32(-np.inf)}), "infinity"),
    "nan_attribute": (single("Gemm", [1, 2], {"w": array(RNG, 2, 2)}, alpha=float("nan")), "alpha"),
    "three_images": (
        single("Conv", [3, 1, 4], {"k": array(RNG, 1, 1, 2)}),
        "not one image.*batch of 1",
    ),
    "folded_exp": (
        model([NODE("Exp", ["c"], ["e"]), NODE("Mul", ["x", "e"], ["y"])], [1, 2], {"c": 0.5}),
        "Exp.*optimized_model_filepath",
    ),
    "folded_inverse": (
        model(
            [
                NODE("Div", ["one", "c"], ["i"]),
                NODE("Mul", ["i", "c"], ["f"]),
                NODE("Mul", ["x", "f"], ["y"]),
            ],
            [1, 2],
            {"one": 1.0, "c": 3.0},
        ),
        "write them as b / a",
    ),
    "almost_one": (
        model(
            [NODE("Mul", ["x", "c"], ["h"]), NODE("Neg", ["h"], ["y"])],
            [1, 2],
            {"c": np.array(1.00000001)},
            dtype=TensorProto.DOUBLE,
        ),
        "onnxruntime leaves it out",
    ),
    "almost_nothing": (
        model(
            [NODE("Add", ["x", "c"], ["h"]), NODE("Neg", ["h"], ["y"])],
            [1, 2],
            {"c": np.array([1e-50])},
            dtype=TensorProto.DOUBLE,
        ),
        "onnxruntime leaves it out",
    ),
    "folded_sum": (
        model(
            [NODE("ReduceSum", ["c"], ["e"]), NODE("Mul", ["x", "e"], ["y"])],
            [1, 2],
            {"c": [0.1, 0.2, 0.3]},
        ),
        "order matters.*optimized_model_filepath",
    ),
    "folded_overflow": (
        model(
            [NODE("Mul", ["c", "c"], ["e"]), NODE("Reshape", ["x", "e"], ["y"])],
            [1, 2],
            {"c": [2**40]},
        ),
        "overflow int64",
    ),
    "symbolic_size": (single("Relu", ["n", "m"]), "axis 1 has no fixed size"),
    "no_shape": (with_change(no_shape), "no shape"),
    "two_inputs": (
        with_change(lambda graph: graph.input.append(INFO("z", TensorProto.FLOAT, [1]))),
        "2 inputs",
    ),
    "two_outputs": (
        with_change(lambda graph: graph.output.append(INFO("w", TensorProto.FLOAT, [1]))),
        "2 outputs",
    ),
    "defined_twice": (
        with_change(lambda graph: graph.node.append(NODE("Relu", ["x"], ["y"]))),
        "second time",
    ),
    "used_before": (
        with_change(lambda graph: graph.node.insert(0, NODE("Relu", ["y"], ["z"]))),
        "before it is defined.*check_model",
    ),
    "no_output": (with_change(lambda graph: graph.node.pop()), "has no graph"),
    "twice_named": (
        with_change(lambda graph: graph.initializer.append(graph.initializer[0])),
        "one name",
    ),
    "external": (with_change(external), "'elsewhere' cannot be read"),
    "half_precision": (with_change(half), "FLOAT16"),
    "whole_input": (model([NODE("Relu", ["x"], ["y"])], [1, 2], dtype=TensorProto.INT32), "INT32"),
    "whole_weights": (single("MatMul", [1, 2], {"w": [[1], [2]]}), "not floating"),
    "old_operators": (single("Relu", [1, 2], opset=6), "operator set 6"),
    "future_operators": (single("Relu", [1, 2], opset=99), "operator set 99"),
    "constant_output": (
        model([NODE("Constant", [], ["y"], value_float=1.0)], [1, 2]),
        "does not come from its input",
    ),
    "shapes": (single("MatMul", [1, 2], {"w": array(RNG, 3, 2)}), "cannot multiply"),
    "broadcast": (single("Add", [1, 2], {"w": array(RNG, 3)}), "cannot be read"),
    "index": (single("Gather", [1, 2], {"i": [5]}, axis=1), "'op'.*out of bounds"),
    "axis": (single("Squeeze", [1, 2], {"a": [7]}), "'op'"),
    "huge_pad": (single("Pad", [1, 2], {"p": [0, 2**40, 0, 0]}), "beyond"),
    "huge_shape": (single("Expand", [1, 2], {"s": [2**31, 1, 2]}), "beyond"),
    "huge_window": (
        single("AveragePool", [1, 1, 4], kernel_shape=[16000], pads=[15999] * 2),
        "beyond",
    ),
    "huge_area": (
        single("AveragePool", [1, 1, 4, 4], kernel_shape=[20000] * 2, pads=[19996] * 2 + [0] * 2),
        "beyond",
    ),
    "huge_stride": (single("AveragePool", [1, 1, 4], kernel_shape=[2], strides=[2**40]), "beyond"),
    "huge_dilation": (
        single("Conv", [1, 1, 4], {"k": array(RNG, 1, 1, 2)}, dilations=[2**62], pads=[2**62, 0]),
        "beyond",
    ),
    "no_kernel": (single("AveragePool", [1, 1, 4]), "no kernel_shape"),
    "wide_kernel": (single("AveragePool", [1, 1, 4], kernel_shape=[5]), "does not fit axis 0"),
    "channels": (single("Conv", [1, 2, 4], {"k": array(RNG, 1, 1, 2)}), "meets 2 channels"),
    "channel_bias": (
        single("Conv", [1, 1, 4], {"k": array(RNG, 1, 1, 2), "b": array(RNG, 2)}),
        "bias of shape",
    ),
    "only_padding": (
        single("AveragePool", [1, 1, 2], kernel_shape=[1], strides=[3], pads=[3, 0]),
        "wholly on the padding",
    ),
    "missing_input": (single("Gemm", [1, 2], inputs=["x"]), "has 1 inputs"),
    "empty_input": (single("Gemm", [1, 2], inputs=["x", ""]), "input 1 is missing"),
    "missing_attribute": (single("Concat", [1, 2]), "'axis' is missing"),
    "no_stride": (single("AveragePool", [1, 1, 4], kernel_shape=[2], strides=[0]), "not positive"),
    "zero": (single("Div", [1, 2], {"c": 0.0}), "divides by zero"),
    "mask": (
        model([NODE("Dropout", ["x"], ["d", "mask"]), NODE("Identity", ["mask"], ["y"])], [1, 2]),
        "second output",
    ),
    "no_variance": (
        single("BatchNormalization", [1, 1], {k: [-1.0] for k in "sbmv"}),
        "not positive",
    ),
    "overflow": (
        model(
            [NODE("Mul", ["x", "c"], ["z"]), NODE("Mul", ["z", "c"], ["y"])], [1, 2], {"c": 3e38}
        ),
        "a weight overflows float32",
    ),
    "runtime_refuses": (
        model([NODE("Add", ["x", "c"], ["y"])], [1, 2], {"c": np.ones(2)}),
        "onnxruntime",
    ),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_defects_are_explained(name: str) -> None:
    proto, words = DEFECTS[name]
    with pytest.raises(ModelError, match=words) as caught:
        read(proto)
    assert REMEDY.search(str(caught.value))


def test_files_that_are_not_there_or_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        load(tmp_path / "missing.onnx")
    with pytest.raises(ModelError, match=r"unknown format; supported: \.onnx, \.onnx\.gz"):
        load(tmp_path / "model.tflite")
    with pytest.raises(ModelError, match="cannot be read"):
        (tmp_path / "folder.onnx").mkdir()
        load(tmp_path / "folder.onnx")
    with pytest.raises(ModelError, match="not compressed"):
        (tmp_path / "plain.onnx.gz").write_bytes(b"plain")
        load(tmp_path / "plain.onnx.gz")
    for data in (b"", b"no model at all", bytes(100)):
        with pytest.raises(ModelError):
            read(data)


def test_what_needs_too_much_memory_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nodes = [NODE("Expand", ["x", "s"], ["a"]), NODE("Neg", ["a"], ["b"]), NODE("Neg", "b", "y")]
    large = model(nodes, [1], {"s": [100]})
    read(large)
    with monkeypatch.context() as patch:
        patch.setattr(onnx_files, "MOST", 250)
        with pytest.raises(ModelError, match="more than 250 numbers together"):
            read(large)

    def exhausted(*_: object) -> float:
        raise MemoryError("Unable to allocate 17.9 GiB")

    with monkeypatch.context() as patch:
        patch.setattr(fidelity, "compare", exhausted)
        with pytest.raises(ModelError, match="one forward pass needs too much memory"):
            read(large)
    bomb = zlib.compress(bytes(50 * 2**20), wbits=31)
    path = tmp_path / "bomb.onnx.gz"
    path.write_bytes(bomb)
    monkeypatch.setattr(onnx_files, "LARGEST", 2**22)
    with pytest.raises(ModelError, match="has more than 4194304 bytes"):
        load(path)


def test_a_misread_model_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPERATIONS, "Relu", OPERATIONS["Neg"])
    with pytest.raises(FidelityError, match="differ by"):
        read(single("Relu", [1, 4]))


def test_every_truncated_file_is_refused() -> None:
    data = small().SerializeToString()
    read(data)
    for end in range(len(data)):
        with pytest.raises(ModelError):
            read(data[:end])


def test_truncated_compressed_files_are_refused(tmp_path: Path) -> None:
    data = zlib.compress(small().SerializeToString(), wbits=31)
    path = tmp_path / "model.onnx.gz"
    for end in range(0, len(data), 7):
        path.write_bytes(data[:end])
        with pytest.raises(ModelError):
            load(path)


def test_damaged_files_raise_nothing_else() -> None:
    data = small().SerializeToString()
    rng = np.random.default_rng(4)
    accepted = 0
    for _ in range(600):
        damaged = bytearray(data)
        for _ in range(int(rng.integers(1, 4))):
            damaged[int(rng.integers(len(data)))] = int(rng.integers(256))
        try:
            network = read(bytes(damaged))
        except RhobustError:
            continue
        accepted += 1
        assert max(compare(network, group) for group in probes(network)) <= 1e-4
    assert accepted > 50  # most bytes are weights
