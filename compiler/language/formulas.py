"""Formulas: relations of affine expressions, norms, And, Or.

    relation  affine <= 0 | affine < 0 | affine = 0, elementwise
    formula   relation | norm of an affine <= radius | And | Or

An elementwise `Or` chooses a disjunct for every element on its own: a layer of N ReLUs is one
formula. The language follows Bastani et al. 2016, section 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Never, TypeAlias

import numpy as np

from ..base.errors import LanguageError
from ..base.norms import NormKind
from ..shown.told import Told
from .truth import BRACKETS, Undecided, Unjoined

if TYPE_CHECKING:
    from .expressions import Affine, Expression


class Statement(Undecided):
    """What formulas share: `a & b`, `a | b` and `~a` for And, Or and the negation."""

    def __and__(self, other: Formula) -> And:
        return And((*_members(self, And), *_members(other, And)))

    def __or__(self, other: Formula) -> Or:
        return Or((*_members(self, Or), *_members(other, Or)))

    def __invert__(self) -> Formula:
        (formula,) = _formulas((self,))
        return negated(formula)

    def _told(self) -> Told:
        from .written import stated  # made of formulas

        (formula,) = _formulas((self,))
        return Told(type(self).__name__, (("", stated(formula)),))

    # `a <= 0 & b <= 0` is a <= (0 & b) <= 0
    def __rand__(self, other: object) -> Never:
        raise LanguageError(BRACKETS)

    __ror__ = __rand__


def _members(formula: object, kind: type[And] | type[Or]) -> tuple[Formula, ...]:
    """The parts of a formula of this kind, so that long chains stay flat; or itself."""
    if isinstance(formula, Unjoined):
        raise LanguageError(BRACKETS)
    if isinstance(formula, kind) and not (isinstance(formula, Or) and formula.elementwise):
        return formula.parts
    return _formulas((formula,))


@dataclass(frozen=True, eq=False, repr=False)
class Relation(Statement):
    """affine <= 0, affine < 0 or affine = 0 for every element; strict over the reals."""

    affine: Affine
    kind: str


@dataclass(frozen=True, eq=False, repr=False)
class And(Statement):
    """All parts hold."""

    parts: tuple[Formula, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Or(Statement):
    """Some part holds; `elementwise`: for every element some part holds there."""

    parts: tuple[Formula, ...]
    elementwise: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class Ball(Statement):
    """The norm of an expression is at most `radius`; norm: l1 or l2."""

    affine: Affine
    norm: NormKind
    radius: float


Formula: TypeAlias = Relation | Ball | And | Or


def all_of(*parts: Formula | Sequence[Formula]) -> And:
    """All parts hold; formulas, or lists of them."""
    return And(_formulas(parts))


def any_of(*parts: Formula | Sequence[Formula]) -> Or:
    """Some part holds; formulas, or lists of them.

    Parts of several elements hold where all their elements do.
    """
    return Or(_formulas(parts))


def implies(condition: Formula, consequence: Formula) -> Or:
    """The consequence holds wherever the condition does."""
    first, second = _formulas((condition, consequence))
    return Or((negated(first), second))


def negated(formula: Formula) -> Formula:
    """The formula that holds exactly where this one does not; strictness is kept exact."""
    match formula:
        case Relation(affine, kind):
            # some element fails: one relation an element
            sides = {"<=": [(-1.0, "<")], "<": [(-1.0, "<=")], "=": [(1.0, "<"), (-1.0, "<")]}
            every = [
                Relation(affine[k] * sign, strict)
                for k in range(affine.size)
                for sign, strict in sides[kind]
            ]
            return every[0] if len(every) == 1 else Or(tuple(every))
        case And(parts):
            return Or(tuple(negated(part) for part in parts))
        case Or(parts, elementwise):
            if elementwise:
                raise LanguageError("an elementwise Or defines a variable and cannot be negated")
            return And(tuple(negated(part) for part in parts))
        case Ball(affine, norm, radius):
            from .norms import Norm  # made of formulas, and one of their relations

            return Norm(affine, norm) > radius


def _formulas(parts: Iterable[object]) -> tuple[Formula, ...]:
    found: list[Formula] = []
    for part in parts:
        if isinstance(part, list | tuple):
            found.extend(_formulas(part))
        elif isinstance(part, Relation | Ball | And | Or):
            found.append(part)
        else:
            raise LanguageError(
                f"{part!r} is no formula; write a relation such as x <= 1, or rb.And, rb.Or of some"
            )
    return tuple(found)


def requirements(formula: Formula) -> list[Formula]:
    """The formulas that define the variables of `formula`, in order, each once."""
    match formula:
        case Relation(affine) | Ball(affine):
            found: Sequence[Formula] = affine.requires
        case And(parts) | Or(parts):
            found = [needed for part in parts for needed in requirements(part)]
    return list({id(needed): needed for needed in found}.values())


def argmax_is(logits: Expression, label: int) -> And:
    """`label` has a logit no smaller than any other: C_f(x, label) of Bastani et al. 2016."""
    if not isinstance(label, int | np.integer) or not 0 <= label < logits.size:
        raise LanguageError(f"label {label!r} is none of 0..{logits.size - 1}")
    rivals = [k for k in range(logits.size) if k != label]
    return And(tuple(logits[label] >= logits[k] for k in rivals))
