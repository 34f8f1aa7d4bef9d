"""The least of rows over boxes and balls, and the radius at which it falls to 0."""

from __future__ import annotations

import numpy as np

from ....compiler.base.arrays import Indices, Mask, Matrix, Vector
from ....compiler.base.kernel import kernel


@kernel
def least_over_box(
    lam: Matrix,
    lower: Matrix,
    upper: Matrix,
    owner: Indices,
    magnitude: Vector,
    constant: Vector,
    size: Vector,
    vertex: Matrix,
) -> None:
    """Adds the least of lam @ x over each query's box to `constant`:

        sum_j min(lam_j lower_j, lam_j upper_j)

    The minimiser goes into vertex (Q, D).
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
            weight += abs(value) * magnitude[j]
        constant[q] += total
        size[q] += weight


@kernel(interpretable=False)
def knapsack_price(value: Vector, room: Vector, budget: float) -> float:
    """The greatest price at which items of sizes `room` fill the budget, bought costliest first
    (the fractional knapsack of Dantzig 1957):

        max {t > 0: sum of room_j over value_j >= t is at least the budget}, else 0

    value, room (n,), both at least 0 and overwritten. Found by partition around pivots, in linear
    time on average.
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


@kernel(interpretable=False, fastmath={"reassoc", "contract"})
def least_over_l1_ball(
    lam: Matrix,
    lower: Matrix,
    upper: Matrix,
    owner: Indices,
    inside: Mask,
    center: Vector,
    radius: float,
    magnitude: Vector,
    constant: Vector,
    size: Vector,
    vertex: Matrix,
) -> None:
    """As `least_over_box`, over the part of each box with sum |x - center| <= radius over `inside`.

    From the point of the box that is nearest to the center, what is left of the radius is spent on
    the costliest inputs first. For every tau >= 0 the minimum is at least the value there
    - tau left - sum room max(|lam| - tau, 0), by weak duality; the best tau is the price at which
    nothing is left.
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
            weight += abs(value) * magnitude[j]
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


@kernel(interpretable=False)
def least_over_l2_ball(
    lam: Matrix,
    lower: Matrix,
    upper: Matrix,
    owner: Indices,
    inside: Mask,
    center: Vector,
    radius: float,
    magnitude: Vector,
    constant: Vector,
    size: Vector,
    vertex: Matrix,
) -> None:
    """As `least_over_box`, over the part of each box with |x - center| <= radius (Euclidean).

    For every tau >= 0 the minimum is at least sum min over [l, u] of (lam x + tau (x - center)^2) -
    tau radius^2, by weak duality; tau is bisected until the minimiser stands on the sphere.
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
            weight += abs(value) * magnitude[j]
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


@kernel(interpretable=False)
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
