"""Attacks on the conjunctions that satisfy a tree of atoms: by gradients, then by LPs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..bnb.nodes.disjunctions import Tree
from ..clock import Deadline
from ..compiler.base.arrays import Indices, Mask, Matrix
from ..compiler.problem import Problem
from ..lp.oracle.highs import Oracle
from .budget import WORK, cost_of, restarts
from .pgd import pgd
from .sequential_lp import descend

ROUNDS = (30, 100)
"""Steps of the rounds: many starts find what is easy, long ways what is small."""

WIDEST = 64
"""Conjunctions that are looked at, the most promising by their bounds."""

NEAREST, DESCENTS = 8, 16
"""Conjunctions that descents look at, those nearest to holding, and starts of each at most."""


def conjunctions(tree: Tree, atoms: Indices) -> Mask:
    """Those over some atoms (C, A), none where the tree cannot hold with these alone."""
    dead = np.ones(tree.atoms, dtype=bool)
    dead[atoms] = False
    alive = tree.without(dead) if len(atoms) else None
    return np.zeros((0, tree.atoms), dtype=bool) if alive is None else alive.start()[0][:WIDEST]


def attack_conjunctions(
    problem: Problem,
    cases: Mask,
    accept: Callable[[Matrix], bool],
    deadline: Deadline,
    rng: np.random.Generator,
    oracle: Oracle,
) -> bool:
    """Whether a point was accepted on the way to conjunctions (C, A) of atoms."""
    if not len(cases):
        return False
    cost, best = cost_of(problem), np.zeros((len(cases), problem.input_size))
    box = problem.box
    for steps in ROUNDS:
        many = restarts(cost, steps, len(cases), 200, 1.0 / len(ROUNDS))
        found, best = pgd(
            problem, box, cases, accept, deadline.stop, rng, restarts=many, steps=steps
        )
        if found:
            return True
    # of several atoms gradients follow the worst one, and may walk in circles
    value = problem.values(best)[-1] @ problem.rows.T + problem.offset
    margin = np.where(cases, value, -np.inf).max(axis=1)
    order = [c for c in np.argsort(margin).tolist() if cases[c].sum() > 1][:NEAREST]
    cost = sum(cost * float(cases[c].sum()) * 24 for c in order)
    for attempt in range(int(min(DESCENTS, max(1, 0.2 * WORK / max(1.0, cost))))):
        for case in order:
            start = best[case]
            if attempt:
                start = problem.lower + (problem.upper - problem.lower) * rng.random(len(start))
            atoms = np.flatnonzero(cases[case])
            if descend(problem, start, atoms, accept, oracle, deadline.remaining):
                return True
    return False
