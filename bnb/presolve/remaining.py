"""What reductions left of the compiled problem: its units, its atoms, and phases of the others."""

from __future__ import annotations

import numpy as np

from ...compiler.base.arrays import Indices
from ...compiler.problem import Problem
from ..bounds.crown import Nodes
from .substitute_stable import unstable_units


class Remaining:
    """stable: the phase of every unit of the compiled problem that its region gives, (N,) a stage,
    0 for the others.  units: which those are that a reduced problem still has, stage by stage: the
    compiled problem's stage, and their numbers there.  atoms (A,): which of its atoms are left.
    """

    def __init__(self, problem: Problem) -> None:
        self.atoms = np.arange(len(problem.offset))
        self.stable = [np.zeros(stage.size, dtype=np.int8) for stage in problem.stages]
        self.units = [(k, np.arange(stage.size)) for k, stage in enumerate(problem.stages[:-1])]

    def reduced(self, problem: Problem, root: Nodes, atoms: Indices) -> None:
        """To be told of every reduction, before it: which units and atoms are left."""
        left: list[tuple[int, Indices]] = []
        unstable = unstable_units(problem, root)
        for k, (number, units) in enumerate(self.units):
            if problem.stages[k].relu:
                phase = np.where(root.bounds[k].lower[0] >= 0.0, 1, -1)
                phase[unstable[k]] = 0
                self.stable[number][units] = phase
            if len(unstable[k]):
                left.append((number, units[unstable[k]]))
        self.units = left
        self.atoms = self.atoms[atoms]
