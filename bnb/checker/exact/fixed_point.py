"""Numbers as int64 multiples of some 2**-fine: sums and products in which nothing rounds unseen.

Matrices are sliced into parts of 23 bits, whose products float64 sums up exactly, in any order:
128 products, for three pairs of slices, of 2**44 stay below 2**53. What lies below the last bit
is cut off towards minus infinity, which costs a known number of bits.
"""

from __future__ import annotations

import numpy as np

from ..arithmetic import Array

BITS = 23
HALF = 2 ** (BITS - 1)
MOST = 2.0**52  # of what is multiplied
LARGEST = 2.0**60  # of what comes out
BLOCK = 128  # terms of an exact sum


def floors(array: Array, fine: int) -> Array:
    """floor(array * 2**fine); numbers that are too large, or none, become MOST, which is refused
    by all that multiplies."""
    scaled = np.floor(np.ldexp(array, fine))
    return np.where(np.abs(scaled) < MOST, scaled, MOST).astype(np.int64)


def multiples(array: Array, fine: int) -> Array:
    """array * 2**fine for multiples of 2**-fine below 2**(62 - fine)."""
    return np.asarray(np.ldexp(array, fine).astype(np.int64))


def ceilings(array: Array, fine: int) -> Array:
    return np.asarray(-floors(-array, fine))


def too_large(whole: Array) -> Array:
    """(R,): whether a row holds a number that may not be multiplied."""
    return np.asarray((np.abs(whole) >= int(MOST)).any(axis=-1))


def slices(whole: Array) -> list[Array]:
    """Floats with whole = sum of part[k] * 2**(23 k), |part| <= 2**22; |whole| < 2**62."""
    parts = []
    while True:
        low = ((whole + HALF) & (2 * HALF - 1)) - HALF
        parts.append(low.astype(np.float64))
        whole = (whole - low) >> BITS
        if not whole.any():
            return parts


def product(left: Array, right: list[Array], fine: int) -> tuple[Array, int]:
    """(values, lost): left @ right - lost <= values <= left @ right, in left's units.

    left (R, n), below MOST; right: slices (n, m), three at most, of multiples of 2**-fine.  The
    caller sees to it that sums of |left| |right| stay below LARGEST.
    """
    values, lost = np.zeros((len(left), right[0].shape[1]), dtype=np.int64), 0
    # what the lowest slices give is left out where it is a few units at most
    unknown = -(-left.shape[1] * HALF**2 // 2**fine)
    small = unknown <= 4
    if small:
        values -= unknown
        lost += 2 * unknown
    for start in range(0, left.shape[1], BLOCK):
        block = slice(start, start + BLOCK)
        levels: dict[int, Array] = {}
        for i, a in enumerate(slices(left[:, block])):
            for j, part in enumerate(right):
                if i + j or not small:
                    found = a @ part[block]
                    levels[i + j] = levels[i + j] + found if i + j in levels else found
        for k, level in levels.items():
            shift = BITS * k - fine
            whole = level.astype(np.int64)
            values += whole << shift if shift >= 0 else whole >> -shift
            lost += shift < 0
    return values, lost


def times(left: Array, right: Array, fine: int) -> Array:
    """At most left * right, and by less than two of left's units; elementwise.

    right: multiples of 2**-fine, 0 <= fine <= 52.  Both are below MOST, and what comes out below
    LARGEST: the caller sees to it.
    """
    half, low = 26, 2**26 - 1
    a, b, c, d = left >> half, left & low, right >> half, right & low
    cross = a * d + b * c
    cross = cross >> (fine - half) if fine >= half else cross << (half - fine)
    return np.asarray((a * c << (2 * half - fine)) + cross + (b * d >> fine))
