"""The ONNX operations that are read.

To add one: a function in a sibling file, its line here, a case in `tests/compiler/test_onnx.py`.
"""

from __future__ import annotations

from .node import Handler, Node, Symbol
from .operators import activations as activations
from .operators import arithmetic as arithmetic
from .operators import convolutions as convolutions
from .operators import masks as masks
from .operators import movement as movement
from .operators import placing as placing
from .operators import pools as pools
from .operators import products as products
from .operators import resizing as resizing

OPERATIONS: dict[str, Handler] = {
    "Abs": activations.absolute,
    "Add": arithmetic.add,
    "And": masks.and_,
    "AveragePool": pools.average_pool,
    "BatchNormalization": arithmetic.batch_normalization,
    "Cast": movement.cast,
    "Clip": activations.clip,
    "Concat": placing.concat,
    "Constant": movement.constant,
    "ConstantOfShape": movement.constant_of_shape,
    "Conv": convolutions.conv,
    "ConvTranspose": convolutions.conv_transpose,
    "Div": arithmetic.div,
    "Dropout": movement.dropout,
    "Equal": masks.equal,
    "Expand": movement.expand,
    "Flatten": movement.flatten,
    "Gather": movement.gather,
    "Gemm": products.gemm,
    "GlobalAveragePool": pools.global_average_pool,
    "GlobalMaxPool": pools.global_max_pool,
    "Greater": masks.greater,
    "GreaterOrEqual": masks.greater_or_equal,
    "HardSigmoid": activations.hard_sigmoid,
    "Identity": movement.identity,
    "LeakyRelu": activations.leaky_relu,
    "Less": masks.less,
    "LessOrEqual": masks.less_or_equal,
    "MatMul": products.matmul,
    "Max": activations.maximum,
    "MaxPool": pools.max_pool,
    "Min": activations.minimum,
    "Mul": arithmetic.mul,
    "Neg": arithmetic.neg,
    "Not": masks.not_,
    "Or": masks.or_,
    "PRelu": activations.prelu,
    "Pad": placing.pad,
    "Range": movement.range_,
    "ReduceMax": pools.reduce_max,
    "ReduceMean": products.reduce_mean,
    "ReduceMin": pools.reduce_min,
    "ReduceProd": products.reduce_prod,
    "ReduceSum": products.reduce_sum,
    "Relu": activations.relu,
    "Reshape": movement.reshape,
    "Resize": resizing.resize,
    "Shape": movement.shape,
    "Sign": activations.sign,
    "Size": movement.size,
    "Slice": movement.slice_,
    "Split": movement.split,
    "Squeeze": movement.squeeze,
    "Sub": arithmetic.sub,
    "Tile": movement.tile,
    "Transpose": movement.transpose,
    "Unsqueeze": movement.unsqueeze,
    "Upsample": resizing.upsample,
    "Where": placing.where,
    "Xor": masks.xor,
}

MOVES = (
    "Concat", "Expand", "Flatten", "Gather", "Identity", "Reshape", "Slice", "Split", "Squeeze",
    "Tile", "Transpose", "Unsqueeze",
)  # fmt: skip
CONSTANTS_ONLY = ("Range", "ReduceProd")
SHAPES = ("ConstantOfShape", "Shape", "Size")
"""Operations that read no numbers of their input."""
COMPARED = ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")
WHOLE = (*MOVES, *SHAPES, *COMPARED, "Add", "Cast", "Sub", "Where")
"""What is read of activations that are whole numbers; 64 bits hold all sums, see `node.WHOLE`."""
MASKS = (*MOVES, *SHAPES, "And", "Cast", "Equal", "Not", "Or", "Where", "Xor")
"""What is read of activations that are truth values."""


def check_types(node: Node) -> None:
    """Refuses by name what is not read of whole numbers or truth values."""
    symbols = [value for value in node.inputs if isinstance(value, Symbol)]
    for value in symbols:
        known = {"i": WHOLE, "b": MASKS}.get(value.dtype.kind, (node.kind,))
        if node.kind not in known:
            node.refuse(f"{node.kind} of activations of type {value.dtype}")
        if value.dtype.kind == "i" and node.kind in ("Add", "Sub"):
            if len(symbols) > 1 or value.dtype.itemsize < 8:
                node.refuse(f"{node.kind} of two activations of type {value.dtype}")
