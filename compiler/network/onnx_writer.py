"""A graph of layers as an ONNX model, weight for weight, which the importer and the checker read.

All tensors between nodes are flat rows (batch, size); a convolution stands between two reshapes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from ..base.errors import InputError
from ..operators import (
    Chain,
    Convolution,
    Dense,
    LinearOperator,
    Scale,
    Select,
    Sparse,
    Transposed,
    is_identity,
)
from .layers import (
    Absolute,
    Choice,
    Clip,
    Layer,
    Leaky,
    Linear,
    Maximum,
    MaxPool,
    Rectifier,
    Sign,
    Step,
    Sum,
    Truncate,
)
from .node import Node

OPSET, FORMAT = 17, 8
"""Of 2022: what every runtime of today reads."""
LARGEST = 50_000_000
"""Elements of a sparse matrix that is written as a dense one."""

Array = npt.NDArray[Any]


def onnx_model(
    name: str, given: str, shape: tuple[int, ...], nodes: Sequence[Node], output: str
) -> bytes:
    """The file's bytes.  given: the input's name; shape: of one input; nodes: in order.

    Weights that all are float32 numbers make a float32 model, others a float64 one.  Raises
    InputError for a layer that no ONNX operator computes.
    """
    writer = _written(name, given, shape, nodes, True)
    single = all(map(_single, writer.weights.values()))
    if not single:
        writer = _written(name, given, shape, nodes, False)
    writer.label = ""
    last = writer.node("Identity", writer.tensors[output])
    kind = onnx.TensorProto.FLOAT if single else onnx.TensorProto.DOUBLE
    count = next(node.size for node in nodes if node.name == output)
    graph = helper.make_graph(
        writer.nodes,
        name or "network",
        [helper.make_tensor_value_info("input", kind, ["batch", *shape])],
        [helper.make_tensor_value_info(last, kind, ["batch", count])],
        writer.initializers(),
    )
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=FORMAT)
    model.producer_name = "rhobust"
    return bytes(model.SerializeToString(deterministic=True))


def _written(
    name: str, given: str, shape: tuple[int, ...], nodes: Sequence[Node], single: bool
) -> _Writer:
    writer = _Writer(name, single)
    size = int(np.prod(shape, dtype=np.int64))
    writer.tensors[given] = writer.node("Reshape", "input", np.array([-1, size]))
    for node in nodes:
        sources = [writer.tensors[source] for source in node.sources]
        write = LAYER_WRITERS.get(type(node.layer))
        if write is None:
            raise InputError(f"{name}: layer {node.name!r} ({node.layer.kind}) has no ONNX form")
        writer.label = node.name
        writer.tensors[node.name] = write(writer, node, sources)
    return writer


def _single(array: Array) -> bool:
    with np.errstate(over="ignore"):
        return bool(array.dtype.kind == "i" or (array.astype(np.float32) == array).all())


@dataclass
class _Writer:
    """Nodes and weights while they are made; tensors: the ONNX name of each node's value.

    single: in float32, not float64, in which runtimes have no convolutions.
    """

    network: str
    single: bool
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: dict[str, Array] = field(default_factory=dict)
    tensors: dict[str, str] = field(default_factory=dict)
    label: str = ""

    def node(self, kind: str, *inputs: str | Array, **attributes: Any) -> str:
        """A node over tensors and constants; the name of its output."""
        names = [item if isinstance(item, str) else self.constant(item) for item in inputs]
        number = len(self.nodes)
        name = f"{self.label or kind.lower()}/{number}"
        self.nodes.append(helper.make_node(kind, names, [f"t{number}"], name, **attributes))
        return f"t{number}"

    def constant(self, array: Array) -> str:
        name = f"w{len(self.weights)}"
        self.weights[name] = array.astype(np.int64) if array.dtype.kind in "iu" else array
        return name

    def number(self, source: str) -> str:
        """Truth values or whole numbers as floats."""
        kind = onnx.TensorProto.FLOAT if self.single else onnx.TensorProto.DOUBLE
        return self.node("Cast", source, to=kind)

    def initializers(self) -> list[onnx.TensorProto]:
        kind = np.float32 if self.single else np.float64
        return [
            numpy_helper.from_array(array if array.dtype.kind == "i" else array.astype(kind), name)
            for name, array in self.weights.items()
        ]

    def apply(self, operator: LinearOperator, source: str) -> str:
        """A x."""
        write = OPERATOR_WRITERS.get(type(operator))
        if write is None:
            told = type(operator).__name__
            raise InputError(f"{self.network}: layer {self.label!r}: {told} has no ONNX form")
        return write(self, operator, source)


# ---- operators


def _dense(writer: _Writer, operator: Dense, source: str) -> str:
    return writer.node("MatMul", source, np.ascontiguousarray(operator.weight.T))


def _sparse(writer: _Writer, operator: Sparse, source: str) -> str:
    return _as_matrix(writer, operator, source)


def _as_matrix(writer: _Writer, operator: LinearOperator, source: str) -> str:
    """An operator that has no form of its own there, as a dense matrix."""
    rows, columns = operator.out_size, operator.in_size
    if rows * columns > LARGEST:
        raise InputError(
            f"{writer.network}: layer {writer.label!r}: its matrix of {rows} x {columns} is too "
            "large to be written; weights that float32 holds would need none"
        )
    matrix = operator.rows(np.arange(rows)).toarray()
    return writer.node("MatMul", source, np.ascontiguousarray(matrix.T))


def _convolution(writer: _Writer, operator: Convolution, source: str) -> str:
    if not writer.single:
        return _as_matrix(writer, operator, source)
    moved = writer.node("Reshape", source, np.array([-1, *operator.in_shape]))
    found = writer.node("Conv", moved, operator.weight, **_geometry(operator))
    return writer.node("Reshape", found, np.array([-1, operator.out_size]))


def _geometry(operator: Convolution) -> dict[str, Any]:
    return {
        "strides": list(operator.stride), "pads": list(operator.padding),
        "dilations": list(operator.dilation), "group": operator.groups,
    }  # fmt: skip


def _transposed(writer: _Writer, operator: Transposed, source: str) -> str:
    inner = operator.operator
    if isinstance(inner, Dense):
        return writer.node("MatMul", source, inner.weight)
    if not writer.single or not isinstance(inner, Convolution):
        return _as_matrix(writer, operator, source)
    moved = writer.node("Reshape", source, np.array([-1, *inner.out_shape]))
    top, left, bottom, right = inner.padding
    least = [
        (out - 1) * step + spread * (side - 1) + 1 - before - after
        for out, step, spread, side, before, after in zip(
            inner.out_shape[1:], inner.stride, inner.dilation, inner.weight.shape[2:],
            (top, left), (bottom, right), strict=True,
        )
    ]  # fmt: skip
    more = [side - own for side, own in zip(inner.in_shape[1:], least, strict=True)]
    found = writer.node(
        "ConvTranspose", moved, inner.weight, output_padding=more, **_geometry(inner)
    )
    return writer.node("Reshape", found, np.array([-1, inner.in_size]))


def _select(writer: _Writer, operator: Select, source: str) -> str:
    if is_identity(operator):
        return source
    index = operator.index
    if (index < 0).any():  # a zero stands behind the last element
        source = writer.node("Pad", source, np.array([0, 0, 0, 1]))
        index = np.where(index < 0, operator.in_size, index)
    return writer.node("Gather", source, index, axis=1)


def _scale(writer: _Writer, operator: Scale, source: str) -> str:
    if (operator.multiplier != 1.0).any():
        source = writer.node("Mul", source, operator.multiplier)
    if (operator.divisor != 1.0).any():
        source = writer.node("Div", source, operator.divisor)
    return source


def _chain(writer: _Writer, operator: Chain, source: str) -> str:
    for part in operator.parts:
        source = writer.apply(part, source)
    return source


OPERATOR_WRITERS: dict[type, Callable[[_Writer, Any, str], str]] = {
    Chain: _chain, Convolution: _convolution, Dense: _dense, Scale: _scale, Select: _select,
    Sparse: _sparse, Transposed: _transposed,
}  # fmt: skip


# ---- layers


def _linear(writer: _Writer, node: Node, sources: list[str]) -> str:
    layer = node.layer
    assert isinstance(layer, Linear)
    operator, bias = layer.operator, layer.bias
    if isinstance(operator, Dense) and bias is not None:
        return writer.node("Gemm", sources[0], operator.weight, bias, transB=1)
    found = writer.apply(operator, sources[0])
    return found if bias is None else writer.node("Add", found, bias)


def _sum(writer: _Writer, node: Node, sources: list[str]) -> str:
    layer = node.layer
    assert isinstance(layer, Sum)
    total = ""
    for sign, source in zip(layer.signs, sources, strict=True):
        if abs(sign) != 1.0:
            source, sign = writer.node("Mul", source, np.array([sign])), 1.0
        if total:
            total = writer.node("Add" if sign > 0 else "Sub", total, source)
        else:
            total = source if sign > 0 else writer.node("Neg", source)
    return total


def _leaky(writer: _Writer, node: Node, sources: list[str]) -> str:
    assert isinstance(node.layer, Leaky)
    return writer.node("PRelu", sources[0], np.broadcast_to(node.layer.slope, (node.size,)))


def _clip(writer: _Writer, node: Node, sources: list[str]) -> str:
    layer, found = node.layer, sources[0]
    assert isinstance(layer, Clip)
    # absent limits are as far away as numbers go, which clips nothing
    most = float(np.finfo(np.float32).max)
    if np.isfinite(layer.lower).any():
        found = writer.node("Max", found, np.maximum(layer.lower, -most))
    if np.isfinite(layer.upper).any():
        found = writer.node("Min", found, np.minimum(layer.upper, most))
    return found


def _max_pool(writer: _Writer, node: Node, sources: list[str]) -> str:
    assert isinstance(node.layer, MaxPool)
    index = node.layer.windows.filled
    found = writer.node("Gather", sources[0], index.reshape(-1), axis=1)
    found = writer.node("Reshape", found, np.array([-1, *index.shape]))
    return writer.node("ReduceMax", found, axes=[2], keepdims=0)


def _plain(kind: str) -> Callable[[_Writer, Node, list[str]], str]:
    return lambda writer, node, sources: writer.node(kind, *sources)


def _step(writer: _Writer, node: Node, sources: list[str]) -> str:
    return writer.number(writer.node("GreaterOrEqual", sources[0], np.array(0.0)))


def _choice(writer: _Writer, node: Node, sources: list[str]) -> str:
    mask, first, second = sources
    return writer.node("Where", writer.node("GreaterOrEqual", mask, np.array(0.5)), first, second)


def _truncate(writer: _Writer, node: Node, sources: list[str]) -> str:
    return writer.number(writer.node("Cast", sources[0], to=onnx.TensorProto.INT64))


LAYER_WRITERS: dict[type[Layer], Callable[[_Writer, Node, list[str]], str]] = {
    Absolute: _plain("Abs"), Choice: _choice, Clip: _clip, Leaky: _leaky, Linear: _linear,
    MaxPool: _max_pool, Maximum: _plain("Max"), Rectifier: _plain("Relu"), Sign: _plain("Sign"),
    Step: _step, Sum: _sum, Truncate: _truncate,
}  # fmt: skip
