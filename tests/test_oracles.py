"""The exact reference: examples worked by hand, and what holds for every network."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .reference.oracles import (
    Bend,
    ExactMaximum,
    ExactNetwork,
    ExactStage,
    Matrix,
    Vector,
    average_pool_matrix,
    clip,
    convolution_matrix,
    evaluate,
    leaky,
    least_distance,
    least_distance_on_region,
    least_margin,
    margin_at,
    matrix,
    vector,
)

Rows = list[list[int | float]]


def stage(*terms: tuple[Rows, int], bias: list[int | float], relu: bool = True) -> ExactStage:
    return ExactStage(tuple((matrix(rows), source) for rows, source in terms), vector(bias), relu)


def logits(*terms: tuple[Rows, int], bias: list[int | float]) -> ExactStage:
    return stage(*terms, bias=bias, relu=False)


def nearest(distance: float | Fraction, *point: float) -> tuple[Fraction, Vector]:
    return Fraction(distance), vector(point)


# y = (1, |x|)
ABSOLUTE = ExactNetwork(
    (stage(([[1], [-1]], 0), bias=[0, 0]), logits(([[0, 0], [1, 1]], 1), bias=[1, 0]))
)
# y = (3/4, x) below 1/2 and (3/4, 1 - x) above, for x >= 0; the first stage is also read directly
TENT = ExactNetwork(
    (
        stage(([[1]], 0), bias=[0]),
        stage(([[1]], 1), bias=[-0.5]),
        logits(([[0], [1]], 1), ([[0], [-2]], 2), bias=[0.75, 0]),
    )
)
# y = (1, max(x1 + x2, 0))
CORNER = ExactNetwork((stage(([[1, 1]], 0), bias=[0]), logits(([[0], [1]], 1), bias=[1, 0])))
# y = (0, x - 1, -x - 1/2), without any ReLU
LINES = ExactNetwork((logits(([[0], [1], [-1]], 0), bias=[0, -1, -0.5]),))


def test_evaluate_reads_input_and_earlier_stages() -> None:
    network = ExactNetwork(
        (
            stage(([[1, -1]], 0), bias=[0.5]),
            logits(([[2], [0]], 1), ([[1, 0], [0, 1]], 0), ([[0, 3], [0, 0]], 0), bias=[0, 1]),
        )
    )
    assert evaluate(network, vector([1, 1])) == vector([1 + 1 + 3, 2])
    assert evaluate(network, vector([0, 1])) == vector([3, 2])


def test_one_input() -> None:
    assert least_margin(ABSOLUTE, vector([-0.5]), vector([0.75]), 0) == Fraction(1, 4)
    assert least_margin(ABSOLUTE, vector([-2]), vector([0.75]), 0) == -1
    # With label 1 the kink is the worst point.
    assert least_margin(ABSOLUTE, vector([-2]), vector([3]), 1) == -1
    found = least_distance(ABSOLUTE, vector([0.25]), 0, vector([-2]), vector([2]))
    assert found == nearest(Fraction(3, 4), 1)


def test_margin_makes_an_adversarial_example_harder_to_find() -> None:
    half = Fraction(1, 2)
    assert least_margin(ABSOLUTE, vector([-2]), vector([2]), 0, margin=half) == -half
    found = least_distance(ABSOLUTE, vector([0.25]), 0, vector([-2]), vector([2]), margin=half)
    assert found == nearest(Fraction(5, 4), 1.5)
    found = least_distance(ABSOLUTE, vector([0.25]), 0, vector([-2]), vector([2]), margin=-half)
    assert found == nearest(Fraction(1, 4), 0.5)


def test_kink_at_the_centre() -> None:
    found = least_distance(ABSOLUTE, vector([0]), 0, vector([-2]), vector([2]))
    assert found is not None and found[0] == 1 and abs(found[1][0]) == 1
    found = least_distance(ABSOLUTE, vector([0]), 0, vector([-0.5]), vector([2]))
    assert found == nearest(1, 1)
    # The condition holds at the kink itself, and only there.
    found = least_distance(ABSOLUTE, vector([0]), 1, vector([-2]), vector([2]), margin=Fraction(1))
    assert found == nearest(0, 0)
    found = least_distance(ABSOLUTE, vector([1.5]), 1, vector([-2]), vector([2]), None, Fraction(1))
    assert found == nearest(Fraction(3, 2), 0)


def test_a_condition_that_holds_at_the_centre_gives_distance_zero() -> None:
    assert least_distance(ABSOLUTE, vector([2]), 0, vector([-3]), vector([3])) == nearest(0, 2)
    assert least_distance(ABSOLUTE, vector([1]), 0, vector([1]), vector([3])) == nearest(0, 1)


def test_empty_adversarial_set() -> None:
    assert least_distance(ABSOLUTE, vector([0]), 0, vector([-0.5]), vector([0.75])) is None
    assert least_distance(TENT, vector([0]), 0, vector([-5]), vector([5])) is None
    assert least_margin(TENT, vector([-5]), vector([5]), 0) == Fraction(1, 4)


def test_residual_graph() -> None:
    assert least_margin(TENT, vector([-1]), vector([0.25]), 0) == Fraction(1, 2)
    found = least_distance(TENT, vector([3]), 0, vector([-5]), vector([5]), margin=Fraction(-1, 2))
    assert found == nearest(Fraction(9, 4), 0.75)
    # y = (1/2, max(x, 0) - x)
    network = ExactNetwork(
        (
            stage(([[1]], 0), bias=[0]),
            logits(([[0], [1]], 1), ([[0], [-1]], 0), bias=[0.5, 0]),
        )
    )
    found = least_distance(network, vector([1]), 0, vector([-1]), vector([1]))
    assert found == nearest(Fraction(3, 2), -0.5)


def test_region_of_the_centre() -> None:
    def on_region(network: ExactNetwork, center: float, margin: float = 0) -> Fraction | None:
        low, high = vector([-5]), vector([5])
        found = least_distance_on_region(
            network, vector([center]), 0, low, high, margin=Fraction(margin)
        )
        free = least_distance(network, vector([center]), 0, low, high, margin=Fraction(margin))
        assert found is None or (free is not None and free[0] <= found)
        return found

    assert on_region(ABSOLUTE, 0.25) == Fraction(3, 4)
    assert on_region(ABSOLUTE, -0.25) == Fraction(3, 4)
    assert on_region(ABSOLUTE, 0) is None  # both count as active there, which leaves x = 0 alone
    assert on_region(TENT, 0.25, -0.5) == 0
    assert on_region(TENT, 0.125, -0.5) == Fraction(1, 8)
    assert on_region(TENT, 3, -0.5) == Fraction(9, 4)
    assert on_region(TENT, -1, -0.5) is None


def test_two_inputs() -> None:
    lower, upper = vector([-1, -2]), vector([3, 2])
    found = least_distance(CORNER, vector([0, 0]), 0, lower, upper)
    assert found == nearest(Fraction(1, 2), 0.5, 0.5)
    assert least_margin(CORNER, lower, upper, 0) == -4
    assert least_margin(CORNER, lower, upper, 1) == -1
    # The domain keeps one coordinate from going as far as the other.
    found = least_distance(CORNER, vector([0, 0]), 0, lower, vector([3, 0.25]))
    assert found == nearest(Fraction(3, 4), 0.75, 0.25)


def test_frozen_coordinates() -> None:
    lower, upper = vector([-1, 0]), vector([3, 0])
    assert least_margin(CORNER, lower, upper, 0) == -2
    assert least_distance(CORNER, vector([0, 0]), 0, lower, upper) == nearest(1, 1, 0)
    point = vector([1, 0.5])
    assert least_margin(CORNER, point, point, 0) == Fraction(-1, 2)
    assert least_distance(CORNER, point, 0, point, point) == nearest(0, 1, 0.5)
    assert least_distance(CORNER, point, 0, point, point, margin=Fraction(1)) is None


def test_rivals() -> None:
    zero, lower, upper = vector([0]), vector([-2]), vector([2])
    assert least_distance(LINES, zero, 0, lower, upper) == nearest(Fraction(1, 2), -0.5)
    assert least_distance(LINES, zero, 0, lower, upper, rivals=[1]) == nearest(1, 1)
    assert least_margin(LINES, lower, upper, 0) == Fraction(-3, 2)
    assert least_margin(LINES, lower, upper, 0, rivals=[1]) == -1


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="logits"):
        ExactNetwork((stage(([[1]], 0), bias=[0]),))
    with pytest.raises(ValueError, match="precede"):
        ExactNetwork((logits(([[1]], 1), bias=[0]),))
    with pytest.raises(ValueError, match="outside"):
        least_distance(LINES, vector([3]), 0, vector([-2]), vector([2]))
    with pytest.raises(ValueError, match="empty"):
        least_margin(LINES, vector([1]), vector([0]), 0)
    with pytest.raises(ValueError, match="zip"):
        least_margin(LINES, vector([0, 0]), vector([1, 1]), 0)


# ---- every network ---------------------------------------------------------------------------


@st.composite
def eighths(draw: st.DrawFn, rows: int, columns: int, size: int = 12) -> Matrix:
    count = rows * columns
    values = draw(st.lists(st.integers(-size, size), min_size=count, max_size=count))
    return matrix(
        [Fraction(v, 8) for v in values[r * columns : (r + 1) * columns]] for r in range(rows)
    )


@st.composite
def networks(draw: st.DrawFn, inputs: int, widths: list[int], bent: bool = False) -> ExactNetwork:
    """Stages that read the one before and, from the second on, perhaps also an earlier one."""
    sizes = [inputs, *widths, 3]
    stages: list[ExactStage | ExactMaximum] = []
    for number in range(1, len(sizes)):
        sources = [number - 1]
        if number > 1 and draw(st.booleans()):
            sources.append(draw(st.integers(0, number - 2)))
        terms = tuple((draw(eighths(sizes[number], sizes[k])), k) for k in sources)
        bias = draw(eighths(1, sizes[number]))[0]
        inner = number < len(sizes) - 1
        if inner and bent and draw(st.booleans()):
            places = st.tuples(st.just(number - 1), st.integers(0, sizes[number - 1] - 1))
            pairs = [(draw(places), draw(places)) for _ in range(sizes[number])]
            stages.append(ExactMaximum(tuple(pairs)))
        elif inner and bent:
            some = tuple(draw(bends()) for _ in range(sizes[number]))
            stages.append(ExactStage(terms, bias, False, some))
        else:
            stages.append(ExactStage(terms, bias, relu=inner))
    return ExactNetwork(tuple(stages))


@st.composite
def bends(draw: st.DrawFn) -> Bend:
    low, high = sorted(Fraction(draw(st.integers(-8, 8)), 8) for _ in range(2))
    if draw(st.booleans()):
        return leaky(3 * low - high)
    return draw(st.sampled_from([clip(low, high), clip(None, high), clip(low, None)]))


@st.composite
def problems(draw: st.DrawFn) -> tuple[ExactNetwork, Vector, Vector, Vector, Fraction]:
    """A network, the bounds of its domain, a centre in it, and a margin."""
    inputs = draw(st.integers(1, 3))
    widths = draw(st.lists(st.integers(1, 4), max_size=2))
    network = draw(networks(inputs, widths, bent=draw(st.booleans())))
    corners = zip(*draw(eighths(3, inputs)), strict=True)
    lower, center, upper = zip(*(sorted(values) for values in corners), strict=True)
    return network, lower, center, upper, Fraction(draw(st.integers(-8, 8)), 8)


def grid(lower: Vector, upper: Vector, parts: int = 4) -> Iterator[Vector]:
    return itertools.product(
        *(
            sorted({low + (high - low) * Fraction(k, parts) for k in range(parts + 1)})
            for low, high in zip(lower, upper, strict=True)
        )
    )


@settings(max_examples=15, deadline=None)
@given(problems())
def test_no_grid_point_is_better(
    problem: tuple[ExactNetwork, Vector, Vector, Vector, Fraction],
) -> None:
    network, lower, center, upper, margin = problem
    least = least_margin(network, lower, upper, 0, margin=margin)
    found = least_distance(network, center, 0, lower, upper, margin=margin)
    assert (found is None) == (least > 0)
    for point in grid(lower, upper):
        value = margin_at(network, point, 0, margin=margin)
        assert value >= least
        if value <= 0:
            distance = max(abs(x - c) for x, c in zip(point, center, strict=True))
            assert found is not None and distance >= found[0]


@settings(max_examples=25, deadline=None)
@given(problems())
def test_distance_and_margin_agree(
    problem: tuple[ExactNetwork, Vector, Vector, Vector, Fraction],
) -> None:
    network, lower, center, upper, margin = problem
    found = least_distance(network, center, 0, lower, upper, margin=margin)
    if found is None:
        assert least_margin(network, lower, upper, 0, margin=margin) > 0
        return
    distance, point = found
    assert all(low <= x <= high for low, x, high in zip(lower, point, upper, strict=True))
    assert max(abs(x - c) for x, c in zip(point, center, strict=True)) == distance
    assert margin_at(network, point, 0, margin=margin) <= 0

    def within(radius: Fraction) -> Fraction:
        low = tuple(max(a, c - radius) for a, c in zip(lower, center, strict=True))
        high = tuple(min(b, c + radius) for b, c in zip(upper, center, strict=True))
        return least_margin(network, low, high, 0, margin=margin)

    on_region = least_distance_on_region(network, center, 0, lower, upper, margin=margin)
    assert on_region is None or on_region >= distance
    if distance > 0:
        assert within(distance) == 0
        assert within(distance * Fraction(999, 1000)) > 0
    else:
        assert margin_at(network, center, 0, margin=margin) <= 0


@settings(max_examples=15, deadline=None)
@given(networks(2, [4]), eighths(2, 2))
def test_two_inputs_and_one_layer_against_all_crossings(
    network: ExactNetwork, corners: Matrix
) -> None:
    """The least margin is attained where two of the box's sides and the units' lines cross."""
    lower, upper = (tuple(f(pair) for pair in zip(*corners, strict=True)) for f in (min, max))
    first = network.stages[0]
    assert isinstance(first, ExactStage)
    lines = [(*row, -b) for row, b in zip(first.terms[0][0], first.bias, strict=True)]
    for bound in (lower, upper):  # a x + b y = c
        lines += [(Fraction(1), Fraction(0), bound[0]), (Fraction(0), Fraction(1), bound[1])]
    values = []
    for (a, b, c), (d, e, f) in itertools.combinations(lines, 2):
        determinant = a * e - b * d
        if determinant:
            point = ((c * e - b * f) / determinant, (a * f - c * d) / determinant)
            if all(low <= x <= high for low, x, high in zip(lower, point, upper, strict=True)):
                values.append(margin_at(network, point, 0))
    assert least_margin(network, lower, upper, 0) == min(values)


# ---- other pieces ----------------------------------------------------------------------------

STAIRS = ExactNetwork(
    (
        ExactStage(
            ((matrix([[1], [1], [1]]), 0),),
            vector([0, 0, 0]),
            False,
            (clip(Fraction(-1), Fraction(2)), leaky(Fraction(-1, 2)), clip(None, Fraction(1))),
        ),
        ExactMaximum((((1, 0), (1, 1)), ((1, 2), (0, 0)))),
        logits(([[0, 0], [1, 0], [0, 1]], 2), bias=[2, 0, 0]),
    )
)
"""2, max(clip(x, -1, 2), leaky(x)) and max(min(x, 1), x)."""


def test_bends_and_maxima_by_hand() -> None:
    # the second: -x/2 below 0, x above; the third: x
    values: dict[int, tuple[Fraction | int, int]] = {
        -6: (3, -6),
        -1: (Fraction(1, 2), -1),
        0: (0, 0),
        1: (1, 1),
        2: (2, 2),
        5: (5, 5),
    }
    for x, (second, third) in values.items():
        assert evaluate(STAIRS, vector([x])) == vector([2, second, third])
    one, zero = Fraction(1), Fraction(0)
    assert clip(zero, one).kinks == ((zero, True), (one, False))
    assert [clip(zero, one)(Fraction(v, 2)) for v in (-1, 0, 1, 2, 3)] == [
        0,
        0,
        Fraction(1, 2),
        1,
        1,
    ]
    assert [clip(None, one).piece(Fraction(v)) for v in (0, 1, 2)] == [0, 0, 1]
    # the second is ahead of the first for x < -4 and for x > 2, the third for x > 2
    low, high = vector([-6]), vector([6])
    assert least_margin(STAIRS, low, high, 0) == 2 - 6
    assert least_margin(STAIRS, low, vector([0]), 0, [1]) == 2 - 3
    found = least_distance(STAIRS, vector([-1]), 0, low, high)
    assert found is not None and found[0] == 3


def test_the_region_of_other_pieces() -> None:
    low, high = vector([-6]), vector([6])

    def on_region(center: int | Fraction) -> Fraction | None:
        return least_distance_on_region(STAIRS, vector([center]), 0, low, high)

    # below -1 the clip is constant, and the leaky part, -x/2 there, stays ahead
    assert on_region(-2) == 2
    # between 0 and 1 all keep their pieces up to 1, and none leads by then
    assert on_region(Fraction(1, 2)) is None
    # a limit counts as between: at 1 the third is min(x, 1) = x, and the region ends there
    assert on_region(1) is None
    # above 1 the third is x itself and the clip is x up to 2, where both are as great as the first
    assert on_region(Fraction(3, 2)) == Fraction(1, 2)
    # at 2 the clip is still x, but for a leaky part that is as great and second
    assert on_region(2) == 0


# ---- layers as matrices ----------------------------------------------------------------------


def test_convolution_of_one_channel() -> None:
    kernel = ((matrix([[1, 2], [3, 4]]),),)
    assert convolution_matrix(kernel, (1, 2, 3)) == matrix([[1, 2, 0, 3, 4, 0], [0, 1, 2, 0, 3, 4]])


def test_convolution_with_padding_stride_and_dilation() -> None:
    kernel = ((matrix([[1, 2]]),),)
    # One row above and one column to the left; columns 0 and 2 of [0, a, b], then of [0, c, d].
    assert convolution_matrix(
        kernel, (1, 2, 2), stride=(1, 1), padding=(1, 1, 0, 0), dilation=(1, 2)
    ) == matrix([[0, 0, 0, 0], [0, 2, 0, 0], [0, 0, 0, 2]])
    # Two columns to the right, steps of two: (a, b), (0, 0).
    assert convolution_matrix(kernel, (1, 1, 2), stride=(1, 2), padding=(0, 0, 0, 2)) == matrix(
        [[1, 2], [0, 0]]
    )
    # One row below, steps of two: only the first row of the image starts a window.
    column = ((matrix([[1], [2]]),),)
    assert convolution_matrix(column, (1, 3, 1), stride=(2, 1), padding=(0, 0, 1, 0)) == matrix(
        [[1, 2, 0], [0, 0, 1]]
    )


def test_convolution_with_channels_and_groups() -> None:
    one = matrix([[1]])
    two = matrix([[2]])
    assert convolution_matrix(((one, two),), (2, 1, 2)) == matrix([[1, 0, 2, 0], [0, 1, 0, 2]])
    assert convolution_matrix(((one,), (two,)), (2, 1, 2), groups=2) == matrix(
        [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 2, 0], [0, 0, 0, 2]]
    )


def test_average_pool() -> None:
    half = Fraction(1, 2)
    assert average_pool_matrix((2, 1, 2), (1, 2), (1, 2)) == matrix(
        [[half, half, 0, 0], [0, 0, half, half]]
    )
    padded = ((1, 2, 2), (2, 2), (2, 2), (1, 0, 1, 0))
    assert average_pool_matrix(*padded) == matrix([[half, half, 0, 0], [0, 0, half, half]])
    quarter = half / 2
    assert average_pool_matrix(*padded, count_include_pad=True) == matrix(
        [[quarter, quarter, 0, 0], [0, 0, quarter, quarter]]
    )
