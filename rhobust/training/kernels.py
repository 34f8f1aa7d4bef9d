"""A ReLU of intervals and its gradient, in one pass over the memory each.

Intervals are a middle and half a width; a NaN stays one.
"""

from __future__ import annotations

from typing import Any

from numba import njit


@njit(cache=True, nogil=True)
def relu(middle: Any, half: Any, out_middle: Any, out_half: Any) -> None:
    """All (N,), of one float type."""
    zero, share = middle.dtype.type(0.0), middle.dtype.type(0.5)
    for i in range(middle.size):
        low, high = middle[i] - half[i], middle[i] + half[i]
        low = zero if low <= zero else low
        high = zero if high <= zero else high
        out_middle[i] = share * (low + high)
        out_half[i] = share * (high - low)


@njit(cache=True, nogil=True)
def relu_gradient(
    middle: Any, half: Any, by_middle: Any, by_half: Any, out_middle: Any, out_half: Any
) -> None:
    """All (N,): from gradients by the results to those by middle and half."""
    zero, share = middle.dtype.type(0.0), middle.dtype.type(0.5)
    for i in range(middle.size):
        low = share * (by_middle[i] - by_half[i])
        high = share * (by_middle[i] + by_half[i])
        low = zero if middle[i] - half[i] <= zero else low
        high = zero if middle[i] + half[i] <= zero else high
        out_middle[i] = low + high
        out_half[i] = high - low
