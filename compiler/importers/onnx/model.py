"""Reads ONNX bytes into plain Python values: the only file that knows the format's own classes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import numpy_helper

from ...base.errors import ModelError

Array: TypeAlias = npt.NDArray[Any]
Shape: TypeAlias = tuple[int, ...]
Declared: TypeAlias = tuple[str, tuple[int | None, ...] | None]

TYPES: dict[int, npt.DTypeLike] = {
    onnx.TensorProto.FLOAT: np.float32,
    onnx.TensorProto.DOUBLE: np.float64,
    onnx.TensorProto.INT32: np.int32,
    onnx.TensorProto.INT64: np.int64,
    onnx.TensorProto.BOOL: np.bool_,
}
TYPED: dict[int, str] = {
    onnx.TensorProto.FLOAT: "float_data",
    onnx.TensorProto.DOUBLE: "double_data",
    onnx.TensorProto.INT32: "int32_data",
    onnx.TensorProto.INT64: "int64_data",
    onnx.TensorProto.BOOL: "int32_data",
}
"""The field of a tensor that holds its numbers where they are not raw bytes."""
DESCRIPTION = {"name", "doc_string", "metadata_props", "dims", "data_type", "data_location"}
HOLDS: dict[int, str] = {
    onnx.AttributeProto.FLOAT: "f",
    onnx.AttributeProto.INT: "i",
    onnx.AttributeProto.STRING: "s",
    onnx.AttributeProto.TENSOR: "t",
    onnx.AttributeProto.FLOATS: "floats",
    onnx.AttributeProto.INTS: "ints",
}
"""The field that holds an attribute of a type."""
OPSETS = range(7, 29)
"""Versions of the operator set whose definitions of our operations have been read.

Before 7 broadcasting was an attribute and batch normalisation trained unless told otherwise.
"""
LIMIT = 2**24
"""Numbers in one tensor for one input; a larger one is a damaged file or beyond exact search."""
MOST = 2**27
"""Numbers in all tensors together, beside the file's own."""
LARGEST = 2**31
"""Bytes of a file, unpacked: the format allows no more."""
DEFAULT_DOMAIN = ("", "ai.onnx")
CHECK = "run onnx.checker.check_model on it, and export it again"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An attribute of a type that no operation here takes."""

    type: str


AttributeValue: TypeAlias = (
    int | float | str | Array | tuple[int, ...] | tuple[float, ...] | Unreadable
)


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One node of the file."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, AttributeValue]


@dataclass(frozen=True, slots=True)
class Feed:
    """An input. shape: 1 standing for a batch of any size; batched: whether it does."""

    name: str
    shape: Shape
    dtype: np.dtype[Any]
    batched: bool


@dataclass(frozen=True, slots=True)
class Tensors:
    """Which tensors a question is about, in its own order: flat one after the other.

    inputs, outputs: names, or how many, in the model's order.  hidden: names of others, which
    stand behind the outputs.  input_sizes, output_sizes: how many numbers each has, the hidden ones
    among the outputs; empty where nothing is said of that.
    """

    inputs: tuple[str, ...] | int = 1
    outputs: tuple[str, ...] | int = 1
    hidden: tuple[str, ...] = ()
    input_sizes: tuple[int, ...] = ()
    output_sizes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What the outputs depend on, in an order of evaluation.

    outputs: one, unless a question asks for several or for hidden ones.
    declared: what the file says of tensors, each a type and sizes, None where one is left open.
    """

    opset: int
    feeds: tuple[Feed, ...]
    outputs: tuple[str, ...]
    constants: dict[str, Array]
    operations: tuple[Operation, ...]
    declared: dict[str, Declared]

    @property
    def input_shape(self) -> Shape:
        """The shape without the batch; a first axis of several is one like the others.

        Several inputs stand one after the other.
        """
        if len(self.feeds) > 1:
            return (sum(math.prod(feed.shape) for feed in self.feeds),)
        shape = self.feeds[0].shape
        return shape[1:] if len(shape) > 1 and shape[0] == 1 else shape


def parse(source: str, proto: onnx.ModelProto, asked: Tensors | None = None) -> Model:
    """What the model is; every defect of the file is a ModelError."""
    try:
        return _model(source, proto, asked)
    except (ValueError, TypeError, KeyError, IndexError, ArithmeticError, MemoryError) as error:
        raise ModelError(source, f"not a valid ONNX model ({error}); {CHECK}") from error


