"""Numbers as readers see them: what is a lower end is rounded down, what is an upper end up."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from fractions import Fraction

from ...compiler.shown.numbers import digits

THIN = "\N{NARROW NO-BREAK SPACE}"
EPSILON, RHO, NOT_ABOVE, NOT_BELOW = "\u03b5", "\u03c1", "\u2264", "\u2265"
INFINITY = "\N{INFINITY}"
NORMS = {"linf": "l\u221e", "l1": "l1", "l2": "l2"}


def percent(count: int, images: int, rounding: str = ROUND_HALF_EVEN) -> str:
    """A share of images: one decimal, or two where there are more than 1,000 of them.

    Rounded to the nearest, not all images are still less than 100 %, and some more than 0 %.
    """
    places = Decimal(1).scaleb(-2 if images > 1000 else -1)
    exact = Fraction(100 * count, images)
    if rounding == ROUND_HALF_EVEN and 0 < count < images:
        if exact < Fraction(places):
            rounding = ROUND_CEILING
        elif exact > 100 - Fraction(places):
            rounding = ROUND_FLOOR
    # 28 digits, rounded the same way twice, are on the same side of the share
    number = Decimal(exact.numerator) / Decimal(exact.denominator)
    if Fraction(number) != exact:
        step = Decimal(1).scaleb(-20)
        number += {ROUND_FLOOR: -step, ROUND_CEILING: step}.get(rounding, Decimal(0))
    return f"{number.quantize(places, rounding):f}{THIN}%"


def lowest(count: int, images: int) -> str:
    """A share that is a lower end."""
    return percent(count, images, ROUND_FLOOR)


def highest(count: int, images: int) -> str:
    """A share that is an upper end."""
    return percent(count, images, ROUND_CEILING)


def bounds(least: int, most: int, images: int) -> str:
    """A share that is known from both sides."""
    if least == most:
        return percent(least, images)
    return f"{lowest(least, images)} \N{EN DASH} {highest(most, images)}"


def ends(lower: float, upper: float) -> str:
    """Two shares in 0..1 as an interval of per cent, rounded outward to one decimal."""
    low = Decimal(lower).scaleb(2).quantize(Decimal("0.1"), ROUND_FLOOR)
    high = Decimal(upper).scaleb(2).quantize(Decimal("0.1"), ROUND_CEILING)
    return f"{low:f}{THIN}% to {high:f}{THIN}%"


def down(value: float | None) -> str:
    """Four digits of a lower end."""
    return _radius(value, ROUND_FLOOR)


def up(value: float | None) -> str:
    """Four digits of an upper end."""
    return _radius(value, ROUND_CEILING)


def near(value: float | None) -> str:
    """Four digits of what is neither."""
    return _radius(value, ROUND_HALF_EVEN)


def radius(eps: float) -> str:
    """A radius that was asked for, as it was given: a short decimal, or levels of 255."""
    plain = f"{eps:.12g}"
    levels = eps * 255.0
    if len(plain) > 8 and levels >= 0.5 and abs(levels - round(levels)) < 1e-9 * levels:
        return f"{round(levels)}/255"
    return plain


def count(number: int) -> str:
    """A whole number with its thousands apart."""
    return f"{number:,}"


def images(number: int) -> str:
    """The same with the word."""
    return f"{number:,} image{'' if number == 1 else 's'}"


def date(text: str) -> str:
    """A time of a run, with a space for the T of ISO 8601."""
    return text.replace("T", " ", 1).replace("+00:00", " UTC").replace("Z", " UTC")


def seconds(value: float) -> str:
    """A time in the unit that fits it."""
    if not math.isfinite(value):
        return "-"
    for size, name in ((3600.0, "h"), (60.0, "min")):
        if value >= 2.0 * size:
            return f"{value / size:.1f}{THIN}{name}"
    return f"{value:.2f}{THIN}s"


def _radius(value: float | None, rounding: str) -> str:
    if value is None or math.isnan(value):
        return "\N{EN DASH}"
    if math.isinf(value):
        return INFINITY if value > 0 else f"\N{MINUS SIGN}{INFINITY}"
    return digits(value, rounding)
