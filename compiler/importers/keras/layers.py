"""The Keras layers that are read, at inference.

Keras keeps the channels of images last.  Here they come first while a network is read, as in the
ONNX operations, and go back only where their order counts.
To add a layer: its function and line here, a case in `tests/compiler/test_keras.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from ..assembly import Call
from ..onnx.model import Array
from ..onnx.node import Symbol
from .activations import activated, leaky_layer, relu_layer

Layer: TypeAlias = Callable[..., Symbol]


def channels_first(call: Call, x: Symbol) -> Symbol:
    """Images, which have four axes, from Keras's order into ours."""
    return call.move(x, lambda a: a.transpose(0, 3, 1, 2)) if len(x.shape) == 4 else x


def channels_last(call: Call, x: Symbol) -> Symbol:
    return call.move(x, lambda a: a.transpose(0, 2, 3, 1)) if len(x.shape) == 4 else x


def numbers(variable: Any) -> Array:
    """A variable of any backend as an array."""
    import keras

    return np.asarray(keras.ops.convert_to_numpy(variable))


def _expect_channels_last(call: Call, layer: Any) -> None:
    form = layer.data_format
    call.require(form == "channels_last", "data_format", f"is {form!r}; channels_last is read")


def _unchanged(call: Call, layer: Any, x: Symbol) -> Symbol:
    return x


def _dense(call: Call, layer: Any, x: Symbol) -> Symbol:
    weight = numbers(layer.kernel)
    bias = numbers(layer.bias) if layer.use_bias else None
    if len(x.shape) == 2:
        return activated(call, layer.activation, call.apply("Gemm", x, weight, bias))
    x = call.apply("MatMul", channels_last(call, x), weight)
    x = x if bias is None else call.apply("Add", x, bias)
    return activated(call, layer.activation, channels_first(call, x))


def _padding(layer: Any) -> str:
    return {"same": "SAME_UPPER", "valid": "VALID"}[layer.padding]


def _convolution(call: Call, layer: Any, x: Symbol) -> Symbol:
    _expect_channels_last(call, layer)
    x = call.apply(
        "Conv",
        x,
        numbers(layer.kernel).transpose(3, 2, 0, 1),
        numbers(layer.bias) if layer.use_bias else None,
        strides=tuple(layer.strides),
        dilations=tuple(layer.dilation_rate),
        auto_pad=_padding(layer),
        group=int(layer.groups),
    )
    return activated(call, layer.activation, x)


def _pool(kind: str) -> Layer:
    def read(call: Call, layer: Any, x: Symbol) -> Symbol:
        _expect_channels_last(call, layer)
        return call.apply(
            kind,
            x,
            kernel_shape=tuple(layer.pool_size),
            strides=tuple(layer.strides),
            auto_pad=_padding(layer),
        )

    return read


def _global_pool(kind: str) -> Layer:
    def read(call: Call, layer: Any, x: Symbol) -> Symbol:
        _expect_channels_last(call, layer)
        x = call.apply(kind, x)
        return x if layer.keepdims else call.move(x, lambda array: array.reshape(1, -1))

    return read


def _zero_padding(call: Call, layer: Any, x: Symbol) -> Symbol:
    _expect_channels_last(call, layer)
    (top, bottom), (left, right) = layer.padding
    return call.apply("Pad", x, np.array([0, 0, top, left, 0, 0, bottom, right]))


def _batch_norm(call: Call, layer: Any, x: Symbol) -> Symbol:
    last = int(layer.axis) in (-1, len(x.shape) - 1)
    call.require(last, "axis", f"is {layer.axis}; only the last is read")
    mean, variance = numbers(layer.moving_mean), numbers(layer.moving_variance)
    scale = numbers(layer.gamma) if layer.scale else np.ones_like(mean)
    offset = numbers(layer.beta) if layer.center else np.zeros_like(mean)
    call.require(len(x.shape) in (2, 4), "axis", f"is one of {len(x.shape)}")
    weights = (scale, offset, mean, variance)
    return call.apply("BatchNormalization", x, *weights, epsilon=float(layer.epsilon))


def _rescaling(call: Call, layer: Any, x: Symbol) -> Symbol:
    scale, offset = (call.weights(float(number)) for number in (layer.scale, layer.offset))
    x = call.apply("Mul", x, scale)
    return call.apply("Add", x, offset) if offset else x


def _flatten(call: Call, layer: Any, x: Symbol) -> Symbol:
    _expect_channels_last(call, layer)
    return call.move(channels_last(call, x), lambda array: array.reshape(1, -1))


def _reshape(call: Call, layer: Any, x: Symbol) -> Symbol:
    target = (1, *layer.target_shape)
    moved = call.move(channels_last(call, x), lambda array: array.reshape(target))
    return channels_first(call, moved)


def _sum(kind: str) -> Layer:
    def read(call: Call, layer: Any, *parts: Symbol) -> Symbol:
        total, *rest = parts
        call.require(len({part.shape for part in parts}) == 1, "inputs", "are of several shapes")
        for part in rest:
            total = call.apply(kind, total, part)
        return total

    return read


def _concatenate(call: Call, layer: Any, *parts: Symbol) -> Symbol:
    axis = range(len(parts[0].shape))[layer.axis]
    if len(parts[0].shape) == 4:
        axis = (0, 2, 3, 1)[axis]
    return call.apply("Concat", *parts, axis=axis)


LAYERS: dict[str, Layer] = {
    "Activation": lambda call, layer, x: activated(call, layer.activation, x),
    "ActivityRegularization": _unchanged,
    "Add": _sum("Add"),
    "AveragePooling2D": _pool("AveragePool"),
    "BatchNormalization": _batch_norm,
    "Concatenate": _concatenate,
    "Conv2D": _convolution,
    "Dense": _dense,
    "Dropout": _unchanged,
    "Flatten": _flatten,
    "GaussianDropout": _unchanged,
    "GaussianNoise": _unchanged,
    "GlobalAveragePooling2D": _global_pool("GlobalAveragePool"),
    "GlobalMaxPooling2D": _global_pool("GlobalMaxPool"),
    "LeakyReLU": leaky_layer,
    "MaxPooling2D": _pool("MaxPool"),
    "ReLU": relu_layer,
    "Rescaling": _rescaling,
    "Reshape": _reshape,
    "SpatialDropout2D": _unchanged,
    "Subtract": _sum("Sub"),
    "ZeroPadding2D": _zero_padding,
}
"""By the name of the class in `keras.layers`."""
