"""From LP duals to the multipliers of the backward bound (Salman et al. 2019, theorem 4.2)."""

from __future__ import annotations

import numpy as np

from ...compiler.base.arrays import Matrix, Vector
from ...compiler.problem import Problem
from .node_lp import Duals, NodeView


def from_duals(
    problem: Problem, node: NodeView, row: Vector, duals: Duals
) -> tuple[list[Vector], list[Vector]]:
    """alpha and beta per stage (N,) for the objective row (K,) on the output.

    Stationarity of the LP says that a unit with coefficient lam > 0 gets lam * alpha = dual of r >=
    z; alpha is clipped to [0, 1], so that any duals give valid multipliers.
    """
    last = len(problem.stages) - 1
    alpha = [np.zeros(stage.size) for stage in problem.stages[:-1]]
    beta = [np.zeros(stage.size) for stage in problem.stages[:-1]]

    def meet(number: int, lam: Matrix | None) -> Matrix:
        stage = problem.stages[number]
        if lam is None:  # splits of units that nobody reads still have multipliers
            lam = np.zeros((1, stage.size))
        if number == last or not stage.relu:
            return lam
        low, high = node.stage_lower[number], node.stage_upper[number]
        mu: Matrix = np.where(node.active(number), lam, 0.0)
        units = node.unstable(number)
        wanted = duals.below[number][units]
        value = lam[0, units]
        share = np.divide(wanted, value, out=np.zeros(len(units)), where=value > 0)
        alpha[number][units] = np.clip(share, 0.0, 1.0)
        slope = high[units] / (high[units] - low[units])
        mu[0, units] = value * np.where(value >= 0, alpha[number][units], slope)
        split = np.flatnonzero(node.splits[number])
        beta[number][split] = duals.split[number][split]
        mu[0, split] -= node.splits[number][split] * beta[number][split]
        return mu

    problem.pull_back(last, row[None], meet)
    return alpha, beta
