"""Files that say a thing twice, or not at all, are refused by the importer and the checker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from rhobust.bnb.checker.arithmetic import Refused
from rhobust.bnb.checker.onnx.reader import read_model
from rhobust.compiler.base.errors import ModelError
from rhobust.compiler.importers import load

from ..compiler.onnx_models import model

NODE = helper.make_node
INFO = helper.make_tensor_value_info
Graph = onnx.GraphProto


def proper() -> onnx.ModelProto:
    """Relu(x w), its first two numbers, times a constant."""
    nodes = [
        NODE("Gemm", ["x", "w"], ["h"], transB=1, name="gemm"),
        NODE("Relu", ["h"], ["r"], name="relu"),
        NODE("Slice", ["r", "starts", "ends", "axes"], ["s"], name="slice"),
        NODE("Constant", [], ["c"], value_float=0.5, name="half"),
        NODE("Mul", ["s", "c"], ["m"], name="mul"),
        NODE("ReduceSum", ["m", "axes"], ["y"], keepdims=1, name="sum"),
    ]
    weights = np.arange(6, dtype=np.float32).reshape(3, 2) / 4 - 1
    values = {"w": weights, "starts": [0], "ends": [2], "axes": [1]}
    proto = model(nodes, [1, 2], values)
    proto.graph.value_info.append(INFO("h", TensorProto.FLOAT, ["n", 3]))
    return proto


def twice(graph: Graph) -> None:
    graph.node[0].attribute.append(graph.node[0].attribute[0])
    graph.node[0].attribute[1].i = 0


def untyped(graph: Graph) -> None:
    graph.node[0].attribute[0].ClearField("type")


def two_values(graph: Graph) -> None:
    graph.node[0].attribute[0].f = 1.0


def other_type(graph: Graph) -> None:
    graph.node[0].attribute[0].type = onnx.AttributeProto.FLOAT
    graph.node[0].attribute[0].ClearField("i")
    graph.node[0].attribute[0].f = 1.0


def referred(graph: Graph) -> None:
    graph.node[0].attribute[0].ref_attr_name = "other"


def flag_of_two(graph: Graph) -> None:
    graph.node[-1].attribute[0].i = 2


def raw_and_typed(graph: Graph) -> None:
    graph.initializer[0].float_data.extend([1.0] * 6)


def wrong_field(graph: Graph) -> None:
    graph.initializer[0].ClearField("raw_data")
    graph.initializer[0].double_data.extend([1.0] * 6)


def short(graph: Graph) -> None:
    graph.initializer[0].raw_data = graph.initializer[0].raw_data[:-1]


def long(graph: Graph) -> None:
    graph.initializer[0].raw_data += bytes(4)


def few(graph: Graph) -> None:
    graph.initializer[0].ClearField("raw_data")
    graph.initializer[0].float_data.extend([1.0] * 5)


def negative(graph: Graph) -> None:
    graph.initializer[0].dims[0] = -3


def segment(graph: Graph) -> None:
    graph.initializer[0].segment.begin = 0


def infinite(graph: Graph) -> None:
    weights = onnx.numpy_helper.to_array(graph.initializer[0])
    graph.initializer[0].raw_data = np.full_like(weights, np.inf).tobytes()


def again(graph: Graph) -> None:
    graph.initializer.append(graph.initializer[0])


def overwritten(graph: Graph) -> None:
    graph.node[1].output[0] = "w"


def set_twice(graph: Graph) -> None:
    graph.node.insert(2, NODE("Neg", ["h"], ["r"]))


def later(graph: Graph) -> None:
    graph.node.append(graph.node[0])
    del graph.node[0]


def undefined(graph: Graph) -> None:
    graph.node[1].input[0] = "nothing"


def two_outputs(graph: Graph) -> None:
    graph.output.append(INFO("m", TensorProto.FLOAT, None))


def one_output_twice(graph: Graph) -> None:
    graph.output.append(graph.output[0])


def input_twice(graph: Graph) -> None:
    graph.input.append(graph.input[0])


def sparse(graph: Graph) -> None:
    graph.sparse_initializer.add().values.name = "w"


def foreign(graph: Graph) -> None:
    graph.node[1].domain = "com.microsoft"


def overload(graph: Graph) -> None:
    graph.node[1].overload = "other"


def declared_shape(graph: Graph) -> None:
    graph.value_info[0].type.tensor_type.shape.dim[1].dim_value = 4


def declared_rank(graph: Graph) -> None:
    del graph.value_info[0].type.tensor_type.shape.dim[1]


def declared_type(graph: Graph) -> None:
    graph.value_info[0].type.tensor_type.elem_type = TensorProto.DOUBLE


def declared_output(graph: Graph) -> None:
    graph.output[0].type.tensor_type.elem_type = TensorProto.DOUBLE


def empty_size(graph: Graph) -> None:
    graph.input[0].type.tensor_type.shape.dim[0].dim_value = 0


def mixed(graph: Graph) -> None:
    weights = onnx.numpy_helper.to_array(graph.initializer[0]).astype(np.float64)
    graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(weights, "w"))


def transposed(graph: Graph) -> None:
    """An order of axes that some read from the end."""
    graph.node.insert(2, NODE("Transpose", ["r"], ["t"], perm=[-2, -1]))
    graph.node[3].input[0] = "t"


CHANGES: list[Callable[[Graph], None]] = [
    twice, untyped, two_values, other_type, referred, flag_of_two, raw_and_typed, wrong_field,
    short, long, few, negative, segment, infinite, again, overwritten, set_twice, later, undefined,
    two_outputs, one_output_twice, input_twice, sparse, foreign, overload, declared_shape,
    declared_rank, declared_type, declared_output, empty_size, mixed, transposed,
]  # fmt: skip


def refused(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(ModelError):
        load(path)
    with pytest.raises(Refused):
        read_model(path)


def test_the_proper_model_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(proper().SerializeToString())
    assert load(path).output_size == read_model(path).outputs == 1


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_other_forms_are_refused(tmp_path: Path, change: Callable[[Graph], None]) -> None:
    proto = proper()
    change(proto.graph)
    refused(tmp_path / "m.onnx", proto.SerializeToString())


def test_functions_and_unknown_fields_are_refused(tmp_path: Path) -> None:
    proto = proper()
    proto.functions.add(name="Relu", domain="")
    refused(tmp_path / "m.onnx", proto.SerializeToString())
    unknown = bytes([0xFA, 0x7F, 1, 0])  # field 2047 of the model: one byte
    refused(tmp_path / "m.onnx", proper().SerializeToString() + unknown)
    refused(tmp_path / "m.onnx", proper().SerializeToString()[:-3])
    proto = proper()
    proto.ir_version = 99
    refused(tmp_path / "m.onnx", proto.SerializeToString())


def test_two_operator_sets_are_refused(tmp_path: Path) -> None:
    proto = proper()
    proto.opset_import.add(domain="ai.onnx", version=14)
    refused(tmp_path / "m.onnx", proto.SerializeToString())
