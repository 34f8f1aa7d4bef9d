"""The answer to a problem, part after part where that helps."""

from __future__ import annotations

import numpy as np

from ...bnb.search import Settings
from ...clock import Deadline
from ...compiler.base.late import Late
from ..engine import Progress
from .formulation import Formulation
from .goal import Goal
from .optimize import Optimum
from .parts import Parts, boxed_parts
from .solution import Solution, Statistics


def answered(
    source: Formulation,
    deadline: Deadline,
    stops: tuple[float | None, float | None],
    gap: float,
    settings: Settings,
    seed: int,
    progress: Progress,
) -> Solution:
    """Of a problem without a least norm.  Raises Contradiction."""
    parts = boxed_parts(source.formulas)
    if len(parts) > 1:
        return Parts(source.objective, parts, deadline, stops, gap, settings, seed, progress).run()
    try:
        return Optimum(source, deadline, stops, gap, settings, seed, progress).run()
    except Late:
        sign = 0.0 if source.objective is None else source.objective.sign
        answer = Goal.of(sign, stops, gap).answer(False, np.inf, -np.inf, False, "timeout")
        return Solution(*answer, deadline.spent(), Statistics(0, 0, 0))
