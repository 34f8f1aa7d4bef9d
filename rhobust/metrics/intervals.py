"""What is known about the rho of many images, whoever found it out: one interval for each."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from ..compiler.base.arrays import Mask, Vector
from ..compiler.base.errors import InputError
from ..compiler.shown.told import Told, count
from ..compiler.shown.value import Shown
from ..results import Estimate, RhoResult, Verdict, VerifyResult
from .records import MISCLASSIFIED, Evaluated, Known, Recorded, is_recorded, known_of, listed

Result: TypeAlias = Estimate | RhoResult | VerifyResult


@dataclass(frozen=True, eq=False, repr=False)
class Distances(Shown):
    """rho of image k lies in [lower[k], upper[k]].  Both (N,), inf where no example is known.

    An estimate has lower 0: it proves nothing below it. correct: whether the network gives the
    image its label, (N,); an image that it does not has rho 0. beyond: whether rho is known to be
    more than lower, as a ball without examples shows it, (N,); nowhere by default.
    """

    lower: Vector
    upper: Vector
    correct: Mask
    beyond: Mask | None = None

    def __post_init__(self) -> None:
        if not len(self.lower) == len(self.upper) == len(self.correct):
            raise InputError("lower, upper and correct differ in length")
        if not len(self.lower):
            raise InputError("there are no results")
        if not (0.0 <= self.lower).all() or not (0.0 <= self.upper).all():  # NaN too
            raise InputError("a distance is negative or not a number")
        if not (self.lower <= self.upper * (1.0 + 1e-9)).all():
            raise InputError("a proven lower end lies above its upper end")

    def __len__(self) -> int:
        return len(self.lower)

    def _told(self) -> Told:
        facts = (("", f"{int(np.isfinite(self.upper).sum()):,} with an example"),)
        return Told(f"Distances of {count(len(self), 'image')}", facts)

    def kept(self, mask: Mask) -> Distances:
        """Those of some images, (N,)."""
        beyond = None if self.beyond is None else self.beyond[mask]
        return Distances(self.lower[mask], self.upper[mask], self.correct[mask], beyond)

    @property
    def begins(self) -> Vector:
        """The least float64 radius that may hold an example, (N,).

        Where rho is more than lower, that is the next number above it: for counting only, since
        rho may lie between the two.
        """
        if self.beyond is None:
            return self.lower
        return np.where(self.beyond, np.nextafter(self.lower, np.inf), self.lower)


Results: TypeAlias = (
    Distances | npt.ArrayLike | Iterable[Result | Recorded] | Evaluated | str | Path
)
"""An array (N,) of estimates or (N, 2) of intervals, results of the package, records of a test set,
what `rb.evaluate` returns, or a JSON-lines file.

Of exact distances, the interval's ends are the same: `np.column_stack([rho, rho])`.
"""


def distances(results: Results) -> Distances:
    """The intervals that results stand for.

    Of an estimate, upper is rho-hat; of other results the distance of the validated witness. Where
    a run failed or was cut short, upper is inf: nothing was found.
    """
    if isinstance(results, Distances):
        return results
    if isinstance(results, str | Path):
        return read(Path(results))
    if not isinstance(results, Iterable) and hasattr(results, "records"):
        results = listed(cast(Evaluated, results))
    if isinstance(results, Iterable) and not isinstance(results, np.ndarray):
        several: list[Any] = list(results)
        if several and all(isinstance(one, Result) for one in several):
            return _joined([_of(one) for one in several])
        if several and all(is_recorded(one) for one in several):
            return _joined([known_of(one) for one in several])
        results = several
    try:
        array = np.asarray(results, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"results are neither numbers nor results of this package: {error}"
        ) from None
    if array.ndim == 1:
        return Distances(np.zeros(len(array)), array, np.ones(len(array), dtype=bool))
    if array.ndim == 2 and array.shape[1] == 2:
        return Distances(array[:, 0], array[:, 1], np.ones(len(array), dtype=bool))
    raise InputError(f"distances of shape {array.shape} should be (N,) or (N, 2)")


def _of(result: Result) -> Known:
    """Lower and upper end, whether the image has its label, and whether rho is above lower."""
    if result.label != result.predicted:
        return MISCLASSIFIED
    if isinstance(result, Estimate):
        return 0.0, result.rho, True, False
    if isinstance(result, RhoResult):
        return result.lower, result.upper, True, False
    robust = result.verdict is Verdict.ROBUST
    upper = math.inf if result.witness is None else result.witness.distance
    return result.eps if robust else 0.0, upper, True, robust


def _joined(found: Sequence[Known]) -> Distances:
    lower, upper, correct, beyond = zip(*found, strict=True) if found else ((), (), (), ())
    return Distances(
        np.array(lower),
        np.array(upper),
        np.array(correct, dtype=bool),
        np.array(beyond, dtype=bool) if any(beyond) else None,
    )


def read(path: Path, iterated: bool = False) -> Distances:
    """The intervals in a file that `--json` of rho, verify or estimate wrote.

    iterated: take estimates of the iterated restriction, which `--iterate` asks for.
    """
    found: list[Known] = []
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    found.append(_line(line, f"{path}, line {number}", iterated))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    if not found:
        raise InputError(f"{path}: holds no results")
    return _joined(found)


def _line(line: str, where: str, iterated: bool) -> Known:
    try:
        row = json.loads(line)
    except json.JSONDecodeError:
        raise InputError(f"{where}: is not JSON") from None
    if not isinstance(row, Mapping) or not {"label", "predicted", "rho_upper"} <= row.keys():
        raise InputError(f"{where}: is no result of rho, verify or estimate")
    key = "rho_upper"
    if "status" in row:  # an estimate, whose own number is rho-hat
        key = "rho_iterated" if iterated else "rho_estimate"
        if key not in row:
            raise InputError(f"{where}: has no {key}; write it with --iterate")
    upper = _number(row, key, math.inf, where)
    # an infinite number is null: ROBUST without a radius says that the domain holds no example
    robust = row.get("verdict") == Verdict.ROBUST
    lower = _number(row, "rho_lower", math.inf if robust else 0.0, where)
    if row["label"] != row["predicted"]:
        return MISCLASSIFIED
    return lower, upper, True, robust and row.get("eps") is not None


def _number(row: Mapping[str, Any], key: str, missing: float, where: str) -> float:
    value = row.get(key)
    if value is None:
        return missing
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{where}: {key} is {value!r} and no number")
    return float(value)
