"""The ONNX operations that are read.

To add one: a function in a sibling file, its line here, a case in `tests/compiler/test_onnx.py`.
"""

from __future__ import annotations

from .node import Handler
from .operators import activations as activations
from .operators import arithmetic as arithmetic
from .operators import convolutions as convolutions
from .operators import movement as movement
from .operators import placing as placing
from .operators import pools as pools
from .operators import products as products

OPERATIONS: dict[str, Handler] = {
    "Abs": activations.absolute,
    "Add": arithmetic.add,
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
    "Expand": movement.expand,
    "Flatten": movement.flatten,
    "Gather": movement.gather,
    "Gemm": products.gemm,
    "GlobalAveragePool": pools.global_average_pool,
    "GlobalMaxPool": pools.global_max_pool,
    "HardSigmoid": activations.hard_sigmoid,
    "Identity": movement.identity,
    "LeakyRelu": activations.leaky_relu,
    "MatMul": products.matmul,
    "Max": activations.maximum,
    "MaxPool": pools.max_pool,
    "Min": activations.minimum,
    "Mul": arithmetic.mul,
    "Neg": arithmetic.neg,
    "PRelu": activations.prelu,
    "Pad": placing.pad,
    "ReduceMax": pools.reduce_max,
    "ReduceMean": products.reduce_mean,
    "ReduceMin": pools.reduce_min,
    "ReduceSum": products.reduce_sum,
    "Relu": activations.relu,
    "Reshape": movement.reshape,
    "Shape": movement.shape,
    "Sign": activations.sign,
    "Slice": movement.slice_,
    "Split": movement.split,
    "Squeeze": movement.squeeze,
    "Sub": arithmetic.sub,
    "Tile": movement.tile,
    "Transpose": movement.transpose,
    "Unsqueeze": movement.unsqueeze,
    "Where": placing.where,
}
