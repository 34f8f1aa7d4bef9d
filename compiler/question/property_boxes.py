"""Input boxes of a property: its bounds on single inputs as vectors, and what is left of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeGuard

import numpy as np

from ..base.arrays import Indices, Numbers, Vector, exact
from .and_or_tree import FALSE, TRUE, AllOf, AnyOf, Atom, Tree, conjunction, disjunction

LARGEST = 20_000_000
"""Bounds of all boxes together; a disjunction that needs more is left in the tree."""


@dataclass(frozen=True, eq=False)
class Part:
    """The inputs of one box, with what must hold there besides.

    lower, upper (D,): rounded outwards, infinite where there is no bound.  rest: without the bounds
    that are not strict; strict ones stand in both.
    """

    lower: Vector
    upper: Vector
    rest: Tree
    _constants: Sequence[Fraction] = field(repr=False)
    _box: Indices = field(repr=False)

    def clipped(self, point: Vector) -> Numbers:
        """The point moved into the box of the rational bounds, (D,) Fractions; borders included.

        A bound such as X_0 = 0.1 holds for no float: only a rational point can lie in such a box.
        """
        moved = exact(np.clip(point, self.lower, self.upper))
        # the rational bounds are at most one rounding inside the floats
        for k in np.flatnonzero((point <= self.lower) & (self._box[0] >= 0)).tolist():
            moved[k] = max(moved[k], self._constants[self._box[0, k] >> 1])
        for k in np.flatnonzero((point >= self.upper) & np.isfinite(self.upper)).tolist():
            moved[k] = min(moved[k], self._constants[(self._box[1, k] + 1) >> 1])
        return moved


def boxes(tree: Tree, size: int) -> tuple[Part, tuple[Part, ...]]:
    """The tree with its top-level bounds as a box, and the tree as parts with a box each.

    Promise: up to the rounding of the boxes, a point satisfies the tree exactly when it satisfies
    some part.  At most one disjunction is expanded, alternatives of equal boxes form one part, and
    boxes that are empty (in rational arithmetic) are left out.
    """
    common, rest = _separated(tree)
    chosen = _expanded(rest, size)
    others = [part for part in rest if part is not chosen]
    alternatives = [_separated(part) for part in (chosen.parts if chosen else (TRUE,))]
    ends = {_end(bound) for bound in common}
    if not all(len(ends.union(map(_end, bounds))) == 2 * size for bounds, _ in alternatives):
        common = [*common, *_implied(rest)]
    table = _Bounds(common, [bounds for bounds, _ in alternatives], size)
    base = table.tightened(table.free, common)
    groups: dict[bytes, tuple[Indices, list[Tree]]] = {}
    for bounds, left in alternatives:
        box = table.tightened(base, bounds)
        if not table.empty(box):
            groups.setdefault(box.tobytes(), (box, []))[1].append(conjunction(left))
    parts = (
        table.part(box, conjunction([*others, disjunction(left)])) for box, left in groups.values()
    )
    return table.part(base, conjunction(rest)), tuple(part for part in parts if part.rest != FALSE)


def _is_bound(tree: Tree) -> TypeGuard[Atom]:
    """Whether the tree bounds a single input."""
    return isinstance(tree, Atom) and len(tree.terms) == 1 and not tree.terms[0][0].output


def _end(bound: Atom) -> tuple[int, bool]:
    """The input that it bounds, and whether from above."""
    ((_, element), factor), *_ = bound.terms
    return element, factor > 0


def _ratio(bound: Atom) -> tuple[int, int]:
    """What it compares the input with, whose factor is 1 or -1, as a quotient in lowest terms."""
    numerator, denominator = bound.constant.as_integer_ratio()
    return (-numerator if bound.terms[0][1] > 0 else numerator), denominator


def _implied(parts: Sequence[Tree]) -> list[Atom]:
    """Bounds that hold in all alternatives of a disjunction: the loosest of theirs."""
    found: list[Atom] = []
    for part in parts:
        if not isinstance(part, AnyOf):
            continue
        common: dict[tuple[int, bool], Atom] | None = None
        for alternative in part.parts:
            ends: dict[tuple[int, bool], Atom] = {}
            for bound in _separated(alternative)[0]:
                ends[_end(bound)] = bound
            if common is None:
                common = ends
            else:
                common = {
                    end: max(bound, ends[end], key=_looseness)
                    for end, bound in common.items()
                    if end in ends
                }
        found.extend((common or {}).values())
    return found


def _looseness(bound: Atom) -> tuple[Fraction, bool]:
    """Larger for bounds on one side of an input that admit more."""
    return -bound.constant, not bound.strict


def _separated(tree: Tree) -> tuple[list[Atom], list[Tree]]:
    """The bounds among the parts of a conjunction, and what they do not say."""
    bounds: list[Atom] = []
    rest: list[Tree] = []
    for part in tree.parts if isinstance(tree, AllOf) else (tree,):
        if _is_bound(part):
            bounds.append(part)
            if not part.strict:
                continue
        rest.append(part)
    return bounds, rest


def _expanded(parts: Sequence[Tree], size: int) -> AnyOf | None:
    """The disjunction with most alternatives that bound inputs, if any does."""
    best, most = None, 0
    for part in parts:
        if isinstance(part, AnyOf) and len(part.parts) * size <= LARGEST:
            count = sum(bool(_separated(alternative)[0]) for alternative in part.parts)
            if count > most:
                best, most = part, count
    return best


def _near(ratio: tuple[int, int]) -> float:
    """The float next to a quotient of integers, which Python divides without another rounding."""
    try:
        return ratio[0] / ratio[1]
    except OverflowError:
        return np.inf if ratio[0] > 0 else -np.inf


def _compared(number: float, ratio: tuple[int, int]) -> int:
    """1 where a float is above a quotient of integers, -1 where it is below, 0 where it is it."""
    if not np.isfinite(number):
        return 1 if number > 0.0 else -1
    numerator, denominator = number.as_integer_ratio()
    difference = numerator * ratio[1] - ratio[0] * denominator
    return (difference > 0) - (difference < 0)


class _Bounds:
    """Boxes as integers that are ordered like the rational bounds they stand for.

    The distinct constants are ranked once.  A lower bound of rank r is 2r, or 2r + 1 where strict,
    an upper one 2r, or 2r - 1: so a box is empty exactly when a lower number exceeds an upper one.
    A box is an array (2, D).
    """

    def __init__(
        self, common: Sequence[Atom], alternatives: Sequence[Sequence[Atom]], size: int
    ) -> None:
        distinct = list(
            dict.fromkeys(bound for bounds in (common, *alternatives) for bound in bounds)
        )
        # Fractions are slow to hash and to compare: their numbers are not, and neither are floats
        ratios = [_ratio(bound) for bound in distinct]
        named = {ratio: Fraction(*ratio) for ratio in set(ratios)}
        near = {ratio: _near(ratio) for ratio in named}
        order = sorted(named, key=lambda ratio: (near[ratio], named[ratio]))
        self.ranked = [named[ratio] for ratio in order]
        rank = {ratio: r for r, ratio in enumerate(order)}
        self.number = {bound: n for n, bound in enumerate(distinct)}
        self.side = np.array([bound.terms[0][1] > 0 for bound in distinct], dtype=np.int64)
        self.index = np.array([bound.terms[0][0].element for bound in distinct], dtype=np.int64)
        strict = np.array([bound.strict for bound in distinct], dtype=np.int64)
        ranks = np.array([rank[ratio] for ratio in ratios], dtype=np.int64)
        self.order = 2 * ranks + np.where(self.side == 1, -strict, strict)
        floats = np.array([near[ratio] for ratio in order], dtype=np.float64)
        above = np.array([_compared(near[ratio], ratio) for ratio in order], dtype=np.int64)
        down = np.where(above > 0, np.nextafter(floats, -np.inf), floats)
        up = np.where(above < 0, np.nextafter(floats, np.inf), floats)
        self.down, self.up = np.append(down, -np.inf), np.append(up, np.inf)
        self.free = np.stack([np.full(size, -1), np.full(size, 2 * len(order))]).astype(np.int64)

    def tightened(self, box: Indices, bounds: Sequence[Atom]) -> Indices:
        """The box cut with some bounds."""
        chosen = np.fromiter((self.number[b] for b in bounds), dtype=np.int64, count=len(bounds))
        out = box.copy()
        for side, cut in enumerate((np.maximum, np.minimum)):
            used = chosen[self.side[chosen] == side]
            cut.at(out[side], self.index[used], self.order[used])
        return out

    def empty(self, box: Indices) -> bool:
        return bool((box[0] > box[1]).any())

    def part(self, box: Indices, rest: Tree) -> Part:
        # -1 >> 1 is -1, where the infinite lower bound stands
        lower, upper = self.down[box[0] >> 1], self.up[(box[1] + 1) >> 1]
        return Part(lower, upper, rest, self.ranked, box)
