"""From formulas to a compiled problem: the steps in their order, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .arrays import Numbers
from .language import Affine, Formula, Variable, requirements
from .problem import Problem
from .steps.cases import cases
from .steps.flatten import flatten
from .steps.recognise import recognise
from .steps.region import region
from .steps.system import Lift, System, chain


@dataclass(frozen=True, eq=False)
class Compiled:
    """A problem, its input variables in the order of its columns, and the way back."""

    problem: Problem
    inputs: tuple[Variable, ...]
    lift: Lift

    def assignment(self, point: Numbers) -> dict[Variable, Numbers]:
        """Exact values of all variables of the source formulas at an exact input (D,)."""
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
    system = System((*needed.values(), *formulas), objective, tuple(inputs))
    final, back = chain(system, (recognise, region, cases))
    problem, forward = flatten(final)
    return Compiled(problem, final.inputs, lambda solution: back(forward(solution)))
