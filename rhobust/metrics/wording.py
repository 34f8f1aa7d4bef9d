"""Accuracies in words: proven ends rounded outwards, so that they stay ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR

from ..compiler.shown.numbers import digits
from .averages import mean, quantile
from .intervals import Distances

UNDECIDED, PROVEN = "{open:,} of {images:,} undecided", "proven"


def percent(share: float, rounded: Callable[[float], int] = round) -> str:
    """A share as tenths of a percent; rounded: floor, ceil or round."""
    # what is a whole number of tenths but for its last bit stays one
    tenths = share * 1000.0
    whole = round(tenths)
    return f"{(whole if abs(tenths - whole) < 1e-9 else rounded(tenths)) / 10:.1f} %"


def between_percents(lower: float, upper: float) -> str:
    """A share that is known from both sides."""
    if lower == upper:
        return percent(lower)
    return f"between {percent(lower, math.floor)} and {percent(upper, math.ceil)}"


def robust_accuracy(least: int, most: int, images: int, eps: float, about: str = "") -> str:
    """That at least and at most so many of some images are robust at a radius.

    about: what else the number is about, told behind it.
    """
    whole = max(1, images)
    how = UNDECIDED.format(open=most - least, images=images) if most > least else PROVEN
    share = between_percents(least / whole, most / whole)
    return f"robust accuracy {share} at {eps:g} ({how}{about and '; ' + about})"


def closing(known: Distances, eps: Sequence[float] = (), about: str = "") -> str:
    """What many answers about single images say together: one line, or one for each radius.

    With radii the accuracies at them, and without any the median and the mean of rho. about: see
    `robust_accuracy`.
    """
    images = len(known)
    clean = f"clean accuracy {percent(float(known.correct.mean()))}"
    lines = []
    for radius in eps:
        lost = known.upper <= radius
        kept = ~lost & ~(known.begins <= radius)
        counts = int(kept.sum()), images - int(lost.sum())
        lines.append(f"{clean}, {robust_accuracy(*counts, images, radius, about)}")
    if not eps:
        more = f" ({about})" if about else ""
        middle, average = _ends(*quantile(known)), _ends(*mean(known))
        lines.append(f"{clean}, median rho {middle}, mean rho {average}{more}")
    return "\n".join(lines)


def _ends(lower: float, upper: float) -> str:
    low, high = digits(lower, ROUND_FLOOR), digits(upper, ROUND_CEILING)
    if lower == upper or digits(lower) == digits(upper):
        return digits(upper)
    return f"at least {low}" if upper == math.inf else f"between {low} and {high}"
