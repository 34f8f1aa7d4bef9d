"""The project's own attacks, each for a number of gradients that it may ask for an image."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from ..attacks.bisection import ROUNDS
from ..attacks.methods import METHODS, Attack
from ..attacks.methods.fgsm import Fgsm
from ..attacks.methods.fmn import Fmn
from ..attacks.methods.lbfgs import Lbfgs
from ..attacks.methods.noise import Noise
from ..attacks.methods.pgd import Pgd
from ..attacks.methods.restriction import Restriction, RestrictionDescent
from ..attacks.methods.square import Square
from ..attacks.models import Counted, NetworkModel
from ..compiler.base.arrays import Matrix
from ..compiler.network.graph import Network
from ..queries.attack import attack_batch
from .proven import Proven
from .scores import Score

ORDER = 10
"""Gradients that restarts spend on the order of ten rivals, about."""

WALK = 100
"""Steps of one start of FMN."""

TRIED = 15
"""Gradients of one iteration of L-BFGS-B, for all its weights, about."""


SPENT = 0.65
"""Share of its steps that PGD takes while the radius is bisected: labels are lost earlier."""


def _pgd(calls: int) -> Attack:
    steps = max(1, min(20, calls // ROUNDS))
    return Pgd(steps=steps, restarts=max(1, int((calls - ORDER) / SPENT) // (ROUNDS * steps)))


def _walks(calls: int) -> tuple[int, int]:
    steps = max(1, min(WALK, calls))
    return steps, max(1, (calls - ORDER) // steps)


PLANS: dict[str, Callable[[int], Attack]] = {
    "noise": lambda calls: Noise(max(1, calls // ROUNDS)),
    "fgsm": lambda calls: Fgsm(),
    "square": lambda calls: Square(max(1, calls // ROUNDS)),
    "lbfgs": lambda calls: Lbfgs(max(1, calls // TRIED)),
    "pgd": _pgd,
    "fmn": lambda calls: Fmn(*_walks(calls)),
    "restriction": lambda calls: Restriction(),
    "descent": lambda calls: RestrictionDescent(*_walks(calls)),
}
"""For a number of gradients the attack that makes the most of them; noise and square ask for as
many outputs instead, and the restrictions for linear programs besides."""


def own(name: str, network: Network, images: Matrix, known: Proven, calls: int, seed: int) -> Score:
    """The score of one of `PLANS` on images (N, D) in 0..1 whose rho is known."""
    size = network.input_size
    model = Counted(NetworkModel(network, np.zeros(size), np.ones(size)))
    begin = time.perf_counter()
    found = attack_batch(
        network, images, known.label, None, norm=known.norm, method=PLANS[name](calls), seed=seed,
        minimal=True, timeout=None, model=model,
    )  # fmt: skip
    seconds = time.perf_counter() - begin
    distance = np.array([one.distance for one in found])
    count = max(1, len(images))
    return Score(
        name, distance, known.lower, model.gradients / count, model.forwards / count, seconds
    )


def names(norm: str) -> list[str]:
    """The attacks that know a norm."""
    return [name for name in PLANS if norm in METHODS[name].norms]
