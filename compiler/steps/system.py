"""The symbolic system that the compile steps rewrite, and how steps are chained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Protocol, TypeAlias

from ..arrays import Numbers, Vector
from ..language import Affine, Formula, Relation, Term, Variable

Solution: TypeAlias = Mapping[Variable, Numbers]
Lift: TypeAlias = Callable[[Solution], Solution]


@dataclass(frozen=True, eq=False)
class Definition:
    """variable = max(value, 0) if relu, else variable = value."""

    variable: Variable
    value: Affine
    relu: bool


Atom: TypeAlias = Relation
"""A relation of the property; all its elements must hold."""


@dataclass(frozen=True, eq=False)
class System:
    """Find inputs such that all formulas hold.

    The steps move formulas into `definitions` (what is a function of the input), into the box
    `lower`, `upper` (what bounds the input alone) and into `cases` (what is left, as a disjunction
    of conjunctions).
    """

    inputs: Variable
    formulas: tuple[Formula, ...]
    definitions: tuple[Definition, ...] = ()
    lower: Vector | None = None
    upper: Vector | None = None
    cases: tuple[tuple[Atom, ...], ...] = ()


class Step(Protocol):
    """A smaller system, and the way back for its solutions."""

    def __call__(self, system: System) -> tuple[System, Lift]: ...


def unchanged(solution: Solution) -> Solution:
    return solution


def chain(system: System, steps: Sequence[Step]) -> tuple[System, Lift]:
    """All steps in order; the lift goes back through all of them."""
    lifts: list[Lift] = []
    for step in steps:
        system, lift = step(system)
        lifts.append(lift)
    return system, lambda solution: reduce(lambda s, lift: lift(s), reversed(lifts), solution)


def substitute(affine: Affine, known: Mapping[Variable, Affine]) -> Affine:
    """The expression with some variables replaced by what they equal."""
    if not any(term.variable in known for term in affine.terms):
        return affine
    result = Affine(affine.size, (), affine.offsets, affine.requires)
    for term in affine.terms:
        if term.variable in known:
            result = result + known[term.variable].through(term.operator) * term.factor
        else:
            result = result + Affine(
                affine.size, (Term(term.factor, term.operator, term.variable),)
            )
    return result
