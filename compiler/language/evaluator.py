"""Exact evaluation of formulas in rational arithmetic; knows the language and nothing compiled."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import assert_never

import numpy as np

from ..base.arrays import Numbers, exact
from .expressions import Affine, Variable
from .formulas import And, Ball, Formula, Or, Relation

Assignment = Mapping[Variable, Numbers]


def value(affine: Affine, assignment: Assignment) -> Numbers:
    """The exact value of an expression, (size,) Fractions."""
    total: Numbers | None = None
    for term in affine.terms:
        part = term.operator.apply(assignment[term.variable][None])[0]
        total = _added(total, part, term.factor)
    for offset in affine.offsets:
        part = offset.operator.apply(exact(offset.vector)[None])[0]
        total = _added(total, part, offset.factor)
    return exact(np.zeros(affine.size)) if total is None else total


def _added(total: Numbers | None, part: Numbers, factor: float) -> Numbers:
    """total + factor * part; factors are mostly 1 or -1, and rational products are slow."""
    if abs(factor) != 1.0:
        part, factor = part * Fraction(factor), 1.0
    if total is None:
        return part if factor > 0.0 else -part
    result: Numbers = total + part if factor > 0.0 else total - part
    return result


def truth(formula: Formula, assignment: Assignment) -> Numbers:
    """For each element whether the formula holds there; a whole `Or` gives one element."""
    match formula:
        case Relation(affine, kind):
            numbers = value(affine, assignment)
            if kind == "<=":
                return np.array([number <= 0 for number in numbers], dtype=bool)
            if kind == "<":
                return np.array([number < 0 for number in numbers], dtype=bool)
            return np.array([number == 0 for number in numbers], dtype=bool)
        case Ball(affine, norm, radius):
            inside = norm.within(value(affine, assignment), Fraction(radius))
            return np.array([inside], dtype=bool)
        case And(parts):
            found = [truth(part, assignment) for part in parts]
            if len({len(part) for part in found} - {1}) > 1:
                found = [np.atleast_1d(part.all()) for part in found]
            if not found:
                return np.ones(1, dtype=bool)
            # a single element stands for all
            both: Numbers = np.logical_and.reduce(np.broadcast_arrays(*found))
            return both
        case Or(parts, elementwise):
            found = [truth(part, assignment) for part in parts]
            if not elementwise:
                found = [np.atleast_1d(part.all()) for part in found]
            return np.logical_or.reduce(found) if found else np.zeros(1, dtype=bool)
        case _:
            assert_never(formula)


def holds(formula: Formula, assignment: Assignment) -> bool:
    """Whether the formula is true under the assignment, without any tolerance."""
    return bool(truth(formula, assignment).all())


def within(variable: Variable, numbers: Numbers) -> bool:
    """Whether a value respects the variable's own bounds exactly."""
    return all(
        (low == -np.inf or number >= Fraction(low)) and (high == np.inf or number <= Fraction(high))
        for number, low, high in zip(
            numbers, variable.lower.tolist(), variable.upper.tolist(), strict=True
        )
    )
