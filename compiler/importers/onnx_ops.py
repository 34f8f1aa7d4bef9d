"""The ONNX operations that are read.

To add one: a function in a sibling file, its line here, a case in `tests/compiler/test_onnx.py`.
"""

from __future__ import annotations

from . import onnx_arithmetic as arithmetic
from . import onnx_movement as movement
from . import onnx_placing as placing
from . import onnx_products as products
from . import onnx_windows as windows
from .onnx_node import Handler

OPERATIONS: dict[str, Handler] = {
    "Add": arithmetic.add,
    "AveragePool": windows.average_pool,
    "BatchNormalization": arithmetic.batch_normalization,
    "Cast": movement.cast,
    "Concat": placing.concat,
    "Constant": movement.constant,
    "ConstantOfShape": movement.constant_of_shape,
    "Conv": windows.conv,
    "Div": arithmetic.div,
    "Dropout": movement.dropout,
    "Expand": movement.expand,
    "Flatten": movement.flatten,
    "Gather": movement.gather,
    "Gemm": products.gemm,
    "GlobalAveragePool": windows.global_average_pool,
    "Identity": movement.identity,
    "MatMul": products.matmul,
    "Mul": arithmetic.mul,
    "Neg": arithmetic.neg,
    "Pad": placing.pad,
    "ReduceMean": products.reduce_mean,
    "ReduceSum": products.reduce_sum,
    "Relu": arithmetic.relu,
    "Reshape": movement.reshape,
    "Shape": movement.shape,
    "Slice": movement.slice_,
    "Split": movement.split,
    "Squeeze": movement.squeeze,
    "Sub": arithmetic.sub,
    "Transpose": movement.transpose,
    "Unsqueeze": movement.unsqueeze,
}
