"""Attacks of the first pass, by name; what they find is validated, what they miss says nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from ..attacks.budget import restarts
from ..attacks.pgd import pgd
from ..clock import Deadline
from ..compiler.base.untrusted import attempt
from ..compiler.problem import Problem
from ..compiler.question.claim import Claim
from ..queries.engine import FirstFound
from ..queries.regions import around
from ..witness.label import Validator, Witness

MOST_STARTS = 30
"""Starts for each target at most."""

Attack: TypeAlias = Callable[[Claim, Problem, Deadline, int], Witness | None]
"""From a claim within a radius, its problem over the domain, the time and a seed to an example."""


def descend(claim: Claim, problem: Problem, deadline: Deadline, seed: int) -> Witness | None:
    """Projected gradient descent from many starts (Madry et al. 2018)."""
    near, box = around(problem, claim.region)
    found = FirstFound(near, Validator(claim, deadline.stop))
    count = len(problem.offset)
    many = restarts(4.0 * claim.network.work, 30, count, MOST_STARTS)
    attempt(
        lambda: pgd(
            near, box, np.eye(count, dtype=bool), found.accept, deadline.stop,
            np.random.default_rng(seed), restarts=many, start=claim.image,
        ),
        None,
    )  # fmt: skip
    return found.witness


METHODS: dict[str, Attack] = {"pgd": descend}
"""To add an attack: its line here."""
