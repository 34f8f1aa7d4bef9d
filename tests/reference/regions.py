"""The linear region of a point in rationals, layer by layer with explicit matrices.

Bastani et al. 2016, section 4: of each disjunction the disjunct that holds at the point. A maximum
pool's window keeps its winner, which says nothing about the order of the others.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from rhobust.compiler.network.graph import Network
from rhobust.compiler.network.layers import Linear, Sum
from rhobust.selftest.polytopes import Cell, Form, box, part_below, ratio

from .layers import Greatest, activation, affine
from .oracles import Bend, Vector

Row = tuple[tuple[Fraction, ...], Fraction]  # coefficients over the input, and a constant
ZERO = Fraction(0)


def scaled(row: Row, factor: Fraction, add: Fraction = ZERO) -> Row:
    return tuple(factor * c for c in row[0]), factor * row[1] + add


def total(rows: Sequence[Row], factors: Sequence[Fraction], size: int) -> Row:
    used = [(row, factor) for row, factor in zip(rows, factors, strict=True) if factor]
    return (
        tuple(sum((f * row[0][k] for row, f in used), ZERO) for k in range(size)),
        sum((f * row[1] for row, f in used), ZERO),
    )


@dataclass(frozen=True)
class ExactRegion:
    """conditions: rows that are >= 0 on the region.  output: the logits as rows."""

    conditions: list[Row]
    output: list[Row]
    closest: Fraction | None  # the least size of a decisive number that is not 0

    def example(self, label: int, rival: int, margin: Fraction) -> list[Form]:
        """What is <= 0 at the examples of the region, over coordinates 1.. of a cell."""
        lead = total([self.output[label], self.output[rival]], [Fraction(1), Fraction(-1)],
                     len(self.output[0][0]))  # fmt: skip
        rows = [scaled(row, Fraction(-1)) for row in self.conditions]
        rows.append((lead[0], lead[1] + margin))
        return [{0: row[1], **dict(enumerate(row[0], start=1))} for row in rows]


def exact_region(network: Network, point: Vector) -> ExactRegion:
    """The region of a point; at a kink z >= 0 counts, and of equal numbers the first wins."""
    size = len(point)
    unit: list[Row] = [
        (tuple(Fraction(int(i == k)) for i in range(size)), ZERO) for k in range(size)
    ]
    known: dict[str, list[Row]] = {Network.INPUT: unit}
    conditions: list[Row] = []
    decisive: list[Fraction] = []

    def at(row: Row) -> Fraction:
        return sum((c * v for c, v in zip(row[0], point, strict=True)), row[1])

    def hold(row: Row) -> None:
        conditions.append(row)
        decisive.append(abs(at(row)))

    def greatest(rows: Sequence[Row]) -> Row:
        values = [at(row) for row in rows]
        best = rows[values.index(max(values))]
        for row in rows:
            if row is not best:
                hold(total([best, row], [Fraction(1), Fraction(-1)], size))
        return best

    def bent(row: Row, bend: Bend) -> Row:
        piece = bend.piece(at(row))
        if piece:
            hold(scaled(row, Fraction(1), -bend.kinks[piece - 1][0]))
        if piece < len(bend.kinks):
            hold(scaled(row, Fraction(-1), bend.kinks[piece][0]))
        return scaled(row, *bend.pieces[piece])

    for node in network.order[1:]:
        layer = network.layer(node)
        sources = [known[source] for source in network.sources[node]]
        width = network.size(node)
        if isinstance(layer, Linear | Sum):
            matrices, bias = affine(layer, width)
            every = [row for source in sources for row in source]
            weights = [[w for matrix in matrices for w in matrix[k]] for k in range(width)]
            known[node] = [
                scaled(total(every, w, size), Fraction(1), b)
                for w, b in zip(weights, bias, strict=True)
            ]
            continue
        match activation(layer, width):
            case Greatest(windows):
                known[node] = [greatest([sources[s][k] for s, k in row]) for row in windows]
            case bends:
                known[node] = [bent(row, bend) for row, bend in zip(sources[0], bends, strict=True)]
    closest = min((value for value in decisive if value), default=None)
    return ExactRegion(conditions, known[network.output], closest)


def cone(center: Vector, lower: Vector, upper: Vector, norm: str) -> Cell:
    """The points (x, t) with x in the box and |x - center| <= t, for linf or l1."""
    size, t = len(center), len(center) + 1
    room = [max(h - c, c - low) for low, c, h in zip(lower, center, upper, strict=True)]
    cell = box([*lower, ZERO], [*upper, max(room) if norm == "linf" else sum(room, ZERO)])
    if norm == "linf":
        signs = [
            tuple(sign if i == k else 0 for i in range(size))
            for k in range(size)
            for sign in (1, -1)
        ]
    else:
        signs = list(itertools.product((1, -1), repeat=size))
    for chosen in signs:
        constant = -sum((s * c for s, c in zip(chosen, center, strict=True)), ZERO)
        form = {k: Fraction(s) for k, s in enumerate(chosen, start=1) if s}
        cell = part_below(cell, {**form, 0: constant, t: Fraction(-1)})
    return cell


def least_in_region(
    cell: Cell, region: ExactRegion, label: int, rival: int, margin: Fraction = ZERO
) -> tuple[Fraction | None, Cell]:
    """The least t of a cone's points that are examples of the region, and the part they form."""
    t = len(region.output[0][0]) + 1
    for form in region.example(label, rival, margin):
        if not any(coefficient for k, coefficient in form.items() if k):
            if form[0] > 0:
                return None, []
            continue
        cell = part_below(cell, form)
        if not cell:
            return None, []
    return min(ratio(vertex.place[t], vertex.place) for vertex in cell), cell
