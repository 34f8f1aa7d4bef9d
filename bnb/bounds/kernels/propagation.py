"""Feasibility-based bound tightening: rows cut the boxes of what stands in them."""

from __future__ import annotations

import numpy as np

from ....compiler.base.arrays import Indices, Mask, Matrix, Vector
from ....compiler.base.kernel import kernel


@kernel(interpretable=False)
def propagate_row(
    row: int,
    sign: float,
    most: float,
    lower: Vector,
    upper: Vector,
    low: Vector,
    high: Vector,
    x_start: Indices,
    x_index: Indices,
    x_value: Vector,
    u_start: Indices,
    u_index: Indices,
    u_value: Vector,
    level: float,
    error: float,
) -> int:
    """Cuts inputs [low, high] and units' bounds in place by sign * (row + level) <= most.

    Every term is at most `most` less the least that the others can be,

        w_j y_j <= min w_j y_j + (most + error - sum_k min w_k y_k)

    (sources in `tighten/fbbt.py`); `error` bounds all rounding of that sum. Units enter by their
    post-activations. Returns 2 when the row cannot hold, 1 when something became clearly tighter,
    else 0.
    """
    total = sign * level
    for e in range(x_start[row], x_start[row + 1]):
        w = sign * x_value[e]
        j = x_index[e]
        total += w * (low[j] if w >= 0.0 else high[j])
    for e in range(u_start[row], u_start[row + 1]):
        w = sign * u_value[e]
        j = u_index[e]
        total += w * max(lower[j] if w >= 0.0 else upper[j], 0.0)
    room = most - total + error
    if room < 0.0:
        return 2
    if not np.isfinite(room):
        return 0
    changed = 0
    for e in range(x_start[row], x_start[row + 1]):
        w = sign * x_value[e]
        j = x_index[e]
        if w == 0.0:
            continue
        step = room / abs(w) * (1.0 + 1e-12)
        if step >= high[j] - low[j]:
            continue
        slack = 4e-16 * max(abs(low[j]), abs(high[j])) + 1e-300
        if high[j] - low[j] - step > 0.05 * (high[j] - low[j]) + slack:
            changed = 1
        if w > 0.0:
            high[j] = min(high[j], low[j] + step + slack)
        else:
            low[j] = max(low[j], high[j] - step - slack)
    for e in range(u_start[row], u_start[row + 1]):
        w = sign * u_value[e]
        j = u_index[e]
        if w == 0.0:
            continue
        step = room / abs(w) * (1.0 + 1e-12)
        least = max(lower[j], 0.0)
        largest = max(upper[j], 0.0)
        if step >= largest - least:
            continue
        slack = 4e-16 * largest + 1e-300
        if w > 0.0:
            # post <= least + step, so pre is too
            reached = least + step + slack
            if reached < upper[j]:
                if upper[j] - reached > 0.05 * (upper[j] - lower[j]):
                    changed = 1
                upper[j] = reached
        else:
            reached = largest - step - slack
            if reached > 0.0 and reached > lower[j]:
                if reached - lower[j] > 0.05 * (upper[j] - lower[j]):
                    changed = 1
                lower[j] = reached
    return changed


@kernel(interpretable=False)
def propagate_nodes(
    asked: Mask,
    above: Vector,
    lower: Matrix,
    upper: Matrix,
    low: Matrix,
    high: Matrix,
    x_start: Indices,
    x_index: Indices,
    x_value: Vector,
    u_start: Indices,
    u_index: Indices,
    u_value: Vector,
    bias: Vector,
    radius: Vector,
    magnitude: Vector,
    factor: float,
    sweeps: int,
) -> None:
    """Feasibility-based tightening of nodes, in place; a node that holds no solution is crossed.

    Rows of the U units first, then of the A atoms: units lie between their bounds, and each atom
    asked for (B, A) is at most `above` (A,). low, high (B, D); lower, upper (B, U).
    """
    count = lower.shape[1]
    for b in range(lower.shape[0]):
        for _ in range(sweeps):
            changed = 0
            for row in range(bias.shape[0] - 1, -1, -1):
                error = factor * magnitude[row] + radius[row]
                for side in range(2):
                    if row >= count:
                        if side == 1 or not asked[b, row - count]:
                            continue
                        most = above[row - count]
                    else:
                        most = upper[b, row] if side == 0 else -lower[b, row]
                    found = propagate_row(
                        row, 1.0 - 2.0 * side, most, lower[b], upper[b], low[b], high[b],
                        x_start, x_index, x_value, u_start, u_index, u_value, bias[row], error,
                    )  # fmt: skip
                    changed = max(changed, found)
                    if found == 2:
                        break
                if changed == 2:
                    break
            if changed == 2:
                low[b, 0] = 1.0
                high[b, 0] = 0.0
            if changed != 1:
                break
