"""An evaluation of MIPVerify.jl's layers in its own layout; MIPVerify.jl itself runs in Julia."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...base.arrays import Matrix, Tensor
from ..onnx.model import Array, Shape


def _nothing() -> Array:
    return np.zeros(0)


@dataclass(frozen=True, eq=False)
class MatLayer:
    """One layer: its options, and its arrays as in the file."""

    kind: str
    options: Mapping[str, Any]
    name: str = ""
    weight: Array = field(default_factory=_nothing)
    bias: Array = field(default_factory=_nothing)

    @property
    def stride(self) -> int:
        return int(self.options.get("stride", 1))

    @property
    def padding(self) -> Any:
        return self.options.get("padding", "same")

    @property
    def fixed_padding(self) -> tuple[int, int, int, int]:
        """Top, bottom, left, right; "valid" is none."""
        padding = 0 if self.padding == "valid" else self.padding
        numbers = [padding] if isinstance(padding, int) else [int(number) for number in padding]
        if len(numbers) < 4:
            vertical, horizontal = numbers * 2 if len(numbers) == 1 else numbers
            numbers = [vertical, vertical, horizontal, horizontal]
        top, bottom, left, right = numbers
        return top, bottom, left, right

    @property
    def order(self) -> tuple[int, ...]:
        """Axes of batch, height, width and channels, from 1, the fastest first."""
        return tuple(int(axis) for axis in self.options.get("order", (4, 3, 2, 1)))


def _paddings(layer: MatLayer, sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Zeros before and after the height and the width."""
    if layer.padding != "same":
        top, bottom, left, right = layer.fixed_padding
        return [(top, bottom), (left, right)]
    pads = []
    for size, kernel in zip(sizes, layer.weight.shape[:2], strict=True):
        outputs = -(-size // layer.stride)
        total = max(0, (outputs - 1) * layer.stride + kernel - size)
        pads.append((total // 2, total - total // 2))
    return pads


@dataclass(frozen=True, eq=False)
class MatRuntime:
    """Float64, images as height x width x channels; (B, input_size) to (B, output_size)."""

    layers: tuple[MatLayer, ...]
    shape: Shape

    def __call__(self, inputs: Matrix) -> Matrix:
        values = np.asarray(inputs, dtype=np.float64).reshape(-1, *self.shape)
        for layer in self.layers:
            values = _evaluated(layer, values)
        return values.reshape(len(inputs), -1)


def _evaluated(layer: MatLayer, values: Tensor) -> Tensor:
    match layer.kind:
        case "relu":
            return np.maximum(values, 0.0)
        case "dense":
            sums: Tensor = np.einsum("bi,io->bo", values, layer.weight)
            return sums + layer.bias
        case "normalize":
            mean: Tensor = np.asarray(layer.options["mean"], dtype=np.float64)
            std: Tensor = np.asarray(layer.options["std"], dtype=np.float64)
            return (values - mean) / std
        case "flatten":
            images = [image[None].transpose([axis - 1 for axis in layer.order]) for image in values]
            return np.array([image.reshape(-1, order="F") for image in images])
        case _:
            height, width = _paddings(layer, values.shape[1:3])
            padded = np.pad(values, ((0, 0), height, width, (0, 0)))
            kernel = (int(layer.weight.shape[0]), int(layer.weight.shape[1]))
            windows = np.lib.stride_tricks.sliding_window_view(padded, kernel, axis=(1, 2))
            windows = windows[:, :: layer.stride, :: layer.stride]
            sums = np.einsum("bhwcij,ijco->bhwo", windows, layer.weight)
            return sums + layer.bias
