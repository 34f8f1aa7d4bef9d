"""Last step, the waist: a symbolic system becomes arrays and indices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from ..base.arrays import Mask, Matrix, Numbers, Vector, exact
from ..base.late import go_on
from ..base.rounding import TINY, UNIT, floor_float, gamma
from ..language.expressions import Offset, Variable
from ..operators import Dense, LinearOperator, Select, compose, scaled
from ..problem import Ball, Branch, Problem, Stage, Unrounded, offset_value
from .system import Atom, Definition, Lift, Solution, System

Places = dict[Variable, tuple[int, int]]
"""Where a variable stands: the number of its source, and its first column there."""


def flatten(system: System) -> tuple[Problem, Lift, Places]:
    """The compiled problem, the way back from exact inputs to a full assignment, and the places.

    The lift takes {input: value} for all inputs and adds every definition's exact value. Several
    inputs stand side by side in the problem's input, in the system's order.
    """
    places: Places = {}
    width = 0
    for name in system.inputs:
        places[name] = (0, width)
        width += name.size
    stages: list[Stage] = []
    for definition in system.definitions:
        go_on()
        stages.append(_stage(definition, places, width))
        places[definition.variable] = (len(stages), 0)
    last = len(stages)
    used = {t.variable: None for atom in system.atoms for t in atom.affine.terms}
    first = next(iter(used), None)
    if len(used) == 1 and first is not None and places[first][0] == last > 0:
        direct = not stages[-1].relu
    else:
        direct = False
    columns: dict[Variable, int] = {}
    if direct and first is not None:
        columns, size = {first: 0}, first.size
    else:
        size = sum(name.size for name in used)
        terms = []
        start = 0
        for name in used:
            index = np.full(size, -1, dtype=np.int64)
            index[start : start + name.size] = np.arange(name.size)
            columns[name] = start
            terms.append(_term(Select(index, name.size), name, places, width))
            start += name.size
        stages.append(Stage(tuple(terms), (), np.zeros(size), np.zeros(size), False, "output"))
    lower, upper, ball = _bounds(system, places)
    root, choices = system.root, system.choices
    if _empty(lower, upper, ball):
        # no input at all: a choice of nothing, over a box that is one
        root, choices = Branch(root.atoms, (*root.choices, len(choices))), (*choices, ())
        lower, upper = np.minimum(lower, upper), np.maximum(lower, upper)
    problem = Problem(
        lower, upper, tuple(stages), *_rows(system.atoms, columns, size), root, choices,
        ball, None if system.objective is None else 0, lambda: _unrounded(system, places),
    )  # fmt: skip

    def lift(solution: Solution) -> Solution:
        parts = [solution[name] for name in system.inputs]
        point = np.concatenate(parts) if parts else exact(np.empty(0))
        values = problem.values(point[None])
        return {
            name: values[number][0, start : start + name.size]
            for name, (number, start) in places.items()
        }

    return problem, lift, places


def moved(problem: Problem, system: System, places: Places) -> Problem | None:
    """A compiled problem with the boxes and the ball of another system, whose rest is the same.

    None where no input is left.
    """
    lower, upper, ball = _bounds(system, places)
    if _empty(lower, upper, ball):
        return None
    return replace(
        problem, lower=lower, upper=upper, ball=ball, unrounded=lambda: _unrounded(system, places)
    )


def _bounds(system: System, places: Places) -> tuple[Vector, Vector, Ball | None]:
    """The box of all inputs side by side, and the ball."""
    lower, upper = (
        np.concatenate([np.empty(0), *(system.boxes[name][side] for name in system.inputs)])
        for side in (0, 1)
    )
    return lower, upper, _ball(system, places)


def _empty(lower: Vector, upper: Vector, ball: Ball | None) -> bool:
    return not (lower <= upper).all() or (ball is not None and _missed(ball, lower, upper))


def _term(
    operator: LinearOperator, variable: Variable, places: Places, width: int
) -> tuple[LinearOperator, int]:
    """An operator on a variable as one on the source that holds it."""
    number, start = places[variable]
    if number > 0 or variable.size == width:
        return operator, number
    if isinstance(operator, Dense):
        wide = np.zeros((operator.out_size, width))
        wide[:, start : start + variable.size] = operator.weight
        return Dense(wide), 0
    return compose(Select(np.arange(start, start + variable.size), width), operator), 0


def _stage(definition: Definition, places: Places, width: int) -> Stage:
    value = definition.value
    terms = tuple(
        _term(scaled(t.operator, t.factor), t.variable, places, width) for t in value.terms
    )
    bias, radius = _constant(value.offsets, value.size)
    relu, name = definition.relu, definition.variable.name
    return Stage(terms, value.offsets, bias, radius, relu, name)


def _constant(offsets: Sequence[Offset], size: int) -> tuple[Vector, Vector]:
    """The sum of constants in float64 and how far the exact sum can be from it."""
    total, radius, reach = np.zeros(size), np.zeros(size), np.zeros(size)
    inexact = False
    for position, offset in enumerate(offsets):
        part = offset.operator.apply(offset.vector[None])[0] * offset.factor
        size_part = offset.operator.absolute().apply(np.abs(offset.vector)[None])[0]
        reach = reach + size_part * abs(offset.factor)
        if offset.operator.terms or abs(offset.factor) != 1.0:
            inexact = True
            radius = radius + gamma(offset.operator.terms + 2) * size_part * abs(offset.factor)
        inexact = inexact or position > 0
        total = total + part
    if inexact:
        radius = (radius + len(offsets) * UNIT * reach) * (1 + 1e-9) + TINY
    return total, radius


def _rows(
    atoms: Sequence[Atom], columns: dict[Variable, int], width: int
) -> tuple[Matrix, Vector, Mask]:
    """Every element of every atom as a row over the output."""
    rows: list[Matrix] = [np.zeros((0, width))]
    offsets: list[Vector] = [np.zeros(0)]
    strict: list[Mask] = [np.zeros(0, dtype=bool)]
    for atom in atoms:
        go_on()
        affine = atom.affine
        row = np.zeros((affine.size, width))
        for term in affine.terms:
            assert isinstance(term.operator, Select)
            index = term.operator.index
            used = np.flatnonzero(index >= 0)
            row[used, columns[term.variable] + index[used]] += term.factor
        rows.append(row)
        constants: Numbers = offset_value(affine.offsets, affine.size)
        # rounded down: the compiled atom then holds wherever the exact one does
        offsets.append(np.array([floor_float(Fraction(value)) for value in constants]))
        strict.append(np.full(affine.size, atom.kind == "<"))
    return np.concatenate(rows), np.concatenate(offsets), np.concatenate(strict)


def _unrounded(system: System, places: Places) -> Unrounded:
    """What the boxes and the atoms' offsets were before they were rounded."""
    lower: dict[int, Fraction] = {}
    upper: dict[int, Fraction] = {}
    for relation in system.rounded:
        term = relation.affine.terms[0]
        assert isinstance(term.operator, Select)
        first = places[term.variable][1]
        level = offset_value(relation.affine.offsets, relation.affine.size) * Fraction(-term.factor)
        for k, end in zip(term.operator.index.tolist(), level.tolist(), strict=True):
            if term.factor > 0.0 or relation.kind == "=":
                upper[first + k] = min(upper.get(first + k, end), end)
            if term.factor < 0.0 or relation.kind == "=":
                lower[first + k] = max(lower.get(first + k, end), end)
    constants = [offset_value(atom.affine.offsets, atom.affine.size) for atom in system.atoms]
    offset = dict(enumerate(value for several in constants for value in several.tolist()))
    return Unrounded(lower, upper, offset)


def _ball(system: System, places: Places) -> Ball | None:
    if system.ball is None:
        return None
    ball = system.ball
    index = places[ball.variable][1] + ball.index
    return Ball(ball.norm, index.astype(np.int64), ball.center, ball.radius)


def _missed(ball: Ball, lower: Vector, upper: Vector) -> bool:
    """Whether the ball does not reach the box, exactly."""
    near = np.clip(ball.center, lower[ball.index], upper[ball.index])
    return not ball.norm.within(exact(near) - exact(ball.center), Fraction(ball.radius))
