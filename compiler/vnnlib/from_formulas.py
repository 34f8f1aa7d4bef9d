"""Formulas over the input and output of one network as VNN-LIB 1.0 text."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product

import numpy as np

from ..base.errors import LanguageError
from ..base.norms import L1
from ..language.elementwise import elements
from ..language.exact_rows import Form, applied, values
from ..language.expressions import Expression, Variable
from ..language.formulas import Ball, Formula, Relation, requirements
from ..operators import LinearOperator, is_identity
from ..question.and_or_tree import Place, Tree, atom, conjunction, disjunction
from ..question.property import Port, Property, Signature
from .writer import write_vnnlib

LARGEST = 12
"""Elements of an l1 norm that is written with all its signs, 2^n atoms."""


def write_formula_vnnlib(formulas: Sequence[Formula], x: Expression, y: Expression) -> str:
    """The points that satisfy all formulas, over X_0, ... of x and Y_0, ... of y; see `stated`."""
    return write_vnnlib(stated(formulas, x, y))


def stated(formulas: Sequence[Formula], x: Expression, y: Expression) -> Property:
    """All formulas together as an exact property of the network that takes x to y.

    x, y: variables, as `y = network(x)` gives them. What defines y is the network's own and left to
    its file; the variables' bounds are stated. Promise: no number is rounded. Raises LanguageError
    for an l2 norm, for an l1 norm of more than `LARGEST` elements, and for formulas that speak of
    other variables, which VNN-LIB 1.0 does not have.
    """
    inputs, outputs = _variable(x, "input"), _variable(y, "output")
    own = {id(formula) for formula in (*x.affine.requires, *y.affine.requires)}
    needed = {id(f): f for formula in formulas for f in requirements(formula) if id(f) not in own}
    reader = _Reader({inputs: False, outputs: True})
    parts = [reader.bounds(inputs), reader.bounds(outputs)]
    for formula in (*needed.values(), *formulas):
        parts += elements(formula, reader.atoms, conjunction, disjunction)
    network = Signature("", _ports("X", inputs), _ports("Y", outputs))
    return Property((network,), conjunction(parts), "formula")


def _ports(name: str, variable: Variable) -> tuple[Port, ...]:
    return (Port(name, "real", (variable.size,)),) if variable.size else ()


def _variable(expression: Expression, what: str) -> Variable:
    affine = expression.affine
    if len(affine.terms) == 1 and not affine.offsets:
        (term,) = affine.terms
        if term.factor == 1.0 and is_identity(term.operator):
            return term.variable
    raise LanguageError(f"the {what} must be a variable of its own; use define(...) to make it one")


class _Reader:
    """Reads formulas as trees; knows which side a variable is of."""

    def __init__(self, sides: dict[Variable, bool]) -> None:
        self.sides = sides
        self._products: dict[tuple[int, int], tuple[LinearOperator, list[Form[Place]]]] = {}

    def bounds(self, variable: Variable) -> Tree:
        """The variable's own bounds."""
        found = []
        for sign, bound in (1, variable.upper), (-1, variable.lower):
            for k in np.flatnonzero(np.isfinite(bound)).tolist():
                form = {Place(self.sides[variable], k): Fraction(sign)}
                found.append(atom(form, -sign * Fraction(float(bound[k])), False))
        return conjunction(found)

    def product(self, operator: LinearOperator, variable: Variable) -> list[Form[Place]]:
        if variable not in self.sides:
            raise LanguageError(
                f"a formula speaks of {variable.name!r}, which is neither the input nor the output "
                "of the network; VNN-LIB 1.0 has no other variables"
            )
        key = id(operator), id(variable)
        if key not in self._products:
            places = [Place(self.sides[variable], k) for k in range(variable.size)]
            forms = applied(operator, [{place: Fraction(1)} for place in places])
            self._products[key] = operator, forms
        return self._products[key][1]

    def atoms(self, stated: Relation | Ball) -> list[Tree]:
        found = values(stated.affine, self.product)
        if isinstance(stated, Ball):
            return [_ball(stated, found)]
        strict = stated.kind == "<"
        trees = [atom(form, constant, strict) for form, constant in found]
        if stated.kind == "=":
            below = [atom({p: -v for p, v in form.items()}, -c, False) for form, c in found]
            trees = [conjunction(pair) for pair in zip(trees, below, strict=True)]
        return trees


def _ball(ball: Ball, found: Sequence[tuple[Form[Place], Fraction]]) -> Tree:
    """An l1 norm is at most the radius when every signed sum is."""
    if ball.norm is not L1:
        raise LanguageError(f"the {ball.norm} norm is not linear, and VNN-LIB cannot say it")
    if len(found) > LARGEST:
        raise LanguageError(
            f"an l1 norm of {len(found)} elements takes 2^{len(found)} relations in VNN-LIB, which "
            f"has no absolute value; at most {LARGEST} elements are written"
        )
    radius = Fraction(ball.radius)
    parts = []
    for signs in product((1, -1), repeat=len(found)):
        total: dict[Place, Fraction] = {}
        level = -radius
        for sign, (form, constant) in zip(signs, found, strict=True):
            level += sign * constant
            for place, number in form.items():
                total[place] = total.get(place, Fraction(0)) + sign * number
        parts.append(atom(total, level, False))
    return conjunction(parts)
