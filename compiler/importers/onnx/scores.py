"""The scores in a classifier's file: what comes before its labels and its probabilities.

skl2onnx writes files with a label and probabilities, as a tensor or as a list of maps. What keeps
the order of the scores is left out: softmax and logistic functions, sums that become 1, and maps.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

ML = "ai.onnx.ml"
LABELS = (onnx.TensorProto.INT64, onnx.TensorProto.STRING)
FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE)
SOFT = (b"SOFTMAX", b"LOGISTIC")


def scored(proto: onnx.ModelProto) -> tuple[tuple[str, ...], bool]:
    """Makes the scores the one output of a classifier: notes, and whether they were probabilities.

    Changes nothing, and notes nothing, where the outputs are not class labels and one more.
    """
    graph = proto.graph
    wanted = _scores(graph)
    if wanted is None:
        return (), False
    labels = [value.name for value in graph.output if value.name != wanted]
    notes = [f"the output {', '.join(map(repr, labels))}, a class label, is left out"]
    setters = {name: node for node in graph.node for name in node.output}
    name, soft = wanted, ""
    while (node := setters.get(name)) is not None:
        if _is(node, "Identity") or _is(node, "ZipMap", ML):
            name = node.input[0]
        elif _normalizes(node, setters.get(node.input[0]) if node.input else None):
            name = node.input[0]
        elif (after := _soft(node)) is not None:
            soft = "softmax" if after.s == b"SOFTMAX" else "logistic function"
            after.s = b"NONE"
            break
        elif _two_classes(graph, node, setters):
            soft = "logistic function"
            break
        else:
            break
    if soft:
        notes.append(f"the {soft} at the end is left out: the outputs keep their order of size")
    end = onnx.ValueInfoProto(name=name)
    del graph.output[:]
    graph.output.append(end)
    return tuple(notes), bool(soft)


def _scores(graph: onnx.GraphProto) -> str | None:
    """The one output that is no label, beside labels: floats, or the maps of a ZipMap."""
    rest, labels = [], 0
    for value in graph.output:
        kind = value.type
        if kind.WhichOneof("value") == "tensor_type" and kind.tensor_type.elem_type in LABELS:
            labels += 1
        else:
            rest.append(value)
    if labels == 0 or len(rest) != 1:
        return None
    kind = rest[0].type
    floats = kind.WhichOneof("value") == "tensor_type" and kind.tensor_type.elem_type in FLOATS
    maps = kind.WhichOneof("value") == "sequence_type"
    return str(rest[0].name) if floats or maps else None


def _is(node: onnx.NodeProto, kind: str, domain: str = "") -> bool:
    domains = ("", "ai.onnx") if domain == "" else (domain,)
    return node.op_type == kind and node.domain in domains


def _soft(node: onnx.NodeProto) -> onnx.AttributeProto | None:
    """The attribute that makes probabilities of a LinearClassifier's scores of several classes."""
    if not _is(node, "LinearClassifier", ML):
        return None
    rows = [len(item.floats) for item in node.attribute if item.name == "intercepts"]
    found = [item for item in node.attribute if item.name == "post_transform" and item.s in SOFT]
    return found[0] if len(found) == 1 and len(rows) == 1 and rows[0] > 1 else None


def _normalizes(node: onnx.NodeProto, before: onnx.NodeProto | None) -> bool:
    """Whether a node divides probabilities by their sum, which is positive."""
    norms = [item.s for item in node.attribute if item.name == "norm"]
    if not _is(node, "Normalizer", ML) or norms != [b"L1"] or before is None:
        return False
    return _soft(before) is not None


def _two_classes(
    graph: onnx.GraphProto, node: onnx.NodeProto, setters: dict[str, onnx.NodeProto]
) -> bool:
    """Whether a node joins 1 - p and p, p a logistic function of z; it joins -z and z then.

    1 - p is the logistic function of -z.
    """
    if not _is(node, "Concat") or len(node.input) != 2:
        return False
    less, more = (setters.get(name) for name in node.input)
    if less is None or more is None or not _is(less, "Sub") or not _is(more, "Sigmoid"):
        return False
    ones = [item for item in graph.initializer if item.name == less.input[0]]
    if less.input[1] != node.input[1] or len(ones) != 1:
        return False
    if not (numpy_helper.to_array(ones[0]) == np.float32(1)).all():
        return False
    (number,) = more.input
    taken = {name for each in graph.node for name in each.output}
    opposite = f"{number}.opposite"
    while opposite in taken:
        opposite += "_"
    node.input[:] = [opposite, number]
    nodes = []
    for each in graph.node:
        if each.output[:] == node.output[:]:
            nodes.append(helper.make_node("Neg", [number], [opposite], opposite))
        nodes.append(each)
    copies = [onnx.NodeProto.FromString(each.SerializeToString()) for each in nodes]
    del graph.node[:]
    graph.node.extend(copies)
    return True
