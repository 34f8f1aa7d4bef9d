"""Last step, the waist: a symbolic system becomes arrays and indices."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ..arrays import Mask, Matrix, Numbers, Vector
from ..language import Affine, Offset, Variable
from ..operators import LinearOperator, Select, scaled
from ..problem import Case, Problem, Stage, offset_value
from ..rounding import TINY, UNIT, floor_float, gamma
from .system import Atom, Lift, Solution, System


def flatten(system: System) -> tuple[Problem, Lift]:
    """The compiled problem, and the way back from an exact input to a full assignment.

    The lift takes {inputs: value} and adds every definition's exact value.
    """
    assert system.lower is not None and system.upper is not None
    number = {system.inputs: 0}
    stages: list[Stage] = []
    for definition in system.definitions:
        stages.append(_stage(definition.value, number, definition.relu, definition.variable.name))
        number[definition.variable] = len(stages)
    last = len(stages)
    used = list(
        dict.fromkeys(
            term.variable for case in system.cases for atom in case for term in atom.affine.terms
        )
    )
    if len(used) == 1 and stages and number[used[0]] == last and not stages[-1].relu:
        places = {used[0]: 0}
        width = used[0].size
    else:
        width = sum(variable.size for variable in used)
        places, terms = _collect(used, width, number)
        stages.append(Stage(terms, (), np.zeros(width), np.zeros(width), False, "output"))
    compiled = tuple(_case(case, places, width) for case in system.cases)
    problem = Problem(system.lower, system.upper, tuple(stages), compiled)

    def lift(solution: Solution) -> Solution:
        values = problem.values(solution[system.inputs][None])
        return {variable: values[position][0] for variable, position in number.items()}

    return problem, lift


def _stage(value: Affine, number: dict[Variable, int], relu: bool, name: str) -> Stage:
    terms = tuple((scaled(t.operator, t.factor), number[t.variable]) for t in value.terms)
    bias, radius = _constant(value.offsets, value.size)
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


def _collect(
    used: Sequence[Variable], width: int, number: dict[Variable, int]
) -> tuple[dict[Variable, int], tuple[tuple[LinearOperator, int], ...]]:
    """The output vector put together from several variables: where each starts, and the terms."""
    places: dict[Variable, int] = {}
    terms: list[tuple[LinearOperator, int]] = []
    start = 0
    for variable in used:
        index = np.full(width, -1, dtype=np.int64)
        index[start : start + variable.size] = np.arange(variable.size)
        places[variable] = start
        terms.append((Select(index, variable.size), number[variable]))
        start += variable.size
    return places, tuple(terms)


def _case(atoms: tuple[Atom, ...], places: dict[Variable, int], width: int) -> Case:
    # a case without atoms always holds
    rows: list[Matrix] = [np.zeros((0, width))]
    offsets: list[Vector] = [np.zeros(0)]
    strict: list[Mask] = [np.zeros(0, dtype=bool)]
    for atom in atoms:
        affine = atom.affine
        row = np.zeros((affine.size, width))
        for term in affine.terms:
            assert isinstance(term.operator, Select)
            for element, source in enumerate(term.operator.index.tolist()):
                if source >= 0:
                    row[element, places[term.variable] + source] += term.factor
        rows.append(row)
        constants: Numbers = offset_value(affine.offsets, affine.size)
        # rounded down: the compiled case then holds wherever the exact one does
        offsets.append(np.array([floor_float(Fraction(value)) for value in constants]))
        strict.append(np.full(affine.size, atom.kind == "<"))
    return Case(np.concatenate(rows), np.concatenate(offsets), np.concatenate(strict))
