"""PyTorch calls that only move numbers: each is one function of arrays, whatever they hold.

What tells the shape of a tensor stands here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..assembly import Call
from ..onnx.model import Shape
from ..onnx.node import Symbol


def _shape(sizes: Sequence[Any]) -> Shape:
    """The sizes of f(2, 3) or f((2, 3))."""
    listed = sizes[0] if len(sizes) == 1 and isinstance(sizes[0], (list, tuple)) else sizes
    return tuple(int(size) for size in listed)


def reshape(call: Call, input: Symbol, *shape: Any) -> Symbol:
    return call.move(input, lambda array: array.reshape(_shape(shape)))


def flatten(call: Call, input: Symbol, start_dim: int = 0, end_dim: int = -1) -> Symbol:
    axes = range(len(input.shape))
    start, end = axes[start_dim], axes[end_dim]
    return reshape(call, input, (*input.shape[:start], -1, *input.shape[end + 1 :]))


def unflatten(call: Call, input: Symbol, dim: int, sizes: Sequence[int]) -> Symbol:
    axis = range(len(input.shape))[dim]
    return reshape(call, input, (*input.shape[:axis], *sizes, *input.shape[axis + 1 :]))


def permute(call: Call, input: Symbol, *dims: Any) -> Symbol:
    return call.move(input, lambda array: array.transpose(_shape(dims)))


def transpose(call: Call, input: Symbol, dim0: int, dim1: int) -> Symbol:
    return call.move(input, lambda array: array.swapaxes(dim0, dim1))


def squeeze(call: Call, input: Symbol, dim: int) -> Symbol:
    return call.move(input, lambda array: array.squeeze(dim) if array.shape[dim] == 1 else array)


def unsqueeze(call: Call, input: Symbol, dim: int) -> Symbol:
    return call.move(input, lambda array: np.expand_dims(array, dim))


def getitem(call: Call, input: Symbol, index: Any) -> Symbol:
    return call.move(input, lambda array: np.asarray(array[index]))


def unchanged(call: Call, input: Symbol) -> Symbol:
    return input


def size(call: Call, input: Symbol, dim: int | None = None) -> int | Shape:
    return input.shape if dim is None else input.shape[dim]


def attribute(call: Call, input: Symbol, name: str) -> int | Shape:
    call.require(name in ("shape", "ndim"), name, "is not one that is read here")
    return input.shape if name == "shape" else len(input.shape)
