"""What is asked of a linear region, how it is solved, and what is found, for every norm alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...compiler.base.arrays import Vector
from ...compiler.base.tolerances import Tolerances
from ...compiler.question.region import InputRegion
from ..oracle.highs import Answer, Oracle, Solver
from .lazy_rows import Conditions, SignRows


@dataclass(frozen=True, slots=True)
class Restricted:
    """status: found, none (the region holds no example within `rho`), stopped or failed.

    rho: the least radius (found), or the radius below which the rows rule out any example.
    """

    status: str
    rho: float
    point: Vector | None
    rows: int
    rounds: int


FAILED = Restricted("failed", 0.0, None, 0, 0)


@dataclass(frozen=True, slots=True)
class Work:
    """How a restriction is solved.  limit: a radius beyond which the answer does not matter."""

    oracle: Oracle
    remaining: Callable[[], float]
    tolerances: Tolerances
    limit: float = np.inf
    lazy: bool = True


class Task:
    """One region, one margin row (absolute coefficients that sum up to 1) and one ball.

    inside: whether the ball's center satisfies the region's conditions.
    """

    def __init__(
        self,
        region: Conditions,
        row: Vector,
        level: float,
        ball: InputRegion,
        work: Work,
        limit: float,
        inside: bool,
    ) -> None:
        self.region, self.row, self.level, self.ball = region, row, level, ball
        self.work, self.limit, self.inside = work, limit, inside
        self.rounds = 0

    def signs(self, extra: int = 0) -> SignRows:
        near = self.limit < 0.5 * self.ball.largest
        return SignRows(self.region, extra, self.work.tolerances.feasibility, near=near)

    def solve(self, solver: Solver) -> Answer:
        self.rounds += 1
        return solver.solve(self.work.remaining())

    def stopped(self, answer: Answer, eps: float, signs: SignRows) -> Restricted:
        status = "stopped" if answer.status == "stopped" else "failed"
        return self.result(status, eps, None, signs)

    def result(self, status: str, eps: float, point: Vector | None, signs: SignRows) -> Restricted:
        return Restricted(status, eps, point, signs.count, self.rounds)
