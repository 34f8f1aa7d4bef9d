"""ONNX operations that are read only where all their inputs are constants.

Exporters compute shapes and normalisation constants with them; floats are computed in float64.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .onnx_model import Array
from .onnx_node import Node, Symbol, Value

FOLDED: dict[str, Callable[..., Array]] = {
    "And": np.logical_and,
    "Ceil": np.ceil,
    "Equal": np.equal,
    "Exp": np.exp,
    "Floor": np.floor,
    "Greater": np.greater,
    "Less": np.less,
    "Log": np.log,
    "Not": np.logical_not,
    "Or": np.logical_or,
    "Pow": np.power,
    "Reciprocal": np.reciprocal,
    "Sqrt": np.sqrt,
}


def fold(node: Node) -> Value:
    """The value of an operation of `FOLDED` on constants; anything else is refused by name."""
    function = FOLDED.get(node.kind)
    if function is None:
        node.refuse(node.kind)
    arrays: list[Array] = []
    for slot in range(len(node.inputs)):
        value = node.value(slot)
        if isinstance(value, Symbol):
            node.refuse(node.kind)
        arrays.append(value.astype(np.float64) if value.dtype.kind == "f" else value)
    node.check_size(np.broadcast_shapes(*(array.shape for array in arrays)))
    return np.asarray(function(*arrays))
