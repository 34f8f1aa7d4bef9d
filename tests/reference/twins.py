"""Plain twins of the compiled loops: the same formulas, slow and obvious."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Signs = npt.NDArray[np.int8]


def plain_slopes(lower: Array, upper: Array, owner: Whole) -> Array:
    return np.where(upper[owner] > -lower[owner], 1.0, 0.0)


def relax(
    lam: Array,
    lower: Array,
    upper: Array,
    split: Signs,
    alpha: Array,
    beta: Array | None,
) -> tuple[Array, Array]:
    """(mu, intercepts), both (Q, N); all arguments one row a query, beta None where there is none.

    a >= alpha z for lam >= 0, a <= s (z - l) for lam < 0, a = z or a = 0 where the phase is known.
    """
    unstable = (lower < 0) & (upper > 0)
    width = np.where(unstable, upper - lower, 1.0)
    slope = np.where(unstable, upper, 0.0) / width
    mu = np.where(lam >= 0, lam * alpha, lam * slope)
    intercept = np.where(unstable & (lam < 0), -lam * slope * lower, 0.0)
    mu = np.where(upper <= 0, 0.0, mu)
    mu = np.where(lower >= 0, lam, mu)
    if beta is not None:
        mu = np.where(split > 0, lam - beta, mu)
        mu = np.where(split < 0, beta, mu)
        intercept = np.where(split != 0, 0.0, intercept)
    return mu, intercept


def accounting(
    mu: Array, bias: Array, magnitude: Array, radius: Array
) -> tuple[Array, Array, Array]:
    """What coefficients mu add to the constant, the scale of rounding, and the doubt."""
    return mu @ bias, np.abs(mu) @ magnitude, np.abs(mu) @ radius


def least_over_box(lam: Array, lower: Array, upper: Array) -> tuple[Array, Array]:
    """(least lam x, the minimiser); one box a query."""
    vertex = np.where(lam >= 0, lower, upper)
    return (lam * vertex).sum(axis=1), vertex


def relaxed_forward(
    pre: Array, lam: Array, lower: Array, upper: Array, split: Signs, alpha: Array
) -> tuple[Array, Array, Array]:
    """(post, gradient by alpha, gradient by beta) at the minimiser of the relaxation."""
    unstable = (lower < 0) & (upper > 0) & (split == 0)
    width = np.where(unstable, upper - lower, 1.0)
    post = np.where(lower >= 0, pre, 0.0)
    post = np.where(unstable & (lam >= 0), alpha * pre, post)
    post = np.where(unstable & (lam < 0), upper / width * (pre - lower), post)
    post = np.where(split > 0, pre, np.where(split < 0, 0.0, post))
    by_alpha = np.where(unstable & (lam >= 0), lam * pre, 0.0)
    return post, by_alpha, -split * pre


def ascend(
    value: Array, grad: Array, first: Array, second: Array, rate: Array, step: int, ceiling: float
) -> tuple[Array, Array, Array]:
    """(value, first moment, second moment) after one step of Adam, clipped to [0, ceiling].

    The values are rounded to float32.
    """
    first = 0.9 * first + 0.1 * grad
    second = 0.999 * second + 0.001 * grad**2
    mean, spread = first / (1 - 0.9**step), np.sqrt(second / (1 - 0.999**step))
    moved = np.clip(value + rate * mean / (spread + 1e-12), 0.0, ceiling)
    moved = moved.astype(np.float32).astype(np.float64)
    return np.where(first == 0, value, moved), first, second


def margin_at_radius(
    lam: Array, base: float, center: Array, down: Array, up: Array, eps: float
) -> float:
    """base + least lam x over the ball of radius eps inside the domain."""
    room = np.minimum(np.where(lam > 0, down, up), eps)
    return float(base + lam @ center - np.abs(lam) @ room)


def least_radius(
    lam: Array, base: float, center: Array, down: Array, up: Array, limit: float
) -> float:
    """Where `margin_at_radius` falls to 0, at most `limit`: it is linear between the rooms."""
    rooms = [float(room) for room in (*down, *up) if room < limit]
    edges = sorted({0.0, limit, *rooms})
    for left, right in zip(edges, edges[1:], strict=False):
        before: float = margin_at_radius(lam, base, center, down, up, left)
        after: float = margin_at_radius(lam, base, center, down, up, right)
        if before <= 0:
            return left
        if after <= 0:
            return left + (right - left) * before / (before - after)
    return limit if margin_at_radius(lam, base, center, down, up, 0.0) > 0 else 0.0


def patches(
    values: Array,
    kernel: tuple[int, int],
    out: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
) -> Array:
    """(B, C, kh, kw, oh, ow) of values (B, C, H, W); 0 where padded."""
    batch, channels, height, width = values.shape
    found = np.zeros((batch, channels, *kernel, *out))
    for i, j, y, x in np.ndindex(*kernel, *out):
        row = y * stride[0] + i * dilation[0] - padding[0]
        column = x * stride[1] + j * dilation[1] - padding[1]
        if 0 <= row < height and 0 <= column < width:
            found[:, :, i, j, y, x] = values[:, :, row, column]
    return found


def unit_bound(
    unit: int,
    sign: float,
    lower: Array,
    upper: Array,
    phase: Signs,
    box: tuple[Array, Array],
    inputs: Array,
    earlier: Array,
    bias: Array,
) -> float:
    """Least sign * pre-activation of a unit with the plain slopes, without any rounding.

    pre = inputs @ x + earlier @ post + bias, units in order; inputs (U, D), earlier (U, U).
    """
    on_input, on_units, constant = sign * inputs[unit], sign * earlier[unit], sign * bias[unit]
    for j in range(unit - 1, -1, -1):
        value = on_units[j]
        if phase[j] > 0 or (phase[j] == 0 and lower[j] >= 0):
            slope, intercept = 1.0, 0.0
        elif phase[j] < 0 or upper[j] <= 0:
            slope, intercept = 0.0, 0.0
        elif value >= 0:
            slope, intercept = float(upper[j] > -lower[j]), 0.0
        else:
            slope = upper[j] / (upper[j] - lower[j])
            intercept = -slope * lower[j]
        constant += value * (slope * bias[j] + intercept)
        on_input = on_input + value * slope * inputs[j]
        on_units = on_units + value * slope * earlier[j]
        on_units[j] = 0.0
    return float(constant + (on_input * np.where(on_input >= 0, *box)).sum())
