"""Better bounds of single units at the root: by rows of multipliers, or by trees of them.

Leaf m of a unit holds other units in phases, z >= 0 or z <= 0, with multipliers beta >= 0. The
least bound of a unit's leaves holds wherever one of them does, which is everywhere if their phases
are the paths of a binary tree.
"""

from __future__ import annotations

import numpy as np

from ..archive import Archive
from ..arithmetic import Array, in_time, require
from ..claim import Part
from .rows import Reduced, Slopes


def improve(archive: Archive, prefix: str, part: Part, reduced: Reduced, place: Array) -> None:
    """Improves the reduced rows' bounds, unit by unit in the order given; those of one layer do not
    depend on one another. place: where the listed units are among the rows'.  Rule: unit tree."""
    unit = place[archive.indices(prefix + "tight_unit", (None,), 0, len(place))]
    sign = archive.indices(prefix + "tight_sign", (len(unit),), -1, 2)
    alpha = archive.weights(prefix + "tight_alpha", (None, len(place)), 1.0)
    count = len(alpha)
    start = archive.starts(prefix + "tight_start", len(unit), count)
    index = place[archive.indices(prefix + "held_index", (None,), 0, len(place))]
    phase = archive.indices(prefix + "held_phase", (len(index),), -1, 2)
    value = archive.weights(prefix + "held_value", (len(index),)).astype(np.float64)
    held = archive.starts(prefix + "held_start", count, len(index))
    require(np.all(sign != 0) and np.all(phase != 0), "a sign that is 0")
    require(np.all(np.diff(start) > 0), "a bound without a row")
    phases = np.zeros((count, reduced.count), dtype=np.int8)
    row = np.repeat(np.arange(count), np.diff(held))
    require(len(np.unique(row * reduced.count + index)) == len(row), "a unit is held twice")
    phases[row, index] = phase
    for item in np.flatnonzero(np.diff(start) > 1).tolist():
        require(covers(phases[start[item] : start[item + 1]]), "a unit's leaves leave a gap")
    alone = np.diff(start) == 1
    require(not phases[start[:-1][alone]].any(), "a unit's leaves leave a gap")
    layer = np.array([reduced.layer(item) for item in unit], dtype=np.int64)
    ends = [0, *(np.flatnonzero(np.diff(layer)) + 1), len(layer)]
    for first, last in zip(ends[:-1], ends[1:], strict=True):
        if first == last:
            continue
        mine = np.arange(start[first], start[last])
        owner = np.repeat(np.arange(first, last), np.diff(start[first : last + 1]))
        bounds = np.empty(len(mine))
        for chunk in reduced.chunks(len(mine)):
            in_time(reduced.stop)
            who = owner[chunk]
            leaves = mine[chunk]
            beta = np.zeros((len(leaves), reduced.count))
            some = slice(held[leaves[0]], held[leaves[-1] + 1])
            beta[row[some] - leaves[0], index[some]] = value[some] * phase[some]
            bounds[chunk] = _bounds(
                part, reduced, int(layer[first]), unit[who], sign[who].astype(np.float64),
                alpha[leaves], beta, phases[leaves], place,
            )  # fmt: skip
        least = np.minimum.reduceat(bounds, start[first:last] - start[first])
        for item, bound in zip(range(first, last), least, strict=True):
            number = unit[item]
            if sign[item] > 0:
                reduced.low[number] = np.fmax(reduced.low[number], bound)
            else:
                reduced.high[number] = np.fmin(reduced.high[number], -bound)


def _bounds(
    part: Part,
    reduced: Reduced,
    layer: int,
    unit: Array,
    sign: Array,
    alpha: Array,
    beta: Array,
    phases: Array,
    place: Array,
) -> Array:
    """(R,): bounds of sign * z on leaves."""
    low = np.where(phases > 0, np.maximum(reduced.low, 0.0), reduced.low)
    high = np.where(phases < 0, np.minimum(reduced.high, 0.0), reduced.high)
    slopes = Slopes.plain(low, high)
    wide = slopes.alpha.copy()
    wide[:, place] = alpha
    slopes = slopes.with_alpha(wide, low, high)
    if beta.any():
        slopes.beta = beta
    rows = reduced.unit_rows(layer, unit, sign)
    g, c = reduced.backward(*rows, layer, slopes, np.arange(len(unit)))
    bounds = reduced.least(g, c, part.low[None], part.high[None])
    # a phase that the unit's bounds exclude holds nowhere
    return np.where((low > high).any(axis=1), np.inf, bounds)


def covers(phases: Array) -> bool:
    """Whether leaves (M, V) are those of a binary tree: at every inner node one unit is held
    active on one side and inactive on the other.  Rule: unit tree."""
    todo = [phases]
    while todo:
        leaves = todo.pop()
        if len(leaves) == 1:
            if leaves.any():
                return False
            continue
        common = np.flatnonzero((leaves != 0).all(axis=0))
        if not len(common):
            return False
        # a unit that all hold, on either side, may be the one split first
        both = [unit for unit in common if len(np.unique(leaves[:, unit])) == 2]
        if not both:
            return False
        unit = both[0]
        for side in (1, -1):
            rest = leaves[leaves[:, unit] == side].copy()
            rest[:, unit] = 0
            todo.append(rest)
    return True
