"""The network at one input, without rounding."""

from __future__ import annotations

import numpy as np

from ..arithmetic import Array, require
from ..model import Model
from .root import ExactRoot
from .whole import Whole, exactly

OPEN = "rounding leaves open whether the input loses the label"


def output(model: Model, point: Array) -> Whole:
    """The model's output (K,) at a point (D,), in whole numbers over a power of two.

    Refuses a model some of whose weights the reader rounded.  Rule: value.
    """
    values = [exactly(point)]
    for tensor in model.tensors[1 : model.output + 1]:
        if tensor.relu is not None:
            values.append(values[tensor.relu].positive())
            continue
        require(tensor.error is None or not tensor.error.any(), OPEN)
        total = exactly(np.zeros(tensor.size) if tensor.bias is None else tensor.bias)
        for source, operator in tensor.terms:
            require(not operator.slack, OPEN)
            twin, power = ExactRoot.twin(operator)
            sent = twin.forward(values[source].values[None], twin.weight)[0]
            total = total + Whole(sent, values[source].power + power)
        values.append(total)
    return values[-1]
