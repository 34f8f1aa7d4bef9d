"""A comparison in words and in rows."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR
from fractions import Fraction

from ...metrics import Share
from ..findings.numbers import bounds, images, percent, radius
from ..findings.wording import within
from .compared import Change, Compared

NAMES = (
    "\u03b5",
    "first",
    "second",
    "second \u2212 first",
    "only second",
    "only first",
    "p",
    "p \u2264",
)
MEANING = (
    "only second, only first: images that one has proven and the other lost, or the other way "
    "round. p: McNemar's exact test of these two counts; p \u2264: the largest p that open images "
    "could still lead to."
)


def names(compared: Compared) -> tuple[str, str]:
    """What the two are called: by their models, or by their runs where these have one name."""
    one, other = compared.first, compared.second
    if one.model != other.model:
        return one.model, other.model
    return f"{one.model} (run {one.run.id[:12]})", f"{other.model} (run {other.run.id[:12]})"


def difference(change: Change) -> str:
    """By how many percentage points the robust accuracy changed: proven."""
    count = change.first.images
    if change.least == change.most:
        return _signed(change.least, percent(abs(change.least), count))
    # the nearer end to zero of a negative number is rounded towards it, the other away
    ends = []
    for number, outward in ((change.least, change.least < 0), (change.most, change.most > 0)):
        rounding = ROUND_CEILING if outward else ROUND_FLOOR
        ends.append(_signed(number, percent(abs(number), count, rounding)))
    return f"{ends[0]} to {ends[1]}"


def _signed(number: int, text: str) -> str:
    if Fraction(text.split("\u202f")[0]) == 0:
        return text
    return ("+" if number > 0 else "\N{MINUS SIGN}" if number < 0 else "") + text


def chance(p: float) -> str:
    """A probability, two digits."""
    return "1" if p >= 0.995 else f"{p:.2g}" if p >= 0.001 else "< 0.001"


def row(change: Change) -> Sequence[str]:
    """Cells under `NAMES`."""
    return (
        radius(change.eps), _share(change.first.robust), _share(change.second.robust),
        difference(change), f"{change.better:,}", f"{change.worse:,}", chance(change.test.p),
        chance(change.test.p_worst),
    )  # fmt: skip


def _share(share: Share) -> str:
    return bounds(share.least, share.most, share.images)


def summary(compared: Compared) -> Sequence[str]:
    """A few sentences: whom, how many, and each radius."""
    one, other = names(compared)
    told = [f"{images(len(compared.indices))} in both: first {one}, second {other}."]
    if compared.left_out:
        told.append(
            f"{images(compared.left_out)} of only one of the two "
            f"{'is' if compared.left_out == 1 else 'are'} left out."
        )
    for change in compared.changes:
        told.append(
            f"Within {within(compared.first, change.eps)} the robust accuracy changes by "
            f"{difference(change)} of the images: proven. {_test(change)}"
        )
    return told


def _test(change: Change) -> str:
    test = change.test
    if not test.first + test.second:
        return "No image is proven in one and lost in the other."
    told = f"{images(change.better)} gained, {change.worse:,} lost; p = {chance(test.p)}"
    if test.p_worst > test.p * 1.0001:
        told += f", and at most {chance(test.p_worst)} whatever the open images are"
    return told.replace("p = <", "p <") + "."
