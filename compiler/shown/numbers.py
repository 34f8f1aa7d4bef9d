"""Numbers as they are read: few digits, and bounds that stay bounds."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

PLAIN = -6, 15
"""Powers of ten between which a number is written without one."""


def digits(value: float, rounding: str = ROUND_HALF_EVEN) -> str:
    """Four significant digits; ROUND_FLOOR keeps a lower bound one, ROUND_CEILING an upper one."""
    if value == 0.0 or not math.isfinite(value):
        return f"{value:g}"
    number = Context(prec=4, rounding=rounding).create_decimal(value)
    if not PLAIN[0] <= number.adjusted() <= PLAIN[1]:
        return f"{number:.3e}"  # four digits, of which none is rounded again
    return f"{number.quantize(Decimal(1).scaleb(number.adjusted() - 3)):f}"


def at_least(value: float) -> str:
    """A lower bound, rounded down."""
    return digits(value, ROUND_FLOOR)


def at_most(value: float) -> str:
    """An upper bound, rounded up."""
    return digits(value, ROUND_CEILING)


def short(value: float) -> str:
    """A number of a formula: six digits, and a minus sign that is a hyphen."""
    return f"{value:.6g}"


def nearest(value: Fraction | float) -> float:
    """The float nearest to a number, infinite where it is larger than all of them."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
