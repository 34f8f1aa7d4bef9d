"""Compiled loops of the operators: patches of a convolution.

geometry: C, H, W, out H, out W, kh, kw, stride (2), padding top and left, dilation (2).
The patch arrays are (B, groups, C / groups * kh * kw, out H * out W), C-contiguous.
"""

from __future__ import annotations

from ..base.arrays import Indices, Tensor
from ..base.kernel import kernel


@kernel
def gather_patches(values: Tensor, geometry: Indices, out: Tensor) -> None:
    """Fill `out` with the patches of values (B, C, H, W); zero where padded.

    out[b, c, i, j, y, x] = values[b, c, y stride + i dilation - top, x stride + j dilation - left]
    """
    channels, height, width, oh, ow, kh, kw, sh, sw, top, left, dh, dw = geometry
    batch = values.shape[0]
    flat = out.reshape(batch, channels, kh, kw, oh, ow)
    for b in range(batch):
        for c in range(channels):
            for i in range(kh):
                for j in range(kw):
                    for y in range(oh):
                        row = y * sh + i * dh - top
                        for x in range(ow):
                            column = x * sw + j * dw - left
                            if 0 <= row < height and 0 <= column < width:
                                flat[b, c, i, j, y, x] = values[b, c, row, column]
                            else:
                                flat[b, c, i, j, y, x] = 0.0


@kernel
def scatter_patches(patches: Tensor, geometry: Indices, out: Tensor) -> None:
    """Add the patches up into out (B, C, H, W), the adjoint of `gather_patches`.

    out[b, c, y stride + i dilation - top, x stride + j dilation - left]
        += patches[b, c, i, j, y, x]
    """
    channels, height, width, oh, ow, kh, kw, sh, sw, top, left, dh, dw = geometry
    batch = out.shape[0]
    flat = patches.reshape(batch, channels, kh, kw, oh, ow)
    for b in range(batch):
        for c in range(channels):
            for i in range(kh):
                for j in range(kw):
                    # columns of the input that lie inside: x * sw + j * dw - left in [0, width)
                    first = max(0, -((j * dw - left) // sw))
                    last = min(ow, (width - 1 - j * dw + left) // sw + 1)
                    for y in range(oh):
                        row = y * sh + i * dh - top
                        if row < 0 or row >= height:
                            continue
                        for x in range(first, last):
                            out[b, c, row, x * sw + j * dw - left] += flat[b, c, i, j, y, x]


@kernel
def row_sizes(position: Indices, terms: int, geometry: Indices, out: Indices) -> None:
    """How many coefficients inside the input a convolution's rows have; terms: channels of a group.

    position, out (M,): places of the output, row after row. out = terms * (lines of the window
    that lie inside the input) * (its columns that do).
    """
    channels, height, width, oh, ow, kh, kw, sh, sw, top, left, dh, dw = geometry
    for m in range(len(position)):
        y, x = position[m] // ow * sh - top, position[m] % ow * sw - left
        rows = 0
        for i in range(kh):
            rows += 0 <= y + i * dh < height
        columns = 0
        for j in range(kw):
            columns += 0 <= x + j * dw < width
        out[m] = rows * columns * terms


@kernel
def fill_rows(
    weight: Tensor,
    channel: Indices,
    position: Indices,
    groups: int,
    geometry: Indices,
    starts: Indices,
    index: Indices,
    values: Tensor,
) -> None:
    """Rows of a convolution in CSR form.  weight (C_out, C_in / groups, kh, kw).

    The row of channel o at place (y, x) has weight[o, c, i, j] at input element
    (first + c, y stride + i dilation - top, x stride + j dilation - left), first being the first
    channel of o's group.
    """
    channels, height, width, oh, ow, kh, kw, sh, sw, top, left, dh, dw = geometry
    terms = weight.shape[1]
    for m in range(len(position)):
        y, x = position[m] // ow * sh - top, position[m] % ow * sw - left
        o, place = channel[m], starts[m]
        first = o * groups // weight.shape[0] * terms
        for c in range(terms):
            for i in range(kh):
                row = y + i * dh
                if row < 0 or row >= height:
                    continue
                base = ((first + c) * height + row) * width
                for j in range(kw):
                    column = x + j * dw
                    if 0 <= column < width:
                        index[place] = base + column
                        values[place] = weight[o, c, i, j]
                        place += 1
