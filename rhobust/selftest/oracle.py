"""The reference: exact answers for tiny networks, in rational arithmetic, by enumeration.

Nothing here is shared with the engine.  The method needs no linear program:

* A cell is a bounded polytope of inputs on which every value computed so far is affine.  It is
  stored as the list of its vertices.  A vertex carries all those values as further coordinates:
  affine functions are known on the whole cell once they are known at its vertices, so an affine
  stage only has to be applied to the vertices.
* A ReLU whose argument changes sign on a cell cuts the cell in two along the hyperplane where the
  argument is 0.  On either closed part the ReLU is linear.  Any other bend cuts at each of its
  kinks, and a maximum of two numbers where they are equal.
* After the last stage the cells cover the box and the logits are affine on each, so that the
  least value of a linear objective is attained at a vertex.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from .polytopes import Cell, Form, Vertex, box, divide, extend, integers, part_below, ratio, replace

Vector = tuple[Fraction, ...]
Matrix = tuple[Vector, ...]


def vector(values: Iterable[int | float | str | Fraction]) -> Vector:
    """The values as fractions; a float gives exactly the number it stands for."""
    return tuple(Fraction(value) for value in values)


def matrix(rows: Iterable[Iterable[int | float | str | Fraction]]) -> Matrix:
    """The rows as vectors of fractions."""
    return tuple(vector(row) for row in rows)


@dataclass(frozen=True)
class Bend:
    """A continuous function of one number: slope * z + offset on each piece, the pieces in order.

    kinks: the ends between pieces, and for each whether it counts to the piece above it.
    """

    kinks: tuple[tuple[Fraction, bool], ...]
    pieces: tuple[tuple[Fraction, Fraction], ...]

    def piece(self, z: Fraction) -> int:
        """Where a number lies."""
        return sum(z > kink or (above and z == kink) for kink, above in self.kinks)

    def __call__(self, z: Fraction) -> Fraction:
        slope, offset = self.pieces[self.piece(z)]
        return slope * z + offset


def leaky(slope: Fraction) -> Bend:
    """z where z >= 0, slope * z elsewhere."""
    zero = Fraction(0)
    return Bend(((zero, True),), ((slope, zero), (Fraction(1), zero)))


def clip(lower: Fraction | None, upper: Fraction | None) -> Bend:
    """z between the limits; a limit itself counts as between."""
    limits = [(lower, True)] * (lower is not None) + [(upper, False)] * (upper is not None)
    flat = [(Fraction(0), limit) for limit, _ in limits if limit is not None]
    flat.insert(1 if lower is not None else 0, (Fraction(1), Fraction(0)))
    return Bend(tuple((limit, side) for limit, side in limits if limit is not None), tuple(flat))


RELU = leaky(Fraction(0))


@dataclass(frozen=True)
class ExactStage:
    """z = sum(M @ value[source]) + bias, then ReLU if ``relu``, or a bend for each element.

    Source 0 is the network's input, source k the output of stage k, counted from 1.
    """

    terms: tuple[tuple[Matrix, int], ...]
    bias: Vector
    relu: bool
    bends: tuple[Bend, ...] = ()

    @property
    def size(self) -> int:
        return len(self.bias)

    @property
    def sources(self) -> list[int]:
        return [source for _, source in self.terms]

    @property
    def activations(self) -> tuple[Bend, ...]:
        """The bend of each element; none where the stage is affine."""
        return (RELU,) * self.size if self.relu else self.bends

    def before(self, values: Sequence[Vector]) -> list[Fraction]:
        """z from the input and the values of the stages before."""
        z = list(self.bias)
        for weights, source in self.terms:
            for i, row in zip(range(len(z)), weights, strict=True):
                z[i] += sum(m * v for m, v in zip(row, values[source], strict=True))
        return z

    def value(self, values: Sequence[Vector]) -> Vector:
        z = self.before(values)
        if not self.activations:
            return tuple(z)
        return tuple(bend(v) for bend, v in zip(self.activations, z, strict=True))


@dataclass(frozen=True)
class ExactMaximum:
    """The greater of two numbers for each pair; a number is (source, element)."""

    pairs: tuple[tuple[tuple[int, int], tuple[int, int]], ...]

    @property
    def size(self) -> int:
        return len(self.pairs)

    @property
    def sources(self) -> list[int]:
        return [source for pair in self.pairs for source, _ in pair]

    def value(self, values: Sequence[Vector]) -> Vector:
        return tuple(max(values[source][k] for source, k in pair) for pair in self.pairs)


@dataclass(frozen=True)
class ExactNetwork:
    """Stages in order; the last has no ReLU and gives the logits."""

    stages: tuple[ExactStage | ExactMaximum, ...]

    def __post_init__(self) -> None:
        last = self.stages[-1] if self.stages else None
        if not isinstance(last, ExactStage) or last.activations:
            raise ValueError("the last stage gives the logits and has no ReLU")
        for number, stage in enumerate(self.stages, start=1):
            if any(source not in range(number) for source in stage.sources):
                raise ValueError(f"stage {number} reads a stage that does not precede it")


def evaluate(network: ExactNetwork, point: Sequence[Fraction]) -> Vector:
    """The logits at a point."""
    values: list[Vector] = [tuple(point)]
    for stage in network.stages:
        values.append(stage.value(values))
    return values[-1]


def margin_at(
    network: ExactNetwork,
    point: Sequence[Fraction],
    label: int,
    rivals: Iterable[int] | None = None,
    margin: Fraction = Fraction(0),
) -> Fraction:
    """min over rivals of (y_label + margin - y_rival) at a point: at most 0 where some rival is
    ahead of the label by the margin.  The rivals are by default all other labels."""
    logits = evaluate(network, point)
    return min(logits[label] + margin - logits[t] for t in _rivals(network, label, rivals))


def least_margin(
    network: ExactNetwork,
    lower: Sequence[Fraction],
    upper: Sequence[Fraction],
    label: int,
    rivals: Iterable[int] | None = None,
    margin: Fraction = Fraction(0),
) -> Fraction:
    """The least ``margin_at`` over the box."""
    rivals = _rivals(network, label, rivals)
    cells, starts = cells_of(network, lower, upper)
    first = starts[-1]
    value, point = min(
        (ratio(place[first + label] - place[first + t], place), _input(place, len(lower)))
        for cell in cells
        for place, _ in cell
        for t in rivals
    )
    assert value + margin == margin_at(network, point, label, rivals, margin)
    return value + margin


def cells_of(
    network: ExactNetwork,
    lower: Sequence[Fraction],
    upper: Sequence[Fraction],
    within: Sequence[Form] = (),
) -> tuple[list[Cell], list[int]]:
    """The cells of a box on which every value is affine, and which coordinate holds the first of
    each source's values: of the input, then of every stage.  within: functions of the input that
    are at most 0."""
    start = box(lower, upper)
    for form in within:
        start = part_below(start, form) if start else start
    cells = [start] if start else []
    width = len(lower) + len(within)  # every cut appends a coordinate
    steps, starts = _steps(network, inputs=len(lower), coordinates=width)
    for step in steps:
        cells = [part for cell in cells for part in _advance(cell, step)]
    return cells, starts


def least_distance(
    network: ExactNetwork,
    center: Sequence[Fraction],
    label: int,
    domain_lower: Sequence[Fraction],
    domain_upper: Sequence[Fraction],
    rivals: Iterable[int] | None = None,
    margin: Fraction = Fraction(0),
) -> tuple[Fraction, Vector] | None:
    """The least l-infinity distance from the centre to a point of the domain box where
    y_label + margin - y_rival <= 0 for some rival, and such a point; None if there is none.

    The cells lie in the space of (x, t) with |x_i - c_i| <= t for all i, where t is to be least.
    The search always goes on with the cell that has the least t.  Parts of a cell have no smaller
    t than the cell, so the first finished cell to come up is the answer.
    """
    n, t = len(center), len(center) + 1  # t: the coordinate after those of x
    rivals = _rivals(network, label, rivals)
    start = _cone(center, domain_lower, domain_upper)
    steps, starts = _steps(network, inputs=n, coordinates=len(start[0].place) - 1)
    first = starts[-1]

    # In order of t; the deepest cell first where t is the same; the number breaks other ties.
    numbers = itertools.count()
    queue = [(Fraction(0), 0, next(numbers), start)]
    while queue:
        distance, minus_depth, _, cell = heapq.heappop(queue)
        depth = -minus_depth
        if depth > len(steps):
            best = min(cell, key=lambda v: ratio(v.place[t], v.place))
            point = _input(best.place, n)
            assert distance == max(abs(x - c) for x, c in zip(point, center, strict=True))
            assert margin_at(network, point, label, rivals, margin) <= 0
            return distance, point
        if depth < len(steps):
            parts = _advance(cell, steps[depth])
        else:
            parts = [
                part_below(
                    cell, {first + label: Fraction(1), first + rival: Fraction(-1), 0: margin}
                )
                for rival in rivals
            ]
        for part in parts:
            if part:
                nearest = min(ratio(v.place[t], v.place) for v in part)
                heapq.heappush(queue, (nearest, -(depth + 1), next(numbers), part))
    return None


def least_distance_on_region(
    network: ExactNetwork,
    center: Sequence[Fraction],
    label: int,
    domain_lower: Sequence[Fraction],
    domain_upper: Sequence[Fraction],
    rivals: Iterable[int] | None = None,
    margin: Fraction = Fraction(0),
) -> Fraction | None:
    """The least l-infinity distance from the centre to a point as in ``least_distance``, among the
    inputs on which every ReLU keeps the phase it has at the centre; an argument of 0 is active.
    Every other bend keeps its piece, and every maximum of two the one that it equals, the first
    where they are equal.

    This is one cell of the enumeration: the network is affine on it.
    """
    n, t = len(center), len(center) + 1
    cell = _cone(center, domain_lower, domain_upper)
    width = len(cell[0].place) - 1
    steps, starts = _steps(network, inputs=n, coordinates=width)
    first = starts[-1]
    image = [Vertex(integers([*center, *[Fraction(0)] * (width - n)]), 0)]
    for step in steps:
        if isinstance(step, list):
            image, cell = extend(image, step), extend(cell, step)
            continue
        piece = 0
        for coordinate, above in zip(step.cuts, step.above, strict=True):
            number = image[0].place[coordinate]
            passed = number > 0 or (above and number == 0)
            cell = divide(cell, coordinate)[int(passed)]
            if not passed:
                break
            piece += 1
        image, cell = _replaced(image, step, piece), _replaced(cell, step, piece)
    distances = [
        ratio(place[t], place)
        for rival in _rivals(network, label, rivals)
        for place, _ in part_below(
            cell, {first + label: Fraction(1), first + rival: Fraction(-1), 0: margin}
        )
    ]
    return min(distances, default=None)


def _rivals(network: ExactNetwork, label: int, rivals: Iterable[int] | None) -> tuple[int, ...]:
    labels = range(network.stages[-1].size)
    return tuple(t for t in labels if t != label) if rivals is None else tuple(rivals)


# ---- pieces ----------------------------------------------------------------------------------


class _Pieces(NamedTuple):
    """Replace a coordinate by one of several forms: the cuts where others are 0 tell by which."""

    coordinate: int
    cuts: tuple[int, ...]
    above: tuple[bool, ...]  # whether 0 counts to the piece after the cut
    forms: tuple[Form, ...]


_Step = list[Form] | _Pieces  # append the values of these functions, or replace a coordinate


def _input(place: tuple[int, ...], inputs: int) -> Vector:
    return tuple(ratio(numerator, place) for numerator in place[1 : inputs + 1])


def _cone(center: Sequence[Fraction], lower: Sequence[Fraction], upper: Sequence[Fraction]) -> Cell:
    """The points (x, t) with x in the box and |x_i - c_i| <= t for all i."""
    bounds = list(zip(lower, center, upper, strict=True))
    if not all(low <= c <= high for low, c, high in bounds):
        raise ValueError("the centre lies outside the domain box")
    t = len(center) + 1
    farthest = max(max(high - c, c - low) for low, c, high in bounds)
    cell = box([*lower, Fraction(0)], [*upper, farthest])
    for i, c in enumerate(center, start=1):
        for sign in (Fraction(1), Fraction(-1)):
            cell = part_below(cell, {i: sign, 0: -sign * c, t: Fraction(-1)})
    return cell


def _advance(cell: Cell, step: _Step) -> list[Cell]:
    """The cells after one step."""
    if isinstance(step, list):
        return [extend(cell, step)]
    found: list[Cell] = []
    for piece, coordinate in enumerate(step.cuts):
        if all(place[coordinate] >= 0 for place, _ in cell):
            continue
        if all(place[coordinate] <= 0 for place, _ in cell):
            return [*found, _replaced(cell, step, piece)]
        below, cell = divide(cell, coordinate)
        found.append(_replaced(below, step, piece))
    return [*found, _replaced(cell, step, len(step.cuts))]


def _replaced(cell: Cell, step: _Pieces, piece: int) -> Cell:
    return replace(cell, step.coordinate, step.forms[piece])


def _steps(network: ExactNetwork, inputs: int, coordinates: int) -> tuple[list[_Step], list[int]]:
    """What to do with a cell whose vertices have so many coordinates, the first of which are the
    network's inputs; and which coordinates will then hold the first value of each source."""
    steps: list[_Step] = []
    starts, widths = [1], [inputs]
    end = 1 + coordinates
    for stage in network.stages:
        forms = _forms(stage, starts, widths)
        cuts: list[Form] = []
        pieces: list[_Pieces] = []
        for i, form in enumerate(forms):
            first = end + len(forms) + len(cuts)  # of the coordinates to cut at
            if isinstance(stage, ExactMaximum):
                (source, j), _ = stage.pairs[i]
                one = starts[source] + j
                cuts.append(_sum({one: Fraction(1)}, form, Fraction(-1)))
                choice = ({end + i: Fraction(1)}, {one: Fraction(1)})
                pieces.append(_Pieces(end + i, (first,), (True,), choice))
            elif stage.activations:
                bend = stage.activations[i]
                places = []
                for kink, _ in bend.kinks:
                    # a cut at 0 needs no coordinate of its own: it comes before the replacement
                    places.append(first if kink else end + i)
                    if kink:
                        cuts.append(_sum(form, {0: kink}, Fraction(-1)))
                        first += 1
                above = tuple(side for _, side in bend.kinks)
                lines = tuple(_line(end + i, *piece) for piece in bend.pieces)
                pieces.append(_Pieces(end + i, tuple(places), above, lines))
        steps.append([*forms, *cuts])
        steps.extend(pieces)
        starts.append(end)
        widths.append(len(forms))
        end += len(forms) + len(cuts)
    return steps, starts


def _forms(stage: ExactStage | ExactMaximum, starts: list[int], widths: list[int]) -> list[Form]:
    """The arguments of a stage; of a maximum the second of each pair."""
    if isinstance(stage, ExactMaximum):
        return [{starts[source] + j: Fraction(1)} for _, (source, j) in stage.pairs]
    forms: list[Form] = [{0: constant} for constant in stage.bias]
    for weights, source in stage.terms:
        for form, row in zip(forms, weights, strict=True):
            for j, m in zip(range(widths[source]), row, strict=True):
                k = starts[source] + j
                form[k] = form.get(k, Fraction(0)) + m
    return forms


def _sum(form: Form, other: Form, factor: Fraction) -> Form:
    """form + factor * other."""
    total = dict(form)
    for k, c in other.items():
        total[k] = total.get(k, Fraction(0)) + factor * c
    return total


def _line(coordinate: int, slope: Fraction, offset: Fraction) -> Form:
    line = {coordinate: slope, 0: offset}
    return {k: c for k, c in line.items() if c} or {0: Fraction(0)}
