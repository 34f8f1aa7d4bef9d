"""The normal distribution, between bounds that are proven: integers with directed rounding.

For z >= 0 (Abramowitz & Stegun 26.2.11, all terms positive)

    Phi(z) = 1/2 + exp(-z^2 / 2) / sqrt(2 pi) * sum_k z^(2k+1) / (1 * 3 * 5 ... (2k+1)).
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache, lru_cache

BITS = 192
ONE = 1 << BITS
"""The integers below are multiples of 1 / ONE."""

FAR = 16
"""Beyond it Phi is bounded by Phi(FAR) and 1, which are 1e-57 apart."""

DIGITS = (
    "31415926535897932384626433832795028841971693993751058209749445923078164062862089986280348253"
    "42117067"
)
"""Of pi, cut off."""


@lru_cache(maxsize=4096)
def cdf(z: Fraction) -> tuple[Fraction, Fraction]:
    """Phi(z) lies between them; they are less than 2^-150 apart for z up to `FAR`."""
    if z < 0:
        low, high = cdf(-z)
        return 1 - high, 1 - low
    if z > FAR:
        return cdf(Fraction(FAR))[0], Fraction(1)
    (least, most), (small, large) = _series(z), _exponential(z * z / 2)
    thin, wide = _root()
    # (least / ONE) / ((large / ONE) * (wide / ONE)), and the other way round
    low = Fraction(1, 2) + Fraction(least * ONE // (large * wide // ONE + 1), ONE)
    high = Fraction(1, 2) + Fraction(-(-most * ONE // (small * thin // ONE)), ONE)
    return low, min(high, Fraction(1))


def quantile(p: Fraction) -> float:
    """A number z with Phi(z) <= p, as large as float64 has one (but for a few units), or -inf."""
    if p <= 0:
        return -math.inf
    from scipy.special import ndtri

    guess = float(ndtri(min(float(p), math.nextafter(1.0, 0.0))))
    step = 2.0**-53
    for _ in range(60):  # what scipy says is only a guess
        z = guess - step * max(1.0, abs(guess))
        if math.isfinite(z) and cdf(Fraction(z))[1] <= p:
            return z
        step *= 2.0
    return -math.inf


def down(value: Fraction) -> float:
    """The largest float64 that is not above the value."""
    near = float(value)
    return near if Fraction(near) <= value else math.nextafter(near, -math.inf)


def up(value: Fraction) -> float:
    """The least float64 that is not below the value."""
    return -down(-value)


def _series(z: Fraction) -> tuple[int, int]:
    """The sum over k, rounded down and up."""
    square = z * z
    low_square, high_square = _scaled(square)
    low, high = _scaled(z)
    least, most, k = low, high, 0
    while True:
        k += 1
        low = (low * low_square >> BITS) // (2 * k + 1)
        high = -(-high * high_square >> BITS)
        high = -(-high // (2 * k + 1))
        least += low
        most += high
        if 2 * square < 2 * k + 3 and high <= 2:
            # every later term is less than half of the one before
            return least, most + 2 * high + 2


def _exponential(x: Fraction) -> tuple[int, int]:
    """exp(x) for x >= 0, rounded down and up: Taylor's series of x / 2^8, squared eight times."""
    part_low, part_high = _scaled(x / 256)
    low = high = ONE
    least, most, k = ONE, ONE, 0
    while high > 2 or 2 * part_high > (k + 1) * ONE:
        k += 1
        low = (low * part_low >> BITS) // k
        high = -(-high * part_high >> BITS)
        high = -(-high // k)
        least += low
        most += high
    most += 2 * high + 2
    for _ in range(8):
        least = least * least >> BITS
        most = -(-most * most >> BITS)
    return least, most


@cache
def _root() -> tuple[int, int]:
    """sqrt(2 pi), rounded down and up."""
    low = int(DIGITS)
    ends = (Fraction(2 * digits, 10 ** (len(DIGITS) - 1)) for digits in (low, low + 1))
    small, large = (math.isqrt(int(end * ONE * ONE)) for end in ends)
    return small, large + 2


def _scaled(value: Fraction) -> tuple[int, int]:
    """The value in units of 1 / ONE, rounded down and up."""
    low = (value.numerator << BITS) // value.denominator
    return low, low + 1
