"""The reference: exact answers for tiny networks, in rational arithmetic, by enumeration.

Nothing here is shared with the package.  The method needs no linear program:

* A cell is a bounded polytope of inputs on which every value computed so far is affine.  It is
  stored as the list of its vertices.  A vertex carries all those values as further coordinates:
  affine functions are known on the whole cell once they are known at its vertices, so an affine
  stage only has to be applied to the vertices.
* A ReLU whose argument changes sign on a cell cuts the cell in two along the hyperplane where the
  argument is 0.  On either closed part the ReLU is linear.
* After the last stage the cells cover the box and the logits are affine on each, so that the
  least value of a linear objective is attained at a vertex.

Cutting a polytope (``_cut``) is the one step with some geometry in it.  Every vertex knows which
of the inequalities that define its cell are tight there, as the bits of an integer.  The smallest
face that contains two vertices is the set of points where all inequalities that are tight at both
are tight; so the two are joined by an edge exactly if no third vertex lies on that face.  The cut
polytope has the vertices on the kept side, and one new vertex on each edge that crosses.  Inside
an edge an inequality can be tight only if it is tight at both ends, which gives the new tight set.
This holds in degenerate positions and for flat polytopes (``lower == upper``) too.

Coordinates are integers over one positive denominator, which is coordinate 0 of the vertex.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

Vector = tuple[Fraction, ...]
Matrix = tuple[Vector, ...]
Kernel = tuple[tuple[Matrix, ...], ...]  # output channel, input channel of the group, row, column


def vector(values: Iterable[int | float | str | Fraction]) -> Vector:
    """The values as fractions; a float gives exactly the number it stands for."""
    return tuple(Fraction(value) for value in values)


def matrix(rows: Iterable[Iterable[int | float | str | Fraction]]) -> Matrix:
    """The rows as vectors of fractions."""
    return tuple(vector(row) for row in rows)


@dataclass(frozen=True)
class ExactStage:
    """z = sum(M @ value[source]) + bias, then ReLU if ``relu``.

    Source 0 is the network's input, source k the output of stage k, counted from 1.
    """

    terms: tuple[tuple[Matrix, int], ...]
    bias: Vector
    relu: bool


@dataclass(frozen=True)
class ExactNetwork:
    """Stages in order; the last has no ReLU and gives the logits."""

    stages: tuple[ExactStage, ...]

    def __post_init__(self) -> None:
        if not self.stages or self.stages[-1].relu:
            raise ValueError("the last stage gives the logits and has no ReLU")
        for number, stage in enumerate(self.stages, start=1):
            if any(source not in range(number) for _, source in stage.terms):
                raise ValueError(f"stage {number} reads a stage that does not precede it")


def evaluate(network: ExactNetwork, point: Sequence[Fraction]) -> Vector:
    """The logits at a point."""
    values: list[Vector] = [tuple(point)]
    for stage in network.stages:
        z = list(stage.bias)
        for weights, source in stage.terms:
            for i, row in zip(range(len(z)), weights, strict=True):
                z[i] += sum(m * v for m, v in zip(row, values[source], strict=True))
        values.append(tuple(max(v, Fraction(0)) for v in z) if stage.relu else tuple(z))
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
    steps, first = _steps(network, inputs=len(lower), coordinates=len(lower))
    cells = [_box(lower, upper)]
    for step in steps:
        cells = [part for cell in cells for part in _advance(cell, step)]
    value, point = min(
        (_ratio(place[first + label] - place[first + t], place), _input(place, len(lower)))
        for cell in cells
        for place, _ in cell
        for t in rivals
    )
    assert value + margin == margin_at(network, point, label, rivals, margin)
    return value + margin


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
    steps, first = _steps(network, inputs=n, coordinates=len(start[0].place) - 1)

    # In order of t; the deepest cell first where t is the same; the number breaks other ties.
    numbers = itertools.count()
    queue = [(Fraction(0), 0, next(numbers), start)]
    while queue:
        distance, minus_depth, _, cell = heapq.heappop(queue)
        depth = -minus_depth
        if depth > len(steps):
            best = min(cell, key=lambda v: _ratio(v.place[t], v.place))
            point = _input(best.place, n)
            assert distance == max(abs(x - c) for x, c in zip(point, center, strict=True))
            assert margin_at(network, point, label, rivals, margin) <= 0
            return distance, point
        if depth < len(steps):
            parts = _advance(cell, steps[depth])
        else:
            parts = [
                _clip(cell, {first + label: Fraction(1), first + rival: Fraction(-1), 0: margin})
                for rival in rivals
            ]
        for part in parts:
            if part:
                nearest = min(_ratio(v.place[t], v.place) for v in part)
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

    This is one cell of the enumeration: the network is affine on it.
    """
    n, t = len(center), len(center) + 1
    cell = _cone(center, domain_lower, domain_upper)
    width = len(cell[0].place) - 1
    steps, first = _steps(network, inputs=n, coordinates=width)
    image = [_Vertex(_integers([*center, *[Fraction(0)] * (width - n)]), 0)]
    for step in steps:
        if isinstance(step, list):
            image, cell = _extend(image, step), _extend(cell, step)
        elif image[0].place[step] >= 0:
            cell = _cut(cell, step)[1]
        else:
            image, cell = _zeroed(image, step), _zeroed(_cut(cell, step)[0], step)
    distances = [
        _ratio(place[t], place)
        for rival in _rivals(network, label, rivals)
        for place, _ in _clip(
            cell, {first + label: Fraction(1), first + rival: Fraction(-1), 0: margin}
        )
    ]
    return min(distances, default=None)


