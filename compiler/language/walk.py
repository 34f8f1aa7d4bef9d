"""Walks over formulas and expressions: parts, variables, substitution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..base.late import go_on
from .expressions import Affine, Term, Variable
from .formulas import And, Ball, Formula, Or, Relation


def flat(formulas: Sequence[Formula]) -> list[Formula]:
    """The parts of nested conjunctions, in order."""
    out: list[Formula] = []
    for formula in formulas:
        out.extend(flat(formula.parts) if isinstance(formula, And) else (formula,))
    return out


def variables(formula: Formula) -> dict[Variable, None]:
    """The variables a formula speaks of, in order of appearance."""
    match formula:
        case Relation(affine) | Ball(affine):
            return {term.variable: None for term in affine.terms}
        case And(parts) | Or(parts):
            return {name: None for part in parts for name in variables(part)}


def substitute(affine: Affine, known: Mapping[Variable, Affine]) -> Affine:
    """The expression with some variables replaced by what they equal."""
    if not any(term.variable in known for term in affine.terms):
        return affine
    result = Affine(affine.size, (), affine.offsets, affine.requires)
    for term in affine.terms:
        go_on()
        if term.variable in known:
            result = result + known[term.variable].through(term.operator) * term.factor
        else:
            result = result + Affine(
                affine.size, (Term(term.factor, term.operator, term.variable),)
            )
    return result
