"""Which images a report shows: the worst, the most robust, and some from all over."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .gathered import Findings

EACH = 8
"""Images of each kind."""
MOST = 600
"""Images with a picture, at most: those of the kinds, then open ones, then the first ones."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Indices of images.

    worst: whose examples are nearest. robust: of which most is proven. across: at equal steps of
    the order of rho. pictures: all of them, and more where there is room.
    """

    worst: Sequence[int]
    robust: Sequence[int]
    across: Sequence[int]
    pictures: Sequence[int]


def selected(findings: Findings) -> Selection:
    """The images of each kind; misclassified ones are none of these, for their rho is 0."""
    known, index = findings.known, np.array([one.index for one in findings.records])
    right = np.flatnonzero(known.correct)
    near = right[np.lexsort((index[right], known.upper[right]))]
    near = near[np.isfinite(known.upper[near])]
    far = right[np.lexsort((index[right], -known.upper[right], -known.lower[right]))]
    far = far[known.lower[far] > 0.0]
    middle = np.where(np.isfinite(known.upper), 0.5 * (known.lower + known.upper), math.inf)
    order = right[np.lexsort((index[right], middle[right]))]
    steps = np.linspace(0, len(order) - 1, min(EACH, len(order))).round().astype(int)
    worst, robust = index[near[:EACH]].tolist(), index[far[:EACH]].tolist()
    across = index[order[steps]].tolist() if len(order) else []
    unknown = [one.index for some in findings.reasons.values() for one in some]
    every = dict.fromkeys([*worst, *robust, *across, *unknown, *index.tolist()])
    return Selection(worst, robust, across, list(every)[:MOST])
