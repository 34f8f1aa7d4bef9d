"""Leaves inside an l2 ball: the point of a node that is nearest to the ball's center.

With every phase known, what a solution satisfies are linear rows over the input. Their nearest
point either lies in the ball, a candidate, or the duals of its distance combine the rows to one
that is positive on all of the ball. Tangent planes (`ball`) come near to that only slowly.
"""

from __future__ import annotations

import time

import numpy as np

from ...compiler.base.arrays import Indices, Vector
from ...compiler.base.norms import L2
from ..oracle.highs import Answer, no_answer
from ..restriction.projection import project
from .node_lp import Duals, Relaxation


def applies(relaxation: Relaxation) -> bool:
    """Whether a node is a leaf of this kind."""
    problem = relaxation.problem
    ball = problem.ball
    return (
        ball is not None
        and ball.norm is L2
        and problem.objective is None
        and len(ball.index) == problem.input_size == relaxation.columns
    )


def nearest(relaxation: Relaxation, atoms: Indices, seconds: float) -> tuple[Answer, Duals]:
    """The nearest point with the node's phases and the outputs `atoms` at most 0.

    The answer's value is 0; its duals are the rows', the splits' first.
    """
    ball, program = relaxation.problem.ball, relaxation.asked(atoms)
    assert ball is not None
    center: Vector = ball.center[np.argsort(ball.index)]
    # every row is written as row @ step >= level, its largest coefficient 1
    rows = -np.asarray(program.rows)
    scale = np.maximum(np.abs(rows).max(axis=1, initial=0.0), 1e-300)
    level = -(program.row_upper + rows @ center) / scale
    end = time.monotonic() + seconds
    status, weights, step, _ = project(
        rows / scale[:, None], level, program.lower - center, program.upper - center,
        np.zeros(len(rows)), 0.5 * ball.radius * ball.radius * (1.0 + 1e-9),
        lambda: end - time.monotonic(),
    )  # fmt: skip
    answer = no_answer("stopped" if status == "stopped" else "failed")
    if status in ("settled", "enough"):
        answer = Answer("optimal", 0.0, center + step, -weights / scale, np.zeros(len(center)))
    return answer, relaxation.duals(answer, atoms)