def ending_at(source: str, data: bytes, tensors: dict[str, np.dtype[Any]]) -> bytes:
    """The model with other tensors of it, of known types, as its outputs."""
    proto = decoded(source, data)
    given = {value.name for value in proto.graph.input}
    del proto.graph.output[:]
    for tensor, dtype in tensors.items():
        name = f"{tensor}.end" if tensor in given else tensor
        code = onnx.helper.np_dtype_to_tensor_dtype(dtype)
        proto.graph.output.append(onnx.helper.make_tensor_value_info(name, code, None))
        if tensor in given:
            proto.graph.node.add(op_type="Identity", input=[tensor], output=[name])
    return bytes(proto.SerializeToString())


def decoded(source: str, data: bytes) -> onnx.ModelProto:
    """The model in the format's own classes; its weights may lie in other files."""
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(data)
    except DecodeError as error:
        raise ModelError(
            source, "truncated, or not an ONNX file; fetch or export it again"
        ) from error
    size = proto.ByteSize()
    proto.DiscardUnknownFields()
    if proto.ByteSize() != size:
        raise ModelError(source, f"has fields that the format does not know; {CHECK}")
    return proto


def _model(source: str, proto: onnx.ModelProto, asked: Tensors | None) -> Model:
    if not proto.HasField("graph") or not proto.graph.node:
        raise ModelError(source, f"has no graph; {CHECK}")
    graph = proto.graph
    if any(function.domain in DEFAULT_DOMAIN for function in proto.functions):
        raise ModelError(source, "redefines standard operations by functions; export it without")
    if graph.sparse_initializer:
        raise ModelError(source, "has sparse weights; export it with dense ones")
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    if len(tensors) < len(graph.initializer):
        raise ModelError(source, f"two initializers have one name; {CHECK}")
    if len({value.name for value in graph.input}) < len(graph.input):
        raise ModelError(source, f"two inputs have one name; {CHECK}")
    given = {value.name: value for value in graph.input if value.name not in tensors}
    ends = [value.name for value in graph.output]
    one = asked is None
    asked = asked or Tensors()
    inputs = _asked(source, "input", list(given), asked.inputs, one)
    outputs = _asked(source, "output", ends, asked.outputs, one)
    missing = set(given) - set(inputs)
    if missing:
        raise ModelError(
            source, f"has the inputs {sorted(missing)}, too, of which the property says nothing"
        )
    for name in asked.hidden:
        if name not in {output for node in graph.node for output in node.output}:
            raise ModelError(source, f"has no node that sets the hidden tensor {name!r}")
    outputs = (*outputs, *asked.hidden)
    names = _names(graph.node)
    live = _live(source, graph.node, {*given, *tensors}, outputs)
    used = {name for _, node in live for name in node.input} | {*outputs}
    feeds = []
    for name in inputs:
        shape, batched = _input_shape(source, given[name])
        feeds.append(Feed(name, shape, _input_type(source, given[name]), batched))
    if asked.input_sizes:
        check_sizes(source, "input", inputs, [feed.shape for feed in feeds], asked.input_sizes)
    return Model(
        opset=_opset(source, proto),
        feeds=tuple(feeds),
        outputs=outputs,
        constants={
            name: _array(source, f"initializer {name!r}", tensor)
            for name, tensor in tensors.items()
            if name in used
        },
        operations=tuple(_operation(source, names[place], node) for place, node in live),
        declared={
            value.name: _declared(value)
            for value in (*graph.value_info, *graph.input)
            if value.name not in given and value.type.WhichOneof("value") is not None
        },
    )


def _declared(value: onnx.ValueInfoProto) -> Declared:
    kind = value.type.tensor_type
    if value.type.WhichOneof("value") != "tensor_type":
        return value.type.WhichOneof("value"), None
    known = TYPES.get(kind.elem_type)
    name = _type_name(kind.elem_type) if known is None else str(np.dtype(known))
    if not kind.HasField("shape"):
        return name, None
    return name, tuple(d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim)


