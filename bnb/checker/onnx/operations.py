"""The operators of ONNX that are read; a handler for each is in a sibling file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx

from . import activations as bends
from . import affine, constants, images, placing, reductions
from . import movement as moves
from .node import Handler

ANY = 2**20
FORMS: dict[str, tuple[str, ...]] = {
    "FLOAT": ("alpha", "beta", "epsilon", "momentum", "ratio", "value_float", "min", "max"),
    "INT": (
        "axis", "group", "transA", "transB", "training_mode", "spatial", "ceil_mode",
        "count_include_pad", "keepdims", "noop_with_empty_axes", "seed", "allowzero", "num_outputs",
        "value_int", "start", "end", "to", "saturate", "storage_order",
    ),
    "STRING": ("auto_pad", "mode", "round_mode"),
    "FLOATS": ("value_floats",),
    "INTS": (
        "kernel_shape", "strides", "pads", "dilations", "output_padding", "output_shape", "axes",
        "perm", "starts", "ends", "split", "value_ints",
    ),
}  # fmt: skip
FORM = {
    name: onnx.AttributeProto.AttributeType.Value(form) for form in FORMS for name in FORMS[form]
}
"""The type of each attribute but `value`, which Pad has as a number and others as a tensor."""


def formed(kind: str, name: str) -> int:
    """The type that an operator's attribute has."""
    if name == "value":
        return int(onnx.AttributeProto.FLOAT if kind == "Pad" else onnx.AttributeProto.TENSOR)
    return int(FORM[name])


WINDOW = {"kernel_shape", "strides", "pads", "dilations", "auto_pad"}
REDUCTION = {"axes", "keepdims", "noop_with_empty_axes"}


@dataclass(frozen=True, slots=True)
class Operation:
    """inputs: at most.  attributes: those understood; others refuse."""

    handler: Handler
    inputs: int = 1
    attributes: frozenset[str] = frozenset()


def _of(handler: Handler, inputs: int = 1, *attributes: str) -> Operation:
    return Operation(handler, inputs, frozenset(attributes))


SINCE = {"Expand": 8, "ConstantOfShape": 9, "Sign": 9, "Where": 9}
"""Operators that came after the first operator set that is read."""
LAST = 2**20
SETS: dict[str, dict[str, tuple[int, int]]] = {
    "AveragePool": {"ceil_mode": (10, LAST), "dilations": (19, LAST)},
    "BatchNormalization": {"spatial": (1, 8), "training_mode": (14, LAST)},
    "Cast": {"saturate": (19, LAST), "round_mode": (25, LAST)},
    "Clip": {"min": (1, 10), "max": (1, 10)},
    "Constant": {
        name: (12, LAST) for name in ("value_float", "value_floats", "value_int", "value_ints")
    },
    "Dropout": {"ratio": (1, 11), "seed": (12, LAST)},
    "MaxPool": {"ceil_mode": (10, LAST), "dilations": (10, LAST), "storage_order": (8, LAST)},
    "ReduceMax": {"noop_with_empty_axes": (18, LAST)},
    "ReduceMean": {"noop_with_empty_axes": (18, LAST)},
    "ReduceMin": {"noop_with_empty_axes": (18, LAST)},
    "ReduceSum": {"noop_with_empty_axes": (13, LAST)},
    "Reshape": {"allowzero": (14, LAST)},
    "Shape": {"start": (15, LAST), "end": (15, LAST)},
    "Split": {"num_outputs": (18, LAST)},
}
"""The first and the last operator set with an attribute, of those that not all sets have."""
OPERATIONS: dict[str, Operation] = {
    "Add": _of(affine.add, 2),
    "Sub": _of(affine.sub, 2),
    "Mul": _of(affine.mul, 2),
    "Div": _of(affine.div, 2),
    "Neg": _of(affine.neg),
    "MatMul": _of(affine.matmul, 2),
    "Gemm": _of(affine.gemm, 3, "alpha", "beta", "transA", "transB"),
    "BatchNormalization": _of(
        affine.batch_normalization, 5, "epsilon", "momentum", "training_mode", "spatial"
    ),
    "Conv": _of(images.conv, 3, *WINDOW, "group"),
    "ConvTranspose": _of(
        images.conv_transpose, 3, *WINDOW, "group", "output_padding", "output_shape"
    ),
    "AveragePool": _of(images.average_pool, 1, *WINDOW, "ceil_mode", "count_include_pad"),
    "GlobalAveragePool": _of(images.global_average_pool),
    "ReduceSum": _of(reductions.reduce_sum, 2, *REDUCTION),
    "ReduceMean": _of(reductions.reduce_mean, 2, *REDUCTION),
    "Identity": _of(moves.identity),
    "Dropout": _of(moves.dropout, 3, "ratio", "seed"),
    "Flatten": _of(moves.flatten, 1, "axis"),
    "Reshape": _of(moves.reshape, 2, "allowzero"),
    "Transpose": _of(moves.transpose, 1, "perm"),
    "Squeeze": _of(moves.squeeze, 2, "axes"),
    "Unsqueeze": _of(moves.unsqueeze, 2, "axes"),
    "Gather": _of(moves.gather, 2, "axis"),
    "Slice": _of(moves.slice_, 5, "starts", "ends", "axes"),
    "Split": _of(moves.split, 2, "axis", "split", "num_outputs"),
    "Expand": _of(moves.expand, 2),
    "Tile": _of(moves.tile, 2),
    "Pad": _of(placing.pad, 4, "mode", "pads", "value"),
    "Concat": _of(placing.concat, ANY, "axis"),
    "Where": _of(placing.where, 3),
    "Constant": _of(
        constants.constant, 0, "value", "value_float", "value_floats", "value_int", "value_ints"
    ),
    "ConstantOfShape": _of(constants.constant_of_shape, 1, "value"),
    "Shape": _of(constants.shape, 1, "start", "end"),
    "Cast": _of(constants.cast, 1, "to", "saturate", "round_mode"),
    "Relu": _of(bends.relu),
    "LeakyRelu": _of(bends.leaky_relu, 1, "alpha"),
    "PRelu": _of(bends.prelu, 2),
    "Abs": _of(bends.absolute),
    "Clip": _of(bends.clip, 3, "min", "max"),
    "HardSigmoid": _of(bends.hard_sigmoid, 1, "alpha", "beta"),
    "Max": _of(bends.maximum, ANY),
    "Min": _of(bends.minimum, ANY),
    "MaxPool": _of(bends.max_pool, 1, *WINDOW, "ceil_mode", "storage_order"),
    "GlobalMaxPool": _of(bends.global_max_pool),
    "ReduceMax": _of(bends.reduce_max, 2, *REDUCTION),
    "ReduceMin": _of(bends.reduce_min, 2, *REDUCTION),
    # of constants alone
    "Sign": _of(constants.exactly(np.sign)),
    "Sqrt": _of(constants.root),
    "Reciprocal": _of(constants.reciprocal),
    "Floor": _of(constants.exactly(np.floor, "f")),
    "Ceil": _of(constants.exactly(np.ceil, "f")),
    "Equal": _of(constants.exactly(np.equal, "ifb"), 2),
    "Greater": _of(constants.exactly(np.greater), 2),
    "Less": _of(constants.exactly(np.less), 2),
    "And": _of(constants.exactly(np.logical_and, "b"), 2),
    "Or": _of(constants.exactly(np.logical_or, "b"), 2),
    "Not": _of(constants.exactly(np.logical_not, "b")),
}
