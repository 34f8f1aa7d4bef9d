"""The symbolic system that the compile steps rewrite, and how steps are chained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Protocol, TypeAlias

from ..base.arrays import Indices, Numbers, Vector
from ..base.late import go_on
from ..base.norms import NormKind
from ..language.expressions import Affine, Variable
from ..language.formulas import Formula, Relation
from ..problem import Branch

Solution: TypeAlias = Mapping[Variable, Numbers]
Lift: TypeAlias = Callable[[Solution], Solution]


@dataclass(frozen=True, eq=False)
class Definition:
    """variable = max(value, 0) if relu, else variable = value."""

    variable: Variable
    value: Affine
    relu: bool


@dataclass(frozen=True, eq=False)
class InputBall:
    """Some elements of an input lie within `radius` of `center` in a norm, l1 or l2."""

    variable: Variable
    index: Indices
    center: Vector
    norm: NormKind
    radius: float


Atom: TypeAlias = Relation
"""A relation of the property; all its elements must hold."""


@dataclass(frozen=True, eq=False)
class System:
    """Find inputs such that all formulas hold, and the objective is least.

    The steps move formulas into `definitions` (what is a function of the inputs), into `boxes` and
    `ball` (what bounds inputs alone) and into `atoms`, `root` and `choices` (what is left: every
    atom and choice of the root branch; see `Branch`). rounded: what went into boxes with rounding.
    """

    formulas: tuple[Formula, ...]
    objective: Affine | None = None
    inputs: tuple[Variable, ...] = ()
    definitions: tuple[Definition, ...] = ()
    boxes: Mapping[Variable, tuple[Vector, Vector]] = field(default_factory=dict)
    ball: InputBall | None = None
    atoms: tuple[Atom, ...] = ()
    root: Branch = Branch((), ())
    choices: tuple[tuple[Branch, ...], ...] = ()
    rounded: tuple[Relation, ...] = ()


class Step(Protocol):
    """A smaller system, and the way back for its solutions."""

    def __call__(self, system: System) -> tuple[System, Lift]: ...


def unchanged(solution: Solution) -> Solution:
    return solution


def chain(system: System, steps: Sequence[Step]) -> tuple[System, Lift]:
    """All steps in order; the lift goes back through all of them."""
    lifts: list[Lift] = []
    for step in steps:
        go_on()
        system, lift = step(system)
        lifts.append(lift)
    return system, lambda solution: reduce(lambda s, lift: lift(s), reversed(lifts), solution)