def check_sizes(
    source: str, what: str, names: Sequence[str], shapes: Sequence[Shape], sizes: Sequence[int]
) -> None:
    """Refuses tensors that a property declares with other sizes."""
    for name, shape, size in zip(names, shapes, sizes, strict=True):
        if math.prod(shape) != size:
            raise ModelError(
                source,
                f"the property declares {size} numbers of the {what} {name!r}, which has "
                f"{math.prod(shape)} (shape {shape})",
            )


def _asked(
    source: str, what: str, names: list[str], asked: tuple[str, ...] | int, one: bool
) -> tuple[str, ...]:
    """The inputs or outputs that a question asks for, in its order."""
    listed = ", ".join(map(repr, names)) or "none"
    if isinstance(asked, int):
        if len(names) == asked:
            return tuple(names)
        told = f"has {len(names)} {what}s ({listed})"
        if one:
            raise ModelError(
                source,
                f"{told}; one is needed. Export it with one {what}, or ask about several by a "
                "property in VNN-LIB 2.0",
            )
        raise ModelError(source, f"{told}, but the property declares {asked}")
    for name in asked:
        if name not in names:
            raise ModelError(source, f"has no {what} {name!r}; it has {listed}")
    return asked


def _opset(source: str, proto: onnx.ModelProto) -> int:
    versions = {entry.version for entry in proto.opset_import if entry.domain in DEFAULT_DOMAIN}
    if len(versions) != 1:
        raise ModelError(source, f"names {len(versions)} operator set versions; {CHECK}")
    version = versions.pop()
    if version not in OPSETS:
        raise ModelError(
            source,
            f"uses operator set {version}; {OPSETS.start} to {OPSETS.stop - 1} are read. "
            "Convert it with onnx.version_converter",
        )
    return int(version)


def _live(
    source: str, nodes: Iterable[onnx.NodeProto], known: set[str], outputs: Sequence[str]
) -> list[tuple[int, onnx.NodeProto]]:
    """The nodes that the outputs depend on, and their places among all.

    All must stand in an order of evaluation.
    """
    defined = {"", *known}
    ordered = list(nodes)
    for node in ordered:
        where = f"node {_name(node)!r}"
        for name in node.input:
            if name not in defined:
                raise ModelError(source, f"{where} uses {name!r} before it is defined; {CHECK}")
        for name in node.output:
            if name and name in defined:
                raise ModelError(source, f"{where} defines {name!r} a second time; {CHECK}")
            defined.add(name)
    for output in outputs:
        if output not in defined:
            raise ModelError(source, f"no node defines the output {output!r}; {CHECK}")
    needed = set(outputs)
    live = []
    for place, node in reversed(list(enumerate(ordered))):
        if needed & set(node.output) - {""}:
            live.append((place, node))
            needed.update(node.input)
    return live[::-1]


def _name(node: onnx.NodeProto) -> str:
    return str(node.name or next(filter(None, node.output), "") or node.op_type)


def _names(nodes: Sequence[onnx.NodeProto]) -> list[str]:
    """Names of layers, no two the same: a node's own name, where no other node has it or sets a
    tensor of that name, else its first output's."""
    named = Counter(node.name for node in nodes)
    setter = {name: place for place, node in enumerate(nodes) for name in node.output if name}

    def shared(place: int, name: str) -> bool:
        return named[name] > 1 or setter.get(name, place) != place

    return [
        next(filter(None, node.output), "") if shared(place, node.name) else _name(node)
        for place, node in enumerate(nodes)
    ]


def _input_type(source: str, value: onnx.ValueInfoProto) -> np.dtype[Any]:
    code = value.type.tensor_type.elem_type
    if code not in (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE):
        raise ModelError(
            source,
            f"input {value.name!r} has type {_type_name(code)}; FLOAT and DOUBLE are read. "
            "Export the model without the conversion of its input",
        )
    return np.dtype(TYPES[code])


def _input_shape(source: str, value: onnx.ValueInfoProto) -> tuple[Shape, bool]:
    """The shape for one input, and whether the model takes a batch of any size."""
    where = f"input {value.name!r}"
    if not value.type.HasField("tensor_type") or not value.type.tensor_type.HasField("shape"):
        raise ModelError(source, f"{where} has no shape; export the model with fixed sizes")
    sizes: list[int | None] = [
        dim.dim_value if dim.HasField("dim_value") else None
        for dim in value.type.tensor_type.shape.dim
    ]
    batched = len(sizes) > 1 and sizes[0] is None
    if batched:
        sizes[0] = 1
    shape = tuple(size for size in sizes if size is not None)
    if len(shape) < len(sizes):
        axis = sizes.index(None)
        raise ModelError(source, f"{where}: axis {axis} has no fixed size; export it with one")
    if min(shape, default=1) < 1 or math.prod(shape) > LIMIT:
        raise ModelError(source, f"{where} has the impossible shape {shape}; {CHECK}")
    return shape, batched


