"""Compiled loops of the bounds. All arrays float64 and C-contiguous unless said; Q queries, B
nodes.

`owner` (Q,) names the node of each query. split (B, N) int8: +1 held active, -1 held inactive, 0
free.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ...compiler.base.arrays import Indices, Mask, Matrix, Phases, Vector


@njit(cache=True, nogil=True)
def plain_slopes(lower: Matrix, upper: Matrix, owner: Indices, alpha: Matrix) -> None:
    """The usual slope heuristic (Zhang et al. 2018): alpha (Q, N) is 1 where u > -l, else 0."""
    for q in range(owner.shape[0]):
        b = owner[q]
        for k in range(alpha.shape[1]):
            alpha[q, k] = 1.0 if upper[b, k] > -lower[b, k] else 0.0


@njit(cache=True, nogil=True)
def relax(
    lam: Matrix,
    lower: Matrix,
    upper: Matrix,
    split: Phases,
    owner: Indices,
    alpha: Matrix,
    beta: Matrix,
    bias: Vector,
    reach: Vector,
    bias_radius: Vector,
    mu: Matrix,
    constant: Vector,
    size: Vector,
    extra: Vector,
) -> None:
    """From coefficients on post-activations to coefficients `mu` on pre-activations, both (Q, N).

    Each unit's rule is an inequality in its pre-activation z, of which l <= z <= u is known:

        lam max(z, 0) >= lam alpha z               lam >= 0, alpha in [0, 1]     Xu et al. 2021
        lam max(z, 0) >= lam u (z - l) / (u - l)   lam < 0, the chord            Zhang et al. 2018
        lam max(z, 0) >= (lam - beta) z            split to z >= 0, beta >= 0    Wang et al. 2021
        lam max(z, 0) >= beta z                    split to z <= 0, beta >= 0    the same

    Adds the intercepts and mu * bias to `constant`, |mu| * reach to `size` (what rounding errors
    are proportional to) and |mu| * bias_radius to `extra`. beta with one row of zero columns means
    none.

    Rounding keeps every inequality: fl(lam * alpha) lies in [0, lam]; the upper slope is rounded
    up, which is valid for the chord since lam < 0; fl(lam - beta) <= lam.
    """
    has_beta = beta.shape[1] > 0
    up = 1.0 + 4.0 * 2.0**-53
    for q in range(lam.shape[0]):
        b = owner[q]
        total = 0.0
        weight = 0.0
        doubt = 0.0
        for k in range(lam.shape[1]):
            value = lam[q, k]
            low = lower[b, k]
            high = upper[b, k]
            if split[b, k] != 0 and has_beta:
                if split[b, k] > 0:
                    m = value - beta[q, k]
                else:
                    m = beta[q, k]
            elif low >= 0.0:
                m = value
            elif high <= 0.0:
                m = 0.0
            elif value >= 0.0:
                m = value * alpha[q, k]
            else:
                m = value * min(high / (high - low) * up, 1.0)
                total -= m * low
            mu[q, k] = m
            if m != 0.0:
                total += m * bias[k]
                weight += abs(m) * reach[k]
                doubt += abs(m) * bias_radius[k]
        constant[q] += total
        size[q] += weight
        extra[q] += doubt


@njit(cache=True, nogil=True)
def passthrough(
    mu: Matrix,
    bias: Vector,
    reach: Vector,
    bias_radius: Vector,
    constant: Vector,
    size: Vector,
    extra: Vector,
) -> None:
    """The accounting of `relax` for a stage without ReLU, where mu = lam."""
    for q in range(mu.shape[0]):
        for k in range(mu.shape[1]):
            m = mu[q, k]
            if m != 0.0:
                constant[q] += m * bias[k]
                size[q] += abs(m) * reach[k]
                extra[q] += abs(m) * bias_radius[k]


@njit(cache=True, nogil=True)
def least_over_box(
    lam: Matrix,
    lower: Matrix,
    upper: Matrix,
    owner: Indices,
    reach: Vector,
    constant: Vector,
    size: Vector,
    vertex: Matrix,
) -> None:
    """Adds min of lam * x over each query's box to `constant`; the minimiser goes into vertex (Q,
    D).
    """
    for q in range(lam.shape[0]):
        b = owner[q]
        total = 0.0
        weight = 0.0
        for j in range(lam.shape[1]):
            value = lam[q, j]
            x = lower[b, j] if value >= 0.0 else upper[b, j]
            vertex[q, j] = x
            total += value * x
            weight += abs(value) * reach[j]
        constant[q] += total
        size[q] += weight


@njit(cache=True, nogil=True)
def knapsack_price(value: Vector, room: Vector, budget: float) -> float:
    """The greatest price at which items of sizes `room` fill the budget, bought costliest first.

    value, room (n,), both at least 0 and overwritten. 0 where everything fits. Found by partition
    around pivots, in linear time on average.
    """
    first = 0
    last = value.shape[0]
    left = budget
    while first < last:
        pivot = value[(first + last) // 2]
        # dearer ones to the front, equal ones next, cheaper ones behind
        lo = first
        mid = first
        hi = last
        dear = 0.0
        same = 0.0
        while mid < hi:
            if value[mid] > pivot:
                dear += room[mid]
                value[lo], value[mid] = value[mid], value[lo]
                room[lo], room[mid] = room[mid], room[lo]
                lo += 1
                mid += 1
            elif value[mid] < pivot:
                hi -= 1
                value[hi], value[mid] = value[mid], value[hi]
                room[hi], room[mid] = room[mid], room[hi]
            else:
                same += room[mid]
                mid += 1
        if dear >= left:
            last = lo
            if lo == first:
                return float(pivot)
        elif dear + same >= left:
            return float(pivot)
        else:
            left -= dear + same
            first = hi
    return 0.0


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def least_over_l1_ball(
    lam: Matrix,
    lower: Matrix,
    upper: Matrix,
    owner: Indices,
    inside: Mask,
    center: Vector,
    radius: float,
    reach: Vector,
    constant: Vector,
    size: Vector,
    vertex: Matrix,
) -> None:
    """As `least_over_box`, over the part of each box with sum |x - center| <= radius over `inside`.

    From the point of the box that is nearest to the center, what is left of the radius is spent on
    the costliest inputs first. For every tau >= 0 the minimum is at least the value there
    - tau left - sum room max(|lam| - tau, 0); the best tau is the price at which nothing is left.
    """
    count = lam.shape[1]
    price = np.empty(count)
    room = np.empty(count)
    place = np.empty(count, dtype=np.int64)
    near = np.empty(count)
    down = np.empty(count)
    up = np.empty(count)
    last = -1
    used = 0.0
    share = 0.2
    for q in range(lam.shape[0]):
        b = owner[q]
        if b != last:
            last = b
            used = 0.0
            for j in range(count):
                low, high = lower[b, j], upper[b, j]
                if inside[j]:
                    near[j] = min(max(center[j], low), high)
                    used += abs(near[j] - center[j])
                    down[j] = near[j] - low
                    up[j] = high - near[j]
                else:
                    near[j] = 0.5 * low + 0.5 * high
                    down[j] = 0.0
                    up[j] = 0.0
        left = max(radius - used, 0.0)
        weight = 0.0
        total = 0.0
        largest = 0.0
        for j in range(count):
            value = lam[q, j]
            weight += abs(value) * reach[j]
            total += value * near[j]
            largest = max(largest, abs(value))
            vertex[q, j] = near[j]
        # the costliest decide, about as many as in the row before, or all where they do not fill it
        tau = 0.0
        many = 0
        while True:
            many = 0
            sold = 0.0
            for j in range(count):
                value = lam[q, j]
                if abs(value) > share * largest:
                    step = down[j] if value >= 0.0 else up[j]
                    if step > 0.0:
                        price[many] = abs(value)
                        room[many] = step
                        place[many] = j
                        sold += step
                        many += 1
            if sold >= left or share == 0.0:
                tau = knapsack_price(price[:many], room[:many], left)
                break
            share = 0.0
        if largest > 0.0:
            share = 0.7 * tau / largest
        spent = tau * left
        for k in range(many):
            if price[k] > tau:
                spent += room[k] * (price[k] - tau)
        total -= spent
        # those at the price itself share what the dearer ones leave
        for k in range(many):
            j = place[k]
            if abs(lam[q, j]) > tau:
                vertex[q, j] = lower[b, j] if lam[q, j] >= 0.0 else upper[b, j]
                left -= abs(vertex[q, j] - near[j])
        if tau > 0.0 and left > 0.0:
            for k in range(many):
                j = place[k]
                if abs(lam[q, j]) == tau and left > 0.0:
                    step = min(down[j] if lam[q, j] >= 0.0 else up[j], left)
                    vertex[q, j] += -step if lam[q, j] >= 0.0 else step
                    left -= step
        for j in range(count):
            if not inside[j]:
                vertex[q, j] = lower[b, j] if lam[q, j] >= 0.0 else upper[b, j]
                total += lam[q, j] * (vertex[q, j] - near[j])
        # a box that the ball does not reach holds nothing
        constant[q] += total if used <= radius + 1e-9 * (used + radius) else np.inf
        size[q] += 4.0 * weight + 4.0 * tau * (used + radius)


@njit(cache=True, nogil=True)
def least_over_l2_ball(
    lam: Matrix,
    lower: Matrix,
    upper: Matrix,
    owner: Indices,
    inside: Mask,
    center: Vector,
    radius: float,
    reach: Vector,
    constant: Vector,
    size: Vector,
    vertex: Matrix,
) -> None:
    """As `least_over_box`, over the part of each box with |x - center| <= radius (Euclidean).

    For every tau >= 0 the minimum is at least sum min over [l, u] of (lam x + tau (x - center)^2) -
    tau radius^2; tau is bisected until the minimiser stands on the sphere.
    """
    count = lam.shape[1]
    for q in range(lam.shape[0]):
        b = owner[q]
        low = 0.0
        high = 0.0
        # the box's own minimiser may be in the ball; a tau beyond `high` keeps inside for sure
        far = 0.0
        norm = 0.0
        for j in range(count):
            if inside[j]:
                value = lam[q, j]
                end = lower[b, j] if value >= 0.0 else upper[b, j]
                far += (end - center[j]) ** 2
                norm += value * value
        tau = 0.0
        if far > radius * radius and norm > 0.0:
            high = 0.5 * np.sqrt(norm) / max(radius, 1e-300)
            found = False
            for _ in range(80):
                tau = 0.5 * (low + high) if found else high
                far = 0.0
                for j in range(count):
                    if inside[j]:
                        x = center[j] - lam[q, j] / (2.0 * tau)
                        x = min(max(x, lower[b, j]), upper[b, j])
                        far += (x - center[j]) ** 2
                if far <= radius * radius:
                    high = tau
                    found = True
                else:
                    low = tau
                    # a center outside the box: the price may be higher
                    if not found:
                        high *= 2.0
                if high - low <= 1e-12 * high:
                    break
            tau = high
        total = -tau * radius * radius
        weight = 0.0
        used = 0.0
        for j in range(count):
            value = lam[q, j]
            weight += abs(value) * reach[j]
            if inside[j]:
                used += (min(max(center[j], lower[b, j]), upper[b, j]) - center[j]) ** 2
            x = lower[b, j] if value >= 0.0 else upper[b, j]
            if inside[j] and tau > 0.0:
                x = center[j] - value / (2.0 * tau)
                x = min(max(x, lower[b, j]), upper[b, j])
                total += value * x + tau * (x - center[j]) ** 2
            else:
                total += value * x
            vertex[q, j] = x
        # a box that the ball does not reach holds nothing
        far = used > radius * radius * (1.0 + 1e-9) + 1e-300
        constant[q] += np.inf if far else total
        size[q] += 8.0 * weight + 8.0 * tau * radius * radius


@njit(cache=True, nogil=True)
def relaxed_forward(
    pre: Matrix,
    lam: Matrix,
    lower: Matrix,
    upper: Matrix,
    split: Phases,
    owner: Indices,
    alpha: Matrix,
    beta: Matrix,
    alpha_grad: Matrix,
    beta_grad: Matrix,
    post: Matrix,
) -> None:
    """Post-activations of the relaxation at its minimiser, and the gradients of the bound.

    d bound / d alpha = lam * pre where lam >= 0; d bound / d beta = -pre (active) or +pre
    (inactive).
    """
    for q in range(pre.shape[0]):
        b = owner[q]
        for k in range(pre.shape[1]):
            z = pre[q, k]
            low = lower[b, k]
            high = upper[b, k]
            ga = 0.0
            gb = 0.0
            if split[b, k] > 0:
                r = z
                gb = -z
            elif split[b, k] < 0:
                r = 0.0
                gb = z
            elif low >= 0.0:
                r = z
            elif high <= 0.0:
                r = 0.0
            elif lam[q, k] >= 0.0:
                r = alpha[q, k] * z
                ga = lam[q, k] * z
            else:
                r = high / (high - low) * (z - low)
            alpha_grad[q, k] = ga
            beta_grad[q, k] = gb
            post[q, k] = r


@njit(cache=True, nogil=True)
def adam_step(
    value: Matrix,
    grad: Matrix,
    first: Matrix,
    second: Matrix,
    rate: float,
    step: int,
    ceiling: float,
) -> None:
    """One Adam step upwards on multipliers (Q, N) kept in [0, ceiling] (Kingma and Ba 2015).

    They stay float32 numbers, so that they can be stored as such without another bound.
    """
    one = 1.0 - 0.9**step
    two = 1.0 - 0.999**step
    for q in range(value.shape[0]):
        for k in range(value.shape[1]):
            g = grad[q, k]
            m = 0.9 * first[q, k] + 0.1 * g
            v = 0.999 * second[q, k] + 0.001 * g * g
            first[q, k] = m
            second[q, k] = v
            if m != 0.0:
                moved = value[q, k] + rate * (m / one) / (np.sqrt(v / two) + 1e-12)
                value[q, k] = np.float32(min(max(moved, 0.0), ceiling))


@njit(cache=True, nogil=True)
def least_radius(
    lam: Matrix,
    base: Vector,
    slack: Vector,
    center: Vector,
    down: Vector,
    up: Vector,
    limit: float,
    out: Vector,
) -> None:
    """Smallest eps <= limit with base + lam * center - sum |lam| min(eps, cap) - slack <= 0, per
    query.

    cap is `down` where lam > 0 and `up` where lam < 0 (the room inside the domain). The function of
    eps is convex and falls, so Newton steps from 0 stay on the left of its zero.
    """
    for q in range(lam.shape[0]):
        start = base[q] - slack[q]
        for j in range(lam.shape[1]):
            start += lam[q, j] * center[j]
        eps = 0.0
        for _ in range(200):
            fall = 0.0
            slope = 0.0
            for j in range(lam.shape[1]):
                value = lam[q, j]
                cap = down[j] if value > 0.0 else up[j]
                if cap <= eps:
                    fall += abs(value) * cap
                else:
                    fall += abs(value) * eps
                    slope += abs(value)
            left = start - fall
            if not left > 0.0:
                break
            if slope <= 0.0:
                eps = limit
                break
            following = eps + left / slope
            if following <= eps * (1.0 + 1e-13):
                break
            eps = following
            if eps >= limit:
                eps = limit
                break
        out[q] = eps


@njit(cache=True, nogil=True)
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
    reach: Vector,
    input_reach: Vector,
    factor: float,
    lam_x: Vector,
    lam_u: Vector,
) -> float:
    """Rigorous lower bound of sign * pre-activation of one unit at one node, by sparse rows.

    `first` is the first unit of the unit's own stage; the rows of unit j are
    x_value[x_start[j]:...] over the input and u_value[u_start[j]:...] over earlier units. lam_x
    (D,), lam_u (U,) are zero on entry and on return. The slopes are the plain heuristic's; see
    `relax` for the rounding.
    """
    up = 1.0 + 4.0 * 2.0**-53
    for e in range(x_start[unit], x_start[unit + 1]):
        lam_x[x_index[e]] = sign * x_value[e]
    for e in range(u_start[unit], u_start[unit + 1]):
        lam_u[u_index[e]] = sign * u_value[e]
    total = sign * bias[unit]
    size = reach[unit]
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
            size += abs(m) * reach[j]
            extra += abs(m) * radius[j]
            for e in range(x_start[j], x_start[j + 1]):
                lam_x[x_index[e]] += m * x_value[e]
            for e in range(u_start[j], u_start[j + 1]):
                lam_u[u_index[e]] += m * u_value[e]
    for i in range(lam_x.shape[0]):
        value = lam_x[i]
        lam_x[i] = 0.0
        total += value * (box_lower[i] if value >= 0.0 else box_upper[i])
        size += abs(value) * input_reach[i]
    bound: float = total - (factor * size + extra) * (1.0 + 1e-9) - 1e-290
    return bound


@njit(cache=True, nogil=True)
def refine_nodes(
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
    reach: Vector,
    input_reach: Vector,
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
                bias, radius, reach, input_reach, factor, lam_x, lam_u,
            )  # fmt: skip
            if low > lower[b, u]:
                lower[b, u] = low
            if low >= 0.0:
                continue
            high = -row_bound(
                u, -1.0, firsts[u], lower[b], upper[b], phase[b], box_lower, box_upper,
                x_start, x_index, x_value, u_start, u_index, u_value,
                bias, radius, reach, input_reach, factor, lam_x, lam_u,
            )  # fmt: skip
            if high < upper[b, u]:
                upper[b, u] = high
            if lower[b, u] > upper[b, u]:
                break


@njit(cache=True, nogil=True)
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

    Every term is at most `most` less the least that the others can be; `error` bounds all rounding
    of that sum. Units enter by their post-activations. Returns 2 when the row cannot hold, 1 when
    something became clearly tighter, else 0.
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


@njit(cache=True, nogil=True)
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
    reach: Vector,
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
                error = factor * reach[row] + radius[row]
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


@njit(cache=True, nogil=True)
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
    reach: Vector,
    input_reach: Vector,
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
                bias, radius, reach, input_reach, factor, lam_x, lam_u,
            )  # fmt: skip
            if side == 0:
                found_lower[k] = value
            else:
                found_upper[k] = -value
    return found_lower, found_upper


@njit(cache=True, nogil=True)
def joint_minimum(
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
    reach: Vector,
    input_reach: Vector,
    place: Indices,
) -> tuple[float, float, float]:
    """(least, size, extra): least sum of share_k (slope_k z_k - max(z_k, 0)) over a node.

    members: few units of one stage; share >= 0. Since -max(z, 0) = min(0, -z) the minimum is the
    least of 2^m linear ones, walked through in Gray code; each is bounded backwards as in
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
        size += share[k] * reach[k]
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
                own_size += abs(m) * reach[j]
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


@njit(cache=True, nogil=True)
def joint_gains(
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
    reach: Vector,
    input_reach: Vector,
    factor: float,
    gain: Matrix,
) -> None:
    """How much each group's joint intercept is better than its triangles', into gain (B, G).

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
            least, size, extra = joint_minimum(
                members[:count], share[b], slope, lower[b], upper[b], phase[b],
                box_lower, box_upper, x_start, x_index, x_value, u_start, u_index, u_value,
                bias, radius, reach, input_reach, place,
            )  # fmt: skip
            # a pattern is a walk of at most 2^m additions before its own pass
            error = factor + ((1 << count) + 64) * 2.0**-52
            value = least - single - (error * size + extra) * (1.0 + 1e-9) - 1e-290
            if value > 0.0:
                gain[b, g] = value


@njit(cache=True, nogil=True)
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

    kappa is the largest number for which lam_k + kappa * share_k stays at most 0 in the group.
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
