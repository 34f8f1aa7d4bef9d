"""The activations of Keras that are read: functions by their names, and layers of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..assembly import Call
from ..onnx.node import Symbol


def activated(call: Call, function: Any, x: Symbol) -> Symbol:
    """An activation function of Keras itself, by its name; see `check_activation`."""
    name = str(function.__name__)
    if name not in ACTIVATIONS:
        call.refuse(f"{call.kind} with the activation {name!r}")
    return ACTIVATIONS[name](call, x)


def check_activation(call: Call, layer: Any) -> None:
    """Refuses a function that is not Keras's own, whatever its name."""
    import keras

    function = getattr(layer, "activation", None)
    name = getattr(function, "__name__", "unknown")
    known = (*ACTIVATIONS, "softmax")
    if function is not None and (name not in known or keras.activations.get(name) is not function):
        call.refuse(f"{call.kind} with the activation {name!r}")


def _leaky(call: Call, x: Symbol, slope: Any) -> Symbol:
    return call.apply("LeakyRelu", x, alpha=float(call.weights(float(slope))))


def _clipped(call: Call, x: Symbol, upper: Any) -> Symbol:
    return call.apply("Clip", x, call.weights(0.0), call.weights(float(upper)))


ACTIVATIONS: dict[str, Callable[[Call, Symbol], Symbol]] = {
    "leaky_relu": lambda call, x: _leaky(call, x, 0.2),
    "linear": lambda call, x: x,
    "relu": lambda call, x: call.apply("Relu", x),
    "relu6": lambda call, x: _clipped(call, x, 6.0),
}


def relu_layer(call: Call, layer: Any, x: Symbol) -> Symbol:
    upper, slope = layer.max_value, float(layer.negative_slope)
    call.require(not layer.threshold, "threshold", f"is {layer.threshold}; only 0 is read")
    if upper is None:
        return _leaky(call, x, slope) if slope else call.apply("Relu", x)
    call.require(not slope, "negative_slope", f"is {slope} beside a max_value")
    return _clipped(call, x, upper)


def leaky_layer(call: Call, layer: Any, x: Symbol) -> Symbol:
    return _leaky(call, x, layer.negative_slope)
