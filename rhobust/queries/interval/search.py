"""Closing the interval of rho by searches: a few short ones, then the whole question."""

from __future__ import annotations

from ...bnb.search import Settings
from ...compiler.base.arrays import Matrix
from ...compiler.base.norms import LINF
from .state import RESTART, Interval

NARROW = 0.1
"""An interval this narrow, relative to its upper end, is left to the search that closes it."""

TIES = (3e-7, 1e-6, 1e-5, 1e-4, 1e-3)
"""Shares of the upper end below it at which a proof is tried where only a tie is left open."""


def bracket(interval: Interval) -> None:
    """Cheap proofs at a few radii below the incumbent: the interval is useful early."""
    high = interval.incumbent.target
    count = len(interval.claim.targets) + 1
    quick = Settings(root_steps=5, nodes=count, oracle=interval.settings.oracle)
    low = min(interval.lower, high)
    for _ in range(5):
        eps = 0.5 * (low + high)
        if interval.late() or high - low < NARROW * high:
            return
        outcome = interval.decide(eps, quick)
        if outcome.status == "closed":
            low = eps
        elif outcome.status == "accepted":
            high = min(high, interval.incumbent.target)
        else:
            high = eps
        interval.lower = max(interval.lower, low)


def close(interval: Interval) -> None:
    """Branch and bound at the incumbent's radius; if that is too hard for now, below it.

    The first quarter of the time left goes to the whole question. When it stays open, decisions at
    radii between the proven bound and the incumbent raise the bound, each with a share of the time.
    """
    deadline, best = interval.deadline, interval.incumbent
    if _whole(interval, 0.25 * deadline.remaining()):
        interval.reason = ""
        return
    high = best.target
    nearest = interval.tolerances.exact_absolute  # a tie at the image would be halved for ever
    while not deadline.stop() and high - interval.lower > max(0.01 * high, nearest):
        eps = 0.5 * (interval.lower + high)
        outcome = interval.decide(eps, interval.settings, 0.3 * deadline.remaining() + 1.0)
        if outcome.status == "open":
            high = eps
        high = min(high, best.target)
    if not _whole(interval, deadline.remaining()) and interval.reason == "numerical":
        _below(interval)


def _below(interval: Interval) -> None:
    """Raises the lower end where only a tie is left that no float32 runtime sees."""
    for share in TIES:
        eps = interval.incumbent.target * (1.0 - share)
        if interval.deadline.stop() or eps <= interval.lower:
            return
        if interval.decide(eps, interval.settings).status == "closed":
            return


def _whole(interval: Interval, seconds: float) -> bool:
    """Whether the interval is closed within some seconds; the radius follows the incumbent."""
    best, deadline = interval.incumbent, interval.deadline
    end = deadline.spent() + seconds
    # only boxes follow the incumbent while a search runs
    follows = interval.claim.region.norm is LINF
    while end > deadline.spent() and not interval.late():
        start = best.target
        below = start * (RESTART if follows else 1.0)

        def accept(points: Matrix, below: float = below) -> bool:
            best.consider(points)
            return best.target < below

        outcome = interval.decide(
            start, interval.settings, end - deadline.spent(), accept,
            best.box if follows else None, interval.heard,
        )  # fmt: skip
        if outcome.status == "closed":
            proven = best.target if follows else start
            interval.lower = float("inf") if best.witness is None else max(interval.lower, proven)
            interval.tell()
            return True
        if outcome.status == "open":
            interval.reason = outcome.reason
            return False
    interval.reason = "timeout"
    return False
