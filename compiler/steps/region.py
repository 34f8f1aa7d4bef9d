"""Step: relations that bound single inputs become boxes, rounded outwards."""

from __future__ import annotations

import numpy as np

from ..base.arrays import Vector
from ..base.errors import LanguageError
from ..base.rounding import add_down, add_up
from ..language.expressions import Variable
from ..language.formulas import Formula, Relation
from ..language.walk import flat
from ..operators import Select
from .system import InputBall, Lift, System, unchanged


def region(system: System) -> tuple[System, Lift]:
    """The system with a box for each input that contains what the bounding relations allow.

    A relation is read when it is a signed selection of one input plus stored vectors; it is kept as
    a formula otherwise.  The box of a relation is exact up to one rounding outwards; a strict one
    is kept as a formula too, for it is more than its box.
    """
    boxes = {name: (name.lower.copy(), name.upper.copy()) for name in system.inputs}
    rest: list[Formula] = []
    rounded: list[Relation] = []
    for formula in flat(system.formulas):
        read = _tighten(formula, boxes) if isinstance(formula, Relation) else None
        if read is None or (isinstance(formula, Relation) and formula.kind == "<"):
            rest.append(formula)
        if read is False and isinstance(formula, Relation):
            rounded.append(formula)
    if system.ball is not None:
        _around(system.ball, boxes)
    for name, (lower, upper) in boxes.items():
        if not (np.isfinite(lower).all() and np.isfinite(upper).all()):
            raise LanguageError(
                f"input variable {name.name!r} needs a finite lower and upper bound for each of "
                "its elements: give them to Variable, or as relations"
            )
    return System(
        tuple(rest), system.objective, system.inputs, system.definitions, boxes, system.ball,
        rounded=tuple(rounded),
    ), unchanged  # fmt: skip


def _around(ball: InputBall, boxes: dict[Variable, tuple[Vector, Vector]]) -> None:
    lower, upper = boxes[ball.variable]
    radius = np.full(len(ball.index), ball.radius)
    lower[ball.index] = np.maximum(lower[ball.index], add_down(ball.center, -radius))
    upper[ball.index] = np.minimum(upper[ball.index], add_up(ball.center, radius))


def _tighten(relation: Relation, boxes: dict[Variable, tuple[Vector, Vector]]) -> bool | None:
    """Whether the boxes now say the relation exactly, False if rounded; None if it is no bound."""
    affine = relation.affine
    if len(affine.terms) != 1:
        return None
    term = affine.terms[0]
    selects = isinstance(term.operator, Select) and (term.operator.index >= 0).all()
    if term.variable not in boxes or abs(term.factor) != 1.0 or not selects:
        return None
    assert isinstance(term.operator, Select)
    # factor * x + constant <= 0: x is at most -constant, or at least constant
    low, high = np.zeros(affine.size), np.zeros(affine.size)
    for offset in affine.offsets:
        if not (isinstance(offset.operator, Select) and abs(offset.factor) == 1.0):
            return None
        part = offset.operator.apply(offset.vector[None])[0] * offset.factor
        low, high = add_down(low, part), add_up(high, part)
    index = term.operator.index
    lower, upper = boxes[term.variable]
    if term.factor > 0 or relation.kind == "=":
        bound = -low if term.factor > 0 else high
        np.minimum.at(upper, index, bound)
    if term.factor < 0 or relation.kind == "=":
        bound = low if term.factor < 0 else -high
        np.maximum.at(lower, index, bound)
    return bool((low == high).all())
