"""Binomial probabilities bounded from above, and the lower bounds of Clopper and Pearson 1934.

A bound is looked for in float64 and believed only once it was proven in integers, rounded up.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

WIDTH = 128
"""Bits of a mantissa."""

LEAST = Fraction(1, 1 << 1000)
"""Smaller probabilities are given as this one."""


def tail(count: int, n: int, p: Fraction) -> Fraction:
    """An upper bound on P(X >= count), X binomial of n trials of probability p in [0, 1].

    It exceeds the probability by a factor of less than 1 + n * 2^-100, or is `LEAST`.
    """
    if count <= 0:
        return Fraction(1)
    if count > n or p <= 0:
        return LEAST
    if p >= 1:
        return Fraction(1)
    first = _times(_power(p, count), _power(1 - p, n - count))
    first = _times(first, _choices(n, min(count, n - count)))
    # term j + 1 is term j times (n - j) p / ((j + 1) (1 - p))
    above = p.numerator
    below = p.denominator - p.numerator
    term = total = 1 << WIDTH
    for j in range(count, n):
        term = -(-term * (n - j) * above // ((j + 1) * below))
        total += term
        falling = (n - j) * above < (j + 1) * below
        if falling and term < 1 << 16:
            total += term * (n - j)  # each later term is smaller
            break
    mantissa, exponent = _times(first, _rounded(total, 1 << WIDTH))
    if exponent < -1200:
        return LEAST
    found = Fraction(mantissa) * Fraction(2) ** exponent
    return min(max(found, LEAST), Fraction(1))


@lru_cache(maxsize=65536)
def clopper_pearson(count: int, n: int, alpha: float) -> float:
    """A lower confidence bound on the probability of which `count` of n trials were seen.

    The largest p with P(X >= count) <= alpha, X binomial (n, p), but for some units of float64; it
    exceeds the true probability with a probability of at most alpha (Clopper & Pearson 1934).
    """
    if count <= 0:
        return 0.0
    from scipy.stats import beta

    guess = float(beta.ppf(alpha, count, n - count + 1))
    if not 0.0 < guess < 1.0:  # NaN too
        guess = count / (n + 1)
    limit, step = Fraction(alpha), 2.0**-52
    for _ in range(53):
        p = guess * (1.0 - step)
        if tail(count, n, Fraction(p)) <= limit:
            return p
        step *= 2.0
    return 0.0


def more_often(first: int, second: int) -> Fraction:
    """An upper bound on the p-value of the two-sided test that two labels are equally likely.

    first, second: how often each was seen, the first at least as often.  Cohen et al. 2019,
    section 3.2.1.
    """
    return min(2 * tail(first, first + second, Fraction(1, 2)), Fraction(1))


_Float = tuple[int, int]
"""mantissa * 2^exponent."""


def _rounded(above: int, below: int) -> _Float:
    """A quotient of positive integers, rounded up to a mantissa of `WIDTH` bits."""
    shift = WIDTH - (above.bit_length() - below.bit_length())
    if shift >= 0:
        return -(-(above << shift) // below), -shift
    return -(-above // (below << -shift)), -shift


def _times(a: _Float, b: _Float) -> _Float:
    mantissa, exponent = _rounded(a[0] * b[0], 1)
    return mantissa, exponent + a[1] + b[1]


def _choices(n: int, count: int) -> _Float:
    """How many subsets of `count` there are of n things."""
    if count < 4096:
        return _rounded(math.comb(n, count), 1)
    found = (1, 0)  # numbers of n bits would take longer than the samples
    for i in range(1, count + 1):
        mantissa, exponent = _rounded(found[0] * (n - count + i), i)
        found = mantissa, exponent + found[1]
    return found


def _power(base: Fraction, exponent: int) -> _Float:
    """A power of a number in (0, 1], rounded up."""
    square = _rounded(base.numerator, base.denominator)
    result = (1, 0)
    while exponent:
        if exponent & 1:
            result = _times(result, square)
        square, exponent = _times(square, square), exponent >> 1
    return result
