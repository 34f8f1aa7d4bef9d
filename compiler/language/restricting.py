"""Formulas without disjunctions: of each, the first disjunct that holds at some values is kept.

Bastani et al. 2016, section 4. What satisfies the restricted formulas satisfies the given ones; as
they are linear, a linear program decides them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..base.arrays import Mask
from ..base.errors import LanguageError
from ..operators import Scale, is_identity
from .evaluator import Assignment, holds, truth
from .expressions import Affine
from .formulas import Ball, Formula, Or, Relation, requirements
from .walk import flat


def restricted(formulas: Sequence[Formula], values: Assignment) -> list[Formula]:
    """The formulas, and those that define their variables, with one disjunct of each disjunction.

    values: exact ones of all variables. Raises LanguageError where no disjunct holds.
    """
    needed = {id(f): f for formula in formulas for f in requirements(formula)}
    given = [formula for formula in formulas if id(formula) not in needed]
    return [
        part
        for formula in flat([*needed.values(), *given])
        for part in _restricted(formula, values)
    ]


def _restricted(formula: Formula, values: Assignment) -> list[Formula]:
    match formula:
        case Relation(affine, kind):
            return [Relation(_bare(affine), kind)]
        case Ball(affine, norm, radius):
            return [Ball(_bare(affine), norm, radius)]
        case Or(parts, True):
            return _elementwise(parts, values)
        case Or(parts):
            for part in parts:
                if holds(part, values):
                    return [kept for one in flat([part]) for kept in _restricted(one, values)]
            raise LanguageError("no disjunct of a disjunction holds at the values given")
        case _:
            raise AssertionError("conjunctions are taken apart before")


def _elementwise(parts: Sequence[Formula], values: Assignment) -> list[Formula]:
    """One disjunct for each element; equalities that define one variable become one equality."""
    chosen: list[Mask] = []
    left: Mask | None = None
    for part in parts:
        true = np.asarray(truth(part, values), dtype=bool)
        left = np.ones(len(true), dtype=bool) if left is None else left
        chosen.append(true & left)
        left = left & ~true
    if left is None or left.any():
        raise LanguageError("no disjunct of a disjunction holds at the values given")
    sides: list[list[Relation]] = []
    for part in parts:
        relations = [one for one in flat([part]) if isinstance(one, Relation)]
        if len(relations) < len(flat([part])):
            raise LanguageError("an elementwise disjunction of more than relations")
        sides.append(relations)
    found: list[Formula] = []
    merged = _merged(sides, chosen)
    for relations, mask in zip(sides, chosen, strict=True):
        some = np.flatnonzero(mask)
        for relation in relations:
            if len(some) and not (merged is not None and relation.kind == "="):
                found.append(Relation(_bare(relation.affine[some]), relation.kind))
    return found if merged is None else [*found, merged]


def _merged(sides: Sequence[Sequence[Relation]], chosen: Sequence[Mask]) -> Relation | None:
    """y = the sum of each disjunct's p where it is chosen, if every disjunct says y = p."""
    equalities = [[r.affine for r in relations if r.kind == "="] for relations in sides]
    if any(len(affines) != 1 for affines in equalities):
        return None
    affines = [one for (one,) in equalities]
    for term in affines[0].terms:
        if not is_identity(term.operator):
            continue
        rest: list[Affine] = []
        for affine in affines:
            own = [t for t in affine.terms if t.variable is term.variable]
            if len(own) != 1 or own[0].factor != term.factor or not is_identity(own[0].operator):
                break
            others = tuple(t for t in affine.terms if t is not own[0])
            rest.append(Affine(affine.size, others, affine.offsets))
        if len(rest) == len(affines):
            total = Affine(affines[0].size, (term,))
            for part, mask in zip(rest, chosen, strict=True):
                if mask.any() and (part.terms or part.offsets):
                    total = total + part.through(Scale(mask.astype(float), np.ones(len(mask))))
            return Relation(total, "=")
    return None


def _bare(affine: Affine) -> Affine:
    """The expression without the formulas of its variables, which are restricted on their own."""
    return Affine(affine.size, affine.terms, affine.offsets)
