"""What a problem says: formulas, and an objective or a norm that is to be best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...compiler.base.arrays import Numbers, Vector, exact
from ...compiler.base.errors import LanguageError
from ...compiler.base.norms import L1, L2, LINF, NormKind
from ...compiler.language.activations import absolute, max_pool
from ...compiler.language.expressions import Affine, Expression, Variable
from ...compiler.language.formulas import Formula, Or, Relation, all_of, requirements
from ...compiler.language.norms import Norm
from ...compiler.language.walk import variables
from ...compiler.language.written import NORMS, called, stated, written
from ...compiler.question.ordered import check_values
from ...compiler.shown.told import Told, count, some
from ...compiler.shown.value import Shown
from ...compiler.steps.compile import Compiled, compile_formulas

MOST = 4
"""Formulas of a problem that are told."""


@dataclass(frozen=True, eq=False, repr=False)
class Objective(Shown):
    """sign * expression is to be as small as possible."""

    expression: Affine
    sign: float

    def _told(self) -> Told:
        return Told("Objective", (_told_objective(self, None),))


@dataclass(frozen=True, eq=False, repr=False)
class Distance(Shown):
    """A norm of variables that nothing defines is to be as small as possible."""

    norm: Norm

    def _told(self) -> Told:
        return Told("Objective", (_told_objective(None, self.norm),))


def minimize(expression: Expression | Norm) -> Objective | Distance:
    """The expression, one number or a norm, is to be as small as possible."""
    if isinstance(expression, Norm):
        bounded = bool(np.isfinite(largest(expression.affine)).all())
        if expression.kind is L2 or (bounded and not expression.affine.requires):
            return Distance(expression)
        return Objective(_norm(expression), 1.0)
    return Objective(_single(expression), 1.0)


def maximize(expression: Expression | Norm) -> Objective:
    """The expression, one number or a norm, is to be as large as possible."""
    if isinstance(expression, Norm):
        if expression.kind is L2:
            raise LanguageError(
                "the largest norm2 is not piecewise linear; maximize norm1 or norm_inf, or ask for "
                "solutions with one of them above a number"
            )
        return Objective(_norm(expression), -1.0)
    return Objective(_single(expression), -1.0)


def _told_objective(objective: Objective | None, distance: Norm | None) -> tuple[str, str]:
    if distance is not None:
        return "minimize", _written(distance)
    if objective is None:
        return "", "any solution"
    return "minimize" if objective.sign > 0.0 else "maximize", written(objective.expression)


def _written(norm: Norm) -> str:
    return f"{NORMS[norm.kind]}({written(norm.affine)})"


def largest(affine: Affine) -> Vector:
    """No less than the absolute value of each element, (size,), by the variables' own bounds."""
    total = np.zeros(affine.size)
    for term in affine.terms:
        size = np.maximum(np.abs(term.variable.lower), np.abs(term.variable.upper))
        if not np.isfinite(size).all():
            return np.full(affine.size, np.inf)
        total += abs(term.factor) * term.operator.absolute().apply(size[None])[0]
    for offset in affine.offsets:
        part = offset.operator.absolute().apply(np.abs(offset.vector)[None])[0]
        total += abs(offset.factor) * part
    return np.asarray(total * (1.0 + 1e-9) + 1e-300, dtype=np.float64)


def _norm(norm: Norm) -> Affine:
    """The sum, or the largest, of the absolute values."""
    return OF_SIZES[norm.kind](absolute(norm.affine))


OF_SIZES: dict[NormKind, Callable[[Affine], Affine]] = {
    LINF: lambda sizes: max_pool(sizes, np.arange(sizes.size)[None]),
    L1: lambda sizes: sizes.sum(),
}
"""Norms that are piecewise linear, of absolute values."""


def _single(expression: Expression) -> Affine:
    if not isinstance(expression, Expression):
        raise LanguageError(f"{expression!r} is no expression that can be optimised")
    if expression.size != 1:
        raise LanguageError(f"an objective is one number, not {expression.size}; sum() them?")
    return expression.affine


