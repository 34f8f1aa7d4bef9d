"""Two runs image by image, and what of their difference is proven."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ...compiler.base.arrays import Mask
from ...compiler.base.errors import InputError
from ...metrics import Accuracy, McNemar, mcnemar
from ..findings.gathered import Findings
from ..findings.status import Status, statuses

SAME = ("norm", "domain", "target", "margin")
"""What has to be the same of two questions."""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of the robust accuracy at one radius, from the first run to the second.

    least, most: by how many images more of the second are robust: proven, so of the open ones
    whatever they are. better, worse: images of which the change is proven.
    """

    eps: float
    first: Accuracy
    second: Accuracy
    least: int
    most: int
    better: int
    worse: int
    test: McNemar


@dataclass(frozen=True, eq=False)
class Compared:
    """Two runs on the images that both have finished.

    left_out: images that only one of them has.
    """

    first: Findings
    second: Findings
    left_out: int

    @classmethod
    def of(cls, first: Findings, second: Findings) -> Compared:
        """Pairs the images of two runs.

        InputError where the runs are about other images or ask another question, or share no image.
        """
        for key in ("digest", "shape"):
            one, other = first.run.data.get(key), second.run.data.get(key)
            if one and other and _plain(one) != _plain(other):
                raise InputError(
                    f"runs {first.run.id} and {second.run.id} are about different images: their "
                    f"{key} is {one} and {other}; compare runs on the same file"
                )
        for key in SAME:
            one, other = first.run.question.get(key), second.run.question.get(key)
            if one is not None and other is not None and _plain(one) != _plain(other):
                raise InputError(
                    f"runs {first.run.id} and {second.run.id} ask different questions: {key} is "
                    f"{_plain(one)} and {_plain(other)}"
                )
        labels = {one.index: one.label for one in first.records}
        common = [one.index for one in second.records if one.index in labels]
        if not common:
            raise InputError(f"runs {first.run.id} and {second.run.id} have no image in common")
        for one in second.records:
            if labels.get(one.index, one.label) != one.label:
                raise InputError(
                    f"image {one.index} has the label {labels[one.index]} in one run and "
                    f"{one.label} in the other"
                )
        radii = tuple(sorted({*first.radii, *second.radii}))
        both = set(common)
        left_out = len(labels.keys() ^ {one.index for one in second.records})
        return cls(first.only(both, radii), second.only(both, radii), left_out)

    @property
    def radii(self) -> tuple[float, ...]:
        """Those of either run: intervals of rho tell of every radius."""
        return self.first.radii

    @property
    def indices(self) -> Sequence[int]:
        """The images of both, in order."""
        return [one.index for one in self.first.records]

    @cached_property
    def statuses(self) -> Sequence[tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]]:
        """Of every image in the first and in the second run, at each radius."""
        return [
            (statuses(self.first.known, eps), statuses(self.second.known, eps))
            for eps in self.radii
        ]

    @cached_property
    def changes(self) -> Sequence[Change]:
        """At each radius."""
        return [self._change(place) for place in range(len(self.radii))]

    def _change(self, place: int) -> Change:
        (one, other), images = self.statuses[place], len(self.indices)
        first, second = self.first.accuracies[place], self.second.accuracies[place]
        proven = (one == Status.PROVEN, other == Status.PROVEN)
        lost = (one <= Status.BROKEN, other <= Status.BROKEN)
        test = mcnemar(proven, lost)
        assert first.images == second.images == images
        return Change(
            self.radii[place], first, second,
            second.robust.least - first.robust.most, second.robust.most - first.robust.least,
            test.second, test.first, test,
        )  # fmt: skip

    @cached_property
    def changed(self) -> Sequence[int]:
        """Places of images whose status differs at some radius, the certain changes first."""
        found: dict[int, tuple[int, int]] = {}
        for one, other in self.statuses:
            for place in np.flatnonzero(one != other).tolist():
                size = abs(int(one[place]) - int(other[place]))
                sure = not {int(one[place]), int(other[place])} & {int(Status.OPEN)}
                found[place] = max(found.get(place, (0, 0)), (int(sure), size))
        return sorted(found, key=lambda place: (-found[place][0], -found[place][1], place))

    @cached_property
    def nearer(self) -> tuple[Mask, Mask]:
        """Images of which rho is proven to be smaller in the second, and larger, (N,) each."""
        one, other = self.first.known, self.second.known
        return other.upper < one.lower, one.upper < other.lower


def _plain(value: object) -> object:
    """A value as JSON gives it back, numbers of one kind."""
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value
