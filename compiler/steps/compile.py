"""From formulas to a compiled problem: the steps in their order, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..base.arrays import Numbers
from ..language.expressions import Affine, Variable
from ..language.formulas import Formula, Relation, requirements
from ..language.walk import variables
from ..operators import is_identity
from ..problem import Problem
from .disjunctions import cases
from .flatten import Places, flatten, moved
from .recognise import recognise
from .region import region
from .system import Lift, Solution, System, chain


@dataclass(frozen=True, eq=False)
class Compiled:
    """A problem, its input variables in the order of its columns, and the way back.

    places: which source of the problem (0 the input, then the stages) holds a variable, and where.
    system: the last one before the problem.
    """

    problem: Problem
    inputs: tuple[Variable, ...]
    lift: Lift
    named: tuple[Variable, ...]
    places: Places
    system: System

    def elsewhere(self, bounds: Formula) -> Compiled | None:
        """The same with other bounds of its inputs beside those that variables have themselves.

        It has to be compiled of formulas of which one says such bounds alone; that one is replaced.
        None where `bounds` says anything else, or leaves no input.
        """
        asked = System((bounds,), None, self.inputs)
        found, _ = chain(asked, (recognise, region))
        if found.formulas or found.definitions or found.inputs != self.inputs:
            return None
        system = replace(self.system, boxes=found.boxes, ball=found.ball, rounded=found.rounded)
        problem = moved(self.problem, system, self.places)
        return None if problem is None else replace(self, problem=problem, system=system)

    def stage(self, value: Affine) -> int | None:
        """The stage, from 1, whose value an expression is; None where it is none as it stands."""
        if len(value.terms) != 1 or value.offsets or value.terms[0].factor != 1.0:
            return None
        term = value.terms[0]
        number, first = self.places.get(term.variable, (0, 0))
        return number if number > 0 and first == 0 and is_identity(term.operator) else None

    @property
    def outputs(self) -> tuple[Variable, ...]:
        """The variables that are outputs of networks."""
        return tuple(name for name in self.named if name.source is not None)

    def assignment(self, point: Numbers) -> dict[Variable, Numbers]:
        """Values of all variables of the formulas at an input (D,): exact for an exact one."""
        parts, start = {}, 0
        for name in self.inputs:
            parts[name] = point[start : start + name.size]
            start += name.size
        return dict(self.lift(parts))


def compile_formulas(
    formulas: Sequence[Formula],
    objective: Affine | None = None,
    inputs: Sequence[Variable] = (),
) -> Compiled:
    """All formulas together, with those that define their variables.

    objective: one number, to be as small as possible.  inputs: variables that stand first among the
    problem's inputs, used or not.
    """
    needed = {id(f): f for formula in formulas for f in requirements(formula)}
    if objective is not None:
        needed.update((id(f), f) for f in objective.requires)
    rest = [formula for formula in formulas if id(formula) not in needed]
    system = System((*needed.values(), *rest), objective, tuple(inputs))
    final, back = chain(system, (recognise, region, cases))
    problem, forward, places = flatten(final)
    spoken = [*needed.values(), *formulas]
    if objective is not None:
        spoken.append(Relation(objective, "="))
    named = {name: None for formula in spoken for name in variables(formula)}

    def lift(solution: Solution) -> Solution:
        return back(forward(solution))

    return Compiled(problem, final.inputs, lift, tuple(named), places, final)
