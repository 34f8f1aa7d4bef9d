"""Which images are asked again whose answers are stored already, as the options of --rerun."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..compiler.base.errors import InputError
from ..results import Verdict
from ..store.record import Record


@dataclass(frozen=True, slots=True)
class Policy:
    """asks: whether an image is asked again that has an answer to the same question; rho: whether
    that asks for the exact rho.

    learns: whether earlier answers about the same claim are where the work begins; measures:
    whether images that are asked again are asked for the exact rho; elsewhere: given the answer
    to the last question about another target, if any, whether an image is asked at all.
    """

    asks: Callable[[Record, bool], bool]
    learns: bool = True
    measures: bool = False
    elsewhere: Callable[[Record | None], bool] | None = None


def _never(record: Record, rho: bool) -> bool:
    return False


def _always(record: Record, rho: bool) -> bool:
    return True


def undecided(record: Record, rho: bool) -> bool:
    """Whether the answer at some radius is open, or the interval of rho where that was asked."""
    open_ = any(one.verdict is Verdict.UNKNOWN for one in record.decisions)
    return open_ or (rho and not record.exact)


def _decided(record: Record, rho: bool) -> bool:
    return not undecided(record, False) and not record.exact


def _without_example(other: Record | None) -> bool:
    return other is not None and any(one.verdict is Verdict.ROBUST for one in other.decisions)


POLICIES: dict[str, Policy] = {
    "never": Policy(_never),
    "always": Policy(_always, learns=False),
    "undecided": Policy(undecided),
    "refine": Policy(_decided, measures=True),
    "retarget": Policy(_always, elsewhere=_without_example),
}
"""To add a policy: its line here."""


def policy_of(name: str) -> Policy:
    """The policy of a name; InputError for another."""
    if name not in POLICIES:
        raise InputError(f"rerun is one of {', '.join(POLICIES)}, not {name!r}")
    return POLICIES[name]
