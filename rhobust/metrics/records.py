"""What the metrics read of an image of a test set, whoever keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeAlias, TypeGuard

from ..compiler.base.errors import InputError
from ..results import Verdict

Known: TypeAlias = tuple[float, float, bool, bool]
"""Lower and upper end of rho, whether the image has its label, whether rho is above lower."""

MISCLASSIFIED: Known = (0.0, 0.0, False, False)
"""Of an image without its label, whatever was proven or found about single rivals."""


class Decided(Protocol):
    """What was found out of an image at one radius; `rhobust.store.record.Decision` is one."""

    @property
    def eps(self) -> float: ...
    @property
    def verdict(self) -> Verdict: ...
    @property
    def attacked(self) -> bool: ...


class Recorded(Protocol):
    """What is kept of an image of a test set; `rhobust.store.record.Record` is one."""

    @property
    def index(self) -> int: ...
    @property
    def label(self) -> int: ...
    @property
    def predicted(self) -> int: ...
    @property
    def rho_lower(self) -> float: ...
    @property
    def rho_upper(self) -> float: ...
    @property
    def decisions(self) -> Sequence[Decided]: ...
    @property
    def attack_distance(self) -> float | None: ...


class Evaluated(Protocol):
    """What `rb.evaluate` returns: records of a test set, besides other things."""

    @property
    def records(self) -> Sequence[Recorded]: ...


Records: TypeAlias = Iterable[Recorded] | Evaluated
"""Records of a test set, or what `rb.evaluate` returns."""


def listed(records: Records) -> list[Recorded]:
    """The records themselves."""
    if isinstance(records, Iterable):
        return list(records)
    return list(records.records)


def is_recorded(one: object) -> TypeGuard[Recorded]:
    """Whether a value is such a record, by what sets it apart from results of the package."""
    return hasattr(one, "rho_lower") and hasattr(one, "decisions") and hasattr(one, "predicted")


def known_of(record: Recorded) -> Known:
    """The interval of a record, into which goes what its radii tell besides.

    InputError where they contradict each other.
    """
    if record.label != record.predicted:
        return MISCLASSIFIED
    lower, upper, beyond = record.rho_lower, record.rho_upper, False
    for decision in record.decisions:
        if decision.verdict is Verdict.ROBUST and decision.eps >= lower:
            lower, beyond = decision.eps, True
        elif decision.verdict is Verdict.NOT_ROBUST:
            upper = min(upper, decision.eps)
    if lower > upper or (beyond and lower == upper):
        if not lower <= upper * (1.0 + 1e-9) or beyond:
            raise InputError(
                f"image {record.index}: an example at {upper:.9g} contradicts what is proven up to "
                f"{lower:.9g}; ask for this image again"
            )
        lower = upper  # a validated example stands; the proof's own rounding does not
    return lower, upper, True, beyond
