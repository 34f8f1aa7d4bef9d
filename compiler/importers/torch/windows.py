"""PyTorch calls over windows: convolutions and pools, with one or two spatial axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from ..assembly import Call
from ..onnx.model import Array, Shape
from ..onnx.node import Symbol

Sizes: TypeAlias = "int | Sequence[int]"


def pair(value: Sizes, rank: int = 2) -> Shape:
    """One number for each spatial axis."""
    sizes = (value,) * rank if isinstance(value, int) else tuple(int(size) for size in value)
    if len(sizes) != rank:
        raise ValueError(f"{value} does not fit {rank} axes")
    return sizes


def convolution(
    call: Call,
    input: Symbol,
    weight: Array,
    bias: Array | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Symbol:
    kernel, rank = weight.shape[2:], weight.ndim - 2
    strides, dilations = pair(stride, rank), pair(dilation, rank)
    if isinstance(padding, str):
        call.require(padding in ("same", "valid"), "padding", f"is {padding!r}")
        total = [
            d * (k - 1) if padding == "same" else 0 for d, k in zip(dilations, kernel, strict=True)
        ]
        pads = [size // 2 for size in total] + [size - size // 2 for size in total]
    else:
        pads = [*pair(padding, rank)] * 2
    return call.apply(
        "Conv",
        input,
        weight,
        bias,
        strides=strides,
        pads=tuple(pads),
        dilations=dilations,
        group=groups,
    )


def max_pool(
    call: Call,
    input: Symbol,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Symbol:
    rank = len(input.shape) - 2
    call.require(not return_indices, "return_indices", "is set")
    return call.apply(
        "MaxPool",
        input,
        kernel_shape=pair(kernel_size, rank),
        strides=pair(stride or kernel_size, rank),
        pads=pair(padding, rank) * 2,
        dilations=pair(dilation, rank),
        ceil_mode=int(ceil_mode),
    )


def average_pool(
    call: Call,
    input: Symbol,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Symbol:
    rank = len(input.shape) - 2
    call.require(divisor_override is None, "divisor_override", "is set")
    return call.apply(
        "AveragePool",
        input,
        kernel_shape=pair(kernel_size, rank),
        strides=pair(stride or kernel_size, rank),
        pads=pair(padding, rank) * 2,
        ceil_mode=int(ceil_mode),
        count_include_pad=int(count_include_pad),
    )


def adaptive_average_pool(
    call: Call, input: Symbol, output_size: int | Sequence[int | None]
) -> Symbol:
    """Where each output takes equally many numbers, so that it is an ordinary pool."""
    sizes = input.shape[2:]
    wanted = (output_size,) * len(sizes) if isinstance(output_size, int) else output_size
    targets = [size if want is None else want for size, want in zip(sizes, wanted, strict=True)]
    even = all(size % target == 0 for size, target in zip(sizes, targets, strict=True))
    call.require(even, "output_size", f"{tuple(targets)} does not divide {sizes}")
    kernel = [size // target for size, target in zip(sizes, targets, strict=True)]
    return average_pool(call, input, kernel)
