"""What is known of an image at a radius, as one of four words that every report uses."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from ...metrics.intervals import Distances


class Status(IntEnum):
    """The order is that of robustness, which tables sort by."""

    WRONG = 0
    BROKEN = 1
    OPEN = 2
    PROVEN = 3

    @property
    def word(self) -> str:
        """As readers see it."""
        return WORDS[self]


WORDS = {
    Status.PROVEN: "proven",
    Status.OPEN: "open",
    Status.BROKEN: "broken",
    Status.WRONG: "wrong label",
}
MEANING = {
    Status.PROVEN: "no example lies within the radius",
    Status.OPEN: "neither was shown",
    Status.BROKEN: "a validated example lies within the radius",
    Status.WRONG: "the image itself does not get its label",
}


def statuses(known: Distances, eps: float) -> npt.NDArray[np.int8]:
    """The status of every image at a radius, (N,)."""
    found = np.full(len(known), Status.OPEN, dtype=np.int8)
    found[known.begins > eps] = Status.PROVEN
    found[known.upper <= eps] = Status.BROKEN
    found[~known.correct] = Status.WRONG
    return found


def counts(found: npt.NDArray[np.int8]) -> Sequence[int]:
    """How many images have each status, in the order of `Status`."""
    return [int((found == one).sum()) for one in Status]
