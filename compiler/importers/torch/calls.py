"""The functions and tensor methods of PyTorch that are read, with PyTorch's own parameters.

To add one: a function here, its line in `CALLS`, a case in `tests/compiler/test_torch.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy.typing as npt

from ..assembly import Call
from ..onnx.model import Array
from ..onnx.node import Symbol
from . import moves as moves
from . import windows as windows

Value: TypeAlias = "Symbol | npt.ArrayLike"
LAST_ONLY = ("log_softmax", "softmax")
"""Dropped where they end the network: they keep the order of the outputs."""


def _binary(kind: str) -> Callable[..., Symbol]:
    def read(call: Call, input: Value, other: Value, *, alpha: float = 1) -> Symbol:
        call.require(alpha == 1, "alpha", f"is {alpha}; only 1 is read")
        sides = [x if isinstance(x, Symbol) else call.weights(x) for x in (input, other)]
        return call.apply(kind, *sides)

    return read


def divide(call: Call, input: Value, other: Value, *, rounding_mode: str | None = None) -> Symbol:
    call.require(rounding_mode is None, "rounding_mode", f"is {rounding_mode!r}")
    return _binary("Div")(call, input, other)


def _elementwise(kind: str) -> Callable[..., Symbol]:
    def read(call: Call, input: Symbol, inplace: bool = False) -> Symbol:
        return call.apply(kind, input)

    return read


def leaky_relu(
    call: Call, input: Symbol, negative_slope: float = 0.01, inplace: bool = False
) -> Symbol:
    return call.apply("LeakyRelu", input, alpha=float(call.weights(negative_slope)))


def prelu(call: Call, input: Symbol, weight: Array) -> Symbol:
    return call.apply("PRelu", input, weight.reshape(-1, *(1,) * (len(input.shape) - 2)))


def clamp(call: Call, input: Symbol, min: float | None = None, max: float | None = None) -> Symbol:
    sides = [None if side is None else call.weights(side) for side in (min, max)]
    return call.apply("Clip", input, *sides)


def hardtanh(
    call: Call,
    input: Symbol,
    min_val: float = -1.0,
    max_val: float = 1.0,
    inplace: bool = False,
) -> Symbol:
    return clamp(call, input, min_val, max_val)


def relu6(call: Call, input: Symbol, inplace: bool = False) -> Symbol:
    return clamp(call, input, 0.0, 6.0)


def linear(call: Call, input: Symbol, weight: Array, bias: Array | None = None) -> Symbol:
    if len(input.shape) == 2:
        return call.apply("Gemm", input, weight, bias, transB=1)
    result = call.apply("MatMul", input, weight.T)
    return result if bias is None else call.apply("Add", result, bias)


def dropout(
    call: Call, input: Symbol, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Symbol:
    call.require(not training, "training", "is true; pass self.training and use eval()")
    return input


def mean(
    call: Call, input: Symbol, dim: int | Sequence[int] | None = None, keepdim: bool = False
) -> Symbol:
    axes = tuple(range(len(input.shape))) if dim is None else dim
    axes = (axes,) if isinstance(axes, int) else tuple(axes)
    return call.apply("ReduceMean", input, axes=axes, keepdims=int(keepdim))


def concatenate(call: Call, tensors: Sequence[Value], dim: int = 0) -> Symbol:
    parts = [part if isinstance(part, Symbol) else call.weights(part) for part in tensors]
    return call.apply("Concat", *parts, axis=dim)


CALLS: dict[str, Callable[..., Any]] = {
    "abs": _elementwise("Abs"),
    "adaptive_avg_pool1d": windows.adaptive_average_pool,
    "adaptive_avg_pool2d": windows.adaptive_average_pool,
    "add": _binary("Add"),
    "avg_pool1d": windows.average_pool,
    "avg_pool2d": windows.average_pool,
    "cat": concatenate,
    "clamp": clamp,
    "clip": clamp,
    "concat": concatenate,
    "contiguous": moves.unchanged,
    "conv1d": windows.convolution,
    "conv2d": windows.convolution,
    "detach": moves.unchanged,
    "dim": lambda call, input: len(input.shape),
    "div": divide,
    "dropout": dropout,
    "flatten": moves.flatten,
    "getattr": moves.attribute,
    "getitem": moves.getitem,
    "hardtanh": hardtanh,
    "leaky_relu": leaky_relu,
    "linear": linear,
    "matmul": _binary("MatMul"),
    "max_pool1d": windows.max_pool,
    "max_pool2d": windows.max_pool,
    "maximum": _binary("Max"),
    "mean": mean,
    "minimum": _binary("Min"),
    "mul": _binary("Mul"),
    "neg": _elementwise("Neg"),
    "permute": moves.permute,
    "prelu": prelu,
    "relu": _elementwise("Relu"),
    "relu6": relu6,
    "reshape": moves.reshape,
    "sign": _elementwise("Sign"),
    "size": moves.size,
    "squeeze": moves.squeeze,
    "sub": _binary("Sub"),
    "transpose": moves.transpose,
    "truediv": divide,
    "unflatten": moves.unflatten,
    "unsqueeze": moves.unsqueeze,
    "view": moves.reshape,
}
"""By the name of the function in `torch`, `torch.nn.functional` or `operator`, or of the method."""
