"""Bounds of single units by rows with few coefficients, below a split and at the root."""

from __future__ import annotations

import numpy as np

from ....compiler.base.arrays import Indices, Matrix, Phases, Vector
from ....compiler.base.kernel import kernel


@kernel(interpretable=False)
def row_bound(
    unit: int,
    sign: float,
    first: int,
    lower: Vector,
    upper: Vector,
    phase: Phases,
    box_lower: Vector,
    box_upper: Vector,
    x_start: Indices,
    x_index: Indices,
    x_value: Vector,
    u_start: Indices,
    u_index: Indices,
    u_value: Vector,
    bias: Vector,
    radius: Vector,
    magnitude: Vector,
    input_magnitude: Vector,
    factor: float,
    lam_x: Vector,
    lam_u: Vector,
) -> float:
    """Rigorous lower bound of sign * pre-activation of one unit at one node, by sparse rows:

        sign z >= lam_x @ x + total >= min over the box of lam_x @ x + total

    with the units before it replaced one by one, the last first, by the rules of `crown.relax`.

    `first` is the first unit of the unit's own stage; the rows of unit j are
    x_value[x_start[j]:...] over the input and u_value[u_start[j]:...] over earlier units. lam_x
    (D,), lam_u (U,) are zero on entry and on return. The slopes are the plain heuristic's
    (Zhang et al. 2018); the rounding is that of `relax`.
    """
    up = 1.0 + 4.0 * 2.0**-53
    for e in range(x_start[unit], x_start[unit + 1]):
        lam_x[x_index[e]] = sign * x_value[e]
    for e in range(u_start[unit], u_start[unit + 1]):
        lam_u[u_index[e]] = sign * u_value[e]
    total = sign * bias[unit]
    size = magnitude[unit]
    extra = radius[unit]
    for j in range(first - 1, -1, -1):
        value = lam_u[j]
        if value == 0.0:
            continue
        lam_u[j] = 0.0
        low = lower[j]
        high = upper[j]
        if phase[j] > 0 or low >= 0.0:
            m = value
        elif phase[j] < 0 or high <= 0.0:
            m = 0.0
        elif value >= 0.0:
            m = value if high > -low else 0.0
        else:
            m = value * min(high / (high - low) * up, 1.0)
            total -= m * low
        if m != 0.0:
            total += m * bias[j]
            size += abs(m) * magnitude[j]
            extra += abs(m) * radius[j]
            for e in range(x_start[j], x_start[j + 1]):
                lam_x[x_index[e]] += m * x_value[e]
            for e in range(u_start[j], u_start[j + 1]):
                lam_u[u_index[e]] += m * u_value[e]
    for i in range(lam_x.shape[0]):
        value = lam_x[i]
        lam_x[i] = 0.0
        total += value * (box_lower[i] if value >= 0.0 else box_upper[i])
        size += abs(value) * input_magnitude[i]
    bound: float = total - (factor * size + extra) * (1.0 + 1e-9) - 1e-290
    return bound


@kernel(interpretable=False)
def bound_below_splits(
    lower: Matrix,
    upper: Matrix,
    phase: Phases,
    split: Indices,
    firsts: Indices,
    box_lower: Vector,
    box_upper: Vector,
    x_start: Indices,
    x_index: Indices,
    x_value: Vector,
    u_start: Indices,
    u_index: Indices,
    u_value: Vector,
    bias: Vector,
    radius: Vector,
    magnitude: Vector,
    input_magnitude: Vector,
    factor: float,
) -> None:
    """Tightens lower, upper (B, U) in place below each node's last split unit, split (B,).

    firsts (U,): the first unit of each unit's stage. A unit is bounded again when it is free and
    some unit it depends on was split or depends on the split itself. A node whose bounds cross is
    left.
    """
    count = lower.shape[1]
    lam_x = np.zeros(box_lower.shape[0])
    lam_u = np.zeros(count)
    touched = np.zeros(count, dtype=np.bool_)
    for b in range(lower.shape[0]):
        touched[:] = False
        touched[split[b]] = True
        for u in range(split[b] + 1, count):
            hit = False
            for e in range(u_start[u], u_start[u + 1]):
                if touched[u_index[e]]:
                    hit = True
                    break
            if not hit:
                continue
            touched[u] = True
            if phase[b, u] != 0 or lower[b, u] >= 0.0 or upper[b, u] <= 0.0:
                continue
            low = row_bound(
                u, 1.0, firsts[u], lower[b], upper[b], phase[b], box_lower, box_upper,
                x_start, x_index, x_value, u_start, u_index, u_value,
                bias, radius, magnitude, input_magnitude, factor, lam_x, lam_u,
            )  # fmt: skip
            if low > lower[b, u]:
                lower[b, u] = low
            if low >= 0.0:
                continue
            high = -row_bound(
                u, -1.0, firsts[u], lower[b], upper[b], phase[b], box_lower, box_upper,
                x_start, x_index, x_value, u_start, u_index, u_value,
                bias, radius, magnitude, input_magnitude, factor, lam_x, lam_u,
            )  # fmt: skip
            if high < upper[b, u]:
                upper[b, u] = high
            if lower[b, u] > upper[b, u]:
                break


@kernel(interpretable=False)
def bound_units(
    before: int,
    first: int,
    count: int,
    lower: Vector,
    upper: Vector,
    box_lower: Vector,
    box_upper: Vector,
    x_start: Indices,
    x_index: Indices,
    x_value: Vector,
    u_start: Indices,
    u_index: Indices,
    u_value: Vector,
    bias: Vector,
    radius: Vector,
    magnitude: Vector,
    input_magnitude: Vector,
    factor: float,
) -> tuple[Vector, Vector]:
    """(lower, upper) of the `count` units whose rows start at `first`; they read those before
    row `before` alone.
    """
    lam_x = np.zeros(box_lower.shape[0])
    lam_u = np.zeros(before)
    phase = np.zeros(before, dtype=np.int8)
    found_lower = np.empty(count)
    found_upper = np.empty(count)
    for k in range(count):
        for side in range(2):
            sign = 1.0 - 2.0 * side
            value = row_bound(
                first + k, sign, before, lower, upper, phase, box_lower, box_upper,
                x_start, x_index, x_value, u_start, u_index, u_value,
                bias, radius, magnitude, input_magnitude, factor, lam_x, lam_u,
            )  # fmt: skip
            if side == 0:
                found_lower[k] = value
            else:
                found_upper[k] = -value
    return found_lower, found_upper
