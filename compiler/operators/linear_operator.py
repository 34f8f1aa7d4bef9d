"""What every linear operator on flat vectors offers, with its adjoint.

`apply` maps (B, in_size) to (B, out_size), `adjoint` back. Both take float64 arrays or object
arrays of Fractions, so the exact evaluator and the bounds share one meaning.

`terms` and `adjoint_terms` bound how many rounded operations stand behind one number of the result;
the error of `apply` in float64 is at most gamma(terms) * |A| |x| whatever the order of summation
(Higham 2002, section 3.1).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ..base.arrays import Indices, Numbers
from ..base.late import go_on
from ..base.later import sparse

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


def portions(count: int, products: int) -> Iterator[slice]:
    """Slices of `count` rows (one if there is none), each of so many exact products that the time
    is asked often enough; of one row: `products`.
    """
    step = max(1, PORTION // max(1, products))
    for start in range(0, max(count, 1), step):
        go_on()
        yield slice(start, start + step)
