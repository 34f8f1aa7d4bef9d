"""The layers of `torch.nn` that are read, in evaluation mode; most are one call of `torch_calls`.

To add one: its line in `LAYERS`, a case in `tests/compiler/test_torch.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from ..assembly import Call
from ..onnx.model import Array
from ..onnx.node import Symbol
from . import calls as calls
from . import moves as moves
from . import windows as windows

Layer: TypeAlias = Callable[[Call, Any, Symbol], Symbol]
LAST_ONLY = ("LogSoftmax", "Softmax")
"""Dropped where they end the network: they keep the order of the outputs."""


def numbers(tensor: Any) -> Array | None:
    """A tensor as an array; a missing one stays so."""
    return None if tensor is None else np.asarray(tensor.detach().cpu().numpy())


def _unchanged(call: Call, layer: Any, x: Symbol) -> Symbol:
    return x


def _linear(call: Call, layer: Any, x: Symbol) -> Symbol:
    return calls.linear(call, x, np.asarray(numbers(layer.weight)), numbers(layer.bias))


def _convolution(call: Call, layer: Any, x: Symbol) -> Symbol:
    mode = layer.padding_mode
    call.require(mode == "zeros", "padding_mode", f"is {mode!r}; only 'zeros' is read")
    return windows.convolution(
        call,
        x,
        np.asarray(numbers(layer.weight)),
        numbers(layer.bias),
        layer.stride,
        layer.padding,
        layer.dilation,
        layer.groups,
    )


def _batch_norm(call: Call, layer: Any, x: Symbol) -> Symbol:
    mean, variance = numbers(layer.running_mean), numbers(layer.running_var)
    if mean is None or variance is None:
        call.require(False, "track_running_stats", "is false: it normalises by the batch")
    scale, offset = numbers(layer.weight), numbers(layer.bias)
    scale = np.ones_like(mean) if scale is None else scale
    offset = np.zeros_like(mean) if offset is None else offset
    return call.apply(
        "BatchNormalization", x, scale, offset, mean, variance, epsilon=float(layer.eps)
    )


def _max_pool(call: Call, layer: Any, x: Symbol) -> Symbol:
    return windows.max_pool(
        call,
        x,
        layer.kernel_size,
        layer.stride,
        layer.padding,
        layer.dilation,
        layer.ceil_mode,
        layer.return_indices,
    )


def _average_pool(call: Call, layer: Any, x: Symbol) -> Symbol:
    return windows.average_pool(
        call,
        x,
        layer.kernel_size,
        layer.stride,
        layer.padding,
        layer.ceil_mode,
        layer.count_include_pad,
        getattr(layer, "divisor_override", None),
    )


def _adaptive_average_pool(call: Call, layer: Any, x: Symbol) -> Symbol:
    return windows.adaptive_average_pool(call, x, layer.output_size)


def _prelu(call: Call, layer: Any, x: Symbol) -> Symbol:
    return calls.prelu(call, x, np.asarray(numbers(layer.weight)))


LAYERS: dict[str, Layer] = {
    "AdaptiveAvgPool1d": _adaptive_average_pool,
    "AdaptiveAvgPool2d": _adaptive_average_pool,
    "AvgPool1d": _average_pool,
    "AvgPool2d": _average_pool,
    "BatchNorm1d": _batch_norm,
    "BatchNorm2d": _batch_norm,
    "Conv1d": _convolution,
    "Conv2d": _convolution,
    "Dropout": _unchanged,
    "Dropout1d": _unchanged,
    "Dropout2d": _unchanged,
    "Flatten": lambda call, layer, x: moves.flatten(call, x, layer.start_dim, layer.end_dim),
    "Hardtanh": lambda call, layer, x: calls.hardtanh(call, x, layer.min_val, layer.max_val),
    "Identity": _unchanged,
    "LeakyReLU": lambda call, layer, x: calls.leaky_relu(call, x, layer.negative_slope),
    "Linear": _linear,
    "MaxPool1d": _max_pool,
    "MaxPool2d": _max_pool,
    "PReLU": _prelu,
    "ReLU": lambda call, layer, x: call.apply("Relu", x),
    "ReLU6": lambda call, layer, x: calls.relu6(call, x),
    "Unflatten": lambda call, layer, x: moves.unflatten(call, x, layer.dim, layer.unflattened_size),
}
"""By the name of the class in `torch.nn`."""
