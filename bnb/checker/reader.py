"""From an ONNX file to its tensors, with onnx for the protobuf."""

from __future__ import annotations

import gzip
import hashlib
import math
from collections import Counter
from pathlib import Path
from typing import Any

import onnx

from .arithmetic import require
from .model import MOST_ELEMENTS, Graph, Model, Tensor, Value
from .node import Node, array
from .operations import OPERATIONS
from .operators import Operator

MOST_BYTES = 2**31
OPSETS = range(7, 29)  # versions whose definitions the handlers know
STANDARD = ("", "ai.onnx")


def read_model(path: Path) -> Model:
    """The model of an .onnx or .onnx.gz file; its digest is that of the unpacked bytes."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        data = stream.read(MOST_BYTES + 1)
    require(len(data) <= MOST_BYTES, "the model file is too large")
    name = path.name.removesuffix(".gz").removesuffix(".onnx")
    proto = onnx.load_model_from_string(data)
    require(all(item.domain not in STANDARD for item in proto.functions), "functions of its own")
    versions = {item.version for item in proto.opset_import if item.domain in STANDARD}
    require(len(versions) == 1 and min(versions) in OPSETS, f"operator sets {sorted(versions)}")
    tensors, last, ordered = _read(proto.graph, versions.pop())
    digest = hashlib.sha256(data).hexdigest()
    return Model(name, digest, *_pruned(tensors, last), ordered)


def _read(graph: onnx.GraphProto, opset: int) -> tuple[list[Tensor], int, bool]:
    """All tensors that the output needs, which of them is the output, and `Model.ordered`."""
    values: dict[str, Value] = {}
    for item in graph.initializer:
        weights = array(item)
        values[item.name] = Value(weights.shape, constant=weights)
    require(len(graph.sparse_initializer) == 0, "sparse weights")
    inputs = [item for item in graph.input if item.name not in values]
    require(len(inputs) == 1 and len(graph.output) == 1, "one input and one output needed")
    kind = inputs[0].type.tensor_type
    known = kind.elem_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE)
    require(known, "an input of another type than float")
    shape = [dim.dim_value for dim in kind.shape.dim]
    if len(shape) > 1 and shape[0] <= 0:
        shape[0] = 1  # the batch
    require(all(size > 0 for size in shape), "the input's shape is not known")
    require(math.prod(shape) <= MOST_ELEMENTS, "the input is too large")
    tensors = [Tensor(math.prod(shape))]
    grown = Graph(tensors, kind.elem_type == onnx.TensorProto.DOUBLE)
    values[inputs[0].name] = Value(tuple(shape), 0)
    nodes, wanted = _needed(graph), graph.output[0].name
    ordered = bool(nodes) and _softmax(nodes[-1][0], wanted)
    if ordered:
        end = nodes.pop()[0]
        wanted = end.input[0]
    for proto, name in nodes:
        results = _results(proto, name, values, grown, opset)
        for output, value in zip(proto.output, results, strict=False):
            require(output not in values, f"{output!r} is set twice")
            if output:
                values[output] = value
    last = values[wanted]
    require(last.constant is None, "the output is constant")
    require(not ordered or _over_all(end, last.shape, opset), "a softmax over parts of the output")
    if last.tensor == 0:
        last = grown.affine(last.shape, (last, Operator()))
    return tensors, last.tensor, ordered


def _softmax(proto: onnx.NodeProto, output: str) -> bool:
    """Whether a node ends the model by a softmax."""
    kind = proto.op_type in ("Softmax", "LogSoftmax") and proto.domain in STANDARD
    return kind and len(proto.input) == 1 and [*proto.output] == [output]


def _over_all(proto: onnx.NodeProto, shape: tuple[int, ...], opset: int) -> bool:
    """Whether a softmax is over all elements: along its axis, before set 13 also those after it."""
    given = {item.name: item.i for item in proto.attribute if not item.ref_attr_name}
    require(set(given) <= {"axis"}, f"attributes of node {proto.name!r}")
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
    known = proto.op_type in OPERATIONS and proto.domain in STANDARD
    require(known, f"operator {proto.op_type} of node {proto.name!r}")
    operation = OPERATIONS[proto.op_type]
    require(len(proto.input) <= operation.inputs, f"too many inputs of node {proto.name!r}")
    given: dict[str, Any] = {}
    for item in proto.attribute:
        good = item.name in operation.attributes and item.name not in given
        require(good and not item.ref_attr_name, f"attribute {item.name} of node {proto.name!r}")
        given[item.name] = onnx.helper.get_attribute_value(item)
    for source in proto.input:
        require(not source or source in values, f"{source!r} is not read at node {proto.name!r}")
    wanted = [values[source] if source else None for source in proto.input]
    found = operation.handler(Node(proto, wanted, given, graph, name, opset))
    if isinstance(found, list):
        return found
    several = len([output for output in proto.output if output]) > 1
    require(not several or proto.op_type == "Dropout", f"several outputs of node {proto.name!r}")
    require(proto.output[0], f"no first output of node {proto.name!r}")
    return [found]


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
