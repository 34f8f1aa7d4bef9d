"""Numbers cut off towards zero, as a cast to whole numbers does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import trunc
from typing import ClassVar, Never

import numpy as np

from ...base.arrays import Mask, Numbers, Vector
from ...base.errors import LanguageError
from ...language.concatenation import expression_of
from ...language.expressions import Affine
from ...operators import Sparse, is_exact
from ..error_analysis import Enclosed, Rounded, outward
from .layer import Layer, Naming, no_linear_region
from .step import Step

MOST = 10_000
"""Steps of one layer that a formula may have."""


@dataclass(frozen=True, eq=False)
class Truncate(Layer):
    """y = the whole number next to x on the side of zero."""

    kind: str = "truncate"

    named: ClassVar[Naming] = "if_shared"
    continuous: ClassVar[bool] = False

    def formula(self, sources: Sequence[Affine], name: str) -> Never:
        raise LanguageError(f"{name!r} cuts off numbers that have no bounds; bound the input")

    # The steps at 1, 2, ... that the region reaches, less those at -1, -2, ...
    def bounded(self, sources: Sequence[Affine], known: Sequence[Enclosed], name: str) -> Affine:
        (source,) = sources
        reach = outward(np.abs(known[0].middle[0]) + known[0].radius[0])
        if not (reach < MOST).all():
            raise LanguageError(
                f"{name!r} cuts off numbers of which no bound below {MOST} is known; bound the "
                "input more tightly"
            )
        low = known[0].middle[0] - outward(known[0].radius[0])
        high = known[0].middle[0] + outward(known[0].radius[0])
        places: list[int] = []
        levels: list[float] = []
        sides: list[float] = []
        for sign, ends in ((1.0, np.floor(high)), (-1.0, np.floor(-low))):
            for k in np.flatnonzero(ends >= 1).tolist():
                levels += range(1, int(ends[k]) + 1)
                places += [k] * int(ends[k])
                sides += [sign] * int(ends[k])
        if len(places) > MOST:
            raise LanguageError(
                f"{name!r} cuts off numbers at {len(places)} places within the bounds of the "
                f"input; {MOST} are read"
            )
        if not places:
            return expression_of(np.zeros(source.size)).affine
        from scipy.sparse import csr_array

        side, level = np.array(sides), np.array(levels, dtype=np.float64)
        inner = (source[np.array(places)] * side) - level
        index = np.array(places)
        near = Enclosed(
            side * known[0].middle[:, index] - level,
            outward(known[0].radius[:, index] + 2.0**-50 * (np.abs(level) + reach[index])),
        )
        steps = Step().bounded([inner], [near], name)
        spread = (side, (index, np.arange(len(index))))
        return steps.through(Sparse(csr_array(spread, shape=(source.size, len(index)))))

    def value(self, sources: Sequence[Numbers]) -> Numbers:
        values = sources[0]
        if not is_exact(values):
            return np.asarray(np.trunc(values) + 0.0)  # no negative zero
        flat = [Fraction(trunc(number)) for number in values.reshape(-1)]
        out = np.empty(len(flat), dtype=object)
        out[:] = flat
        return out.reshape(values.shape)

    # It never decreases; the ends are whole numbers, and so is twice their middle.
    def enclosure(self, sources: Sequence[Enclosed]) -> Enclosed:
        (source,) = sources
        radius = outward(source.radius + 2.0**-50 * (np.abs(source.middle) + source.radius))
        exactly = source.radius == 0
        low = np.trunc(np.where(exactly, source.middle, source.middle - radius))
        high = np.trunc(np.where(exactly, source.middle, source.middle + radius))
        middle = low / 2 + high / 2
        slack = np.where(low == high, 0.0, 2.0**-50 * np.abs(middle))
        return Enclosed(middle, (high - low) / 2 + slack)

    # |y(a) - y(b)| <= |a - b| + 1
    def float32_error(self, sources: Sequence[Rounded]) -> Vector:
        return sources[0].error * (1 + 1e-12) + 1.0

    def on_region(self, x: Vector, idle: Mask) -> Never:
        raise no_linear_region("Truncate")

    # Its steps stay disjunctions, on which a search branches.
    def units(self, size: int) -> int:
        return 0
