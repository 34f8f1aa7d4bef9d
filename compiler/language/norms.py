"""Norms of expressions, compared with a radius or minimised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Never

import numpy as np

from ..base.errors import LanguageError
from ..base.norms import L1, L2, LINF, NormKind
from ..shown.told import Told, count
from .concatenation import expression_of
from .expressions import Affine, Operand, numbers_of
from .formulas import And, Ball, Formula, Or, Relation
from .truth import Undecided


@dataclass(frozen=True, eq=False, repr=False)
class Norm(Undecided):
    """A norm of an expression: compare it with a radius, or minimise it.  kind: l1, l2 or linf."""

    affine: Affine
    kind: NormKind

    def _told(self) -> Told:
        from .written import NORMS, written

        text = f"{NORMS[self.kind]}({written(self.affine)})"
        return Told("Norm", (("", text), ("of", count(self.affine.size, "number"))))

    def __le__(self, radius: float) -> Formula:
        number = _radius(radius)
        if self.kind is LINF:
            return And((self.affine <= number, self.affine >= -number))
        return Ball(self.affine, self.kind, number)

    def __lt__(self, radius: float) -> Formula:
        number = _radius(radius)
        if self.kind is LINF:
            return And((self.affine < number, self.affine > -number))
        return self._absolute("<").sum() < number

    def __ge__(self, radius: float) -> Formula:
        return self._above(_radius(radius), "<=")

    def __gt__(self, radius: float) -> Formula:
        return self._above(_radius(radius), "<")

    def __eq__(self, radius: object) -> Formula:  # type: ignore[override]
        number = _radius(radius)
        return And((self <= number, self >= number))

    def __ne__(self, radius: object) -> Never:
        raise LanguageError("!= is no relation of this language; write (norm < r) | (norm > r)")

    __hash__ = object.__hash__

    def _above(self, radius: float, kind: str) -> Formula:
        if self.kind is LINF:
            ends = [
                end for k in range(self.affine.size) for end in (self.affine[k], -self.affine[k])
            ]
            return Or(tuple(Relation(radius - end, kind) for end in ends))
        return Relation(radius - self._absolute(">").sum(), kind)

    def _absolute(self, sign: str) -> Affine:
        """The absolute values, of which an l1 norm that must not be small is the sum."""
        if self.kind is not L1:
            name = {L2: "norm2"}[self.kind]
            raise LanguageError(
                f"{name}(...) {sign} r is not linear; "
                f"of {self.kind} norms only {name}(...) <= r is read"
            )
        return abs(self.affine)


def _radius(radius: object) -> float:
    if isinstance(radius, Undecided):
        raise LanguageError("a norm is compared with a number")
    number = numbers_of(radius)
    if number.ndim or not (np.isfinite(number) and number >= 0.0):
        raise LanguageError(f"the radius of a ball must be a number at least 0, not {radius}")
    return float(number)


def norm_inf(expression: Operand | Sequence[Operand]) -> Norm:
    """The largest absolute element."""
    return Norm(expression_of(expression), LINF)


def norm1(expression: Operand | Sequence[Operand]) -> Norm:
    """The sum of the absolute elements."""
    return Norm(expression_of(expression), L1)


def norm2(expression: Operand | Sequence[Operand]) -> Norm:
    """The Euclidean norm."""
    return Norm(expression_of(expression), L2)
