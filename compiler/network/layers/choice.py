"""One of two vectors, element by element, as a mask says: y = a where m >= 1/2, b elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Never

import numpy as np

from ...base.arrays import Mask, Numbers, Vector
from ...base.errors import LanguageError
from ...language.activations import relu
from ...language.expressions import Affine
from ...operators import Select
from ..error_analysis import Enclosed, Rounded, outward
from .layer import Layer, Naming, no_linear_region


@dataclass(frozen=True, eq=False)
class Choice(Layer):
    """y = a where m >= 1/2, b elsewhere; the sources are m, a and b, and m is 0 or 1."""

    kind: str = "where"

    named: ClassVar[Naming] = "if_shared"
    continuous: ClassVar[bool] = False

    def formula(self, sources: Sequence[Affine], name: str) -> Never:
        raise LanguageError(
            f"{name!r} takes one of two values that have no bounds; bound the input"
        )

    # With |a - b| <= M on the region, d = a - b and t = M (1 - m):
    # y = b + max(d - t, 0) - max(-d - t, 0), which is b + d for m = 1 and b for m = 0.
    def bounded(self, sources: Sequence[Affine], known: Sequence[Enclosed], name: str) -> Affine:
        mask, first, second = sources
        sure = known[0].radius[0] < 0.5
        chosen = known[0].middle[0] >= 0.5
        size, every = len(sure), np.arange(len(sure))
        found = first.through(Select(np.where(sure & chosen, every, -1), size))
        found = found + second.through(Select(np.where(sure & chosen, -1, every), size))
        open_ = np.flatnonzero(~sure)
        if not len(open_):
            return found
        apart = np.abs(known[1].middle - known[2].middle) + known[1].radius + known[2].radius
        most = apart[0, open_]
        if not np.isfinite(most).all():
            self.formula(sources, name)
        # powers of two: their products with the mask are exact
        most = 2.0 ** np.ceil(np.log2(np.maximum(outward(most), 2.0**-100)))
        differ = first[open_] - second[open_]
        absent = (-mask[open_] + 1.0) * most
        change = relu(differ - absent, f"{name}.more") - relu(-differ - absent, f"{name}.less")
        place = np.full(size, -1, dtype=np.int64)
        place[open_] = np.arange(len(open_))
        return found + change.through(Select(place, len(open_)))

    def value(self, sources: Sequence[Numbers]) -> Numbers:
        mask, first, second = sources
        return np.asarray(np.where(mask * 2 >= 1, first, second))

    # The chosen one's, or the smallest interval that holds both.
    def enclosure(self, sources: Sequence[Enclosed]) -> Enclosed:
        mask, first, second = sources
        yes = mask.middle - 0.5 >= mask.radius
        no = mask.middle - 0.5 < -mask.radius
        middle = (first.middle + second.middle) / 2
        size = np.maximum(np.abs(first.middle), np.abs(second.middle))
        apart = np.abs(first.middle - middle), np.abs(second.middle - middle)
        radius = np.maximum(apart[0] + first.radius, apart[1] + second.radius)
        radius = outward(radius + 2.0**-50 * size)
        middle = np.where(yes, first.middle, np.where(no, second.middle, middle))
        return Enclosed(middle, np.where(yes, first.radius, np.where(no, second.radius, radius)))

    # The chosen one's error; where the mask is in doubt, how far the two are apart beside.
    def float32_error(self, sources: Sequence[Rounded]) -> Vector:
        mask, first, second = sources
        apart = np.abs(mask.exact.middle[0] - 0.5)
        sure = apart > (mask.exact.radius[0] + mask.error) * (1 + 1e-12)
        own = np.maximum(first.error, second.error)
        return np.where(sure, own, (first.size + second.size) * (1 + 1e-12))

    def on_region(self, x: Vector, idle: Mask) -> Never:
        raise no_linear_region("Where")

    # At most two for each element, as the region has it.
    def units(self, size: int) -> int:
        return 0
