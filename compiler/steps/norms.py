"""Norms of expressions: a ball of inputs stays one, any other l1 ball becomes absolute values."""

from __future__ import annotations

from collections.abc import Container

import numpy as np

from ..activations import absolute
from ..errors import LanguageError
from ..language import And, Ball, Formula, Or, Relation, Variable, requirements
from ..operators import Select
from .system import InputBall


def input_ball(ball: Ball, defined: Container[Variable]) -> InputBall | None:
    """The ball, when it says that elements of one input lie near stored numbers; else None."""
    affine = ball.affine
    if len(affine.terms) != 1 or len(affine.offsets) > 1:
        return None
    term = affine.terms[0]
    if term.variable in defined or abs(term.factor) != 1.0 or not isinstance(term.operator, Select):
        return None
    index = term.operator.index
    if (index < 0).any() or len(np.unique(index)) != len(index):
        return None
    center = np.zeros(affine.size)
    for offset in affine.offsets:
        if not isinstance(offset.operator, Select) or abs(offset.factor) != 1.0:
            return None
        # sign * x + constant = sign * (x - center)
        center = offset.operator.apply(offset.vector[None])[0] * (-offset.factor * term.factor)
    return InputBall(term.variable, index, center, ball.norm, ball.radius)


def expanded(formula: Formula) -> tuple[Formula, list[Formula]]:
    """The formula with its balls written as relations, and what defines their variables."""
    match formula:
        case Relation():
            return formula, []
        case Ball(affine, norm, radius):
            if norm != "l1":
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