def _rivals(network: ExactNetwork, label: int, rivals: Iterable[int] | None) -> tuple[int, ...]:
    labels = range(len(network.stages[-1].bias))
    return tuple(t for t in labels if t != label) if rivals is None else tuple(rivals)


# ---- polytopes -------------------------------------------------------------------------------


class _Vertex(NamedTuple):
    place: tuple[int, ...]  # the denominator, then the numerators of the coordinates
    tight: int  # bit 2k: coordinate k is at its lower bound or 0; bit 2k + 1: at its upper bound


_Cell = list[_Vertex]
_Form = dict[int, Fraction]  # an affine function: coordinate -> coefficient, 0 -> constant
_Step = list[_Form] | int  # append the values of these functions, or apply ReLU to a coordinate


def _ratio(numerator: int, place: tuple[int, ...]) -> Fraction:
    return Fraction(numerator, place[0])


def _input(place: tuple[int, ...], inputs: int) -> Vector:
    return tuple(_ratio(numerator, place) for numerator in place[1 : inputs + 1])


def _reduced(place: Sequence[int]) -> tuple[int, ...]:
    divisor = math.gcd(*place)
    return tuple(place) if divisor == 1 else tuple(c // divisor for c in place)


def _integers(coordinates: Sequence[Fraction]) -> tuple[int, ...]:
    denominator = math.lcm(*(value.denominator for value in coordinates))
    return (denominator, *(int(value * denominator) for value in coordinates))


def _cone(
    center: Sequence[Fraction], lower: Sequence[Fraction], upper: Sequence[Fraction]
) -> _Cell:
    """The points (x, t) with x in the box and |x_i - c_i| <= t for all i."""
    bounds = list(zip(lower, center, upper, strict=True))
    if not all(low <= c <= high for low, c, high in bounds):
        raise ValueError("the centre lies outside the domain box")
    t = len(center) + 1
    farthest = max(max(high - c, c - low) for low, c, high in bounds)
    cell = _box([*lower, Fraction(0)], [*upper, farthest])
    for i, c in enumerate(center, start=1):
        for sign in (Fraction(1), Fraction(-1)):
            cell = _clip(cell, {i: sign, 0: -sign * c, t: Fraction(-1)})
    return cell


def _box(lower: Sequence[Fraction], upper: Sequence[Fraction]) -> _Cell:
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
        place = _integers([value for value, _ in corner])
        cell.append(_Vertex(place, sum(bits for _, bits in corner)))
    return cell


def _extend(cell: _Cell, forms: list[_Form]) -> _Cell:
    """Append the values of the functions as coordinates."""
    scale = math.lcm(*(c.denominator for form in forms for c in form.values()))
    rows = [[(k, int(c * scale)) for k, c in form.items() if c] for form in forms]
    extended = []
    for place, tight in cell:
        values = [sum(c * place[k] for k, c in row) for row in rows]  # over place[0] * scale
        extended.append(_Vertex(_reduced([*(scale * c for c in place), *values]), tight))
    return extended


def _cut(cell: _Cell, k: int) -> tuple[_Cell, _Cell]:
    """The parts where coordinate k is <= 0 and where it is >= 0."""
    bit = 1 << 2 * k
    below = [v for v in cell if v.place[k] < 0]
    above = [v for v in cell if v.place[k] > 0]
    between = [_Vertex(v.place, v.tight | bit) for v in cell if v.place[k] == 0]
    for p, q in itertools.product(below, above):
        common = p.tight & q.tight
        if all(v.tight & common != common or v is p or v is q for v in cell):
            s, r = q.place[k], -p.place[k]  # positive, and s * p + r * q has coordinate k zero
            place = _reduced([s * a + r * b for a, b in zip(p.place, q.place, strict=True)])
            between.append(_Vertex(place, common | bit))
    return below + between, above + between


def _clip(cell: _Cell, form: _Form) -> _Cell:
    """The part where the function is <= 0 (no vertices if it is empty)."""
    return _cut(_extend(cell, [form]), len(cell[0].place))[0]


def _advance(cell: _Cell, step: _Step) -> list[_Cell]:
    """The cells after one step."""
    if isinstance(step, list):
        return [_extend(cell, step)]
    if all(place[step] >= 0 for place, _ in cell):
        return [cell]
    if all(place[step] <= 0 for place, _ in cell):
        return [_zeroed(cell, step)]
    below, above = _cut(cell, step)
    return [_zeroed(below, step), above]


def _zeroed(cell: _Cell, k: int) -> _Cell:
    return [_Vertex((*place[:k], 0, *place[k + 1 :]), tight) for place, tight in cell]


def _steps(network: ExactNetwork, inputs: int, coordinates: int) -> tuple[list[_Step], int]:
    """What to do with a cell whose vertices have so many coordinates, the first of which are the
    network's inputs; and which coordinate will then hold the first logit."""
    steps: list[_Step] = []
    starts, widths = [1], [inputs]
    end = 1 + coordinates
    for stage in network.stages:
        forms: list[_Form] = [{0: constant} for constant in stage.bias]
        for weights, source in stage.terms:
            for form, row in zip(forms, weights, strict=True):
                for j, m in zip(range(widths[source]), row, strict=True):
                    k = starts[source] + j
                    form[k] = form.get(k, Fraction(0)) + m
        steps.append(forms)
        starts.append(end)
        widths.append(len(forms))
        end += len(forms)
        if stage.relu:
            steps.extend(range(starts[-1], end))
    return steps, starts[-1]


# ---- layers as matrices ----------------------------------------------------------------------


def convolution_matrix(
    weight: Kernel,
    in_shape: tuple[int, int, int],
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
) -> Matrix:
    """The matrix of a convolution of a (channels, height, width) image, flattened row by row;
    the padding is (top, left, bottom, right)."""
    channels, height, width = in_shape
    out_channels, in_group = len(weight), channels // groups
    kernel = (len(weight[0][0]), len(weight[0][0][0]))
    out_height, out_width = _out_size(in_shape, kernel, stride, padding, dilation)
    rows = []
    for o, oy, ox in itertools.product(range(out_channels), range(out_height), range(out_width)):
        row = [Fraction(0)] * (channels * height * width)
        group = o // (out_channels // groups)
        for i, ky, kx in itertools.product(range(in_group), range(kernel[0]), range(kernel[1])):
            y = oy * stride[0] + ky * dilation[0] - padding[0]
            x = ox * stride[1] + kx * dilation[1] - padding[1]
            if 0 <= y < height and 0 <= x < width:
                row[((group * in_group + i) * height + y) * width + x] = weight[o][i][ky][kx]
        rows.append(tuple(row))
    return tuple(rows)


def average_pool_matrix(
    in_shape: tuple[int, int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    count_include_pad: bool = False,
) -> Matrix:
    """The matrix of average pooling; each mean is over the pixels of the window that lie in the
    image, or over all of them with zeros outside the image if ``count_include_pad``."""
    channels, height, width = in_shape
    out_height, out_width = _out_size(in_shape, kernel, stride, padding, (1, 1))
    rows = []
    for c, oy, ox in itertools.product(range(channels), range(out_height), range(out_width)):
        window = [
            (oy * stride[0] + ky - padding[0], ox * stride[1] + kx - padding[1])
            for ky, kx in itertools.product(range(kernel[0]), range(kernel[1]))
        ]
        inside = [(y, x) for y, x in window if 0 <= y < height and 0 <= x < width]
        row = [Fraction(0)] * (channels * height * width)
        for y, x in inside:
            count = len(window) if count_include_pad else len(inside)
            row[(c * height + y) * width + x] = Fraction(1, count)
        rows.append(tuple(row))
    return tuple(rows)


def _out_size(
    in_shape: tuple[int, int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int, int, int],
    dilation: tuple[int, int],
) -> tuple[int, int]:
    height = in_shape[1] + padding[0] + padding[2] - dilation[0] * (kernel[0] - 1) - 1
    width = in_shape[2] + padding[1] + padding[3] - dilation[1] * (kernel[1] - 1) - 1
    return height // stride[0] + 1, width // stride[1] + 1
