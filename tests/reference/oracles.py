"""The exact reference for the tests: that of the self-test, and layers as matrices for it."""

from __future__ import annotations

import itertools
from fractions import Fraction

from rhobust.selftest.oracle import (
    Bend,
    ExactMaximum,
    ExactNetwork,
    ExactStage,
    Matrix,
    Vector,
    clip,
    evaluate,
    leaky,
    least_distance,
    least_distance_on_region,
    least_margin,
    margin_at,
    matrix,
    vector,
)

__all__ = [
    "Bend",
    "ExactMaximum",
    "ExactNetwork",
    "ExactStage",
    "Matrix",
    "Vector",
    "average_pool_matrix",
    "clip",
    "convolution_matrix",
    "evaluate",
    "leaky",
    "least_distance",
    "least_distance_on_region",
    "least_margin",
    "margin_at",
    "matrix",
    "vector",
]

Kernel = tuple[tuple[Matrix, ...], ...]  # output channel, input channel of the group, row, column


def convolution_matrix(
    weight: Kernel,
    in_shape: tuple[int, int, int],
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
) -> Matrix:
    """The matrix of a convolution of a (channels, height, width) image, flattened row by row;
    the padding is (top, left, bottom, right)."""
    channels, height, width = in_shape
    out_channels, in_group = len(weight), channels // groups
    kernel = (len(weight[0][0]), len(weight[0][0][0]))
    out_height, out_width = _out_size(in_shape, kernel, stride, padding, dilation)
    rows = []
    for o, oy, ox in itertools.product(range(out_channels), range(out_height), range(out_width)):
        row = [Fraction(0)] * (channels * height * width)
        group = o // (out_channels // groups)
        for i, ky, kx in itertools.product(range(in_group), range(kernel[0]), range(kernel[1])):
            y = oy * stride[0] + ky * dilation[0] - padding[0]
            x = ox * stride[1] + kx * dilation[1] - padding[1]
            if 0 <= y < height and 0 <= x < width:
                row[((group * in_group + i) * height + y) * width + x] = weight[o][i][ky][kx]
        rows.append(tuple(row))
    return tuple(rows)


def average_pool_matrix(
    in_shape: tuple[int, int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    count_include_pad: bool = False,
) -> Matrix:
    """The matrix of average pooling; each mean is over the pixels of the window that lie in the
    image, or over all of them with zeros outside the image if ``count_include_pad``."""
    channels, height, width = in_shape
    out_height, out_width = _out_size(in_shape, kernel, stride, padding, (1, 1))
    rows = []
    for c, oy, ox in itertools.product(range(channels), range(out_height), range(out_width)):
        window = [
            (oy * stride[0] + ky - padding[0], ox * stride[1] + kx - padding[1])
            for ky, kx in itertools.product(range(kernel[0]), range(kernel[1]))
        ]
        inside = [(y, x) for y, x in window if 0 <= y < height and 0 <= x < width]
        row = [Fraction(0)] * (channels * height * width)
        for y, x in inside:
            count = len(window) if count_include_pad else len(inside)
            row[(c * height + y) * width + x] = Fraction(1, count)
        rows.append(tuple(row))
    return tuple(rows)


def _out_size(
    in_shape: tuple[int, int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int, int, int],
    dilation: tuple[int, int],
) -> tuple[int, int]:
    height = in_shape[1] + padding[0] + padding[2] - dilation[0] * (kernel[0] - 1) - 1
    width = in_shape[2] + padding[1] + padding[3] - dilation[1] * (kernel[1] - 1) - 1
    return height // stride[0] + 1, width // stride[1] + 1
