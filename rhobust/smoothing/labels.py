"""The label that a network or a function gives each of many inputs, or none (-1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from ..compiler.base.arrays import Indices, Vector
from ..compiler.base.errors import InputError
from ..compiler.network.error_analysis import Enclosed
from ..compiler.network.float32 import float32_error
from .forward import Forward
from .noise import Rows

Classifier: TypeAlias = Callable[[Any], Any]
"""From inputs (B, D), float32, to labels (B,), whole numbers, or to scores (B, K)."""

NONE = -1
"""Of an input whose label is not known: scores that are not finite, or a tie that may be one."""


class Labels(Protocol):
    """What is smoothed."""

    def __call__(self, rows: Rows) -> Indices:
        """(B,) for inputs (B, D): labels 0 ... classes - 1, or `NONE`."""
        ...


class OfFunction:
    """A function's labels, or those of the largest of its scores."""

    def __init__(self, function: Classifier, classes: int) -> None:
        self.function, self.classes = function, classes

    def __call__(self, rows: Rows) -> Indices:
        found = np.asarray(self.function(rows))
        if found.ndim == 2 and found.shape == (len(rows), self.classes):
            if found.dtype.kind not in "fiu":
                raise InputError(f"scores of type {found.dtype} are not numbers")
            return largest(found)
        if found.shape != (len(rows),) or found.dtype.kind not in "iu":
            raise InputError(
                f"the classifier gave an array of shape {found.shape} and type {found.dtype} for "
                f"{len(rows)} inputs; it should give {len(rows)} whole numbers, or scores of shape "
                f"({len(rows)}, {self.classes})"
            )
        if len(found) and not (0 <= found.min() and found.max() < self.classes):
            raise InputError(
                f"the classifier gave labels {found.min()}..{found.max()}; with {self.classes} "
                f"classes they are 0..{self.classes - 1}"
            )
        return found.astype(np.int64)


class OfExecution:
    """The label of the largest output of a network as `Forward` computes it, in float32."""

    def __init__(self, forward: Forward) -> None:
        self.forward = forward

    def __call__(self, rows: Rows) -> Indices:
        return largest(self.forward(rows))


PARTS = (0.4, 0.55, 1.0)
"""Of the largest noise: few inputs have any near it, and within less a network's error is less."""

FINER = 2.0**-27
"""The error of float64 beside the bound on float32's.

That bound is made of sums of products with gamma(n) = n u / (1 - n u), each no less than linear in
u: with 2^-53 for 2^-24 it becomes smaller by 2^-29 at least, and 2^-27 is four times that.
"""


class OfReals:
    """The label of the network over the reals, where its output leads beyond every rounding error.

    reach: no input is further than that from the image (D,), elementwise. What float32 leaves open
    is computed again in float64, and then with a bound for each input.
    """

    def __init__(self, forward: Forward, double: Forward, image: Vector, reach: float) -> None:
        self.forward, self.double, self.network = forward, double, forward.network
        self.image, self.reach = image, reach
        self.centre = image.astype(np.float32)
        self._errors: dict[int, Vector] = {}

    def __call__(self, rows: Rows) -> Indices:
        far = np.abs(rows - self.centre).max(axis=1).astype(np.float64)
        # the difference is rounded, and so is the centre
        most = far * 1.0001 + 1e-6 * np.abs(self.image).max()
        place = np.searchsorted(self.reach * np.array(PARTS[:-1]), most)
        error = np.empty((len(rows), self.network.output_size))
        for part in np.unique(place).tolist():
            error[place == part] = self._error(part)
        found = leading(self.forward(rows).astype(np.float64), error)
        open_ = np.flatnonzero(found == NONE)
        if len(open_):
            outputs = self.double(rows[open_].astype(np.float64))
            found[open_] = leading(outputs, FINER * error[open_])
            open_ = open_[found[open_] == NONE]
        for start in range(0, len(open_), 256):
            some = open_[start : start + 256]
            found[some] = self._again(rows[some].astype(np.float64))
        return found

    def _error(self, part: int) -> Vector:
        """A bound on float32's error within that part of the reach, (K,)."""
        if part not in self._errors:
            reach = self.reach * PARTS[part]
            error = float32_error(self.network, self.image - reach, self.image + reach)
            self._errors[part] = np.where(np.isfinite(error), error, np.inf)
        return self._errors[part]

    @np.errstate(all="ignore")
    def _again(self, rows: npt.NDArray[np.float64]) -> Indices:
        network = self.network
        known = {network.INPUT: Enclosed(rows, np.zeros(rows.shape))}
        for node in network.order[1:]:
            sources = [known[source] for source in network.sources[node]]
            known[node] = network.layer(node).enclosure(sources)
        end = known[network.output]
        return leading(end.middle, end.radius)


def largest(scores: npt.NDArray[Any]) -> Indices:
    """The first of the largest scores of each row (B, K); `NONE` where one is not finite."""
    found: Indices = np.argmax(scores, axis=1).astype(np.int64)
    found[~np.isfinite(scores).all(axis=1)] = NONE
    return found


def leading(outputs: npt.NDArray[np.float64], error: npt.NDArray[np.float64]) -> Indices:
    """The label of each row (B, K) whose output is above all others although each may be off.

    error: how far, (K,) or (B, K).  `NONE` where no label is.
    """
    with np.errstate(all="ignore"):
        best = np.argmax(outputs, axis=1)
        spread = np.broadcast_to(error, outputs.shape) * (1.0 + 1e-12)
        each = np.arange(len(outputs))
        least = outputs[each, best] - spread[each, best]
        most = outputs + spread
        most[each, best] = -np.inf
        lead = least - most.max(axis=1)
        # the two sums above, and their difference, are rounded
        sure = lead > 1e-15 * (np.abs(outputs).max(axis=1) + spread.max(axis=1))
    found: Indices = np.where(sure, best, NONE).astype(np.int64)
    return found
