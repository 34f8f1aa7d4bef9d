"""The linear region of a point: the inputs on which every unit keeps the phase it has there.

On it the network is affine, so any pre-activation is one row in the input variables. A unit at its
kink counts as active (z >= 0), the rule of Bastani et al. 2016.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...compiler.base.arrays import Indices, Mask, Matrix, Vector
from ...compiler.problem import Problem


@dataclass(frozen=True, slots=True)
class Region:
    """active: per stage (N,), whether each unit passes its pre-activation on (all True without
    ReLU).
    """

    problem: Problem
    active: list[Mask]

    @classmethod
    def of(cls, problem: Problem, point: Vector) -> Region:
        """The region of `point` (D,)."""
        values: list[Matrix] = [point[None]]
        active: list[Mask] = []
        for stage in problem.stages:
            pre = stage.pre(values)
            mask = pre[0] >= 0.0 if stage.relu else np.ones(stage.size, dtype=bool)
            active.append(mask)
            values.append(np.where(mask, pre, 0.0))
        return cls(problem, active)

    @property
    def scales(self) -> list[Vector]:
        """Violations of all units are compared as they are."""
        return [np.ones(len(mask)) for mask in self.active]

    def forward(self, point: Vector) -> list[Vector]:
        """Pre-activations of every stage under the region's affine map at any point, (N,) each."""
        values: list[Matrix] = [point[None]]
        found: list[Vector] = []
        for stage, mask in zip(self.problem.stages, self.active, strict=True):
            pre = stage.pre(values)
            found.append(pre[0])
            values.append(np.where(mask, pre, 0.0))
        return found

    def rows(self, start: int, coefficients: Matrix) -> tuple[Matrix, Vector]:
        """coefficients @ pre_start as rows in the input: ((Q, D), constants (Q,))."""
        problem = self.problem
        constant = np.zeros(len(coefficients))

        def meet(number: int, lam: Matrix | None) -> Matrix | None:
            nonlocal constant
            if lam is None:
                return None
            mu: Matrix = lam if number == start else lam * self.active[number]
            constant = constant + mu @ problem.stages[number].bias
            return mu

        top = problem.pull_back(start, coefficients, meet)
        return top, constant

    def unit_rows(self, number: int, units: Indices) -> tuple[Matrix, Vector]:
        """Rows that are >= 0 on the region: the signed pre-activations of some units of a stage."""
        start = np.zeros((len(units), self.problem.stages[number].size))
        start[np.arange(len(units)), units] = np.where(self.active[number][units], 1.0, -1.0)
        return self.rows(number, start)

    def shortfall(self, point: Vector) -> list[Vector]:
        """How far every unit is on the wrong side of its phase at `point`, (N,); <= 0 inside."""
        found = []
        for stage, mask, pre in zip(
            self.problem.stages, self.active, self.forward(point), strict=True
        ):
            found.append(np.where(mask, -pre, pre) if stage.relu else np.full(stage.size, -np.inf))
        return found
