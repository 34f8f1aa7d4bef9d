"""The rational simplex decides what the vertices of the polytope decide, and proves it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rhobust.lp.oracle.rational import Certificate, System, decide
from rhobust.selftest.polytopes import Form, box, extend, part_below

MOST = 1000


def never() -> bool:
    return False


def random_system(rng: np.random.Generator) -> System:
    """Up to 4 columns and 7 rows of small numbers, so that ties and parallel rows are frequent."""
    columns, count = int(rng.integers(1, 5)), int(rng.integers(0, 8))
    lower = rng.integers(-2, 2, size=columns)
    upper = lower + rng.integers(0, 4, size=columns)
    rows: list[list[Fraction]] = []
    bound: list[Fraction] = []
    for _ in range(count):
        if rows and rng.random() < 0.3:
            # the opposite of another one, but for a little
            other = int(rng.integers(len(rows)))
            scale = Fraction(-int(rng.integers(1, 4)), 3)
            rows.append([scale * c for c in rows[other]])
            bound.append(scale * bound[other] + Fraction(int(rng.integers(-1, 2)), 7))
            continue
        rows.append(
            [Fraction(int(c), int(rng.integers(1, 4))) for c in rng.integers(-3, 4, columns)]
        )
        bound.append(Fraction(int(rng.integers(-6, 7)), int(rng.integers(1, 4))))
    strict = [bool(s) for s in rng.random(count) < 0.3]
    ends = ([Fraction(int(v)) for v in side] for side in (lower, upper))
    return System(rows, bound, strict, *ends)


def satisfiable(system: System) -> bool:
    """By the closure's vertices: their mean satisfies the strict rows that one of them does."""
    cell = box(system.lower, system.upper)
    forms: list[Form] = []
    for row, level in zip(system.rows, system.bound, strict=True):
        forms.append({0: -level, **dict(enumerate(row, start=1))})
        cell = part_below(cell, forms[-1]) if cell else cell
    if not cell:
        return False
    width = len(cell[0].place)
    inside = extend(cell, [form for form, s in zip(forms, system.strict, strict=True) if s])
    count = sum(system.strict)
    return all(any(place[width + k] < 0 for place, _ in inside) for k in range(count))


systems = st.integers(0, 2**32 - 1).map(lambda k: random_system(np.random.default_rng(k)))


@settings(max_examples=100, deadline=None)
@given(systems, st.integers(-40, 40))
def test_the_answer_is_that_of_the_vertices(system: System, start: int) -> None:
    found = decide(system, [Fraction(start, 8)] * len(system.lower), MOST, never)
    assert found is not None
    if isinstance(found, Certificate):
        assert found.proves(system) and not satisfiable(system)
    else:
        assert system.holds(found) and satisfiable(system)


@settings(max_examples=50, deadline=None)
@given(systems, st.integers(0, 2**32 - 1))
def test_what_is_spoiled_proves_nothing(system: System, seed: int) -> None:
    """Of a system with a solution no multipliers prove that it has none."""
    rng = np.random.default_rng(seed)
    count, columns = len(system.rows), len(system.lower)

    def some(size: int) -> list[Fraction]:
        return [Fraction(int(v), 2) for v in rng.integers(-1, 3, size=size)]

    weights = some(count)
    left = [
        sum((w * row[k] for w, row in zip(weights, system.rows, strict=True)), Fraction(0))
        for k in range(columns)
    ]
    # the best that these weights can do: bounds that cancel the rows
    fitting = Certificate(
        weights, [max(v, Fraction(0)) for v in left], [max(-v, Fraction(0)) for v in left]
    )
    for certificate in (fitting, Certificate(weights, some(columns), some(columns))):
        if certificate.proves(system):
            assert not satisfiable(system)
    if any(w < 0 for w in weights):
        assert not fitting.proves(system)


HALF = Fraction(1, 2)
ONE, NONE = Fraction(1), Fraction(0)


def test_by_hand() -> None:
    """x + y = 1 and x - y = 1/3 over the unit square."""
    rows = [[ONE, ONE], [-ONE, -ONE], [ONE, -ONE], [-ONE, ONE]]
    levels = [ONE, -ONE, Fraction(1, 3), Fraction(-1, 3)]
    system = System(rows, levels, [False] * 4, [NONE] * 2, [ONE] * 2)
    assert decide(system, [NONE] * 2, MOST, never) == (Fraction(2, 3), Fraction(1, 3))
    for k in range(4):
        strict = replace(system, strict=[j == k for j in range(4)])
        found = decide(strict, [NONE] * 2, MOST, never)
        assert isinstance(found, Certificate) and found.proves(strict)
        assert not found.proves(system)
        assert not replace(found, rows=[-w for w in found.rows]).proves(strict)


def test_strict_rows_leave_room() -> None:
    rows = [[ONE], [-ONE]]
    for gap in (ONE, Fraction(1, 10**30)):
        system = System(rows, [HALF + gap, -HALF], [True, True], [NONE], [Fraction(3)])
        found = decide(system, [NONE], MOST, never)
        assert isinstance(found, tuple) and HALF < found[0] < HALF + gap


def test_bounds_that_cross() -> None:
    system = System([], [], [], [NONE, ONE], [ONE, HALF])
    found = decide(system, [NONE, NONE], MOST, never)
    assert isinstance(found, Certificate) and found.proves(system)


def test_limits_leave_it_open() -> None:
    system = System([[-ONE]], [-HALF], [False], [NONE], [ONE])
    assert decide(system, [NONE], 0, never) is None
    assert decide(system, [NONE], MOST, lambda: True) is None
    assert decide(system, [ONE], 1, lambda: True) == (ONE,)
