"""A bent layer on the linear region of a point: of each disjunction the disjunct that holds.

It becomes y_k = factor_k * x_{index_k} + constant_k, and its choice stays the same as long as its
conditions hold: sign_i * x_{left_i} - x_{right_i} + level_i >= 0.  Bastani et al. 2016, section 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..base.arrays import Indices, Mask, Matrix, Vector
from ..base.later import sparse


@dataclass(frozen=True, eq=False)
class Fixed:
    """A bent layer on a linear region, see the module; x are its sources one after the other.

    size: of x.  index (N,): None is the identity.  constant (N,) and level (C,): None is 0.
    right (C,): -1 or None where there is no second element.
    """

    size: int
    index: Indices | None
    factor: Vector
    constant: Vector | None
    left: Indices
    sign: Vector
    right: Indices | None = None
    level: Vector | None = None

    @classmethod
    def by_sign(cls, positive: Mask, low: Vector) -> Fixed:
        """y = x where positive, low * x elsewhere; the sign of x is kept.  All (N,)."""
        size = len(positive)
        sign = np.where(positive, 1.0, -1.0)
        return cls(size, None, np.where(positive, 1.0, low), None, np.arange(size), sign)

    @classmethod
    def by_winners(cls, size: int, winners: Indices, losers: Indices, wins: Indices) -> Fixed:
        """y = x[winners].  losers (C,): elements that must not exceed the elements `wins` (C,)."""
        ones = np.ones(len(winners))
        return cls(size, winners, ones, None, wins, np.ones(len(wins)), losers)

    @property
    def conditions(self) -> int:
        return len(self.left)

    def value(self, x: Matrix) -> Matrix:
        """y of each row, (B, size) to (B, N)."""
        y: Matrix = (x if self.index is None else x[:, self.index]) * self.factor
        return y if self.constant is None else y + self.constant

    def reach(self, x: Vector) -> Vector:
        """What bounds |y - constant| where x bounds |x|, (N,)."""
        y: Vector = (x if self.index is None else x[self.index]) * np.abs(self.factor)
        return y

    def slack(self, x: Vector) -> Vector:
        """The left sides of the conditions, (C,): all at least 0 on the region."""
        found: Vector = self.sign * x[self.left]
        if self.right is not None:
            found = found - np.where(self.right >= 0, x[self.right], 0.0)
        return found if self.level is None else found + self.level

    def spread(self, x: Vector) -> Vector:
        """What bounds the conditions' coefficients where x bounds those of |x|, (C,)."""
        found: Vector = x[self.left]
        if self.right is not None:
            found = found + np.where(self.right >= 0, x[self.right], 0.0)
        return found

    def rows(self, chosen: Indices) -> sparse.csr_array:
        """Conditions as rows over x, (len(chosen), size)."""
        count = len(chosen)
        index, values = self.left[chosen], self.sign[chosen]
        place = np.arange(count)
        if self.right is not None:
            other = self.right[chosen]
            paired = other >= 0
            place = np.concatenate([place, place[paired]])
            index = np.concatenate([index, other[paired]])
            values = np.concatenate([values, np.full(int(paired.sum()), -1.0)])
        return sparse.csr_array((values, (place, index)), shape=(count, self.size))

    def pulled(self, rows: Matrix | sparse.csr_array) -> Matrix | sparse.csr_array:
        """Rows over y as rows over x, without the constants; (Q, N) to (Q, size)."""
        if not isinstance(rows, np.ndarray):
            index = rows.indices if self.index is None else self.index[rows.indices]
            values = rows.data * self.factor[rows.indices]
            used = values != 0.0
            starts = np.concatenate([[0], np.cumsum(used)])[rows.indptr]
            found = sparse.csr_array(
                (values[used], index[used], starts), shape=(rows.shape[0], self.size)
            )
            if not self._apart:
                found.sum_duplicates()
            return found
        scaled: Matrix = rows * self.factor
        if self.index is None:
            return scaled
        out = np.zeros((len(scaled), self.size))
        if self._apart:
            out[:, self.index] = scaled
        else:
            np.add.at(out.T, self.index, scaled.T)
        return out

    @cached_property
    def _apart(self) -> bool:
        """Whether no two elements of y read the same element of x."""
        if self.index is None:
            return True
        return int(np.bincount(self.index, minlength=1).max(initial=0)) <= 1
