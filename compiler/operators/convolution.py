"""Two-dimensional convolutions, which are never expanded to a matrix."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..base.arrays import Indices, Numbers, Tensor, exact
from ..base.late import go_on
from ..base.later import sparse
from .kernels import fill_rows, gather_patches, row_sizes, scatter_patches
from .linear_operator import is_exact, portions


@dataclass(frozen=True, eq=False)
class Convolution:
    """A two-dimensional convolution, channels first.

    weight (C_out, C_in / groups, kh, kw); in_shape (C_in, H, W); padding (top, left, bottom,
    right).
    """

    weight: Tensor
    in_shape: tuple[int, int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    @cached_property
    def out_shape(self) -> tuple[int, int, int]:
        top, left, bottom, right = self.padding
        height = self.in_shape[1] + top + bottom - self.dilation[0] * (self.weight.shape[2] - 1) - 1
        width = self.in_shape[2] + left + right - self.dilation[1] * (self.weight.shape[3] - 1) - 1
        return (
            int(self.weight.shape[0]),
            height // self.stride[0] + 1,
            width // self.stride[1] + 1,
        )

    @property
    def in_size(self) -> int:
        return int(np.prod(self.in_shape))

    @property
    def out_size(self) -> int:
        return int(np.prod(self.out_shape))

    @property
    def terms(self) -> int:
        return int(np.prod(self.weight.shape[1:]))

    @property
    def adjoint_terms(self) -> int:
        # a product over the group's output channels, then up to kh * kw of those are added up
        _, _, height, width = self.weight.shape
        return int(self.weight.shape[0] // self.groups + height * width)

    @cached_property
    def _kernel(self) -> Tensor:
        """(groups, C_out / groups, C_in / groups * kh * kw)."""
        return np.ascontiguousarray(
            self.weight.reshape(self.groups, self.weight.shape[0] // self.groups, -1)
        )

    @cached_property
    def _kernel_transposed(self) -> Tensor:
        return np.ascontiguousarray(self._kernel.transpose(0, 2, 1))

    @cached_property
    def _exact_kernel(self) -> Numbers:
        return exact(self._kernel)

    @cached_property
    def pad_index(self) -> Indices:
        """For each patch entry (C_in, kh*kw, out positions) its input index (in_size: padded)."""
        channels, height, width = self.in_shape
        _, out_height, out_width = self.out_shape
        rows = (
            np.arange(self.weight.shape[2])[:, None] * self.dilation[0]
            + np.arange(out_height)[None, :] * self.stride[0]
            - self.padding[0]
        )
        columns = (
            np.arange(self.weight.shape[3])[:, None] * self.dilation[1]
            + np.arange(out_width)[None, :] * self.stride[1]
            - self.padding[1]
        )
        inside = ((rows >= 0) & (rows < height))[:, None, :, None] & (
            (columns >= 0) & (columns < width)
        )[None, :, None, :]
        flat = rows[:, None, :, None] * width + columns[None, :, None, :]
        index = np.arange(channels)[:, None, None, None, None] * (height * width) + flat[None]
        index = np.where(inside[None], index, self.in_size)
        return index.reshape(channels, -1, out_height * out_width).astype(np.int64)

    @cached_property
    def _geometry(self) -> Indices:
        return np.array(
            [*self.in_shape, *self.out_shape[1:], *self.weight.shape[2:], *self.stride]
            + [self.padding[0], self.padding[1], *self.dilation],
            dtype=np.int64,
        )

    def apply(self, values: Numbers) -> Numbers:
        batch = values.shape[0]
        positions = self.out_shape[1] * self.out_shape[2]
        if is_exact(values):
            padded = np.concatenate([values, exact(np.zeros((batch, 1)))], axis=1)
            patches = padded[:, self.pad_index].reshape(batch, self.groups, -1, positions)
            kernel = self._exact_kernel
            products: list[Numbers] = [
                kernel[None] @ patches[..., some] for some in portions(positions, kernel.size)
            ]
            return np.concatenate(products, axis=-1).reshape(batch, -1)
        patches = np.empty((batch, self.groups, self._kernel.shape[2], positions))
        gather_patches(
            np.ascontiguousarray(values).reshape(batch, *self.in_shape), self._geometry, patches
        )
        found: Tensor = np.matmul(self._kernel[None], patches)
        return found.reshape(batch, -1)

    def adjoint(self, values: Numbers) -> Numbers:
        batch = values.shape[0]
        positions = self.out_shape[1] * self.out_shape[2]
        split = values.reshape(batch, self.groups, -1, positions)
        if is_exact(values):
            patches = (self._exact_kernel.transpose(0, 2, 1)[None] @ split).reshape(batch, -1)
            out = exact(np.zeros((batch, self.in_size + 1)))
            index = self.pad_index.reshape(-1)
            for row in range(batch):
                np.add.at(out[row], index, patches[row])
            return out[:, :-1]
        out = np.zeros((batch, *self.in_shape))
        # patches are kh * kw times as many numbers as the result: go in chunks that stay in cache
        chunk = max(1, 2_000_000 // max(1, self._kernel.shape[2] * self.groups * positions))
        for start in range(0, batch, chunk):
            go_on()
            part = np.matmul(self._kernel_transposed[None], split[start : start + chunk])
            part = np.ascontiguousarray(part)  # as `split` may lie in another order
            scatter_patches(part, self._geometry, out[start : start + chunk])
        return out.reshape(batch, -1)

    def rows(self, units: Indices) -> sparse.csr_array:
        positions = self.out_shape[1] * self.out_shape[2]
        channel, position = units // positions, units % positions
        sizes = np.empty(len(units), dtype=np.int64)
        row_sizes(position, self.weight.shape[1], self._geometry, sizes)
        starts = np.concatenate([[0], np.cumsum(sizes)])
        index, values = np.empty(starts[-1], dtype=np.int64), np.empty(starts[-1])
        fill_rows(
            self.weight, channel, position, self.groups, self._geometry, starts, index, values
        )
        return sparse.csr_array((values, index, starts), shape=(len(units), self.in_size))

    @cached_property
    def _absolute(self) -> Convolution:
        return Convolution(
            np.abs(self.weight),
            self.in_shape,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
        )

    def absolute(self) -> Convolution:
        return self._absolute
