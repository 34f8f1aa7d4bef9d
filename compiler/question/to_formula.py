"""Exact trees as formulas of the constraint language, with constants rounded outwards."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import assert_never

import numpy as np

from ..base.errors import LanguageError
from ..base.rounding import floor_float
from ..language.expressions import Affine
from ..language.formulas import And, Formula, Or, Relation
from ..operators import Scale, Select
from .and_or_tree import AllOf, AnyOf, Atom, Tree


def formula(tree: Tree, x: Affine, y: Affine) -> Formula:
    """The tree over the flat inputs x and outputs y.

    Promise: it holds wherever the tree does.  The converse is true but for the constants, which are
    rounded to float64 so that relations become weaker; coefficients are exact.  Parts of a
    conjunction that differ in their variables and constants only form one relation.
    """
    match tree:
        case Atom():
            return _relation([tree], x, y)
        case AllOf(parts):
            alike: dict[object, list[Atom]] = {}
            others: list[Formula] = []
            for part in parts:
                if isinstance(part, Atom):
                    shape = tuple((place.output, k) for place, k in part.terms)
                    alike.setdefault((shape, part.strict), []).append(part)
                else:
                    others.append(formula(part, x, y))
            return And((*(_relation(atoms, x, y) for atoms in alike.values()), *others))
        case AnyOf(parts):
            return Or(tuple(formula(part, x, y) for part in parts))
        case _:
            assert_never(tree)


def stacked(expressions: Sequence[Affine]) -> Affine:
    """The expressions one after the other, as the flat inputs or outputs of several networks."""
    size = sum(expression.size for expression in expressions)
    total, start = Affine(size), 0
    for expression in expressions:
        index = np.full(size, -1, dtype=np.int64)
        index[start : start + expression.size] = np.arange(expression.size)
        total = total + expression.through(Select(index, expression.size))
        start += expression.size
    return total


def _relation(atoms: Sequence[Atom], x: Affine, y: Affine) -> Relation:
    """Atoms with the same coefficients as one relation with an element for each."""
    model = atoms[0]
    # integers may be large: bring the largest coefficient to 1..2 by a power of two, exactly
    unit = Fraction(1, 2 ** (max(abs(k) for _, k in model.terms).bit_length() - 1))
    constants = np.array([floor_float(atom.constant * unit) for atom in atoms])
    total = Affine(len(atoms)) + constants
    for position, (place, k) in enumerate(model.terms):
        source = y if place.output else x
        index = np.array([atom.terms[position][0].element for atom in atoms], dtype=np.int64)
        if index.max() >= source.size:
            side = "outputs" if place.output else "inputs"
            raise LanguageError(f"the property has more {side} than the {source.size} given")
        chosen = source.through(Select(index, source.size))
        for piece in _floats(k * unit):
            total = total + _times(chosen, piece)
    return Relation(total, "<" if model.strict else "<=")


def _floats(value: Fraction) -> list[float]:
    """Floats whose exact sum is the value."""
    pieces = []
    while value:
        piece = float(value)
        if piece == 0.0:
            raise LanguageError("the coefficients of one relation differ too much for float64")
        pieces.append(piece)
        value -= Fraction(piece)
    return pieces


def _times(expression: Affine, factor: float) -> Affine:
    """factor * expression; a factor that may round later is left to an operator."""
    if abs(factor) == 1.0:
        return expression * factor
    ones = np.ones(expression.size)
    return expression.through(Scale(factor * ones, ones))
