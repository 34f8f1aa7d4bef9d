"""What an attack may spend, counted in multiplications."""

from __future__ import annotations

from ..compiler.problem import Problem

WORK = 3e9
"""Multiplications of an attack, about a second."""


def restarts(cost: float, steps: int, cases: int, most: int, share: float = 1.0) -> int:
    """Starts of each of some conjunctions for a share of the budget: 2 at least, `most` at most.

    cost: multiplications of a forward and a backward pass.
    """
    return int(min(most, max(2, share * WORK / (max(1.0, cost) * steps * max(1, cases)))))


def cost_of(problem: Problem) -> float:
    """Multiplications of a forward and a backward pass, about."""
    operators = [operator for stage in problem.stages for operator, _ in stage.terms]
    return 4.0 * sum(max(1, operator.terms) * operator.out_size for operator in operators) + 1.0
