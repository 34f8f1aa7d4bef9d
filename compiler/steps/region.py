"""Step: relations that bound single inputs become a box, rounded outwards."""

from __future__ import annotations

import numpy as np

from ..arrays import Vector
from ..errors import LanguageError
from ..language import And, Formula, Relation, Variable
from ..operators import Select
from ..rounding import add_down, add_up
from .system import Lift, System, unchanged


def region(system: System) -> tuple[System, Lift]:
    """The system with a box that contains every input the bounding relations allow.

    A relation is read when it is a signed selection of inputs plus stored vectors; it is kept as a
    formula otherwise.  The box of a relation is exact up to one rounding outwards.
    """
    lower, upper = system.inputs.lower.copy(), system.inputs.upper.copy()
    rest: list[Formula] = []
    for formula in _flat(system.formulas):
        if not (isinstance(formula, Relation) and _tighten(formula, system.inputs, lower, upper)):
            rest.append(formula)
    if not (np.isfinite(lower).all() and np.isfinite(upper).all()):
        raise LanguageError("every input needs a finite lower and upper bound")
    return System(
        system.inputs, tuple(rest), system.definitions, lower, upper, system.cases
    ), unchanged


def _flat(formulas: tuple[Formula, ...]) -> list[Formula]:
    out: list[Formula] = []
    for formula in formulas:
        out.extend(_flat(formula.parts) if isinstance(formula, And) else (formula,))
    return out


def _tighten(relation: Relation, inputs: Variable, lower: Vector, upper: Vector) -> bool:
    affine = relation.affine
    if len(affine.terms) != 1:
        return False
    term = affine.terms[0]
    selects = isinstance(term.operator, Select) and (term.operator.index >= 0).all()
    if term.variable is not inputs or abs(term.factor) != 1.0 or not selects:
        return False
    assert isinstance(term.operator, Select)
    # factor * x + constant <= 0: x is at most -constant, or at least constant
    low, high = np.zeros(affine.size), np.zeros(affine.size)
    for offset in affine.offsets:
        if not (isinstance(offset.operator, Select) and abs(offset.factor) == 1.0):
            return False
        part = offset.operator.apply(offset.vector[None])[0] * offset.factor
        low, high = add_down(low, part), add_up(high, part)
    index = term.operator.index
    if term.factor > 0 or relation.kind == "=":
        bound = -low if term.factor > 0 else high
        np.minimum.at(upper, index, bound)
    if term.factor < 0 or relation.kind == "=":
        bound = low if term.factor < 0 else -high
        np.maximum.at(lower, index, bound)
    return True
