"""Linear operators on flat vectors, each with its adjoint; convolutions are never expanded.

Every operator maps (B, in_size) to (B, out_size) by `apply` and back by `adjoint`. Both take
float64 arrays or object arrays of Fractions, so the exact evaluator and the bounds share one
meaning.

`terms` and `adjoint_terms` bound how many rounded operations stand behind one number of the result;
the error of `apply` in float64 is at most gamma(terms) * |A| |x| whatever the order of summation
(Higham 2002, section 3.1).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Protocol, cast

import numpy as np
from scipy import sparse

from ..base.arrays import Indices, Matrix, Numbers, Tensor, Vector, exact
from ..base.late import go_on
from .kernels import fill_rows, gather_patches, row_sizes, scatter_patches

PORTION = 100_000
"""Exact products between two looks at the clock, about a tenth of a second."""


class LinearOperator(Protocol):
    """A matrix in whatever form is cheapest."""

    @property
    def in_size(self) -> int: ...
    @property
    def out_size(self) -> int: ...
    @property
    def terms(self) -> int: ...
    @property
    def adjoint_terms(self) -> int: ...
    def apply(self, values: Numbers) -> Numbers:
        """A x for each row x.  values (B, in_size) to (B, out_size)."""
        ...

    def adjoint(self, values: Numbers) -> Numbers:
        """Transpose of A times y for each row y.  values (B, out_size) to (B, in_size)."""
        ...

    def absolute(self) -> LinearOperator:
        """The operator of the absolute coefficients."""
        ...

    def rows(self, units: Indices) -> sparse.csr_array:
        """Some rows of the matrix, (len(units), in_size); error as of `apply`."""
        ...


def is_exact(values: Numbers) -> bool:
    """Whether an array holds Fractions."""
    return values.dtype == object


def _portions(count: int, products: int) -> Iterator[slice]:
    """Slices of `count` rows (one if there is none), each of so many exact products that the time
    is asked often enough; of one row: `products`.
    """
    step = max(1, PORTION // max(1, products))
    for start in range(0, max(count, 1), step):
        go_on()
        yield slice(start, start + step)


@dataclass(frozen=True, eq=False)
class Dense:
    """y = W x.  weight (out_size, in_size), float64."""

    weight: Matrix

    @property
    def in_size(self) -> int:
        return int(self.weight.shape[1])

    @property
    def out_size(self) -> int:
        return int(self.weight.shape[0])

    @property
    def terms(self) -> int:
        return self.in_size

    @property
    def adjoint_terms(self) -> int:
        return self.out_size

    @cached_property
    def _exact(self) -> Numbers:
        return np.concatenate([exact(self.weight[p]) for p in _portions(*self.weight.shape)])

    @cached_property
    def _transposed(self) -> Matrix:
        return np.ascontiguousarray(self.weight.T)

    def apply(self, values: Numbers) -> Numbers:
        if is_exact(values):
            weight = self._exact
            parts = [values @ weight[some].T for some in _portions(*weight.shape)]
            return np.concatenate(parts, axis=1)
        if len(values) == 1:
            # a product that is made once is not worth a copy of a large matrix
            return cast(Numbers, (self.weight @ values[0])[None])
        return values @ self._transposed

    def adjoint(self, values: Numbers) -> Numbers:
        return cast(Numbers, values @ (self._exact if is_exact(values) else self.weight))

    def rows(self, units: Indices) -> sparse.csr_array:
        return sparse.csr_array(self.weight[units])

    @cached_property
    def _absolute(self) -> Dense:
        return Dense(np.abs(self.weight))

    def absolute(self) -> Dense:
        return self._absolute


@dataclass(frozen=True, eq=False)
class Sparse:
    """y = A x, where few coefficients are not 0.  matrix (out_size, in_size), float64."""

    matrix: sparse.csr_array

    @property
    def in_size(self) -> int:
        return int(self.matrix.shape[1])

    @property
    def out_size(self) -> int:
        return int(self.matrix.shape[0])

    @cached_property
    def terms(self) -> int:
        return int(np.diff(self.matrix.indptr).max(initial=0))

    @cached_property
    def adjoint_terms(self) -> int:
        return int(np.diff(self._transposed.indptr).max(initial=0))

    @cached_property
    def _transposed(self) -> sparse.csr_array:
        return sparse.csr_array(self.matrix.T)

    @cached_property
    def _dense(self) -> Dense:
        return Dense(self.matrix.toarray())

    def apply(self, values: Numbers) -> Numbers:
        if is_exact(values):
            return self._dense.apply(values)
        return np.ascontiguousarray((self.matrix @ values.T).T)

    def adjoint(self, values: Numbers) -> Numbers:
        if is_exact(values):
            return self._dense.adjoint(values)
        return np.ascontiguousarray((self._transposed @ values.T).T)

    def rows(self, units: Indices) -> sparse.csr_array:
        return sparse.csr_array(self.matrix[units])

    @cached_property
    def _absolute(self) -> Sparse:
        return Sparse(sparse.csr_array(abs(self.matrix)))

    def absolute(self) -> Sparse:
        return self._absolute


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
    def _pad_index(self) -> Indices:
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
            patches = padded[:, self._pad_index].reshape(batch, self.groups, -1, positions)
            kernel = self._exact_kernel
            portions = _portions(positions, kernel.size)
            products: list[Numbers] = [kernel[None] @ patches[..., p] for p in portions]
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
            index = self._pad_index.reshape(-1)
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


@dataclass(frozen=True, eq=False)
class Scale:
    """y = x * multiplier / divisor, elementwise, meant over the reals.  Both (size,)."""

    multiplier: Vector
    divisor: Vector

    @property
    def in_size(self) -> int:
        return len(self.multiplier)

    @property
    def out_size(self) -> int:
        return len(self.multiplier)

    @property
    def terms(self) -> int:
        return 2

    @property
    def adjoint_terms(self) -> int:
        return 2

    def apply(self, values: Numbers) -> Numbers:
        if is_exact(values):
            return values * (exact(self.multiplier) / exact(self.divisor))
        return values * self.multiplier / self.divisor

    def adjoint(self, values: Numbers) -> Numbers:
        return self.apply(values)

    def rows(self, units: Indices) -> sparse.csr_array:
        values = self.multiplier[units] / self.divisor[units]
        starts = np.arange(len(units) + 1)
        return sparse.csr_array((values, units, starts), shape=(len(units), self.in_size))

    def absolute(self) -> Scale:
        return Scale(np.abs(self.multiplier), np.abs(self.divisor))


@dataclass(frozen=True, eq=False)
class Select:
    """y_k = x_{index_k}; an index of -1 gives 0.  Permutations, slices, padding and repeats."""

    index: Indices
    in_size: int

    @property
    def out_size(self) -> int:
        return len(self.index)

    @property
    def terms(self) -> int:
        return 0

    @cached_property
    def adjoint_terms(self) -> int:
        used = self.index[self.index >= 0]
        return int(np.bincount(used).max() - 1) if used.size else 0

    def apply(self, values: Numbers) -> Numbers:
        out = values[:, self.index]
        if (self.index < 0).any():
            out[:, self.index < 0] = Fraction(0) if is_exact(values) else 0.0
        return out

    def adjoint(self, values: Numbers) -> Numbers:
        used = self.index >= 0
        shape = (values.shape[0], self.in_size)
        out: Numbers = exact(np.zeros(shape)) if is_exact(values) else np.zeros(shape)
        if self.adjoint_terms == 0:
            out[:, self.index[used]] = values[:, used]
        else:
            np.add.at(out.T, self.index[used], values[:, used].T)
        return out

    def rows(self, units: Indices) -> sparse.csr_array:
        index = self.index[units]
        used = index >= 0
        starts = np.concatenate([[0], np.cumsum(used)])
        shape = (len(units), self.in_size)
        return sparse.csr_array((np.ones(int(used.sum())), index[used], starts), shape=shape)

    def absolute(self) -> Select:
        return self


@dataclass(frozen=True, eq=False)
class Chain:
    """Operators applied one after the other, first to last."""

    parts: tuple[LinearOperator, ...]

    @property
    def in_size(self) -> int:
        return self.parts[0].in_size

    @property
    def out_size(self) -> int:
        return self.parts[-1].out_size

    @property
    def terms(self) -> int:
        return sum(part.terms for part in self.parts)

    @property
    def adjoint_terms(self) -> int:
        return sum(part.adjoint_terms for part in self.parts)

    def apply(self, values: Numbers) -> Numbers:
        for part in self.parts:
            values = part.apply(values)
        return values

    def adjoint(self, values: Numbers) -> Numbers:
        for part in reversed(self.parts):
            values = part.adjoint(values)
        return values

    def rows(self, units: Indices) -> sparse.csr_array:
        found = self.parts[-1].rows(units)
        for part in reversed(self.parts[:-1]):
            found = times(found, part)
        return found

    @cached_property
    def _absolute(self) -> Chain:
        # |A2| |A1| dominates |A2 A1|: what the error bounds need
        return Chain(tuple(part.absolute() for part in self.parts))

    def absolute(self) -> Chain:
        return self._absolute


@dataclass(frozen=True, eq=False)
class Transposed:
    """The adjoint of an operator: a transposed convolution is one of a convolution."""

    operator: LinearOperator

    @property
    def in_size(self) -> int:
        return self.operator.out_size

    @property
    def out_size(self) -> int:
        return self.operator.in_size

    @property
    def terms(self) -> int:
        return self.operator.adjoint_terms

    @property
    def adjoint_terms(self) -> int:
        return self.operator.terms

    def apply(self, values: Numbers) -> Numbers:
        return self.operator.adjoint(values)

    def adjoint(self, values: Numbers) -> Numbers:
        return self.operator.apply(values)

    @cached_property
    def _matrix(self) -> sparse.csr_array:
        every = self.operator.rows(np.arange(self.operator.out_size))
        return sparse.csr_array(every.T)

    def rows(self, units: Indices) -> sparse.csr_array:
        return sparse.csr_array(self._matrix[units])

    @cached_property
    def _absolute(self) -> Transposed:
        return Transposed(self.operator.absolute())

    def absolute(self) -> Transposed:
        return self._absolute


def times(rows: sparse.csr_array, operator: LinearOperator) -> sparse.csr_array:
    """Sparse rows times the operator's matrix, of which only the rows that are met are formed."""
    columns = np.unique(rows.indices).astype(np.int64)
    return sparse.csr_array(rows[:, columns] @ operator.rows(columns))


def identity(size: int) -> Select:
    """The identity on vectors of `size`."""
    return Select(np.arange(size), size)


def is_identity(operator: LinearOperator) -> bool:
    """Whether the operator is structurally the identity."""
    return (
        isinstance(operator, Select)
        and operator.in_size == operator.out_size
        and bool(np.array_equal(operator.index, np.arange(operator.in_size)))
    )


def scaled(operator: LinearOperator, factor: float) -> LinearOperator:
    """factor * operator, exactly: a scale is put behind the operator rather than multiplied in."""
    if factor == 1.0:
        return operator
    size = operator.out_size
    return compose(operator, Scale(np.full(size, factor), np.ones(size)))


def compose(first: LinearOperator, second: LinearOperator) -> LinearOperator:
    """`second` after `first`.  Only what is exact is merged: selections and identities."""
    if is_identity(first):
        return second
    if is_identity(second):
        return first
    if isinstance(first, Select) and isinstance(second, Select):
        index = np.where(second.index >= 0, first.index[second.index], -1)
        return Select(index.astype(np.int64), first.in_size)
    parts: list[LinearOperator] = []
    for operator in (first, second):
        parts.extend(operator.parts if isinstance(operator, Chain) else (operator,))
    return Chain(tuple(parts))
