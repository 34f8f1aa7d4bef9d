"""An ONNX model with (x - mean) / std written in front of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ...base.arrays import Vector
from ...base.errors import InputError
from ..unpacking import read
from .external import inlined
from .model import LARGEST, decoded

MARK = "rhobust.normalization"
"""The entry of a model's metadata that says so."""


def prepended(path: str | Path, mean: Vector, std: Vector, axis: int | None, axes: int) -> bytes:
    """The bytes of the model in a file, with its weights, behind a Sub and a Div of its input.

    mean, std: (1,), or (C,) along `axis` of the `axes` that an input has without its batch. Raises
    InputError where they are no normal numbers of the model's type.
    """
    source, data = str(path), read(path, LARGEST)
    proto = decoded(source, data)
    inlined(source, proto, data)
    graph = proto.graph
    weights = {tensor.name for tensor in graph.initializer}
    (given,) = [value for value in graph.input if value.name not in weights]
    kind = given.type.tensor_type.elem_type
    taken = {given.name, *weights, *(name for node in graph.node for name in node.output)}
    taken |= {node.name for node in graph.node}
    prefix = "normalization"
    while any(name.startswith(prefix) for name in taken):
        prefix += "_"
    for node in graph.node:
        for place, name in enumerate(node.input):
            if name == given.name:
                node.input[place] = prefix
    for what, values in (("mean", mean), ("std", std)):
        # the numbers are those of float32 in a model of doubles, too: see `in_front`
        array = values.astype(np.float32).astype(helper.tensor_dtype_to_np_dtype(kind))
        if what == "std" and not (np.isfinite(array) & (array > 0)).all():
            raise InputError(f"{source}: a std of {values.tolist()} is not positive in its type")
        sides = [1] * axes
        if len(values) > 1 and axis is not None:
            sides[axis] = len(values)
        tensor = numpy_helper.from_array(array.reshape(sides), f"{prefix}.{what}")
        graph.initializer.append(tensor)
    first = helper.make_node(
        "Sub", [given.name, f"{prefix}.mean"], [f"{prefix}.centred"], f"{prefix}.centred"
    )
    second = helper.make_node("Div", [f"{prefix}.centred", f"{prefix}.std"], [prefix], prefix)
    rest = [first, second, *graph.node]
    del graph.node[:]
    graph.node.extend(rest)
    proto.metadata_props.append(onnx.StringStringEntryProto(key=MARK, value=prefix))
    return bytes(proto.SerializeToString())
