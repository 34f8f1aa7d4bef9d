"""One pass forward through a compiled problem, and rows back to the input by its phases."""

from __future__ import annotations

import numpy as np

from ..compiler.base.arrays import Matrix
from ..compiler.base.late import go_on
from ..compiler.problem import Problem


def forward(problem: Problem, points: Matrix) -> tuple[list[Matrix], Matrix]:
    """Pre-activations of all stages at points (B, D), and the last stage's values."""
    values: list[Matrix] = [points]
    pres: list[Matrix] = []
    for stage in problem.stages:
        go_on()
        pre = stage.pre(values)
        pres.append(pre)
        values.append(np.maximum(pre, 0.0) if stage.relu else pre)
    return pres, values[-1]


def gradients(problem: Problem, pres: list[Matrix], rows: Matrix) -> Matrix:
    """Gradients (B, D) by the input of rows (B, N) over the last stage, where a pass was at."""

    def meet(number: int, lam: Matrix | None) -> Matrix | None:
        go_on()
        if lam is None or not problem.stages[number].relu:
            return lam
        mu: Matrix = lam * (pres[number] > 0.0)
        return mu

    found: Matrix = problem.pull_back(len(problem.stages) - 1, rows, meet)
    return found
