"""Damaged and altered ONNX files: bytes of small models changed, or parts of what they say."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from rhobust.compiler.importers.onnx.ops import OPERATIONS

from . import test_onnx, test_onnx_activations
from .onnx_models import array, model

NODE = helper.make_node
KINDS = sorted({*OPERATIONS, "Softmax", "Sigmoid", "Exp", "Where", "Einsum", "If"})
NAMES = ("axis", "axes", "pads", "strides", "group", "alpha", "transA", "keepdims", "mode", "to")
WINDOW = {
    "pads": [0, 1, 0, 1],
    "strides": [2, 2],
    "dilations": [2, 1],
    "kernel_shape": [2, 2],
    "auto_pad": "SAME_LOWER",
}
OWN: dict[str, dict[str, Any]] = {
    "AveragePool": {**WINDOW, "ceil_mode": 1, "count_include_pad": 1},
    "BatchNormalization": {"epsilon": 0.25, "momentum": 0.5, "training_mode": 1, "spatial": 0},
    "Clip": {"min": -0.5, "max": 0.25},
    "Conv": {**WINDOW, "group": 2},
    "ConvTranspose": {**WINDOW, "group": 2, "output_padding": [1, 1], "output_shape": [5, 5]},
    "Gemm": {"alpha": 0.5, "beta": 2.0, "transA": 1, "transB": 1},
    "HardSigmoid": {"alpha": 0.5, "beta": 0.25},
    "MaxPool": {**WINDOW, "ceil_mode": 1, "storage_order": 1},
    "Pad": {"mode": "reflect", "value": 1.5, "pads": [0, 1, 1, 0]},
    "Reshape": {"allowzero": 1},
    "Split": {"axis": -1, "num_outputs": 2, "split": [1, 2]},
    **dict.fromkeys(
        ("ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum"),
        {"axes": [-1], "keepdims": 0, "noop_with_empty_axes": 1},
    ),
}
"""Attributes that belong to an operation."""
WHOLE = (-(2**63), -(2**31), -7, -2, -1, 0, 1, 2, 3, 5, 64, 10**6, 2**31, 10**12, 2**63 - 1)
REAL = (0.0, -0.0, -1.0, 0.5, 3.0, 1e-30, 1e30, 3.4e38, float("nan"), float("inf"))
WORDS = (b"", b"SAME_UPPER", b"SAME_LOWER", b"VALID", b"NOTSET", b"constant", b"reflect", b"\xff")


def _networks() -> list[onnx.ModelProto]:
    """Models of several layers."""
    rng = np.random.default_rng(5)

    def w(*shape: int) -> Any:
        return array(rng, *shape)

    dense = model(
        [
            NODE("Gemm", ["x", "w0", "b0"], ["a"], transB=1),
            NODE("Relu", ["a"], ["r"]),
            NODE("MatMul", ["r", "w1"], ["m"]),
            NODE("Add", ["m", "b1"], ["y"]),
        ],
        ["n", 4],
        {"w0": w(5, 4), "b0": w(5), "w1": w(5, 3), "b1": w(3)},
    )
    pooled = model(
        [
            NODE("Conv", ["x", "k", "b"], ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
            NODE("Relu", ["c"], ["r"]),
            NODE("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
            NODE("AveragePool", ["p"], ["q"], kernel_shape=[2, 2], strides=[1, 1]),
            NODE("Flatten", ["q"], ["f"]),
            NODE("Gemm", ["f", "w"], ["g"]),
            NODE("Softmax", ["g"], ["y"], axis=1),
        ],
        [1, 2, 6, 6],
        {"k": w(3, 2, 3, 3), "b": w(3), "w": w(12, 3)},
    )
    joined = model(
        [
            NODE("Slice", ["x", "s", "e", "a"], ["left"]),
            NODE("Split", ["x", "sizes"], ["first", "rest"], axis=1),
            NODE("LeakyRelu", ["rest"], ["l"], alpha=0.125),
            NODE("Concat", ["left", "l", "first"], ["joined"], axis=1),
            NODE("Clip", ["joined", "low", "high"], ["c"]),
            NODE("MatMul", ["c", "w"], ["y"]),
        ],
        ["n", 5],
        {
            "s": [1], "e": [3], "a": [1], "sizes": [2, 3], "w": w(7, 2),
            "low": np.float32(-1), "high": np.float32(2),
        },
    )  # fmt: skip
    return [dense, pooled, joined, test_onnx.residual()]


@cache
def sources() -> tuple[bytes, ...]:
    """Whole networks, several times each, and one of every operation."""
    operations = [*test_onnx.CASES.values(), *test_onnx_activations.CASES.values()]
    return tuple(proto.SerializeToString() for proto in (*_networks() * 20, *operations))


# ---- bytes -------------------------------------------------------------------------------------


def _mutated_bytes(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at, length = rng.randrange(len(changed)), rng.choice((1, 1, 2, 4, 16))
        match rng.randrange(7):
            case 0 | 1:
                changed[at] ^= 1 << rng.randrange(8)
            case 2:
                changed[at] = rng.randrange(256)
            case 3:
                del changed[at : at + length]
            case 4:
                changed[at:at] = changed[at : at + length]
            case 5:
                other = rng.choice(sources())
                start = rng.randrange(len(other))
                changed[at : at + length] = other[start : start + length]
            case _:
                if rng.random() < 0.3:
                    del changed[at:]
        if not changed:
            break
    return bytes(changed)


# ---- what a model says -------------------------------------------------------------------------


def _whole(rng: random.Random) -> int:
    return rng.choice(WHOLE) if rng.random() < 0.25 else rng.randrange(-3, 6)


def _real(rng: random.Random) -> float:
    return rng.choice(REAL) if rng.random() < 0.4 else rng.randrange(-64, 65) / 16


def _attribute(rng: random.Random, proto: onnx.ModelProto) -> None:
    """Another value of an attribute, another name, none, or one more."""
    node = rng.choice(proto.graph.node)
    own = OWN.get(node.op_type)
    if own is not None and rng.random() < 0.4:
        name = rng.choice(list(own))
        if all(known.name != name for known in node.attribute):
            node.attribute.append(helper.make_attribute(name, own[name]))
            return
    if not node.attribute or rng.random() < 0.1:
        value = rng.choice((_whole(rng), [_whole(rng), _whole(rng)], 0.5, "SAME_UPPER"))
        node.attribute.append(helper.make_attribute(rng.choice(NAMES), value))
        return
    position = rng.randrange(len(node.attribute))
    found = node.attribute[position]
    match rng.randrange(10):
        case 0:
            found.name = rng.choice(NAMES)
        case 1:
            del node.attribute[position]
        case 2:
            found.type = rng.choice(list(onnx.AttributeProto.AttributeType.values()))
        case _:
            _value(rng, found)


def _value(rng: random.Random, found: onnx.AttributeProto) -> None:
    if found.type == onnx.AttributeProto.INT:
        found.i = _whole(rng)
    elif found.type == onnx.AttributeProto.FLOAT:
        found.f = _real(rng)
    elif found.type == onnx.AttributeProto.STRING:
        found.s = rng.choice(WORDS)
    elif found.type == onnx.AttributeProto.TENSOR:
        _numbers(rng, found.t)
    elif found.type == onnx.AttributeProto.INTS:
        _list(rng, found.ints, _whole)
    else:
        _list(rng, found.floats, _real)


def _list(rng: random.Random, found: Any, drawn: Callable[[random.Random], float]) -> None:
    action = rng.randrange(4)
    if not found or action == 0:
        found.append(drawn(rng))
    elif action == 1:
        del found[rng.randrange(len(found))]
    else:
        found[rng.randrange(len(found))] = drawn(rng)


def _numbers(rng: random.Random, tensor: onnx.TensorProto) -> None:
    """Other numbers, another type or another shape of a tensor."""
    action = rng.randrange(6)
    if action == 0:
        _list(rng, tensor.dims, _whole)
    elif action == 1:
        tensor.data_type = rng.choice(list(onnx.TensorProto.DataType.values()))
    else:
        try:
            values = np.array(numpy_helper.to_array(tensor))
        except (ValueError, TypeError, ArithmeticError, MemoryError):  # changed before
            return
        if values.dtype.kind == "f" and action == 2 and rng.random() < 0.5:
            kind = rng.choice((np.float64, np.float32, np.float16, np.int64))
            values = values.astype(kind)
        elif values.dtype.kind == "f" and values.size:
            values.reshape(-1)[rng.randrange(values.size)] = _real(rng)
        elif values.dtype.kind == "i" and values.size:
            limits = np.iinfo(values.dtype)
            number = min(max(_whole(rng), int(limits.min)), int(limits.max))
            values.reshape(-1)[rng.randrange(values.size)] = number
        if action == 3:
            values = values.reshape(rng.choice(((-1,), (1, *values.shape), (*values.shape, 1))))
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def _initializer(rng: random.Random, proto: onnx.ModelProto) -> None:
    tensors = proto.graph.initializer
    if not tensors:
        return
    position = rng.randrange(len(tensors))
    if rng.random() < 0.1:
        del tensors[position]
    elif rng.random() < 0.1:
        tensors[position].name = rng.choice(tensors).name
    else:
        _numbers(rng, tensors[position])


def _kind(rng: random.Random, proto: onnx.ModelProto) -> None:
    node = rng.choice(proto.graph.node)
    if rng.random() < 0.1:
        node.domain = rng.choice(("ai.onnx", "ai.onnx.ml", "com.microsoft"))
    else:
        node.op_type = rng.choice(KINDS)


def _wiring(rng: random.Random, proto: onnx.ModelProto) -> None:
    """Inputs and outputs of a node that are others, lacking, in another order, or too many."""
    nodes = proto.graph.node
    node = rng.choice(nodes)
    known = ["", "x", "y", *(name for other in nodes for name in (*other.input, *other.output))]
    names = node.output if rng.random() < 0.2 else node.input
    match rng.randrange(6):
        case 0:
            names.append(rng.choice(known))
        case 1 if names:
            del names[rng.randrange(len(names))]
        case 2 if len(names) > 1:
            swapped = list(names)[::-1]
            del names[:]
            names.extend(swapped)
        case 3 if len(nodes) > 1:
            del nodes[rng.randrange(len(nodes))]
        case 4:
            nodes.append(rng.choice(nodes))
        case _ if names:
            names[rng.randrange(len(names))] = rng.choice(known)


def _frame(rng: random.Random, proto: onnx.ModelProto) -> None:
    """Shapes and types of the input, versions, and what else surrounds the nodes."""
    graph = proto.graph
    match rng.randrange(8):
        case 0 | 1 | 2:
            sizes = graph.input[0].type.tensor_type.shape.dim
            if not sizes or rng.random() < 0.15:
                sizes.add().dim_value = _whole(rng)
            elif rng.random() < 0.2:
                del sizes[rng.randrange(len(sizes))]
            else:
                size = rng.choice(sizes)
                if rng.random() < 0.3:
                    size.dim_param = "m"
                else:
                    size.dim_value = _whole(rng)
        case 3:
            ends = rng.choice((graph.input, graph.output))
            ends[0].type.tensor_type.elem_type = rng.choice(
                (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64, TensorProto.FLOAT16)
            )
        case 4 | 5:
            proto.opset_import[0].version = (
                rng.choice(WHOLE) if rng.random() < 0.1 else rng.randrange(5, 26)
            )
        case 6:
            ends = rng.choice((graph.input, graph.output))
            ends[0].name = rng.choice(("x", "y", "", "z"))
        case _:
            ends = rng.choice((graph.input, graph.output))
            ends.append(ends[0])


STATED: tuple[Callable[[random.Random, onnx.ModelProto], None], ...] = (
    _attribute, _attribute, _attribute, _initializer, _initializer, _kind, _wiring, _frame, _frame,
)  # fmt: skip


def _mutated_model(rng: random.Random, data: bytes) -> bytes:
    proto = onnx.ModelProto.FromString(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        rng.choice(STATED)(rng, proto)
        if not proto.graph.node:
            break
    return bytes(proto.SerializeToString())


def mutant(seed: int) -> bytes:
    """An altered ONNX file; two of three are still what the format's own parser takes."""
    rng = random.Random(seed)
    data = rng.choice(sources())
    return _mutated_bytes(rng, data) if seed % 3 == 0 else _mutated_model(rng, data)
