"""The step, which jumps: y = 1 where x >= 0, 0 elsewhere. Comparisons are made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Never

import numpy as np

from ...base.arrays import Mask, Numbers, Vector, exact
from ...language.activations import step
from ...language.concatenation import expression_of
from ...language.expressions import Affine
from ...operators import Select, is_exact
from ..error_analysis import Enclosed, Rounded
from .layer import Layer, Naming, no_linear_region


@dataclass(frozen=True, eq=False)
class Step(Layer):
    """y = 1 where x >= 0, 0 elsewhere."""

    kind: str = "step"

    named: ClassVar[Naming] = "if_shared"
    continuous: ClassVar[bool] = False

    # (x >= 0 and y = 1) or (x < 0 and y = 0)
    def formula(self, sources: Sequence[Affine], name: str) -> Affine:
        return step(sources[0], name)

    # What the region decides is a constant; the rest stays a disjunction.
    def bounded(self, sources: Sequence[Affine], known: Sequence[Enclosed], name: str) -> Affine:
        (source,) = sources
        levels = self.enclosure(known)
        open_ = np.flatnonzero(levels.radius[0])
        if len(open_) == source.size:
            return self.formula(sources, name)
        constant = np.where(levels.radius[0] > 0, 0.0, levels.middle[0])
        if not len(open_):
            return expression_of(constant).affine
        place = np.full(source.size, -1, dtype=np.int64)
        place[open_] = np.arange(len(open_))
        found = step(source[open_], name)
        return found.through(Select(place, len(open_))) + constant

    def value(self, sources: Sequence[Numbers]) -> Numbers:
        values = sources[0]
        if not is_exact(values):
            return np.where(values >= 0, 1.0, 0.0)
        one, zero = exact([1.0, 0.0])
        return np.asarray(np.where(values >= 0, one, zero))

    # Comparisons round nothing: 1 where middle >= radius, 0 where middle < -radius, else either.
    def enclosure(self, sources: Sequence[Enclosed]) -> Enclosed:
        (source,) = sources
        above, below = source.middle >= source.radius, source.middle < -source.radius
        middle = np.where(above, 1.0, np.where(below, 0.0, 0.5))
        return Enclosed(middle, np.where(above | below, 0.0, 0.5))

    # None where both are on one side, else at most the height of the step.
    def float32_error(self, sources: Sequence[Rounded]) -> Vector:
        (source,) = sources
        reach = (source.exact.radius[0] + source.error) * (1 + 1e-12)
        sure = np.abs(source.exact.middle[0]) > reach
        return np.where(sure, 0.0, 1.0)

    def on_region(self, x: Vector, idle: Mask) -> Never:
        raise no_linear_region("Step")

    # It stays a disjunction, on which a search branches.
    def units(self, size: int) -> int:
        return 0
