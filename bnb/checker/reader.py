"""From an ONNX file to its tensors, with onnx for the protobuf."""

from __future__ import annotations

import gzip
import hashlib
import math
from pathlib import Path

import onnx

from . import affine, bends, moves
from .arithmetic import require
from .model import MOST_ELEMENTS, Graph, Model, Tensor, Value
from .node import Handler, Node, array

MOST_BYTES = 2**31
WINDOW = {"kernel_shape", "strides", "pads", "dilations", "auto_pad"}
OPERATORS: dict[str, tuple[Handler, set[str]]] = {  # attributes: those understood; others refuse
    "Constant": (moves.constant, {"value", "value_float", "value_int"}),
    "Identity": (moves.identity, set()),
    "Dropout": (moves.dropout, {"ratio", "seed"}),
    "Add": (affine.add, set()),
    "Sub": (affine.sub, set()),
    "Mul": (affine.mul, set()),
    "Div": (affine.div, set()),
    "MatMul": (affine.matmul, set()),
    "Gemm": (affine.gemm, {"alpha", "beta", "transA", "transB"}),
    "Conv": (affine.conv, WINDOW | {"group"}),
    "AveragePool": (affine.average_pool, WINDOW | {"ceil_mode", "count_include_pad"}),
    "BatchNormalization": (
        affine.batch_normalization, {"epsilon", "momentum", "training_mode"},
    ),
    "Flatten": (moves.flatten, {"axis"}),
    "Reshape": (moves.reshape, {"shape", "allowzero"}),
    "Transpose": (moves.transpose, {"perm"}),
    "Squeeze": (moves.squeeze, {"axes"}),
    "Unsqueeze": (moves.unsqueeze, {"axes"}),
    "Gather": (moves.gather, {"axis"}),
    "Slice": (moves.slice_, {"starts", "ends", "axes"}),
    "Pad": (moves.pad, {"mode", "pads", "value"}),
    "Concat": (moves.concat, {"axis"}),
    "Relu": (bends.relu, set()),
    "LeakyRelu": (bends.leaky_relu, {"alpha"}),
    "PRelu": (bends.prelu, set()),
    "Abs": (bends.absolute, set()),
    "Clip": (bends.clip, {"min", "max"}),
    "HardSigmoid": (bends.hard_sigmoid, {"alpha", "beta"}),
    "Max": (bends.maximum, set()),
    "Min": (bends.minimum, set()),
    "MaxPool": (bends.max_pool, WINDOW | {"ceil_mode", "storage_order"}),
    "GlobalMaxPool": (bends.global_max_pool, set()),
    "ReduceMax": (bends.reduce_max, {"axes", "keepdims", "noop_with_empty_axes"}),
    "ReduceMin": (bends.reduce_min, {"axes", "keepdims", "noop_with_empty_axes"}),
}  # fmt: skip


def read_model(path: Path) -> Model:
    """The model of an .onnx or .onnx.gz file; its digest is that of the unpacked bytes."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        data = stream.read(MOST_BYTES + 1)
    require(len(data) <= MOST_BYTES, "the model file is too large")
    name = path.name.removesuffix(".gz").removesuffix(".onnx")
    tensors, output = _pruned(*_read(onnx.load_model_from_string(data).graph))
    return Model(name, hashlib.sha256(data).hexdigest(), tensors, output)


def _read(graph: onnx.GraphProto) -> tuple[list[Tensor], int]:
    """All tensors, and which of them is the output."""
    values: dict[str, Value] = {}
    for item in graph.initializer:
        weights = array(item)
        values[item.name] = Value(weights.shape, constant=weights)
    require(len(graph.sparse_initializer) == 0, "sparse weights")
    inputs = [item for item in graph.input if item.name not in values]
    require(len(inputs) == 1 and len(graph.output) == 1, "one input and one output needed")
    kind = inputs[0].type.tensor_type
    shape = [dim.dim_value for dim in kind.shape.dim]
    shape[:1] = [size if size > 0 else 1 for size in shape[:1]]  # the batch
    require(all(size > 0 for size in shape), "the input's shape is not known")
    require(math.prod(shape) <= MOST_ELEMENTS, "the input is too large")
    tensors = [Tensor(math.prod(shape))]
    grown, single = Graph(tensors), kind.elem_type == onnx.TensorProto.FLOAT
    values[inputs[0].name] = Value(tuple(shape), 0)
    for node in graph.node:
        known = node.op_type in OPERATORS and node.domain in ("", "ai.onnx")
        require(known, f"operator {node.op_type} of node {node.name!r}")
        handler, attributes = OPERATORS[node.op_type]
        given = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
        strange = ", ".join(sorted(set(given) - attributes))
        require(not strange, f"attribute {strange} of node {node.name!r}")
        wanted = [values[name] if name else None for name in node.input]
        named = [name for name in node.output if name]
        require(
            len(named) == 1 or node.op_type in ("Dropout", "BatchNormalization"),
            f"several outputs of node {node.name!r}",
        )
        value = handler(Node(node, wanted, given, grown, single))
        require(node.output[0] not in values, f"{node.output[0]!r} is set twice")
        values[node.output[0]] = value
    last = values[graph.output[0].name]
    require(last.constant is None and last.tensor > 0, "the output is constant or the input")
    return tensors, last.tensor


def _pruned(tensors: list[Tensor], output: int) -> tuple[list[Tensor], int]:
    """Without what the output does not depend on."""
    needed, stack = {0}, [output]
    while stack:
        number = stack.pop()
        if number not in needed:
            needed.add(number)
            tensor = tensors[number]
            stack += [source for source, _ in tensor.terms]
            stack += [] if tensor.relu is None else [tensor.relu]
    place = {old: new for new, old in enumerate(sorted(needed))}
    kept = []
    for old in place:
        t = tensors[old]
        relu = None if t.relu is None else place[t.relu]
        terms = tuple((place[source], operator) for source, operator in t.terms)
        kept.append(Tensor(t.size, relu, t.name, terms, t.bias, t.error))
    return kept, place[output]
