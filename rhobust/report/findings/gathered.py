"""All numbers of a report, read once from the records of a run."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ...compiler.base.errors import InputError
from ...metrics import (
    Accuracy,
    Curve,
    Fit,
    Severity,
    accuracy,
    by_class,
    curve,
    fit,
    quantile,
    severity,
)
from ...metrics.intervals import Distances, distances
from ...metrics.sampling import CONFIDENCE, check_confidence
from ...results import Verdict
from ...store.record import Record, Run

Source = Callable[[], Iterable[Record]]
"""Goes through the finished records of a run, by index, as often as it is called."""


@dataclass(frozen=True, eq=False)
class Findings:
    """A run and what its finished images say.

    records: without their images and witnesses, which `pictured` reads for some of them.
    radii: those asked for, or, where there are none, the median of rho. folder: where files may lie
    that records name, if not in the folder that is worked in.
    """

    run: Run
    records: Sequence[Record]
    source: Source
    radii: tuple[float, ...]
    confidence: float = CONFIDENCE
    folder: Path | None = None

    @classmethod
    def gather(
        cls,
        run: Run,
        source: Source,
        confidence: float = CONFIDENCE,
        folder: Path | None = None,
    ) -> Findings:
        """Reads a run.  InputError where no image is finished, or records contradict each other."""
        check_confidence(confidence)
        records = [replace(one, image=None, witness=None) for one in source()]
        if not records:
            raise InputError(f"run {run.id}: no image is finished yet, so there is nothing to tell")
        distances(records)
        asked = {float(str(one)) for one in _listed(run.question.get("eps"))}
        asked |= {one.eps for record in records for one in record.decisions}
        radii = tuple(sorted(asked)) or _typical(records)
        return cls(run, records, source, radii, confidence, folder)

    @cached_property
    def known(self) -> Distances:
        """The interval of each image's rho."""
        return distances(self.records)

    @cached_property
    def accuracies(self) -> Sequence[Accuracy]:
        """At each of the radii."""
        return [accuracy(self.records, eps, self.confidence) for eps in self.radii]

    @cached_property
    def severities(self) -> Sequence[Severity]:
        """How near the images within each of the radii lose their label; wrong ones at 0."""
        return [severity(self.known, eps) for eps in self.radii]

    @cached_property
    def classes(self) -> Sequence[Mapping[int, Accuracy]]:
        """At each of the radii, by label."""
        return [by_class(self.records, eps, self.confidence) for eps in self.radii]

    @cached_property
    def curve(self) -> Curve:
        """Of all images."""
        return curve(self.known)

    @property
    def attacks(self) -> Sequence[tuple[float, float]]:
        """Radii, and the accuracy that attacks alone would leave there; none where none ran.

        Attacks look within the radii asked for, so what they leave between these says nothing.
        """
        return [
            (one.eps, one.attacked.lower) for one in self.accuracies if one.attacked is not None
        ]

    @cached_property
    def median(self) -> tuple[float, float] | None:
        """Of rho over the images with their label: at least, at most; None without any."""
        return quantile(self.known, correct_only=True) if self.known.correct.any() else None

    @cached_property
    def fits(self) -> Sequence[Fit] | str:
        """Families fitted to rho, the best first, or why there are none."""
        sure = np.isfinite(self.known.upper) & (self.known.lower >= 0.5 * self.known.upper)
        if not (sure & self.known.correct).any():
            return "\u03c1 is known only on one side, which no family can be fitted to"
        try:
            return fit(self.known)
        except InputError as error:
            return str(error)

    @cached_property
    def reasons(self) -> Mapping[str, Sequence[Record]]:
        """The open images by the reason of the largest radius they are open at, most first."""
        found: dict[str, list[Record]] = {}
        for record in self.records:
            unknown = [one for one in record.decisions if one.verdict is Verdict.UNKNOWN]
            if record.correct and unknown:
                found.setdefault(unknown[-1].reason or "no reason", []).append(record)
        return dict(sorted(found.items(), key=lambda item: -len(item[1])))

    @property
    def missing(self) -> int:
        """Images that were asked for and are not finished."""
        return len(set(self.run.indices) - {one.index for one in self.records})

    @property
    def norm(self) -> str:
        """The distance's name."""
        return str(self.run.question.get("norm", "linf"))

    @property
    def model(self) -> str:
        """What the model is called."""
        return str(self.run.card.get("name") or self.run.card.get("path") or "the network")

    def located(self, name: str) -> str:
        """The path of a file that a record names: as it is, or from `folder` where it is there."""
        if self.folder is None or not name or os.path.exists(name):
            return name
        beside = str(self.folder / name)
        return beside if os.path.exists(beside) else name

    def only(self, indices: Set[int], radii: tuple[float, ...]) -> Findings:
        """The same of some images, at other radii."""
        records = [one for one in self.records if one.index in indices]
        return replace(self, records=records, radii=radii)

    def pictured(self, indices: Iterable[int]) -> Mapping[int, Record]:
        """Some records with their images and witnesses, as far as these are kept."""
        wanted = set(indices)
        return {one.index: one for one in self._whole(wanted) if one.image is not None}

    def _whole(self, wanted: set[int]) -> Iterator[Record]:
        if not wanted:
            return
        last = max(wanted)
        for record in self.source():
            if record.index in wanted:
                yield record
            if record.index >= last:
                return


def _typical(records: Sequence[Record]) -> tuple[float, ...]:
    """The median of rho, to two digits, where it is known; it is where a curve is steepest."""
    least, most = quantile(distances(records))
    middle = most if math.isfinite(most) else least
    return (float(f"{middle:.2g}"),) if 0.0 < middle < math.inf else (0.0,)


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else []
