"""What layers are called, and how many numbers they hold."""

from __future__ import annotations

from ..operators import (
    Chain,
    Convolution,
    Dense,
    LinearOperator,
    Scale,
    Select,
    Transposed,
)
from .layers import Layer, Linear


def kind_of(layer: Layer) -> str:
    """The kind of a layer; of a linear one the kinds of its operators."""
    return _form(layer.operator) if isinstance(layer, Linear) else layer.kind


def parameters(layer: Layer) -> int:
    """How many weights and biases a layer has."""
    if not isinstance(layer, Linear):
        return 0
    return _numbers(layer.operator) + (0 if layer.bias is None else len(layer.bias))


def _form(operator: LinearOperator) -> str:
    match operator:
        case Dense():
            return "dense"
        case Convolution():
            return "convolution"
        case Scale():
            return "scale"
        case Select():
            return "select"
        case Transposed():
            return f"transposed {_form(operator.operator)}"
        case Chain():
            return ", ".join(dict.fromkeys(_form(part) for part in operator.parts))
    return "linear"


def _numbers(operator: LinearOperator) -> int:
    """Weights held by the operator; a selection has none."""
    match operator:
        case Dense() | Convolution():
            return int(operator.weight.size)
        case Scale():
            return len(operator.multiplier)
        case Transposed():
            return _numbers(operator.operator)
        case Chain():
            return sum(_numbers(part) for part in operator.parts)
    return 0
