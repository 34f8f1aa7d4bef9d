"""From an ONNX file to its tensors, with onnx for the protobuf."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Container
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from ..arithmetic import Refused, require
from ..model import Graph, Model, Tensor, Value, limit
from ..operators import Scale
from ..unpacking import content
from .external import MOST_BYTES, gathered
from .fields import attribute, fits, parsed, tensor
from .node import Node
from .operations import OPERATIONS, formed

OPSETS = range(7, 29)  # versions whose definitions the handlers know
VERSIONS = range(3, 15)  # of the format
CODES = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE)
STANDARD = ("", "ai.onnx")


def read_model(path: Path) -> Model:
    """The model of an .onnx or .onnx.gz file; its digest is that of the unpacked bytes, and of
    files with its weights beside it.

    Whatever is no model of the form that is read is Refused.
    """
    data = content(path, MOST_BYTES)
    name = path.name.removesuffix(".gz").removesuffix(".onnx")
    try:
        with np.errstate(all="ignore"):  # what is not finite is refused where it arises
            proto = parsed(data)
            digest = gathered(proto, data, path.parent)
            require(proto.ir_version in VERSIONS, f"the format's version {proto.ir_version}")
            tensors, last, ordered = _read(proto.graph, _opset(proto))
    except Refused:
        raise
    except Exception as error:  # whatever a damaged file provokes, it is no model
        told = f"{type(error).__name__}: {error}"[:300]
        raise Refused(f"not a model that can be read ({told})") from error
    return Model(name, digest, *_pruned(tensors, last), ordered)


def _opset(proto: onnx.ModelProto) -> int:
    require(all(item.domain not in STANDARD for item in proto.functions), "functions of its own")
    versions = {item.version for item in proto.opset_import if item.domain in STANDARD}
    require(len(versions) == 1 and min(versions) in OPSETS, f"operator sets {sorted(versions)}")
    return int(versions.pop())


def _read(graph: onnx.GraphProto, opset: int) -> tuple[list[Tensor], int, bool]:
    """All tensors that the output needs, which of them is the output, and `Model.ordered`."""
    require(len(graph.sparse_initializer) == 0, "sparse weights")
    names = [item.name for item in graph.initializer]
    require(len({*names}) == len(names) and "" not in names, "initializers of one name, or of none")
    inputs = [item for item in graph.input if item.name not in names]
    require(len(inputs) == 1 and len(graph.output) == 1, "one input and one output needed")
    require(len({item.name for item in graph.input}) == len(graph.input), "inputs of one name")
    shape, double = _input(inputs[0])
    grown = Graph([Tensor(math.prod(shape))])
    values = {inputs[0].name: Value(shape, 0, double=double)}
    _check_order(graph, {inputs[0].name, *names})
    nodes, wanted = _needed(graph), graph.output[0].name
    require(wanted != inputs[0].name, "the output is the input")
    used = {wanted, *(source for proto, _ in nodes for source in proto.input)}
    for item in graph.initializer:
        if item.name in used:
            values[item.name] = Value.of(tensor(item, f"initializer {item.name!r}"))
    ordered = bool(nodes) and _softmax(nodes[-1][0], wanted)
    if ordered:
        end = nodes.pop()[0]
        wanted = end.input[0]
    for proto, name in nodes:
        results = _results(proto, name, values, grown, opset)
        values.update(zip(proto.output, results, strict=False))
    last = values[wanted]
    require(last.constant is None, "the output is constant")
    for declared in [*graph.value_info, *graph.input]:
        known = values.get(declared.name)
        fine = known is None or fits(declared, known.kind, known.shape)
        require(fine or declared is inputs[0], f"the declared type or shape of {declared.name!r}")
    kind = graph.output[0].type.tensor_type.elem_type
    require(kind in (0, CODES[last.double]), "the declared type of the output")
    require(not ordered or _over_all(end, last.shape, opset), "a softmax over parts of the output")
    if last.tensor == 0:
        last = grown.affine(last.shape, (last, Scale()))
    return grown.tensors, last.tensor, ordered


def _input(declared: onnx.ValueInfoProto) -> tuple[tuple[int, ...], bool]:
    """The shape of one input, 1 for a batch of any size, and whether it is of float64.

    A first axis of a fixed size is one like the others.
    """
    kind = declared.type.tensor_type
    require(declared.name and kind.elem_type in CODES, "an input of another type than float")
    require(kind.HasField("shape"), "the input's shape is not known")
    sizes = [dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim]
    if len(sizes) > 1 and sizes[0] is None:
        sizes[0] = 1  # the batch
    shape = tuple(size or 0 for size in sizes)
    require(all(size > 0 for size in shape), "the input's shape is not known")
    limit(shape)
    return shape, CODES.index(kind.elem_type) == 1


def _check_order(graph: onnx.GraphProto, known: set[str]) -> None:
    """Refuses nodes that use what is not set before, or set what is set already."""
    found = set(known)
    for proto in graph.node:
        for source in proto.input:
            require(not source or source in found, f"{source!r} is used before it is set")
        for name in proto.output:
            require(name not in found, f"{name!r} is set twice")
            found.update([name] if name else [])


def _softmax(proto: onnx.NodeProto, output: str) -> bool:
    """Whether a node ends the model by a softmax."""
    kind = proto.op_type in ("Softmax", "LogSoftmax") and proto.domain in STANDARD
    return kind and len(proto.input) == 1 and [*proto.output] == [output]


def _over_all(proto: onnx.NodeProto, shape: tuple[int, ...], opset: int) -> bool:
    """Whether a softmax is over all elements: along its axis, before set 13 also those after it."""
    given = _attributes(proto, {"axis"})
    axis, rank = given.get("axis", -1 if opset >= 13 else 1), len(shape)
    require(-rank <= axis < rank, f"the axis of node {proto.name!r}")
    axis %= rank
    return math.prod(shape) == math.prod(shape[axis : axis + 1] if opset >= 13 else shape[axis:])


def _needed(graph: onnx.GraphProto) -> list[tuple[onnx.NodeProto, str]]:
    """The nodes that the output needs, in order, and the names of the layers that they make.

    A node's own name, where no other node has it or sets a tensor of that name, else its first
    output's: so no two are the same.
    """
    named = Counter(proto.name for proto in graph.node)
    setter = {name: k for k, proto in enumerate(graph.node) for name in proto.output if name}
    needed, found = {graph.output[0].name}, []
    for k, proto in reversed(list(enumerate(graph.node))):
        outputs = [name for name in proto.output if name]
        if needed.isdisjoint(outputs):
            continue
        needed.update(proto.input)
        own = proto.name and named[proto.name] == 1 and setter.get(proto.name, k) == k
        found.append((proto, str(proto.name if own else outputs[0])))
    return found[::-1]


def _results(
    proto: onnx.NodeProto, name: str, values: dict[str, Value], graph: Graph, opset: int
) -> list[Value]:
    """The values of a node's outputs, the first ones at least."""
    told = f"node {proto.name!r}"
    known = proto.op_type in OPERATIONS and proto.domain in STANDARD
    require(known, f"operator {proto.op_type} of {told}, which is not read")
    operation = OPERATIONS[proto.op_type]
    require(opset >= operation.since, f"operator {proto.op_type} of {told}, before it came")
    require(len(proto.input) <= operation.inputs, f"too many inputs of {told}")
    given = _attributes(proto, operation.sets)
    for key in given:
        require(opset in operation.sets[key], f"{key} of another operator set at {told}")
    for source in proto.input:
        require(not source or source in values, f"{source!r} is not read at {told}")
    wanted = [values[source] if source else None for source in proto.input]
    found = operation.handler(Node(proto, wanted, given, graph, name, opset))
    if isinstance(found, list):
        return found
    several = sum(map(bool, proto.output)) > 1
    require(not several or proto.op_type == "Dropout", f"several outputs of {told}")
    require(proto.output[0], f"no first output of {told}")
    return [found]


def _attributes(proto: onnx.NodeProto, known: Container[str]) -> dict[str, Any]:
    """The attributes of a node, each once and of its own type."""
    given: dict[str, Any] = {}
    require(not proto.HasField("overload"), f"an overload at node {proto.name!r}")
    for item in proto.attribute:
        told = f"attribute {item.name} of node {proto.name!r}"
        require(item.name in known and item.name not in given, told)
        require(item.type == formed(proto.op_type, item.name), f"{told}: its type {item.type}")
        given[item.name] = attribute(item, told)
    return given


def _pruned(tensors: list[Tensor], output: int) -> tuple[list[Tensor], int]:
    """Without what the output does not depend on."""
    needed, stack = {0}, [output]
    while stack:
        number = stack.pop()
        if number not in needed:
            needed.add(number)
            stack += tensors[number].sources
    place = {old: new for new, old in enumerate(sorted(needed))}
    kept = [
        replace(
            tensors[old],
            relu=None if (relu := tensors[old].relu) is None else place[relu],
            terms=tuple((place[source], operator) for source, operator in tensors[old].terms),
        )
        for old in place
    ]
    return kept, place[output]