def _type_name(code: int) -> str:
    known = {number: name for name, number in onnx.TensorProto.DataType.items()}
    return str(known.get(code, f"number {code}"))


def _array(source: str, where: str, tensor: onnx.TensorProto) -> Array:
    """The numbers of a tensor in their own type; floats are finite."""
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise ModelError(source, f"{where} lies in another file; save the model as one file")
    if tensor.data_type not in TYPES:
        known = ", ".join(map(_type_name, TYPES))
        name = _type_name(tensor.data_type)
        raise ModelError(
            source, f"{where} has type {name}; {known} are read. Export the model in one of them"
        )
    fields = {field.name for field, _ in tensor.ListFields()} - DESCRIPTION
    typed = TYPED[tensor.data_type]
    if fields - {"raw_data", typed} or len(fields) > 1:
        told = ", ".join(sorted(fields))
        raise ModelError(source, f"{where} holds its numbers in another way ({told}); {CHECK}")
    try:
        array = np.asarray(numpy_helper.to_array(tensor))
        if array.dtype.kind == "b":  # of bytes, or of whole numbers
            stored = tensor.raw_data or bytes(min(n, 2) for n in tensor.int32_data)
            if len(stored) != array.size or set(stored) - {0, 1}:
                raise ValueError("a truth value is neither 0 nor 1")
    except (ValueError, TypeError, ArithmeticError, MemoryError) as error:
        raise ModelError(source, f"{where} cannot be read ({error}); {CHECK}") from error
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ModelError(source, f"{where} holds NaN or infinity; train or export the model again")
    return array


def _operation(source: str, name: str, node: onnx.NodeProto) -> Operation:
    attributes: dict[str, AttributeValue] = {}
    if node.HasField("overload"):
        raise ModelError(source, f"node {name!r} names an overload; export the model without it")
    for proto in node.attribute:
        if proto.name in attributes:
            raise ModelError(source, f"node {name!r} has attribute {proto.name!r} twice; {CHECK}")
        attributes[proto.name] = _attribute(source, name, proto)
    kind = node.op_type
    if node.domain not in DEFAULT_DOMAIN:
        kind = f"{node.domain}.{kind}"
    return Operation(kind, name, tuple(node.input), tuple(node.output), attributes)


def _attribute(source: str, node: str, proto: onnx.AttributeProto) -> AttributeValue:
    if proto.ref_attr_name:
        return Unreadable("reference")
    holds = {"name", "type", "doc_string", HOLDS.get(proto.type, "")}
    extra = sorted({field.name for field, _ in proto.ListFields()} - holds)
    if extra and proto.type in (*HOLDS, onnx.AttributeProto.UNDEFINED):
        what = onnx.AttributeProto.AttributeType.Name(proto.type)
        told = f"attribute {proto.name!r} has the type {what}, and a value in {', '.join(extra)}"
        raise ModelError(source, f"node {node!r}: {told}; {CHECK}")
    match proto.type:
        case onnx.AttributeProto.INT:
            value: AttributeValue = proto.i
        case onnx.AttributeProto.INTS:
            value = tuple(proto.ints)
        case onnx.AttributeProto.FLOAT:
            value = proto.f
        case onnx.AttributeProto.FLOATS:
            value = tuple(proto.floats)
        case onnx.AttributeProto.STRING:
            value = proto.s.decode()
        case onnx.AttributeProto.TENSOR:
            value = _array(source, f"node {node!r}: attribute {proto.name!r}", proto.t)
        case code:
            names = {number: name for name, number in onnx.AttributeProto.AttributeType.items()}
            return Unreadable(names.get(code, f"number {code}"))
    numbers = value if isinstance(value, tuple) else (value,)
    if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
        raise ModelError(
            source, f"node {node!r}: attribute {proto.name!r} is NaN or infinite; {CHECK}"
        )
    return value
