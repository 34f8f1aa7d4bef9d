"""A part's arrays without what its proof may not need: better bounds of units, groups of units.

A search notes what it used, not what it could have done without. Whether a proof stands without
some of it, only the checker can tell.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .encode import Arrays


def lighter(arrays: Arrays, prefix: str) -> Iterator[Arrays]:
    """Forms of a certificate that are worth a try, the lightest first; names of its part begin with
    the prefix."""
    if len(arrays[prefix + "tight_unit"]):
        yield without_bounds(arrays, prefix)
    most = arrays[prefix + "groups"].shape[1]
    for count in sorted({most // 4, most // 2} - {0}):
        yield with_first(arrays, prefix, count)


def without_bounds(arrays: Arrays, prefix: str) -> Arrays:
    """The same without better bounds of single units."""
    found: Arrays = {}
    for name in ("tight_unit", "tight_sign", "tight_alpha"):
        found[name] = arrays[prefix + name][:0]
    for name in ("held_index", "held_phase", "held_value"):
        found[name] = arrays[prefix + name][:0]
    for name in ("tight_start", "held_start"):
        found[name] = arrays[prefix + name][:1]
    return arrays | {prefix + name: array for name, array in found.items()}


def with_first(arrays: Arrays, prefix: str, count: int) -> Arrays:
    """The same with some groups of each root, which come in the order of what they promise."""
    groups, share = arrays[prefix + "groups"][:, :count], arrays[prefix + "share"]
    inside = np.zeros((len(groups), share.shape[1] + 1), dtype=bool)  # -1: no unit
    inside[np.arange(len(groups))[:, None, None], groups] = True
    own = np.where(inside[:, :-1], share, 0.0)
    return arrays | {prefix + "groups": groups, prefix + "share": own}