class Formulation(Shown):
    """A question about variables: all formulas hold, and the objective is best.

    Raises LanguageError for what is no formula, and for values of a network of which only the order
    of outputs is known (`Network.ordered`).
    """

    def __init__(
        self,
        objective: Objective | Distance | Formula | Sequence[Formula] | None = None,
        formulas: Sequence[Formula] | Formula = (),
    ) -> None:
        self.distance = objective.norm if isinstance(objective, Distance) else None
        if isinstance(objective, Distance):
            objective = None
        # Problem([...]) is a question of feasibility
        if objective is not None and not isinstance(objective, Objective):
            objective, formulas = None, objective  # type: ignore[assignment]
        listed = all_of(formulas).parts
        self.objective = objective
        self.formulas: tuple[Formula, ...] = listed
        optimised = self.distance.affine if self.distance is not None else None
        if self.objective is not None:
            optimised = self.objective.expression
        check_values(self.formulas, optimised)

    def _told(self) -> Told:
        found = [_told_objective(self.objective, self.distance)]
        told = [stated(formula) for formula in self.formulas[:MOST]]
        found += [("subject to" if not place else "and", one) for place, one in enumerate(told)]
        if len(self.formulas) > MOST:
            found.append(("", f"and {count(len(self.formulas) - MOST, 'more formula')}"))
        inputs, _, units = self._spoken
        numbers = count(sum(name.size for name in inputs), "number")
        found.append(("", f"{numbers} in {some([called(name) for name in inputs], 4)}"))
        if units:
            found.append(("", f"{count(units, 'unit')} defined by disjunctions"))
        return Told("Problem", tuple(found))

    @cached_property
    def _spoken(self) -> tuple[dict[Variable, None], dict[Variable, None], int]:
        """Variables that nothing defines, outputs of networks, and units of disjunctions."""
        optimised = self.distance.affine if self.distance is not None else None
        if self.objective is not None:
            optimised = self.objective.expression
        formulas = [*self.formulas, *([] if optimised is None else [Relation(optimised, "=")])]
        needed = {id(one): one for formula in formulas for one in requirements(formula)}
        names = {name: None for one in (*needed.values(), *formulas) for name in variables(one)}
        # what defines a variable was made together with it, from older ones
        defined = {
            max(variables(one), key=lambda name: name.serial): one
            for one in needed.values() if variables(one)
        }  # fmt: skip
        units = sum(name.size for name, one in defined.items() if isinstance(one, Or))
        inputs = {name: None for name in names if name not in defined}
        outputs = {name: None for name in names if name.source is not None}
        return inputs, outputs, units

    def values(self) -> dict[str, Vector]:
        """The values that variables have, by name."""
        inputs, outputs, _ = self._spoken
        found: dict[str, Vector] = {}
        for name in (*inputs, *outputs):
            if name.value is not None:
                own = called(name)
                key = own if own not in found else f"{own}#{name.serial}"
                found[key] = name.value
        return found

    def compile(self) -> Compiled:
        """The problem as the search sees it."""
        if self.distance is not None:
            raise LanguageError(
                "the least norm is several problems; ask for solutions with norm(...) <= radius"
            )
        return compile_formulas(self.formulas, self.minimised)

    @property
    def minimised(self) -> Affine | None:
        """What is to be as small as possible, None without an objective."""
        return None if self.objective is None else self.objective.expression * self.objective.sign


def give_values(compiled: Compiled, names: Sequence[Variable], point: Numbers | None) -> None:
    """Sets `value` and `exact` of variables to what a solution gives them, or to None."""
    for name in names:
        name.value = name.exact = None
    if point is None:
        return
    values = compiled.assignment(point)
    inputs = set(compiled.inputs)
    for name in names:
        if name in values:
            name.value = np.asarray(values[name], dtype=np.float64)
            if name in inputs:
                name.exact = tuple(exact(values[name]).tolist())
