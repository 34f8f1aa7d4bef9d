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
from .rows import Reduced
from .slopes import Slopes


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
    row = np.repeat(np.arange(count), np.diff(held))
    require(len(np.unique(row * reduced.count + index)) == len(row), "a unit is held twice")
    phases = np.zeros((count, reduced.count), dtype=np.int8)
    phases[row, index] = phase
    single = start[:-1][np.diff(start) == 1]
    gap = phases[single].any() or not all(
        covers(phases[start[k] : start[k + 1]]) for k in np.flatnonzero(np.diff(start) > 1)
    )
    require(not gap, "a unit's leaves leave a gap")
    layer = np.array([reduced.layer(item) for item in unit], dtype=np.int64)
    bounds = np.empty(count)
    for units in np.split(np.arange(len(unit)), np.flatnonzero(np.diff(layer)) + 1):
        if not len(units):
            continue
        first, last = units[0], units[-1] + 1
        mine = np.arange(start[first], start[last])
        owner = np.repeat(units, np.diff(start[first : last + 1]))
        for chunk in reduced.chunks(len(mine)):
            in_time(reduced.stop)
            who, leaves = owner[chunk], mine[chunk]
            low = np.where(phases[leaves] > 0, np.maximum(reduced.low, 0.0), reduced.low)
            high = np.where(phases[leaves] < 0, np.minimum(reduced.high, 0.0), reduced.high)
            slopes = Slopes.plain(low, high)
            wide = slopes.alpha.copy()
            wide[:, place] = alpha[leaves]
            slopes = slopes.with_alpha(wide, low, high)
            some = slice(held[leaves[0]], held[leaves[-1] + 1])
            if value[some].any():
                slopes.beta = np.zeros_like(low)
                slopes.beta[row[some] - leaves[0], index[some]] = value[some] * phase[some]
            rows = reduced.unit_rows(int(layer[first]), unit[who], sign[who].astype(np.float64))
            g, c = reduced.backward(*rows, int(layer[first]), slopes, np.arange(len(leaves)))
            found = reduced.least(g, c, part.low[None], part.high[None])
            # a phase that the unit's bounds exclude holds nowhere
            bounds[leaves] = np.where((low > high).any(axis=1), np.inf, found)
        least = np.minimum.reduceat(bounds[mine], start[units] - start[first])
        for item, bound in zip(units, least, strict=True):
            ends, better = (reduced.low, np.fmax) if sign[item] > 0 else (reduced.high, np.fmin)
            ends[unit[item]] = better(ends[unit[item]], sign[item] * bound)


def covers(phases: Array) -> bool:
    """Whether leaves (M, V) are those of a binary tree: at every inner node one unit is held
    active on one side and inactive on the other.  Rule: unit tree."""
    if len(phases) == 1:
        return not phases.any()
    # a unit that all hold, on either side, may be the one split first
    both = (phases != 0).all(axis=0) & (phases > 0).any(axis=0) & (phases < 0).any(axis=0)
    if not both.any():
        return False
    unit = int(np.argmax(both))
    rest = phases.copy()
    rest[:, unit] = 0
    return all(covers(rest[phases[:, unit] == side]) for side in (1, -1))
