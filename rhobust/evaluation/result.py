"""What an evaluation found out: accuracies, proven from below and shown from above."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..compiler.base.errors import InputError
from ..compiler.question.claim import check_eps
from ..compiler.shown.record import Result
from ..compiler.shown.told import Told, count
from ..metrics.wording import percent, robust_accuracy
from ..results import Verdict
from ..store.record import Decision, Record, Run
from .certified import certified, sentence, smoothing_of

if TYPE_CHECKING:
    from pandas import DataFrame

    from ..smoothing import Accuracy


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Evaluation(Result):
    """The images of a test set under one question.

    records: what is known of each image, by index; where the evaluation ended early, those that
    were not finished are UNKNOWN. reason: why it ended early, timeout or interrupted, or "".
    unfinished: the indices that a later evaluation goes on with.
    """

    records: tuple[Record, ...]
    run: Run
    reason: str = ""
    unfinished: frozenset[int] = frozenset()

    def __len__(self) -> int:
        return len(self.run.indices)

    def record(self) -> dict[str, Any]:
        """The numbers of the whole; the images themselves are in `to_json(path)`."""
        accuracies = [
            {"eps": eps, "lower": low, "upper": high, "attacked": self.attacked(eps)}
            for eps, (low, high) in ((eps, self.robust(eps)) for eps in self.eps)
        ]
        return {
            "run": self.run.id, "images": len(self), "clean": self.clean, "robust": accuracies,
            "exact": self.exact(), "certified": self._certified(), "reason": self.reason or None,
            "unfinished": len(self.unfinished),
        }  # fmt: skip

    def _told(self) -> Told:
        facts = tuple(("", one) for one in self.summary().splitlines())
        return Told(f"Evaluation of {count(len(self), 'image')}", facts)

    @property
    def finished(self) -> tuple[Record, ...]:
        """The records that a later evaluation would not change."""
        return tuple(one for one in self.records if one.index not in self.unfinished)

    @property
    def eps(self) -> tuple[float, ...]:
        """The radii that were asked for, in increasing order."""
        told = self.run.question.get("eps", ())
        return tuple(told) if isinstance(told, list | tuple) else ()

    @property
    def clean(self) -> float:
        """The share of images that the network gives their label."""
        return sum(one.correct for one in self.records) / max(1, len(self.records))

    def robust(self, eps: float | str | Fraction) -> tuple[float, float]:
        """The robust accuracy at a radius that was asked for lies between two shares.

        lower: images with their label and ROBUST, proven; upper: all but those that are
        misclassified or NOT_ROBUST, shown. Raises InputError for another radius.
        """
        lower, open_ = self._counts(self._asked(eps))
        return lower / max(1, len(self)), (lower + open_) / max(1, len(self))

    def attacked(self, eps: float | str | Fraction) -> float:
        """The share that attacks alone would call robust: those without an example within eps.

        Images that were not attacked are among them, whether proven first or not reached.
        """
        radius = self._asked(eps)
        kept = sum(one.correct and not self._at(one, radius).attacked for one in self.records)
        return (kept + len(self) - len(self.records)) / max(1, len(self))

    def exact(self) -> int:
        """How many images have a rho as exact as `Tolerances` asks."""
        return sum(one.exact for one in self.records)

    def certified(self) -> Accuracy | None:
        """The certified accuracy of the smoothed classifier, None where it was not asked for."""
        return certified(self.run, self.records)

    def _certified(self) -> dict[str, Any] | None:
        asked, found = smoothing_of(self.run), self.certified()
        if asked is None or found is None:
            return None
        return {
            **asked.question(), "images": found.images, "accuracy": found(0.0),
            "mean_radius": found.mean, "wrong": found.wrong,
        }  # fmt: skip

    def summary(self) -> str:
        """One line for each radius, in words; and one for rho, where it was asked for.

        Shares are rounded outwards to tenths of a percent: what is proven stays below, what is
        shown above.
        """
        clean = f"clean accuracy {percent(self.clean)}"
        lines = [f"{clean}, {self._at_radius(eps)}" for eps in self.eps]
        if self.run.question.get("rho"):
            lines.append(f"{clean}, {self._distances()}")
        if told := sentence(self.run, self.records):
            lines.append(told)
        if self.reason:
            lines.append(f"ended early ({self.reason}): images that were not reached are undecided")
        return "\n".join(lines or [clean])

    def to_json(self, path: str | Path | None = None, *, overwrite: bool = False) -> str:
        """Appends a JSON line for each finished image that the file does not have yet.

        Returns the numbers of the whole, which `to_dict` has; without a path nothing is written.
        Raises InputError for a file that holds anything but this run, unless it may be overwritten.
        """
        from .outputs.json_lines import JsonLines

        if path is not None:
            with JsonLines(Path(path), self.run, overwrite=overwrite) as lines:
                for record in self.finished:
                    lines.write(record)
        return json.dumps(self.to_dict(), allow_nan=False)

    def to_csv(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Writes a table with a row for each finished image, in the place of one of this run.

        Raises InputError for a file that holds anything else, unless it may be overwritten.
        """
        from .outputs.tables import write_csv

        write_csv(Path(path), self.run, self.finished, overwrite=overwrite)

    def to_dataframe(self) -> DataFrame:
        """A pandas table with a row for each image. Needs pandas."""
        from .outputs.tables import dataframe

        return dataframe(self.run, self.records)

    def _asked(self, eps: float | str | Fraction) -> float:
        radius = check_eps(eps)
        if radius not in self.eps:
            told = ", ".join(map(repr, self.eps)) or "none"
            raise InputError(f"eps {radius!r} was not asked for; there are {told}")
        return radius

    @staticmethod
    def _at(record: Record, eps: float) -> Decision:
        return record.at(eps) or Decision(eps, Verdict.UNKNOWN, "timeout")

    def _counts(self, eps: float) -> tuple[int, int]:
        """Images that are correct and robust, and those that are undecided."""
        verdicts = [self._at(one, eps).verdict for one in self.records if one.correct]
        missing = len(self) - len(self.records)
        return verdicts.count(Verdict.ROBUST), verdicts.count(Verdict.UNKNOWN) + missing

    def _at_radius(self, eps: float) -> str:
        lower, undecided = self._counts(eps)
        told = robust_accuracy(lower, lower + undecided, len(self), eps)
        attacks = ""
        if self.run.question.get("attacks") and self._attacked_all(eps):
            rounded = math.ceil if undecided else round  # as the upper end that it stands beside
            attacks = f", attacks alone would say {percent(self.attacked(eps), rounded)}"
        return told + attacks

    def _attacked_all(self, eps: float) -> bool:
        """Whether attacks ran on every image that is open, so that their share says something."""
        open_ = [one for one in self.records if self._at(one, eps).verdict is Verdict.UNKNOWN]
        return len(self.records) == len(self) and all(
            one.attack_distance is not None for one in open_
        )

    def _distances(self) -> str:
        known = np.array([(one.rho_lower, one.rho_upper) for one in self.records]).reshape(-1, 2)
        told = f"rho exact for {self.exact():,} of {len(self):,} images"
        if not len(known):
            return told
        low, high = np.median(known, axis=0)
        return f"{told}, its median between {low:.4g} and {high:.4g}"
