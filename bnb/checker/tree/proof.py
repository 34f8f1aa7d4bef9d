"""The arrays of a part's tree and of its rows, checked for type, shape and range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..archive import Archive
from ..arithmetic import Array, require
from ..claim import Part

LEAF, CHOICE = -1, -2  # of `split`: no children; choice c is -2 - c
MOST_UNITS = 10  # of a group


@dataclass(frozen=True, slots=True)
class Lists:
    """Lists of indices with values, one after the other: list k from start[k] to start[k + 1]."""

    start: Array
    index: Array
    value: Array

    def entries(self, chosen: Array) -> tuple[Array, Array, Array]:
        """Who (a position in `chosen`), index and value of all entries of some of the lists."""
        length = self.start[chosen + 1] - self.start[chosen]
        who = np.repeat(np.arange(len(chosen)), length)
        place = np.arange(len(who)) - np.repeat(np.cumsum(length) - length, length)
        place += np.repeat(self.start[chosen], length)
        return who, self.index[place], self.value[place]


@dataclass(frozen=True, slots=True)
class Proof:
    """N nodes, U kept units, M rows of multipliers; see docs/design/certificate.md."""

    kept: Array
    split: Array
    first: Array
    row: Array
    also: Array
    tighten: Array
    origin: Array
    alpha32: Array
    alpha64: Array
    gamma: Lists
    beta: Lists
    groups: Array
    share: Array
    boxes: bool
    propagate: bool
    refine: bool

    def alpha(self, rows: Array) -> Array:
        """The slopes of some rows, (R, U)."""
        many, found = len(self.alpha32), np.empty((len(rows), len(self.kept)))
        single = rows < many
        found[single] = self.alpha32[rows[single]]
        found[~single] = self.alpha64[rows[~single] - many]
        return found


def read_proof(archive: Archive, header: Any, prefix: str, part: Part, units: int) -> Proof:
    """The proof of a part; units: how many it lists, of which some are kept."""

    def whole(name: str, shape: tuple[int | None, ...], low: int, end: int) -> Array:
        return archive.indices(prefix + name, shape, low, end)

    def lists(name: str, end: int) -> Lists:
        index = whole(f"{name}_index", (None,), 0, end)
        value = archive.weights(f"{prefix}{name}_value", (len(index),)).astype(np.float64)
        return Lists(archive.starts(f"{prefix}{name}_start", rows, len(index)), index, value)

    def flag(name: str) -> bool:
        require(type(header[name]) is bool, "flags that are not booleans")
        return bool(header[name])

    kept = whole("kept", (None,), 0, units)
    require(np.all(np.diff(kept) > 0), "kept units do not ascend")
    count = len(kept)
    alpha32 = archive.weights(prefix + "alpha32", (None, count), 1.0)
    alpha64 = archive.weights(prefix + "alpha64", (None, count), 1.0)
    rows = len(alpha32) + len(alpha64)
    groups = whole("groups", (None, None, None), -1, count)
    require(groups.shape[2] <= MOST_UNITS, "groups that are too large")
    share = np.zeros((0, count))
    if len(groups):
        share = archive.weights(prefix + "share", (len(groups), count)).astype(np.float64)
    split = whole("split", (None,), CHOICE - len(part.choices) + 1, count + len(part.low))
    size = len(split)
    require(size > 0, "a tree without nodes")
    # without groups it does not matter what a node says of them
    origin = whole("origin", (size,), -1, len(groups)) if len(groups) else np.full(size, -1)
    return Proof(
        kept, split, whole("first", (size,), -1, size), whole("row", (size,), -2, rows),
        whole("also", (size,), -1, rows), whole("tighten", (size,), 0, 2), origin, alpha32, alpha64,
        lists("gamma", part.atoms), lists("beta", count), groups, share,
        flag("boxes"), flag("propagate"), flag("refine"),
    )  # fmt: skip
