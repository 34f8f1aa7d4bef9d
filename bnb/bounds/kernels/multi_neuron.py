"""Multi-neuron relaxations: the exact constants of small groups of units."""

from __future__ import annotations

import numpy as np

from ....compiler.base.arrays import Indices, Mask, Matrix, Phases, Vector
from ....compiler.base.kernel import kernel


@kernel(interpretable=False)
def group_minimum(
    members: Indices,
    share: Vector,
    slope: Vector,
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
    place: Indices,
) -> tuple[float, float, float]:
    """(least, size, extra): least sum of share_k (slope_k z_k - max(z_k, 0)) over a node.

    members: few units of one stage; share >= 0. Since -max(z, 0) = min(0, -z) the minimum is

        min over subsets S of  min over the node of  sum share_k (slope_k - [k in S]) z_k

    the least of 2^m linear ones, walked through in Gray code; each is bounded backwards as in
    `row_bound`. `size` is what rounding errors are proportional to, `extra` comes on top of them.
    place (D + U,) holds -1 on entry and on return.
    """
    inputs = box_lower.shape[0]
    # the units and inputs that matter, as short lists: xs ascending by discovery, us descending
    us = np.empty(lower.shape[0], dtype=np.int64)
    xs = np.empty(inputs, dtype=np.int64)
    many_u = 0
    many_x = 0
    top = 0
    for i in range(members.shape[0]):
        top = max(top, members[i])
    for i in range(members.shape[0]):
        for e in range(u_start[members[i]], u_start[members[i] + 1]):
            place[inputs + u_index[e]] = 0
        for e in range(x_start[members[i]], x_start[members[i] + 1]):
            if place[x_index[e]] < 0:
                place[x_index[e]] = many_x
                xs[many_x] = x_index[e]
                many_x += 1
    for j in range(top - 1, -1, -1):
        if place[inputs + j] < 0:
            continue
        if phase[j] < 0 or (phase[j] == 0 and upper[j] <= 0.0):
            place[inputs + j] = -1
            continue
        place[inputs + j] = many_u
        us[many_u] = j
        many_u += 1
        for e in range(u_start[j], u_start[j + 1]):
            if place[inputs + u_index[e]] < 0:
                place[inputs + u_index[e]] = 0
        for e in range(x_start[j], x_start[j + 1]):
            if place[x_index[e]] < 0:
                place[x_index[e]] = many_x
                xs[many_x] = x_index[e]
                many_x += 1
    count = members.shape[0]
    wx = np.zeros((count, many_x))
    wu = np.zeros((count, many_u))
    for i in range(count):
        for e in range(x_start[members[i]], x_start[members[i] + 1]):
            wx[i, place[x_index[e]]] = x_value[e]
        for e in range(u_start[members[i]], u_start[members[i] + 1]):
            if place[inputs + u_index[e]] >= 0:
                wu[i, place[inputs + u_index[e]]] = u_value[e]
    row_x = np.zeros(many_x)
    row_u = np.zeros(many_u)
    level = 0.0
    size = 0.0
    extra = 0.0
    for i in range(count):
        k = members[i]
        factor = share[k] * slope[k]
        level += factor * bias[k]
        size += share[k] * magnitude[k]
        extra += share[k] * radius[k]
        for j in range(many_x):
            row_x[j] += factor * wx[i, j]
        for j in range(many_u):
            row_u[j] += factor * wu[i, j]
    up = 1.0 + 4.0 * 2.0**-53
    taken = np.zeros(count, dtype=np.bool_)
    lam_x = np.zeros(many_x)
    lam_u = np.zeros(many_u)
    low_x = box_lower[xs[:many_x]]
    high_x = box_upper[xs[:many_x]]
    best = np.inf
    most_size = 0.0
    most_extra = 0.0
    for pattern in range(1 << count):
        if pattern > 0:
            bit = 0
            rest = pattern
            while rest & 1 == 0:
                rest >>= 1
                bit += 1
            k = members[bit]
            factor = share[k] if taken[bit] else -share[k]
            taken[bit] = not taken[bit]
            level += factor * bias[k]
            for j in range(many_x):
                row_x[j] += factor * wx[bit, j]
            for j in range(many_u):
                row_u[j] += factor * wu[bit, j]
        value = level
        own_size = 0.0
        own_extra = 0.0
        lam_x[:] = row_x
        lam_u[:] = row_u
        for i in range(many_u):
            lam = lam_u[i]
            if lam == 0.0:
                continue
            j = us[i]
            low = lower[j]
            high = upper[j]
            if phase[j] > 0 or low >= 0.0:
                m = lam
            elif lam >= 0.0:
                m = lam if high > -low else 0.0
            else:
                m = lam * min(high / (high - low) * up, 1.0)
                value -= m * low
            if m != 0.0:
                value += m * bias[j]
                own_size += abs(m) * magnitude[j]
                own_extra += abs(m) * radius[j]
                for e in range(x_start[j], x_start[j + 1]):
                    lam_x[place[x_index[e]]] += m * x_value[e]
                for e in range(u_start[j], u_start[j + 1]):
                    spot = place[inputs + u_index[e]]
                    if spot >= 0:
                        lam_u[spot] += m * u_value[e]
        total = 0.0
        for j in range(many_x):
            total += min(lam_x[j] * low_x[j], lam_x[j] * high_x[j])
        best = min(best, value + total)
        most_size = max(most_size, own_size)
        most_extra = max(most_extra, own_extra)
    for i in range(many_x):
        place[xs[i]] = -1
    for i in range(many_u):
        place[inputs + us[i]] = -1
    return best, 4.0 * size + 2.0 * most_size, extra + most_extra


