"""The sign, which jumps: y = 1 where x > 0, 0 where x = 0, -1 where x < 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Never

import numpy as np

from ...base.arrays import Mask, Numbers, Vector, exact
from ...language.activations import sign_of
from ...language.expressions import Affine
from ...operators import is_exact
from ..error_analysis import Enclosed, Rounded
from .layer import Layer, Naming, no_linear_region


@dataclass(frozen=True, eq=False)
class Sign(Layer):
    """y = 1, 0 or -1: the sign of x."""

    kind: str = "sign"

    named: ClassVar[Naming] = "if_shared"
    continuous: ClassVar[bool] = False

    # (x > 0 and y = 1) or (x = 0 and y = 0) or (x < 0 and y = -1)
    def formula(self, sources: Sequence[Affine], name: str) -> Affine:
        return sign_of(sources[0], name)

    def value(self, sources: Sequence[Numbers]) -> Numbers:
        values = sources[0]
        if not is_exact(values):
            signs: Numbers = np.sign(values)
            return signs
        plus, zero, minus = exact([1.0, 0.0, -1.0])
        return np.asarray(np.where(values > 0, plus, np.where(values < 0, minus, zero)))

    # The sign of the middle where |middle| > radius, anything from -1 to 1 elsewhere.
    def enclosure(self, sources: Sequence[Enclosed]) -> Enclosed:
        (source,) = sources
        open_ = np.abs(source.middle) <= source.radius
        middle = np.where(open_, 0.0, np.sign(source.middle))
        return Enclosed(middle, np.where(open_, 1.0, 0.0))

    def float32_error(self, sources: Sequence[Rounded]) -> Vector:
        return np.full(len(sources[0].error), np.inf)

    def on_region(self, x: Vector, idle: Mask) -> Never:
        raise no_linear_region("Sign")

    # It stays a disjunction, on which a search branches.
    def units(self, size: int) -> int:
        return 0
