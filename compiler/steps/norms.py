"""Norms of expressions: a ball of inputs stays one, any other l1 ball becomes absolute values."""

from __future__ import annotations

from collections.abc import Container
from fractions import Fraction

import numpy as np

from ..base.errors import LanguageError
from ..base.norms import L1
from ..base.rounding import ceil_float
from ..language.activations import absolute
from ..language.expressions import Variable
from ..language.formulas import And, Ball, Formula, Or, Relation, requirements
from ..operators import Select
from ..problem import offset_value
from .system import InputBall

NONE = Fraction(0)


def input_ball(ball: Ball, defined: Container[Variable]) -> InputBall | None:
    """The ball, when it says that elements of one input lie near stored numbers; else None.

    A center that no floats are makes an l2 ball larger by as much as they miss it; an l1 ball can
    be said by relations, exactly.
    """
    affine = ball.affine
    if len(affine.terms) != 1:
        return None
    term = affine.terms[0]
    if term.variable in defined or abs(term.factor) != 1.0 or not isinstance(term.operator, Select):
        return None
    index = term.operator.index
    if (index < 0).any() or len(np.unique(index)) != len(index):
        return None
    # sign * x + constant = sign * (x - center)
    exactly = offset_value(affine.offsets, affine.size) * Fraction(-term.factor)
    center = exactly.astype(np.float64)
    missed = sum(
        (abs(a - Fraction(b)) for a, b in zip(exactly, center.tolist(), strict=True)), NONE
    )
    if missed and ball.norm is L1:
        return None
    radius = ceil_float(Fraction(ball.radius) + missed) if missed else ball.radius
    return InputBall(term.variable, index, center, ball.norm, radius)


def expanded(formula: Formula) -> tuple[Formula, list[Formula]]:
    """The formula with its balls written as relations, and what defines their variables."""
    match formula:
        case Relation():
            return formula, []
        case Ball(affine, norm, radius):
            if norm is not L1:
                raise LanguageError(
                    f"the {norm} norm of an expression of {affine.size} elements is not linear; "
                    "it is supported for the inputs themselves, as in norm2(x - center) <= radius; "
                    "use norm1 or norm_inf elsewhere"
                )
            relation = absolute(affine).sum() <= radius
            return relation, requirements(relation)
        case And(parts) | Or(parts):
            pairs = [expanded(part) for part in parts]
            inner = tuple(part for part, _ in pairs)
            needed = [defining for _, several in pairs for defining in several]
            if not needed:
                return formula, []
            return (Or(inner) if isinstance(formula, Or) else And(inner)), needed