@kernel(interpretable=False)
def group_gains(
    groups: Indices,
    wanted: Mask,
    origin: Indices,
    phase: Phases,
    lower: Matrix,
    upper: Matrix,
    share: Matrix,
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
    gain: Matrix,
) -> None:
    """How much each group's own intercept is better than its triangles', into gain (B, G):

        gain = least sum of share_k (s_k z_k - max(z_k, 0)) - sum of share_k s_k l_k

    with s = u / (u - l) and the least value over the node, see `group_minimum`.

    groups (R, G, m) of units by root node, -1 where fewer; wanted (B, G); phase, lower, upper,
    share (B, U). The gain is rounded down and at least 0. factor: the error of a sum of D + U
    products.
    """
    up = 1.0 + 4.0 * 2.0**-53
    slope = np.zeros(lower.shape[1])
    place = np.full(box_lower.shape[0] + lower.shape[1], -1, dtype=np.int64)
    members = np.empty(groups.shape[2], dtype=np.int64)
    for b in range(origin.shape[0]):
        for g in range(groups.shape[1]):
            if not wanted[b, g]:
                continue
            count = 0
            single = 0.0
            for i in range(groups.shape[2]):
                k = groups[origin[b], g, i]
                if k < 0 or phase[b, k] != 0 or share[b, k] <= 0.0:
                    continue
                if lower[b, k] >= 0.0 or upper[b, k] <= 0.0:
                    continue
                members[count] = k
                count += 1
                slope[k] = min(upper[b, k] / (upper[b, k] - lower[b, k]) * up, 1.0)
                single += share[b, k] * slope[k] * lower[b, k]
            gain[b, g] = 0.0
            if count < 2:
                continue
            least, size, extra = group_minimum(
                members[:count], share[b], slope, lower[b], upper[b], phase[b],
                box_lower, box_upper, x_start, x_index, x_value, u_start, u_index, u_value,
                bias, radius, magnitude, input_magnitude, place,
            )  # fmt: skip
            # a pattern is a walk of at most 2^m additions before its own pass
            error = factor + ((1 << count) + 64) * 2.0**-52
            value = least - single - (error * size + extra) * (1.0 + 1e-9) - 1e-290
            if value > 0.0:
                gain[b, g] = value


@kernel
def add_gains(
    lam: Matrix,
    origin: Indices,
    phase: Phases,
    lower: Matrix,
    upper: Matrix,
    groups: Indices,
    share: Matrix,
    gain: Matrix,
    out: Vector,
) -> None:
    """Adds kappa * gain of every group to `out` (Q,), one query a node; lam, share (Q, U).

    Where kappa >= 0 and lam_k + kappa share_k <= 0 for all units of a group,

        sum lam_k max(z_k, 0) >= sum lam_k s_k (z_k - l_k) + kappa gain

    so kappa = min -lam_k / share_k over the group is best.
    """
    for q in range(lam.shape[0]):
        c = origin[q]
        size = abs(out[q])
        for g in range(groups.shape[1]):
            if gain[q, g] <= 0.0:
                continue
            kappa = np.inf
            for i in range(groups.shape[2]):
                k = groups[c, g, i]
                if k < 0 or phase[q, k] != 0 or share[q, k] <= 0.0:
                    continue
                if lower[q, k] >= 0.0 or upper[q, k] <= 0.0:
                    continue
                kappa = min(kappa, max(-lam[q, k], 0.0) / share[q, k])
            if np.isfinite(kappa):
                part = kappa * (1.0 - 2.0**-50) * gain[q, g]
                out[q] += part
                size += part
        out[q] -= size * groups.shape[1] * 2.0**-51
