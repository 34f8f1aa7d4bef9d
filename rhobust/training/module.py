"""A network that was read from any file as a PyTorch module again, to be trained further."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..compiler.base.errors import InputError
from ..compiler.network.graph import Network
from ..compiler.network.layers import (
    Absolute,
    Clip,
    Layer,
    Leaky,
    Linear,
    Maximum,
    MaxPool,
    Rectifier,
    Sum,
)
from ..compiler.operators import Chain, Convolution, Dense, LinearOperator, Scale, Select, Sparse
from .torch_library import library


def module_of(network: Network) -> Any:
    """A `torch.nn.Module` that computes the network from images (B, *input_shape).

    Weights of dense layers and convolutions, and biases, are its parameters; scales, selections
    and limits stay as they are.  Raises InputError for a layer without a form there.
    """
    return _imported(library(), network)


def _imported(torch: Any, network: Network) -> Any:
    class Imported(torch.nn.Module):  # type: ignore[misc]
        """The layers of a network in their order."""

        def __init__(self) -> None:
            super().__init__()
            self.steps = torch.nn.ModuleList(
                _step(torch, network, node) for node in network.order[1:]
            )

        def forward(self, images: Any) -> Any:
            values = {network.INPUT: torch.flatten(images, 1)}
            for step, node in zip(self.steps, network.order[1:], strict=True):
                values[node] = step(*(values[source] for source in network.sources[node]))
            return values[network.output]

    return Imported().eval()


def _step(torch: Any, network: Network, node: str) -> Any:
    layer = network.layer(node)
    make = STEPS.get(type(layer))
    if make is None:
        raise InputError(f"{network.name}: layer {node!r} ({layer.kind}) cannot be trained")
    return make(torch, layer)


class _Parts:
    """Modules made of functions of tensors, with buffers."""

    @staticmethod
    def of(torch: Any, run: Callable[..., Any], **buffers: Any) -> Any:
        class Step(torch.nn.Module):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__()
                for name, value in buffers.items():
                    self.register_buffer(name, torch.tensor(value))

            def forward(self, *values: Any) -> Any:
                return run(self, *values)

        return Step()


def _linear(torch: Any, layer: Layer) -> Any:
    assert isinstance(layer, Linear)
    bias = layer.bias
    parts = layer.operator.parts if isinstance(layer.operator, Chain) else (layer.operator,)
    steps: list[Any] = []
    for place, part in enumerate(parts):
        last = place + 1 == len(parts)
        steps += _operator(torch, part, bias if last else None)
    taken = isinstance(parts[-1], Dense | Convolution)
    if bias is not None and not taken:
        steps.append(_Parts.of(torch, lambda own, x: x + own.bias, bias=_single(bias)))
    return torch.nn.Sequential(*steps)


def _operator(torch: Any, operator: LinearOperator, bias: Any) -> list[Any]:
    match operator:
        case Sparse():
            return _operator(torch, Dense(operator.matrix.toarray()), bias)
        case Dense(weight):
            layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias is not None)
            _set(torch, layer.weight, weight)
            if bias is not None:
                _set(torch, layer.bias, bias)
            return [layer]
        case Convolution():
            return _convolution(torch, operator, bias)
        case Select(index):
            if (index < 0).any():
                raise InputError("padding that stands alone cannot be trained through")
            return [_Parts.of(torch, lambda own, x: x[:, own.index], index=index)]
        case Scale(multiplier, divisor):
            return [
                _Parts.of(
                    torch, lambda own, x: x * own.multiplier / own.divisor,
                    multiplier=_single(multiplier), divisor=_single(divisor),
                )
            ]  # fmt: skip
    raise InputError(f"a layer with a {type(operator).__name__} cannot be trained")


def _convolution(torch: Any, operator: Convolution, bias: Any) -> list[Any]:
    top, left, bottom, right = operator.padding
    even = top == bottom and left == right
    channels = None
    if bias is not None:
        rows = bias.reshape(operator.out_shape[0], -1)
        if (rows == rows[:, :1]).all():
            channels = rows[:, 0]
    out, per, height, width = operator.weight.shape
    layer = torch.nn.Conv2d(
        per * operator.groups, out, (height, width), operator.stride,
        (top, left) if even else 0, operator.dilation, operator.groups, channels is not None,
    )  # fmt: skip
    _set(torch, layer.weight, operator.weight)
    if channels is not None:
        _set(torch, layer.bias, channels)
    steps = [torch.nn.Unflatten(1, operator.in_shape)]
    if not even:
        steps.append(torch.nn.ZeroPad2d((left, right, top, bottom)))
    steps += [layer, torch.nn.Flatten()]
    if bias is not None and channels is None:
        steps.append(_Parts.of(torch, lambda own, x: x + own.bias, bias=_single(bias)))
    return steps


def _sum(torch: Any, layer: Layer) -> Any:
    assert isinstance(layer, Sum)
    signs = layer.signs

    def run(own: Any, *values: Any) -> Any:
        total = values[0] if signs[0] == 1.0 else values[0] * signs[0]
        for sign, value in zip(signs[1:], values[1:], strict=True):
            total = total + (value if sign == 1.0 else value * sign)
        return total

    return _Parts.of(torch, run)


def _leaky(torch: Any, layer: Layer) -> Any:
    assert isinstance(layer, Leaky)
    if (layer.slope == layer.slope[0]).all():
        return torch.nn.LeakyReLU(float(layer.slope[0]))
    raise InputError("slopes that differ from unit to unit cannot be trained")


def _clip(torch: Any, layer: Layer) -> Any:
    assert isinstance(layer, Clip)
    low, high = layer.lower[0], layer.upper[0]
    if not ((layer.lower == low).all() and (layer.upper == high).all()):
        raise InputError("limits that differ from unit to unit cannot be trained")
    return torch.nn.Hardtanh(float(low), float(high))


def _max_pool(torch: Any, layer: Layer) -> Any:
    assert isinstance(layer, MaxPool)
    index = layer.windows.filled

    def run(own: Any, x: Any) -> Any:
        return x[:, own.index].reshape(-1, *index.shape).amax(2)

    return _Parts.of(torch, run, index=index.reshape(-1))


def _maximum(torch: Any, layer: Layer) -> Any:
    def run(own: Any, *values: Any) -> Any:
        total = values[0]
        for value in values[1:]:
            total = torch.maximum(total, value)
        return total

    return _Parts.of(torch, run)


STEPS: dict[type[Layer], Callable[[Any, Layer], Any]] = {
    Absolute: lambda torch, layer: _Parts.of(torch, lambda own, x: torch.abs(x)),
    Clip: _clip,
    Leaky: _leaky,
    Linear: _linear,
    MaxPool: _max_pool,
    Maximum: _maximum,
    Rectifier: lambda torch, layer: torch.nn.ReLU(),
    Sum: _sum,
}
"""Each kind of layer as a module."""


def _single(array: Any) -> Any:
    return np.asarray(array, dtype=np.float32)


def _set(torch: Any, parameter: Any, values: Any) -> None:
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(_single(values)))
