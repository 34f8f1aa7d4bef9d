"""Settling one compiled problem: attack, then search; what it finds is validated by the caller."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..attacks.budget import WORK, cost_of, restarts
from ..attacks.pgd import pgd
from ..attacks.sequential_lp import descend
from ..bnb.certificate.recorder import Recorder
from ..bnb.nodes.disjunctions import Tree
from ..bnb.nodes.saved import Saver
from ..bnb.search import Hooks, Outcome, Settings, search
from ..clock import Deadline
from ..compiler.base.arrays import Bounds, Indices, Mask, Matrix, Numbers
from ..compiler.base.tolerances import MARGIN
from ..compiler.problem import Problem

ROUNDS = (30, 100)
"""Steps of an attack's rounds: many starts find what is easy, long ways what is small."""

WIDEST = 64
"""Conjunctions that an attack looks at, the most promising by their bounds."""

NEAREST, DESCENTS = 8, 16
"""Conjunctions that descents look at, those nearest to holding, and starts of each at most."""


def settle(
    problem: Problem,
    accept: Callable[[Matrix], bool],
    deadline: Deadline,
    settings: Settings,
    rng: np.random.Generator,
    progress: Callable[[int, int, float], None] = lambda closed, still_open, least: None,
    recorder: Recorder | None = None,
    saver: Saver | None = None,
    accept_exact: Callable[[Numbers], bool] | None = None,
) -> Outcome:
    """Whether some input satisfies the problem's root branch.

    accept: looks at candidate inputs (B, D) and returns True when one is a solution; accept_exact:
    the same for one input (D,) of Fractions.  recorder: notes the proof.  saver: keeps the open
    nodes.
    """
    box = Bounds(problem.lower[None], problem.upper[None])
    tree = Tree(problem.root, problem.choices, len(problem.offset))

    accepted = False

    def offer(points: Matrix) -> bool:
        nonlocal accepted
        accepted = accepted or accept(promising(problem, tree, points))
        return accepted

    def attack(atoms: Indices) -> bool:
        dead = np.ones(len(problem.offset), dtype=bool)
        dead[atoms] = False
        alive = tree.without(dead)
        if alive is None or not len(atoms):
            return False
        cases = alive.start()[0][:WIDEST]
        cost = cost_of(problem)
        for steps in ROUNDS:
            many = restarts(cost, steps, len(cases), 200, 1.0 / len(ROUNDS))
            _, best = pgd(
                problem, box, cases, offer, deadline.stop, rng, restarts=many, steps=steps
            )
            if accepted:
                break
        if not accepted:
            together(cases, best)
        return accepted

    def together(cases: Mask, best: Matrix) -> None:
        """Descents for conjunctions of several atoms: from the best points (C, D), then others."""
        value = problem.values(best)[-1] @ problem.rows.T + problem.offset
        margin = np.where(cases, value, -np.inf).max(axis=1)
        order = [c for c in np.argsort(margin).tolist() if cases[c].sum() > 1][:NEAREST]
        cost = sum(cost_of(problem) * float(cases[c].sum()) * 24 for c in order)
        for attempt in range(int(min(DESCENTS, max(1, 0.2 * WORK / max(1.0, cost))))):
            for case in order:
                start = best[case]
                if attempt:
                    start = problem.lower + (problem.upper - problem.lower) * rng.random(len(start))
                atoms = np.flatnonzero(cases[case])
                if descend(problem, start, atoms, offer, settings.oracle, deadline.remaining):
                    return

    hooks = Hooks(
        deadline.remaining, offer, lambda: box, attack,
        progress=progress, recorder=recorder, saver=saver, accept_exact=accept_exact,
    )  # fmt: skip
    return search(problem, hooks, settings)


def promising(problem: Problem, tree: Tree, points: Matrix, best: float = np.inf) -> Matrix:
    """The few points (B, D) that satisfy the tree nearly, or better.

    best: with an objective, those with a smaller value, least first.
    """
    value = problem.values(points)[-1] @ problem.rows.T + problem.offset
    margin = tree.violation(value)
    order = np.argsort(margin)
    if problem.objective is not None:
        order = np.argsort(value[:, problem.objective])
        order = order[value[order, problem.objective] < best]
    found: Matrix = points[order[margin[order] <= MARGIN][:3]]
    return found
