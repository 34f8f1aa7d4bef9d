"""Numbers without rounding: Python integers of any length, each array over one power of two.

Products of matrices are left to BLAS, without rounding: integers are sliced into digits of 22 bits,
of which float64 sums up 512 products exactly, in any order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from operator import truediv

import numpy as np

from ..arithmetic import Array, require

FINE = 48  # bits after the point of what is rounded to whole numbers; more where these are small
MOST_MORE = 200  # bits; beyond them small numbers would cost without end
BITS = 22  # of a digit
_divided = np.frompyfunc(truediv, 2, 1)
root = np.frompyfunc(math.isqrt, 1, 1)


@dataclass(slots=True)
class Whole:
    """values / 2**power; values: an array of Python integers."""

    values: Array
    power: int
    known: list[Array] | None = None  # `digits`

    def over(self, power: int) -> Array:
        """The same numbers' values over a power that is no smaller."""
        if power == self.power:
            return self.values
        return np.asarray(self.values * 2 ** (power - self.power))

    def __add__(self, other: Whole) -> Whole:
        power = max(self.power, other.power)
        return Whole(self.over(power) + other.over(power), power)

    def __sub__(self, other: Whole) -> Whole:
        return self + Whole(-other.values, other.power)

    def __mul__(self, other: Whole) -> Whole:
        return Whole(self.values * other.values, self.power + other.power)

    def digits(self) -> list[Array]:
        """Floats with values = sum of digits[k] * 2**(BITS k), each below 2**BITS."""
        if self.known is None:
            self.known, rest = [], self.values
            if np.abs(rest).max(initial=0) < 2**62:  # the same, and faster
                rest = rest.astype(np.int64)
            while np.abs(rest).max(initial=0) >= 2**BITS:
                self.known.append((rest & (2**BITS - 1)).astype(np.float64))
                rest = rest >> BITS
            self.known.append(rest.astype(np.float64))
        return self.known

    def __matmul__(self, other: Whole) -> Whole:
        """The product of two matrices."""
        mine, theirs = self.digits(), other.digits()
        size = 2 ** (53 - 2 * BITS) // min(len(mine), len(theirs))
        total: Array = np.zeros((len(self.values), other.values.shape[1]), dtype=object)
        for start in range(0, len(other.values), size):
            block, levels = slice(start, start + size), dict[int, Array]()
            for i, left in enumerate(mine):
                for j, right in enumerate(theirs):
                    levels[i + j] = levels.get(i + j, 0.0) + left[:, block] @ right[block]
            for k, level in levels.items():
                total = total + level.astype(np.int64).astype(object) * 2 ** (BITS * k)
        return Whole(total, self.power + other.power)

    def sums(self) -> Whole:
        """Along the last axis."""
        return Whole(np.asarray(self.values.sum(axis=-1)), self.power)

    def positive(self) -> Whole:
        return Whole(np.maximum(self.values, 0), self.power)

    def negative(self) -> Whole:
        return Whole(np.minimum(self.values, 0), self.power)

    def nearest(self) -> Array:
        """As floats, each off by at most UNIT of itself."""
        try:
            return np.asarray(np.ldexp(self.values.astype(np.float64), -self.power))
        except OverflowError:  # where the quotient is a float, though the whole number is none
            return np.asarray(_divided(self.values, 2**self.power), dtype=np.float64)

    def below(self) -> Array:
        """Floats that are no greater."""
        return np.nextafter(self.nearest(), -np.inf)


def _floor(value: float, power: int) -> int:
    above, below = value.as_integer_ratio()
    return (above << power) // below


_floors = np.frompyfunc(_floor, 2, 1)
_whole = np.frompyfunc(int, 1, 1)


def floor(array: Array, power: int | Array) -> Whole:
    """No greater than the array, by less than 2**-power."""
    given = np.asarray(array, dtype=np.float64)
    found = np.floor(np.ldexp(given, power))
    require(np.all(np.isfinite(given)), "a number that is not finite")
    if np.all(np.abs(found) < 2.0**62):
        return Whole(found.astype(np.int64).astype(object), int(power))
    values = _whole(found) if np.all(np.isfinite(found)) else _floors(given, power)
    return Whole(np.asarray(values, dtype=object).reshape(given.shape), int(power))


def ceil(array: Array, power: int) -> Whole:
    """No less than the array."""
    found = floor(-array, power)
    return Whole(-found.values, power)


def exactly(array: Array) -> Whole:
    return floor(array, power_of(array))


def power_of(array: Array) -> int:
    """A power for which array * 2**power are whole numbers."""
    exponents = np.frexp(array[array != 0.0])[1]
    least = int(exponents.min(initial=0))
    short = np.ldexp(array, 24 - least)  # as float32 numbers are
    return max(0, (24 if np.array_equal(short, np.floor(short)) else 53) - least)


def fine(*arrays: Array) -> int:
    """Bits after the point that leave FINE or so to the smallest of some numbers."""
    least = min(int(np.frexp(array[array != 0.0])[1].min(initial=0)) for array in arrays)
    return FINE + min(MOST_MORE, max(0, -least))
