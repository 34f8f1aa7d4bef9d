"""The waist: what the search sees of a problem; flat arrays and indices, float64.

Stages stand in topological order and are numbered from 1; source 0 is the input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np

from .base.arrays import Bounds, Indices, Mask, Matrix, Numbers, Vector, exact
from .base.digest import UNASKED
from .base.norms import NormKind
from .language.expressions import Offset
from .operators import LinearOperator

Rows = TypeVar("Rows", bound=Any)
"""Rows of coefficients: dense, sparse, or exact; they can be added."""


def _adjoint(operator: LinearOperator, rows: Any) -> Any:
    return operator.adjoint(rows)


def _zeros(shape: tuple[int, int]) -> Any:
    return np.zeros(shape)


def offset_value(offsets: Sequence[Offset], size: int) -> Numbers:
    """The exact sum of constants, (size,) Fractions."""
    total = exact(np.zeros(size))
    for offset in offsets:
        total = total + offset.operator.apply(exact(offset.vector)[None])[0] * Fraction(
            offset.factor
        )
    return total


@dataclass(frozen=True, eq=False)
class Stage:
    """pre = sum of operator(source) + bias, then a ReLU or nothing.

    bias, bias_radius (N,): the exact constant lies within bias_radius of bias; offsets give it
    exactly.
    """

    terms: tuple[tuple[LinearOperator, int], ...]
    offsets: tuple[Offset, ...]
    bias: Vector
    bias_radius: Vector
    relu: bool
    name: str

    @property
    def size(self) -> int:
        return len(self.bias)

    def pre(self, values: Sequence[Numbers]) -> Numbers:
        """Pre-activations (B, N) from the values of the input and the earlier stages."""
        total: Numbers = self.exact_bias() if values[0].dtype == object else self.bias
        for operator, source in self.terms:
            total = total + operator.apply(values[source])
        return np.broadcast_to(total, (values[0].shape[0], self.size))

    def exact_bias(self) -> Numbers:
        """The constant in Fractions, (N,)."""
        return offset_value(self.offsets, self.size)


@dataclass(frozen=True, slots=True)
class Branch:
    """A conjunction: all its atoms hold, and of each of its choices some branch does.

    Atoms are numbered by `Problem.rows`, choices by `Problem.choices`.
    """

    atoms: tuple[int, ...]
    choices: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Ball:
    """Inputs within `radius` of `center` in a norm (l1 or l2) over the columns of `index`."""

    norm: NormKind
    index: Indices
    center: Vector
    radius: float

    def spread(self, size: int) -> tuple[Mask, Vector]:
        """Which of `size` columns are meant, and the center at their places; (D,) both."""
        inside, center = np.zeros(size, dtype=bool), np.zeros(size)
        inside[self.index] = True
        center[self.index] = self.center
        return inside, center


@dataclass(frozen=True, slots=True)
class Unrounded:
    """The exact numbers where a problem has rounded ones: bounds by column, offsets by atom."""

    lower: Mapping[int, Fraction] = field(default_factory=dict)
    upper: Mapping[int, Fraction] = field(default_factory=dict)
    offset: Mapping[int, Fraction] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Problem:
    """Is there an input in the region whose output satisfies the root branch?

    Region: lower <= x <= upper, (D,), and x in the ball. Atom k holds where rows[k] @ output +
    offset[k] <= 0 (< 0 where strict); rows (A, K). objective: the atom whose value is to be least;
    as an atom it stands in no branch. Bounds and offsets are rounded so that nothing is lost;
    `unrounded` tells them exactly.
    """

    lower: Vector
    upper: Vector
    stages: tuple[Stage, ...]
    rows: Matrix
    offset: Vector
    strict: Mask
    root: Branch
    choices: tuple[tuple[Branch, ...], ...] = ()
    ball: Ball | None = None
    objective: int | None = None
    unrounded: Callable[[], Unrounded] = field(default=Unrounded, metadata=UNASKED)

    @property
    def box(self) -> Bounds:
        """The inputs' bounds as those of one node, (1, D)."""
        return Bounds(self.lower[None], self.upper[None])

    @property
    def input_size(self) -> int:
        return len(self.lower)

    def pull_back(
        self,
        start: int,
        rows: Rows,
        meet: Callable[[int, Rows | None], Rows | None],
        through: Callable[[LinearOperator, Rows], Rows] = _adjoint,
        zeros: Callable[[tuple[int, int]], Rows] = _zeros,
    ) -> Rows:
        """The one backward walk: rows (Q, N) over stage `start` as rows (Q, D) over the input.

        meet(number, lam): from coefficients (Q, N) on what stage `number` gives, None where no
        later stage reads it, to those on its pre-activations, or None to leave the stage out. It is
        called for each stage from `start`, where lam is `rows`, to the first. So it sees stages
        that nobody reads, too, and can begin rows of its own there.  through: rows (Q, N) pulled
        back through an operator.  zeros: rows of a shape, for where nothing reads the input.
        """
        pending: list[Rows | None] = [None] * (start + 2)
        pending[start + 1] = rows
        for number in range(start, -1, -1):
            lam, pending[number + 1] = pending[number + 1], None
            mu = meet(number, lam)
            if mu is None:
                continue
            for operator, source in self.stages[number].terms:
                part = through(operator, mu)
                before = pending[source]
                pending[source] = part if before is None else before + part
        found = pending[0]
        return zeros((rows.shape[0], self.input_size)) if found is None else found

    def values(self, inputs: Numbers) -> list[Numbers]:
        """The input and every stage's post-activation, (B, size) each; float64 or exact."""
        known: list[Numbers] = [inputs]
        for stage in self.stages:
            pre = stage.pre(known)
            known.append(np.where(pre > 0, pre, pre * 0) if stage.relu else pre)
        return known
