"""Polytopes by their vertices, in rational arithmetic, and how a hyperplane cuts them.

Every vertex knows which of the inequalities that define its cell are tight there, as the bits of
an integer.  The smallest face that contains two vertices is the set of points where all
inequalities that are tight at both are tight; so the two are joined by an edge exactly if no third
vertex lies on that face.  The cut polytope has the vertices on the kept side, and one new vertex on
each edge that crosses.  Inside an edge an inequality can be tight only if it is tight at both ends,
which gives the new tight set.  This holds in degenerate positions and for flat polytopes
(``lower == upper``) too.

Coordinates are integers over one positive denominator, which is coordinate 0 of the vertex.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple


class Vertex(NamedTuple):
    place: tuple[int, ...]  # the denominator, then the numerators of the coordinates
    tight: int  # bit 2k: coordinate k is at its lower bound or 0; bit 2k + 1: at its upper bound


Cell = list[Vertex]
Form = dict[int, Fraction]  # an affine function: coordinate -> coefficient, 0 -> constant


def ratio(numerator: int, place: tuple[int, ...]) -> Fraction:
    return Fraction(numerator, place[0])


def _reduced(place: Sequence[int]) -> tuple[int, ...]:
    divisor = math.gcd(*place)
    return tuple(place) if divisor == 1 else tuple(c // divisor for c in place)


def integers(coordinates: Sequence[Fraction]) -> tuple[int, ...]:
    denominator = math.lcm(*(value.denominator for value in coordinates))
    return (denominator, *(int(value * denominator) for value in coordinates))


def box(lower: Sequence[Fraction], upper: Sequence[Fraction]) -> Cell:
    """The corners; a coordinate with equal bounds has a single value, at which both are tight."""
    choices = []
    for k, (low, high) in enumerate(zip(lower, upper, strict=True), start=1):
        if low > high:
            raise ValueError("the box is empty")
        at_low, at_high = 1 << 2 * k, 2 << 2 * k
        choices.append(
            [(low, at_low | at_high)] if low == high else [(low, at_low), (high, at_high)]
        )
    cell = []
    for corner in itertools.product(*choices):
        place = integers([value for value, _ in corner])
        cell.append(Vertex(place, sum(bits for _, bits in corner)))
    return cell


def extend(cell: Cell, forms: list[Form]) -> Cell:
    """Append the values of the functions as coordinates."""
    scale = math.lcm(*(c.denominator for form in forms for c in form.values()))
    rows = [[(k, int(c * scale)) for k, c in form.items() if c] for form in forms]
    extended = []
    for place, tight in cell:
        values = [sum(c * place[k] for k, c in row) for row in rows]  # over place[0] * scale
        extended.append(Vertex(_reduced([*(scale * c for c in place), *values]), tight))
    return extended


def divide(cell: Cell, k: int) -> tuple[Cell, Cell]:
    """The parts where coordinate k is <= 0 and where it is >= 0."""
    bit = 1 << 2 * k
    below = [v for v in cell if v.place[k] < 0]
    above = [v for v in cell if v.place[k] > 0]
    between = [Vertex(v.place, v.tight | bit) for v in cell if v.place[k] == 0]
    for p, q in itertools.product(below, above):
        common = p.tight & q.tight
        if all(v.tight & common != common or v is p or v is q for v in cell):
            s, r = q.place[k], -p.place[k]  # positive, and s * p + r * q has coordinate k zero
            place = _reduced([s * a + r * b for a, b in zip(p.place, q.place, strict=True)])
            between.append(Vertex(place, common | bit))
    return below + between, above + between


def part_below(cell: Cell, form: Form) -> Cell:
    """The part where the function is <= 0 (no vertices if it is empty)."""
    return divide(extend(cell, [form]), len(cell[0].place))[0]


def replace(cell: Cell, k: int, form: Form) -> Cell:
    """Coordinate k with the value of a function instead."""
    if form == {k: 1}:
        return cell
    scale = math.lcm(*(c.denominator for c in form.values()))
    row = [(j, int(c * scale)) for j, c in form.items()]
    replaced = []
    for place, tight in cell:
        numbers = [scale * c for c in place]
        numbers[k] = sum(c * place[j] for j, c in row)
        replaced.append(Vertex(_reduced(numbers), tight))
    return replaced
