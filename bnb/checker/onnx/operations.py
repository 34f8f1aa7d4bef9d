"""The operators of ONNX that are read; a handler for each is in a sibling file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import onnx

from . import activations as bends
from . import affine, constants, images, placing, reductions
from . import movement as moves
from .node import Handler

ANY = LAST = 2**20
FORMS = {
    "FLOAT": "alpha beta epsilon momentum ratio value_float min max "
    "cubic_coeff_a extrapolation_value",
    "INT": "axis group transA transB training_mode spatial ceil_mode count_include_pad keepdims "
    "noop_with_empty_axes seed allowzero num_outputs value_int start end to saturate storage_order "
    "exclude_outside antialias",
    "STRING": "auto_pad mode round_mode coordinate_transformation_mode nearest_mode "
    "keep_aspect_ratio_policy",
    "FLOATS": "value_floats scales",
    "INTS": "kernel_shape strides pads dilations output_padding output_shape axes perm starts ends "
    "split value_ints",
}
FORM = {
    name: onnx.AttributeProto.AttributeType.Value(form)
    for form, names in FORMS.items()
    for name in names.split()
}
"""The type of each attribute but `value`, which Pad has as a number and others as a tensor."""


def formed(kind: str, name: str) -> int:
    """The type that an operator's attribute has."""
    if name == "value":
        return int(onnx.AttributeProto.FLOAT if kind == "Pad" else onnx.AttributeProto.TENSOR)
    return int(FORM[name])


@dataclass(frozen=True, slots=True)
class Operation:
    """inputs: at most.  sets: the operator sets in which each attribute is, of those understood;
    others refuse.  since: the operator set that it came with."""

    handler: Handler
    inputs: int
    sets: dict[str, range]
    since: int


def _of(handler: Handler, inputs: int = 1, attributes: str = "", since: int = 1) -> Operation:
    """attributes: names, each with the first and the last of its operator sets where not all have
    it: "name", "name:9-" or "name:1-8"."""
    sets = {}
    for word in attributes.split():
        name, _, ends = word.partition(":")
        first, _, last = (ends or "1-").partition("-")
        sets[name] = range(int(first), int(last or LAST) + 1)
    return Operation(handler, inputs, sets, since)


WINDOW = "kernel_shape strides pads auto_pad"
OPERATIONS: dict[str, Operation] = {
    "Add": _of(affine.add, 2),
    "Sub": _of(partial(affine.add, sign=-1.0), 2),
    "Mul": _of(affine.mul, 2),
    "Div": _of(affine.div, 2),
    "Neg": _of(affine.neg),
    "MatMul": _of(affine.matmul, 2),
    "Gemm": _of(affine.gemm, 3, "alpha beta transA transB"),
    "BatchNormalization": _of(
        affine.batch_normalization, 5, "epsilon momentum training_mode:14- spatial:1-8"
    ),
    "Conv": _of(images.conv, 3, WINDOW + " dilations group"),
    "ConvTranspose": _of(
        images.conv_transpose, 3, WINDOW + " dilations group output_padding output_shape"
    ),
    "AveragePool": _of(
        images.average_pool, 1, WINDOW + " dilations:19- ceil_mode:10- count_include_pad"
    ),
    "GlobalAveragePool": _of(images.global_average_pool),
    "ReduceSum": _of(reductions.reduce_sum, 2, "axes keepdims noop_with_empty_axes:13-"),
    "ReduceMean": _of(reductions.reduce_mean, 2, "axes keepdims noop_with_empty_axes:18-"),
    "Identity": _of(moves.identity),
    "Dropout": _of(moves.dropout, 3, "ratio:1-11 seed:12-"),
    "Flatten": _of(moves.flatten, 1, "axis"),
    "Reshape": _of(moves.reshape, 2, "allowzero:14-"),
    "Transpose": _of(moves.transpose, 1, "perm"),
    "Squeeze": _of(moves.squeeze, 2, "axes"),
    "Unsqueeze": _of(moves.unsqueeze, 2, "axes"),
    "Gather": _of(moves.gather, 2, "axis"),
    "Slice": _of(moves.slice_, 5, "starts ends axes"),
    "Split": _of(moves.split, 2, "axis split num_outputs:18-"),
    "Expand": _of(moves.expand, 2, since=8),
    "Tile": _of(moves.tile, 2),
    "Resize": _of(
        moves.resize,
        4,
        "mode coordinate_transformation_mode:11- nearest_mode:11- cubic_coeff_a:11- "
        "exclude_outside:11- extrapolation_value:11- antialias:18- axes:18- "
        "keep_aspect_ratio_policy:18-",
        since=10,
    ),
    "Upsample": _of(moves.upsample, 2, "mode scales:1-8"),
    "Pad": _of(placing.pad, 4, "mode pads value"),
    "Concat": _of(placing.concat, ANY, "axis"),
    "Where": _of(placing.where, 3, since=9),
    "Constant": _of(
        constants.constant, 0, "value value_float:12- value_floats:12- value_int:12- value_ints:12-"
    ),
    "ConstantOfShape": _of(constants.constant_of_shape, 1, "value", since=9),
    "Shape": _of(constants.shape, 1, "start:15- end:15-"),
    "Cast": _of(constants.cast, 1, "to saturate:19- round_mode:25-"),
    "Relu": _of(bends.relu),
    "LeakyRelu": _of(bends.leaky_relu, 1, "alpha"),
    "PRelu": _of(bends.prelu, 2),
    "Abs": _of(bends.absolute),
    "Clip": _of(bends.clip, 3, "min:1-10 max:1-10"),
    "HardSigmoid": _of(bends.hard_sigmoid, 1, "alpha beta"),
    "Max": _of(bends.extreme, ANY),
    "Min": _of(partial(bends.extreme, sign=-1.0), ANY),
    "MaxPool": _of(bends.max_pool, 1, WINDOW + " dilations:10- ceil_mode:10- storage_order:8-"),
    "GlobalMaxPool": _of(bends.global_max_pool),
    "ReduceMax": _of(bends.reduce_extreme, 2, "axes keepdims noop_with_empty_axes:18-"),
    "ReduceMin": _of(
        partial(bends.reduce_extreme, sign=-1.0), 2, "axes keepdims noop_with_empty_axes:18-"
    ),
    # of constants alone
    "Sign": _of(constants.exactly(np.sign), since=9),
    "Sqrt": _of(constants.root),
    "Reciprocal": _of(constants.reciprocal),
    "Floor": _of(constants.exactly(np.floor, "f")),
    "Ceil": _of(constants.exactly(np.ceil, "f")),
    "Equal": _of(constants.exactly(np.equal, "ifb"), 2),
    "Greater": _of(constants.exactly(np.greater), 2),
    "Less": _of(constants.exactly(np.less), 2),
    "GreaterOrEqual": _of(constants.exactly(np.greater_equal), 2, since=12),
    "LessOrEqual": _of(constants.exactly(np.less_equal), 2, since=12),
    "Xor": _of(constants.exactly(np.logical_xor, "b"), 2),
    "Range": _of(constants.spaced, 3, since=11),
    "ReduceProd": _of(constants.product, 2, "axes keepdims noop_with_empty_axes:18-"),
    "Size": _of(constants.size),
    "And": _of(constants.exactly(np.logical_and, "b"), 2),
    "Or": _of(constants.exactly(np.logical_or, "b"), 2),
    "Not": _of(constants.exactly(np.logical_not, "b")),
}
